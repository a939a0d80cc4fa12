SELECT document FROM derived.reports WHERE key = $key
