-- For each run of lines that were left out: from which row number on, and how many stand before it.
CREATE TEMP TABLE passed AS SELECT line, max(n) AS n
FROM (SELECT n, record - n + 1 AS line FROM (SELECT record, row_number() OVER (ORDER BY record) AS n FROM temp.left_out))
GROUP BY line
