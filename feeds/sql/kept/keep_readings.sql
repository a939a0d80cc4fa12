INSERT INTO derived.readings BY NAME
SELECT $indicator AS indicator, $recipe AS recipe, n.*, now() AS stored_at, NULL AS superseded_at FROM fresh_readings n
WHERE n.reading IS NOT NULL
  AND NOT EXISTS (FROM derived.readings r
                  WHERE r.indicator = $indicator AND r.session = n.session AND r.superseded_at IS NULL)
ORDER BY n.session
