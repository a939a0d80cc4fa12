INSERT INTO derived.readings SELECT $indicator, $recipe, n.session, n.reading, now(), NULL FROM fresh_readings n
WHERE NOT EXISTS (FROM derived.readings r
                  WHERE r.indicator = $indicator AND r.session = n.session AND r.superseded_at IS NULL)
ORDER BY n.session
