SELECT session, reading, money, ranked, input_hash FROM derived.readings
WHERE indicator = $indicator AND recipe = $recipe AND superseded_at IS NULL ORDER BY session
