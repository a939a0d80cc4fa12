DELETE FROM main.{table} o
USING (SELECT n.* FROM ordered n JOIN main.{table} o ON {same_key} WHERE n.back = 1 AND ({better})) n WHERE {same_key}
