-- Dark and block notional by the midpoint, quotes matched as of, on the tapes as they rest; only prints that count are
-- looked up.
WITH matched AS (
    SELECT t.session, t.symbol, t.price, t.size, t.off_exchange, q.bid, q.ask
    FROM (FROM tape.stock_trades WHERE off_exchange OR size >= 10000 OR price * size::INTEGER >= 200000) t
         ASOF LEFT JOIN bench.last_quotes q
         ON q.session = t.session AND q.symbol = t.symbol AND t.ts > q.ts),
signed AS (
    SELECT session, symbol, CASE WHEN off_exchange THEN 'dark' ELSE 'block' END AS kind, price * size::INTEGER AS notional,
           CASE WHEN bid > 0 AND ask >= bid AND NOT (bid = ask AND price = bid) AND ask - bid <= 5
                THEN sign(2 * price - (bid + ask)) ELSE 0 END AS side
    FROM matched),
summed AS (
    SELECT session, symbol, kind, sum(notional) FILTER (side > 0) AS buy, sum(notional) FILTER (side < 0) AS sell,
           sum(notional) FILTER (side = 0) AS unknown
    FROM signed GROUP BY ALL)
SELECT session, s.symbol, kind, (1000000 * coalesce(buy, 0))::BIGINT AS buy, (1000000 * coalesce(sell, 0))::BIGINT AS sell,
       (1000000 * coalesce(unknown, 0))::BIGINT AS unknown
FROM summed JOIN dim.symbols s ON s.id = summed.symbol ORDER BY session, s.symbol, kind
