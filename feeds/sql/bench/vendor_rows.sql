-- The prints of a tape as a vendor lists them: in the order of time, all of it text, one price in ten thousand unreadable.
SELECT strftime(ts AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.') || lpad((epoch_ns(ts) % 1000000000)::VARCHAR, 9, '0') || 'Z' AS ts,
       sequence, underlying, expiry, strike::DOUBLE AS strike, "right",
       CASE WHEN sequence % 10000 = 0 THEN 'n/a' ELSE price::DOUBLE::VARCHAR END AS price, size,
       ['A', 'B', 'C', 'H', 'I', 'M', 'N', 'P'][1 + (hash(sequence) % 8)::INTEGER] AS exchange,
       CASE WHEN (flags & 32) > 0 THEN 'multi_leg' WHEN (flags & 128) > 0 THEN 'sweep' ELSE 'regular' END AS conditions,
       CASE WHEN bid >= 0 THEN bid END::DOUBLE AS bid, CASE WHEN ask >= 0 THEN ask END::DOUBLE AS ask,
       CASE WHEN bid_size >= 0 THEN bid_size END AS bid_size, CASE WHEN ask_size >= 0 THEN ask_size END AS ask_size,
       underlying_price::DOUBLE AS underlying_price
FROM (SELECT t.*, c.underlying, c.expiry, c.strike, c."right" FROM tape.option_trades t JOIN dim.contracts c ON c.id = t.contract)
ORDER BY epoch_ns(ts), sequence;
