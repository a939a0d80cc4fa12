-- Staged prints or quotes under the ids of the store, in its order.
INSERT INTO tape.{tape} BY NAME SELECT *, {once} FROM (SELECT {picked} FROM temp.stage s {joins} ORDER BY {order})
