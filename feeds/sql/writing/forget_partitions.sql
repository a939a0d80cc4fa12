DELETE FROM ledger.partitions WHERE file = $old
