SELECT "table", count(*) FROM ledger.corrections GROUP BY 1
