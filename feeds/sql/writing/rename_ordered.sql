ALTER TABLE temp.ordered RENAME TO {table}
