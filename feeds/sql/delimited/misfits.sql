SELECT line::BIGINT AS record,
       min(CASE error_type::VARCHAR
           WHEN 'MISSING COLUMNS' THEN regexp_replace(error_message, '.*: (\d+) .*: (\d+)', 'expected \1 fields, found \2')
           WHEN 'TOO MANY COLUMNS' THEN regexp_replace(error_message, '.*: (\d+) .*: (\d+)', 'expected \1 fields, found more')
           WHEN 'UNQUOTED VALUE' THEN 'a quote that is not closed, or text after the quote that closes a field'
           WHEN 'INVALID ENCODING' THEN 'expected text in UTF-8, found other bytes'
           WHEN 'LINE SIZE OVER MAXIMUM' THEN 'a line longer than 16,000,000 bytes'
           ELSE left(trim(regexp_replace(error_message, '\s+', ' ', 'g')), 200)
           END) AS reason,
       left(min(csv_line), 2000) AS raw
FROM reject_errors GROUP BY line ORDER BY line
