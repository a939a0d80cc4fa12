-- Rows of one file that differ from the row before them under the same key.
INSERT INTO ledger.corrections SELECT $table, {key}, {was}, {became}, $file, now()
FROM ordered n JOIN temp.stage o ON o.record = n.before WHERE n.before IS NOT NULL AND ({differs})
