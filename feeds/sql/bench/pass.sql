-- The product's pass without parent orders: aggressor, trade size, quote, depth, next different price; exclusions and
-- multipliers; by session, underlying and asset class. 127 are the flags that forbid a side, 63 those that exclude.
--
-- Prints that no earlier layer decides need the next different price, which no streaming window can see: the windows
-- are partitioned, and ordered by rowid, one integer that says what (ts, sequence) say.
WITH judged AS (
    SELECT session, contract, price, size, flags, multiplier, asset_class, bid, ask, bid_size, ask_size, aggressor,
           rowid AS row, flags & 127 = 0 AS eligible,
           bid > 0 AND ask >= bid AND NOT (bid = ask AND price = bid)
               AND (ask - bid <= 5 OR 200 * (ask - bid) <= 25 * (bid + ask)) AS usable,
           2 * price - (bid + ask) AS beyond, bid_size >= 0 AND ask_size >= 0 AS sized
    FROM tape.option_trades),
first_layers AS (
    SELECT session, contract, price, size, flags, multiplier, asset_class, row, eligible,
           CASE WHEN NOT eligible THEN 0 WHEN aggressor <> 0 THEN aggressor WHEN NOT usable THEN 0
                WHEN sized AND (size = bid_size) <> (size = ask_size) THEN CASE WHEN size = bid_size THEN 1 ELSE -1 END
                WHEN beyond <> 0 THEN CASE WHEN beyond > 0 THEN 1 ELSE -1 END
                WHEN sized THEN sign(ask_size - bid_size) ELSE 0 END AS found
    FROM judged),
stepped AS (
    SELECT *, sign(price - lead(price) OVER (PARTITION BY session, contract, eligible ORDER BY row)) AS step FROM first_layers),
moved AS (
    SELECT *, first_value(nullif(step, 0) IGNORE NULLS) OVER (
        PARTITION BY session, contract, eligible ORDER BY row ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS move
    FROM stepped),
by_contract AS (
    SELECT session, contract, asset_class, side, flags & 63 <> 0 AS excluded,
           sum(price * (size * multiplier)::INTEGER) AS premium, sum(size) AS contracts, count(*) AS prints
    FROM (SELECT *, CASE WHEN found <> 0 THEN found WHEN eligible THEN coalesce(move, 0) ELSE 0 END AS side FROM moved)
    GROUP BY ALL),
named AS (
    SELECT session, underlying, ['unknown', 'equity', 'etf', 'index'][asset_class + 1] AS asset_class,
           CASE WHEN excluded THEN NULL WHEN "right" = 'C' THEN side ELSE -side END AS direction,
           NOT excluded AND "right" = 'C' AS call, NOT excluded AND "right" = 'P' AS put,
           1000000 * premium AS premium, contracts, prints
    FROM by_contract JOIN dim.contracts ON id = contract)
SELECT session, underlying, asset_class,
       coalesce(sum(premium) FILTER (direction > 0), 0)::BIGINT AS bull,
       coalesce(sum(premium) FILTER (direction < 0), 0)::BIGINT AS bear,
       coalesce(sum(premium) FILTER (direction = 0), 0)::BIGINT AS unknown,
       coalesce(sum(premium) FILTER (direction IS NULL), 0)::BIGINT AS excluded,
       coalesce(sum(premium) FILTER (call), 0)::BIGINT AS call, coalesce(sum(premium) FILTER (put), 0)::BIGINT AS put,
       coalesce(sum(contracts) FILTER (call), 0)::BIGINT AS call_contracts,
       coalesce(sum(contracts) FILTER (put), 0)::BIGINT AS put_contracts,
       coalesce(sum(prints) FILTER (direction IS NOT NULL), 0)::BIGINT AS prints
FROM named GROUP BY ALL ORDER BY session, underlying, asset_class
