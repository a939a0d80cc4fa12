SELECT file, logical_name FROM ledger.files WHERE file IN (SELECT unnest($files))
