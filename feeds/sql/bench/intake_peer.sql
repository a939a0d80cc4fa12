-- A vendor's file into one table, typed, in the order in which tapes are read, what cannot be cast kept apart.
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.intake AS
    SELECT * FROM read_csv(
        $path, header = true, delim = ',', quote = '"', escape = '"', auto_detect = false, store_rejects = true, rejects_limit = 0,
        columns = {ts: 'TIMESTAMPTZ_NS', sequence: 'BIGINT', underlying: 'VARCHAR', expiry: 'DATE', strike: 'DECIMAL(18,6)',
                   "right": 'VARCHAR', price: 'DECIMAL(18,6)', size: 'BIGINT', exchange: 'VARCHAR', conditions: 'VARCHAR',
                   bid: 'DECIMAL(18,6)', ask: 'DECIMAL(18,6)', bid_size: 'BIGINT', ask_size: 'BIGINT',
                   underlying_price: 'DECIMAL(18,6)'})
    ORDER BY underlying, expiry, strike, "right", ts, sequence;
