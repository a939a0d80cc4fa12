SELECT "table", count(*) FROM ledger.files WHERE superseded_by IS NULL GROUP BY 1
