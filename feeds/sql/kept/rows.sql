SELECT * FROM derived."{table}" WHERE held_for IN (SELECT unnest($days))
