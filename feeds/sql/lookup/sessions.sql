SELECT session - DATE '1970-01-01' AS day, epoch_ns(open) AS open, epoch_ns(close) AS close FROM dim.sessions
WHERE exchange = $exchange ORDER BY session
