-- Lee-Ready premium by session and underlying as it is usually written: partitioned windows on a tape ordered by time.
WITH stepped AS (
    SELECT *, sign(price - lag(price) OVER (PARTITION BY session, contract ORDER BY ts, sequence)) AS step
    FROM bench.option_trades),
moved AS (
    SELECT *, last_value(nullif(step, 0) IGNORE NULLS)
              OVER (PARTITION BY session, contract ORDER BY ts, sequence ROWS UNBOUNDED PRECEDING) AS move
    FROM stepped),
signed AS (
    SELECT session, underlying, "right", price * size * 100 AS premium,
           CASE WHEN bid > 0 AND ask >= bid AND NOT (bid = ask AND price = bid)
                     AND (ask - bid <= 5 OR 200 * (ask - bid) <= 25 * (bid + ask)) AND 2 * price <> bid + ask
                THEN CASE WHEN 2 * price > bid + ask THEN 1 ELSE -1 END
                ELSE coalesce(move, 0) END * CASE "right" WHEN 'C' THEN 1 ELSE -1 END AS direction
    FROM moved JOIN dim.contracts ON id = contract)
SELECT session, underlying, (1000000 * coalesce(sum(premium) FILTER (direction > 0), 0))::BIGINT AS bull,
       (1000000 * coalesce(sum(premium) FILTER (direction < 0), 0))::BIGINT AS bear,
       (1000000 * coalesce(sum(premium) FILTER (direction = 0), 0))::BIGINT AS unknown
FROM signed GROUP BY ALL ORDER BY session, underlying
