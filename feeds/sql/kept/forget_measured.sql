DELETE FROM derived.measured WHERE indicator = $indicator AND session IN (SELECT unnest($days))
