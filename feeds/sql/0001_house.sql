-- The first layout of a store. Never edited after release: a change is a new numbered file.
--
-- main    the canonical tables as in the documentation: daily tables rest here, tapes are views over `tape`
-- tape    prints and quotes with small integer codes, written in the order session, instrument, ts, sequence
-- dim     what the codes stand for, and the exchange's sessions
-- ledger  where every row came from, and every row that was refused

CREATE SCHEMA tape;
CREATE SCHEMA dim;
CREATE SCHEMA ledger;

CREATE TABLE ledger.store (version INTEGER NOT NULL, made_by VARCHAR NOT NULL);

CREATE TABLE ledger.files (
    file INTEGER NOT NULL, "table" VARCHAR NOT NULL, source VARCHAR NOT NULL, logical_name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL, read BIGINT NOT NULL, stored BIGINT NOT NULL, duplicates BIGINT NOT NULL,
    rejected BIGINT NOT NULL, replaces INTEGER, superseded_by INTEGER, assumed VARCHAR, ingested_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE ledger.rejects (
    file INTEGER NOT NULL, path VARCHAR NOT NULL, "table" VARCHAR NOT NULL, record BIGINT NOT NULL,
    reason VARCHAR NOT NULL, raw VARCHAR
);
CREATE TABLE ledger.corrections (
    "table" VARCHAR NOT NULL, key VARCHAR NOT NULL, was VARCHAR NOT NULL, became VARCHAR NOT NULL,
    file INTEGER NOT NULL, made_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE ledger.partitions ("table" VARCHAR NOT NULL, session DATE NOT NULL, file INTEGER NOT NULL, rows BIGINT NOT NULL);

CREATE TABLE dim.sessions (exchange VARCHAR NOT NULL, session DATE NOT NULL, open TIMESTAMPTZ_NS NOT NULL, close TIMESTAMPTZ_NS NOT NULL);
CREATE TABLE dim.symbols (id INTEGER NOT NULL, symbol VARCHAR NOT NULL);
CREATE TABLE dim.contracts (
    id INTEGER NOT NULL, underlying VARCHAR NOT NULL, expiry DATE NOT NULL, strike DECIMAL(18,6) NOT NULL, "right" VARCHAR NOT NULL
);
CREATE TABLE dim.venues (id INTEGER NOT NULL, code VARCHAR NOT NULL);
CREATE TABLE dim.conditions (id INTEGER NOT NULL, conditions VARCHAR NOT NULL, unknown VARCHAR NOT NULL);

-- bid, ask and underlying_price are -0.000001, sizes -1, where the feed gives none: NOT NULL keeps integers integers
CREATE TABLE tape.option_trades (
    session DATE NOT NULL, contract INTEGER NOT NULL, ts TIMESTAMPTZ_NS NOT NULL, sequence BIGINT NOT NULL,
    price DECIMAL(18,6) NOT NULL, size BIGINT NOT NULL, venue INTEGER NOT NULL, conditions INTEGER NOT NULL,
    flags INTEGER NOT NULL, multiplier INTEGER NOT NULL, asset_class TINYINT NOT NULL,
    bid DECIMAL(18,6) NOT NULL, ask DECIMAL(18,6) NOT NULL, bid_size BIGINT NOT NULL, ask_size BIGINT NOT NULL,
    underlying_price DECIMAL(18,6) NOT NULL, aggressor TINYINT NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL
);
CREATE TABLE tape.option_quotes (
    session DATE NOT NULL, contract INTEGER NOT NULL, ts TIMESTAMPTZ_NS NOT NULL, sequence BIGINT NOT NULL,
    bid DECIMAL(18,6) NOT NULL, ask DECIMAL(18,6) NOT NULL, bid_size BIGINT NOT NULL, ask_size BIGINT NOT NULL,
    file INTEGER NOT NULL, record BIGINT NOT NULL
);
CREATE TABLE tape.stock_trades (
    session DATE NOT NULL, symbol INTEGER NOT NULL, ts TIMESTAMPTZ_NS NOT NULL, sequence BIGINT NOT NULL,
    price DECIMAL(18,6) NOT NULL, size DECIMAL(18,6) NOT NULL, venue INTEGER NOT NULL, off_exchange BOOLEAN NOT NULL,
    conditions INTEGER NOT NULL, flags INTEGER NOT NULL, bid DECIMAL(18,6) NOT NULL, ask DECIMAL(18,6) NOT NULL,
    file INTEGER NOT NULL, record BIGINT NOT NULL
);
CREATE TABLE tape.stock_quotes (
    session DATE NOT NULL, symbol INTEGER NOT NULL, ts TIMESTAMPTZ_NS NOT NULL, sequence BIGINT NOT NULL,
    bid DECIMAL(18,6) NOT NULL, ask DECIMAL(18,6) NOT NULL, bid_size BIGINT NOT NULL, ask_size BIGINT NOT NULL,
    file INTEGER NOT NULL, record BIGINT NOT NULL
);

CREATE VIEW main.option_trades AS
    SELECT t.ts, t.sequence, c.underlying, nullif(['unknown', 'equity', 'etf', 'index'][t.asset_class + 1], 'unknown') AS asset_class,
           c.expiry, c.strike, c."right", t.price, t.size, nullif(v.code, '') AS exchange, nullif(k.conditions, '') AS conditions,
           t.multiplier, nullif(t.bid, -0.000001) AS bid, nullif(t.ask, -0.000001) AS ask, nullif(t.bid_size, -1) AS bid_size,
           nullif(t.ask_size, -1) AS ask_size, nullif(t.underlying_price, -0.000001) AS underlying_price,
           CASE t.aggressor WHEN 1 THEN 'B' WHEN -1 THEN 'S' END AS aggressor, (t.flags & 1) = 1 AS cancelled,
           t.session, t.file, t.record
    FROM tape.option_trades t JOIN dim.contracts c ON c.id = t.contract JOIN dim.venues v ON v.id = t.venue
         JOIN dim.conditions k ON k.id = t.conditions;
CREATE VIEW main.option_quotes AS
    SELECT t.ts, t.sequence, c.underlying, c.expiry, c.strike, c."right", t.bid, t.ask,
           nullif(t.bid_size, -1) AS bid_size, nullif(t.ask_size, -1) AS ask_size, t.session, t.file, t.record
    FROM tape.option_quotes t JOIN dim.contracts c ON c.id = t.contract;
CREATE VIEW main.stock_trades AS
    SELECT t.ts, t.sequence, s.symbol, t.price, t.size, nullif(v.code, '') AS exchange, t.off_exchange,
           nullif(k.conditions, '') AS conditions, nullif(t.bid, -0.000001) AS bid, nullif(t.ask, -0.000001) AS ask,
           (t.flags & 1) = 1 AS cancelled, t.session, t.file, t.record
    FROM tape.stock_trades t JOIN dim.symbols s ON s.id = t.symbol JOIN dim.venues v ON v.id = t.venue
         JOIN dim.conditions k ON k.id = t.conditions;
CREATE VIEW main.stock_quotes AS
    SELECT t.ts, t.sequence, s.symbol, t.bid, t.ask, nullif(t.bid_size, -1) AS bid_size,
           nullif(t.ask_size, -1) AS ask_size, t.session, t.file, t.record
    FROM tape.stock_quotes t JOIN dim.symbols s ON s.id = t.symbol;

CREATE TABLE main.open_interest (
    date DATE NOT NULL, underlying VARCHAR NOT NULL, expiry DATE NOT NULL, strike DECIMAL(18,6) NOT NULL, "right" VARCHAR NOT NULL,
    open_interest BIGINT NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.insider_trades (
    accession VARCHAR NOT NULL, line BIGINT NOT NULL, filing_date DATE, transaction_date DATE NOT NULL, symbol VARCHAR NOT NULL,
    issuer_cik VARCHAR, owner_cik VARCHAR NOT NULL, owner VARCHAR, officer BOOLEAN, director BOOLEAN, ten_percent_owner BOOLEAN,
    code VARCHAR NOT NULL, acquired_disposed VARCHAR NOT NULL, security_title VARCHAR, direct_indirect VARCHAR,
    shares DECIMAL(18,6) NOT NULL, price DECIMAL(18,6), shares_after DECIMAL(18,6), form VARCHAR NOT NULL,
    original_filing_date DATE, plan_10b5_1 BOOLEAN,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.index_levels (
    date DATE NOT NULL, "index" VARCHAR NOT NULL, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.forward_eps (
    published DATE NOT NULL, "index" VARCHAR NOT NULL, quarter_end DATE NOT NULL, eps DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.daily_bars (
    date DATE NOT NULL, symbol VARCHAR NOT NULL, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE NOT NULL,
    volume DOUBLE NOT NULL, adj_close DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.sectors (
    scheme VARCHAR NOT NULL, "group" VARCHAR NOT NULL, symbol VARCHAR NOT NULL, from_date DATE NOT NULL, to_date DATE, weight DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.index_members (
    date DATE NOT NULL, "index" VARCHAR NOT NULL, symbol VARCHAR NOT NULL, weight DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.short_volume (
    date DATE NOT NULL, symbol VARCHAR NOT NULL, facility VARCHAR NOT NULL, short_volume DOUBLE NOT NULL,
    short_exempt_volume DOUBLE, total_volume DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.ats_weekly (
    week_start DATE NOT NULL, symbol VARCHAR NOT NULL, venue VARCHAR, shares DOUBLE NOT NULL, trades DOUBLE NOT NULL, published DATE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.put_call_volume (
    date DATE NOT NULL, class VARCHAR NOT NULL, puts DOUBLE NOT NULL, calls DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
