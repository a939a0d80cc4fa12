INSERT INTO ledger.rejects SELECT $file, $path, $table, record, reason, raw
FROM (FROM temp.refused UNION ALL FROM temp.left_out) ORDER BY record
