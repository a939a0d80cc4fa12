SELECT r.session FROM derived.readings r JOIN fresh_readings n USING (session)
WHERE r.indicator = $indicator AND r.superseded_at IS NULL AND r.reading IS DISTINCT FROM n.reading AND r.recipe = $recipe ORDER BY 1
