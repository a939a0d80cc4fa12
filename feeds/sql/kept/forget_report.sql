DELETE FROM derived.reports WHERE key = $key
