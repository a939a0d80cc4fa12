SELECT "table", regexp_replace(reason, ', was ''.*'':', ':', 's') AS reason, count(*) AS n
FROM ledger.rejects GROUP BY 1, 2 ORDER BY n DESC, 1, 2
