INSERT INTO ledger.partitions SELECT $table, session, $file, count(*) FROM {rests} WHERE file = $file GROUP BY session
