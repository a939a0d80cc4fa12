UPDATE ledger.files SET superseded_by = $new WHERE file = $old
