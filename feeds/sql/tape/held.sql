-- Of each session: the rows of its fullest tape, whether every tape came in one append, whether there are prints.
SELECT session, max(rows), max(files) = 1, count(*) FILTER ("table" = $prints) > 0 FROM
    (SELECT session, "table", sum(rows)::BIGINT AS rows, count(*) AS files FROM ledger.partitions
     WHERE "table" IN (SELECT unnest($tapes)) AND session BETWEEN $first AND $last GROUP BY ALL) GROUP BY session
