SELECT * EXCLUDE (held_for) FROM derived."{table}" WHERE held_for IN (SELECT unnest($days))
