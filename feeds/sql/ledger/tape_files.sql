SELECT p.session, p."table", f.sha256, p.rows FROM ledger.partitions p JOIN ledger.files f USING (file)
WHERE p."table" IN (SELECT unnest($tapes)) AND p.session BETWEEN $first AND $last ORDER BY 1, 2, 3, 4
