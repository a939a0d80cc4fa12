INSERT INTO ledger.files VALUES ($file, $table, $source, $logical_name, $sha256, $read, $stored, $duplicates, $rejected,
                                 $replaces, NULL, $assumed, now())
