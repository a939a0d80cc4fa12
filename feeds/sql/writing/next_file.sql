SELECT coalesce(max(file), 0) + 1 FROM ledger.files
