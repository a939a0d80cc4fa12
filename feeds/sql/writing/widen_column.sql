ALTER TABLE temp.stage ALTER COLUMN {column} TYPE {resting}
