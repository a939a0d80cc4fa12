SELECT min(line) FILTER (error_type = 'UNQUOTED VALUE')::BIGINT AS opened, count(DISTINCT line) AS misfits FROM reject_errors
