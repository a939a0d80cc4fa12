CREATE TABLE derived."{table}" AS SELECT * FROM fresh_rows
