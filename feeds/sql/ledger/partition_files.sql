SELECT p."table", p.session, f.sha256, p.rows FROM ledger.partitions p JOIN ledger.files f USING (file)
WHERE p."table" IN (SELECT unnest($tables)) AND p.session <= $last ORDER BY 1, 2, 3, 4
