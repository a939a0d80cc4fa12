-- Ids for what is new, in the order of its names.
INSERT INTO dim.{dim}
SELECT (SELECT coalesce(max(id), -1) FROM dim.{dim}) + row_number() OVER (ORDER BY {listed}), {listed} {unknown}
FROM batch s WHERE NOT EXISTS (FROM dim.{dim} d WHERE {same})
