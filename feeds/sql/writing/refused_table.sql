CREATE TEMP TABLE {table} (record BIGINT, reason VARCHAR, raw VARCHAR)
