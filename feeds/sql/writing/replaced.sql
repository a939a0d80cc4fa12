-- How many rows take the place of one that an earlier file left under the same key.
SELECT count(*) FROM ordered n JOIN main.{table} o ON {same_key} WHERE n.back = 1 AND ({better})
