(SELECT id FROM temp.ids_{dim} WHERE given = ${value})
