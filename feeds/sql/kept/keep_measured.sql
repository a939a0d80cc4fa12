INSERT INTO derived.measured VALUES (?, ?, ?, ?)
