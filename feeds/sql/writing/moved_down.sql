CREATE OR REPLACE TEMP TABLE ordered AS SELECT s.* REPLACE (s.record + coalesce(p.n, 0) AS record)
FROM temp.{table} s ASOF LEFT JOIN temp.passed p ON s.record >= p.line
