-- What a print's feed says of its contract: delta in micros, -2,000,000 where it does not say; the morning's open
-- interest, -1 where it does not say. Prints stored before have neither.

ALTER TABLE tape.option_trades ADD COLUMN delta INTEGER DEFAULT -2000000;
ALTER TABLE tape.option_trades ALTER COLUMN delta SET NOT NULL;
ALTER TABLE tape.option_trades ADD COLUMN open_interest BIGINT DEFAULT -1;
ALTER TABLE tape.option_trades ALTER COLUMN open_interest SET NOT NULL;

CREATE OR REPLACE VIEW main.option_trades AS
    SELECT t.ts, t.sequence, c.underlying, nullif(['unknown', 'equity', 'etf', 'index'][t.asset_class + 1], 'unknown') AS asset_class,
           c.expiry, c.strike, c."right", t.price, t.size, nullif(v.code, '') AS exchange, nullif(k.conditions, '') AS conditions,
           t.multiplier, nullif(t.bid, -0.000001) AS bid, nullif(t.ask, -0.000001) AS ask, nullif(t.bid_size, -1) AS bid_size,
           nullif(t.ask_size, -1) AS ask_size, nullif(t.underlying_price, -0.000001) AS underlying_price,
           CASE t.aggressor WHEN 1 THEN 'B' WHEN -1 THEN 'S' END AS aggressor, (t.flags & 1) = 1 AS cancelled,
           (nullif(t.delta, -2000000)::DECIMAL(18,0) * 0.000001)::DECIMAL(7,6) AS delta,
           nullif(t.open_interest, -1) AS open_interest, t.session, t.file, t.record
    FROM tape.option_trades t JOIN dim.contracts c ON c.id = t.contract JOIN dim.venues v ON v.id = t.venue
         JOIN dim.conditions k ON k.id = t.conditions;
