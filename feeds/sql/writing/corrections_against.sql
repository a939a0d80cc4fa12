-- Rows that take the place of one that an earlier file left under the same key, and do not say all that it said.
INSERT INTO ledger.corrections SELECT $table, {key}, {was}, {became}, $file, now()
FROM ordered n JOIN main.{table} o ON {same_key} WHERE n.back = 1 AND ({better}) AND NOT ({completes})
