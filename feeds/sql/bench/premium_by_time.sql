-- The tape as most people keep it: in the order of time.
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.option_trades AS
    SELECT session, contract, ts, sequence, price, size, bid, ask FROM tape.option_trades ORDER BY session, ts, sequence;
CHECKPOINT;
