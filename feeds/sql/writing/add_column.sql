ALTER TABLE temp.stage ADD COLUMN {column} {resting}
