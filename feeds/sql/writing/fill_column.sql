UPDATE temp.stage SET {column} = {literal}
