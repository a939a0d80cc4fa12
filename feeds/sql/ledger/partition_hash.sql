-- Numbers and names of tables hold no space, so that no two ledgers make the same text.
SELECT sha256(coalesce(string_agg(concat_ws(' ', p."table", p.session, f.sha256, p.rows), ' '
                                  ORDER BY p."table", p.session, f.sha256, p.rows), ''))
FROM ledger.partitions p JOIN ledger.files f USING (file)
WHERE p."table" IN (SELECT unnest($tables)) AND p.session <= $last
