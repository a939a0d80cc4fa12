INSERT INTO main.{table} BY NAME
SELECT {names}, $file::INTEGER AS file, record, $assumed::VARCHAR AS assumed FROM ordered n
WHERE back = 1 AND NOT EXISTS (FROM main.{table} o WHERE {same_key})
ORDER BY session, {key}
