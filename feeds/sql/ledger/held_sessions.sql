SELECT session, sum(rows) FROM ledger.partitions WHERE "table" = $table GROUP BY session ORDER BY session
