SELECT * FROM ledger.rejects ORDER BY file, record
