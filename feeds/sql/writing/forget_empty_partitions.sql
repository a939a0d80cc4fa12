DELETE FROM ledger.partitions WHERE rows = 0
