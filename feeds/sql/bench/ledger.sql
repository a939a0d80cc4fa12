-- What `append` would have written for tapes that were made in place, then the pages on disk.
INSERT INTO ledger.files
    SELECT file, "table", 'bench', "table", 'made in place', 0, 0, 0, 0, NULL, NULL, NULL, now()
    FROM (VALUES (1, 'option_trades'), (2, 'stock_trades'), (3, 'stock_quotes')) made(file, "table");
INSERT INTO ledger.partitions
    SELECT 'option_trades', session, file, count(*) FROM tape.option_trades GROUP BY session, file UNION ALL
    SELECT 'stock_trades', session, file, count(*) FROM tape.stock_trades GROUP BY session, file UNION ALL
    SELECT 'stock_quotes', session, file, count(*) FROM tape.stock_quotes GROUP BY session, file;
CHECKPOINT;
