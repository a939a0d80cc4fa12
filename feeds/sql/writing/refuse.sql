INSERT INTO temp.{table} SELECT * FROM batch
