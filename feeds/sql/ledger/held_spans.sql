SELECT "table", min(session), max(session) FROM ledger.partitions
WHERE "table" IN (SELECT unnest($tables)) GROUP BY 1 ORDER BY 1
