-- The same reading on other files: what it rests on is told anew.
UPDATE derived.readings r SET money = n.money, ranked = n.ranked, input_hash = n.input_hash FROM fresh_readings n
WHERE r.indicator = $indicator AND r.recipe = $recipe AND r.session = n.session AND r.superseded_at IS NULL
  AND r.input_hash IS DISTINCT FROM n.input_hash
