-- Lee-Ready premium by session and underlying, on the tape as it rests.
--
-- The store's order is the windows' order: windows without PARTITION BY and ORDER BY stream in one pass, where
-- partitioned ones hash and sort every row. What streams keeps to one thread: the tape goes through in two halves, its
-- first ten sessions and the rest, and both cores work. The last move is carried as the greatest 4·row + move; a
-- contract's first print resets it with the code of no move.
WITH early_steps AS (
    SELECT session, contract, price, size, bid, ask, row_number() OVER () AS row,
           CASE WHEN contract = lag(contract) OVER () AND session = lag(session) OVER ()
                THEN sign(price - lag(price) OVER ()) ELSE 2 END AS step
    FROM tape.option_trades WHERE session <= DATE '2024-01-16'),
late_steps AS (
    SELECT session, contract, price, size, bid, ask, row_number() OVER () AS row,
           CASE WHEN contract = lag(contract) OVER () AND session = lag(session) OVER ()
                THEN sign(price - lag(price) OVER ()) ELSE 2 END AS step
    FROM tape.option_trades WHERE session > DATE '2024-01-16'),
moved AS (
    SELECT *, max(CASE WHEN step <> 0 THEN 4 * row + step + 1 END) OVER (ROWS UNBOUNDED PRECEDING) % 4 - 1 AS move
    FROM early_steps
    UNION ALL
    SELECT *, max(CASE WHEN step <> 0 THEN 4 * row + step + 1 END) OVER (ROWS UNBOUNDED PRECEDING) % 4 - 1 AS move
    FROM late_steps),
signed AS (
    SELECT session, contract, price * size::INTEGER AS premium,
           CASE WHEN bid > 0 AND ask >= bid AND NOT (bid = ask AND price = bid)
                     AND (ask - bid <= 5 OR 200 * (ask - bid) <= 25 * (bid + ask)) AND 2 * price <> bid + ask
                THEN CASE WHEN 2 * price > bid + ask THEN 1 ELSE -1 END
                WHEN move = 2 THEN 0 ELSE move END AS side
    FROM moved),
by_contract AS (
    SELECT session, contract, sum(premium) FILTER (side > 0) AS buy, sum(premium) FILTER (side < 0) AS sell,
           sum(premium) FILTER (side = 0) AS unknown
    FROM signed GROUP BY ALL)
SELECT session, underlying,
       coalesce(100000000 * sum(CASE "right" WHEN 'C' THEN buy ELSE sell END), 0)::BIGINT AS bull,
       coalesce(100000000 * sum(CASE "right" WHEN 'C' THEN sell ELSE buy END), 0)::BIGINT AS bear,
       coalesce(100000000 * sum(unknown), 0)::BIGINT AS unknown
FROM by_contract JOIN dim.contracts ON id = contract GROUP BY ALL ORDER BY session, underlying
