SELECT file, sha256, read FROM ledger.files
WHERE "table" = $table AND source = $source AND logical_name = $logical_name AND superseded_by IS NULL
