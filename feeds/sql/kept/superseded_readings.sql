SELECT session, reading FROM derived.readings WHERE indicator = $indicator AND superseded_at IS NOT NULL
ORDER BY session, superseded_at
