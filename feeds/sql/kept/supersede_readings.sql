UPDATE derived.readings SET superseded_at = now()
WHERE indicator = $indicator AND superseded_at IS NULL AND session IN (
    SELECT r.session FROM derived.readings r JOIN fresh_readings n USING (session)
    WHERE r.indicator = $indicator AND r.superseded_at IS NULL
      AND (r.reading IS DISTINCT FROM n.reading OR r.recipe <> $recipe))
