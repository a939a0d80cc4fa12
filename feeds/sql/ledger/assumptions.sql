SELECT DISTINCT assumed FROM ledger.files WHERE "table" = $table AND assumed IS NOT NULL AND superseded_by IS NULL
