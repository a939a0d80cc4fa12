-- The tapes as most people keep them, in the order of time; and for as-of joins, which choose among equal times at will,
-- quotes of which only the last of a time is left. Made before any clock starts.
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.last_quotes AS
    SELECT session, symbol, ts, bid, ask FROM (
        SELECT *, lead(sequence) OVER (PARTITION BY session, symbol, ts ORDER BY sequence) AS later FROM tape.stock_quotes)
    WHERE later IS NULL ORDER BY session, symbol, ts;
CREATE TABLE bench.stock_trades AS
    SELECT session, symbol, ts, sequence, price, size, off_exchange FROM tape.stock_trades ORDER BY session, ts, sequence;
CREATE TABLE bench.stock_quotes AS
    SELECT session, symbol, ts, sequence, bid, ask FROM tape.stock_quotes ORDER BY session, ts, sequence;
CREATE TABLE bench.last_quotes_by_time AS FROM bench.last_quotes ORDER BY session, ts;
CHECKPOINT;
