SELECT id, symbol AS name FROM dim.symbols ORDER BY id
