-- Names of the file of a content of which a row may be missing: it had rows that another file's stood for, and since it
-- came a file of its table has been replaced by a version of other content.
SELECT f.logical_name FROM ledger.files f
WHERE f."table" IN (SELECT unnest($tables)) AND f.source = $source AND f.sha256 = $sha256 AND f.superseded_by IS NULL
  AND f.read - f.rejected > (SELECT coalesce(sum(rows), 0) FROM ledger.partitions p WHERE p.file = f.file)
  AND EXISTS (FROM ledger.files was JOIN ledger.files became ON became.file = was.superseded_by
              WHERE was."table" = f."table" AND became.file > f.file AND became.sha256 <> was.sha256)
