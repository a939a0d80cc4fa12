SELECT line::BIGINT AS record,
       left(trim(regexp_replace(min(error_type::VARCHAR || ': ' || error_message), '\s+', ' ', 'g')), 200) AS reason,
       left(min(csv_line), 2000) AS raw
FROM reject_errors GROUP BY line ORDER BY line
