INSERT INTO derived."{table}" SELECT * FROM fresh_rows
