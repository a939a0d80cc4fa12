SELECT p."table", p.session, sha256(string_agg(f.sha256 || ' ' || p.rows, ' ' ORDER BY f.sha256, p.rows))
FROM ledger.partitions p JOIN ledger.files f USING (file)
WHERE p."table" IN (SELECT unnest($tables)) AND p.session <= $last GROUP BY 1, 2
