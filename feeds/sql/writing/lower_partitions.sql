-- A session that loses a row to another file's, which may rest in another one, holds that many fewer of the old file.
UPDATE ledger.partitions p SET rows = p.rows - gone.rows
FROM (SELECT o.file, o.session, count(*) AS rows FROM ordered n JOIN main.{table} o ON {same_key}
      WHERE n.back = 1 AND ({better}) GROUP BY ALL) gone
WHERE p."table" = '{table}' AND p.file = gone.file AND p.session = gone.session
