SELECT read FROM ledger.files WHERE "table" = $table AND source = $source AND sha256 = $sha256 AND superseded_by IS NULL
