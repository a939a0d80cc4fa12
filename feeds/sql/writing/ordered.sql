-- Within one file the last row under a key holds.
CREATE OR REPLACE TEMP TABLE ordered AS
SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY record DESC) AS back,
       lag(record) OVER (PARTITION BY {key} ORDER BY record) AS before
FROM temp.stage
