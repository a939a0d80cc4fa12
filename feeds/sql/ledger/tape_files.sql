-- In the order of the files, which is that of their prints at one instant: a file that comes back is a later one.
SELECT p.session, p."table", p.file, f.sha256, p.rows FROM ledger.partitions p JOIN ledger.files f USING (file)
WHERE p."table" IN (SELECT unnest($tapes)) AND p.session BETWEEN $first AND $last ORDER BY p.session, p."table", p.file
