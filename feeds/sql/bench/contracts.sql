SELECT id, underlying, "right" FROM dim.contracts ORDER BY id
