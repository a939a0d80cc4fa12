-- The product's pass without parent orders: aggressor, trade size, quote, depth, next different price; exclusions and
-- multipliers; by session, underlying and asset class. 127 are the flags that forbid a side, 63 those that exclude.
--
-- Windows that stream see earlier rows only, and the next different price is a later one: these are partitioned, over
-- the prints that may have a side, and ordered by rowid, one integer that says what (ts, sequence) say. Numbering runs of
-- one price in a stream and joining each with the next run was slower by a fifth.
WITH judged AS (
    SELECT rowid AS row, session, contract, asset_class, price, price * (size * multiplier)::INTEGER AS premium, size,
           CASE WHEN aggressor <> 0 THEN aggressor
                WHEN NOT (bid > 0 AND ask >= bid AND NOT (bid = ask AND price = bid)
                          AND (ask - bid <= 5 OR 200 * (ask - bid) <= 25 * (bid + ask))) THEN 0
                WHEN bid_size >= 0 AND ask_size >= 0 AND (size = bid_size) <> (size = ask_size)
                THEN CASE WHEN size = bid_size THEN 1 ELSE -1 END
                WHEN 2 * price <> bid + ask THEN CASE WHEN 2 * price > bid + ask THEN 1 ELSE -1 END
                WHEN bid_size >= 0 AND ask_size >= 0 THEN sign(ask_size - bid_size) ELSE 0 END AS found
    FROM tape.option_trades WHERE flags & 127 = 0),
stepped AS (
    SELECT *, sign(price - lead(price) OVER (PARTITION BY session, contract ORDER BY row)) AS step FROM judged),
moved AS (
    SELECT *, first_value(nullif(step, 0) IGNORE NULLS) OVER (
        PARTITION BY session, contract ORDER BY row ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS move
    FROM stepped),
signed AS (
    SELECT session, contract, asset_class, premium, size, CASE WHEN found <> 0 THEN found ELSE coalesce(move, 0) END AS side,
           false AS excluded
    FROM moved
    UNION ALL
    SELECT session, contract, asset_class, price * (size * multiplier)::INTEGER, size, 0, flags & 63 <> 0
    FROM tape.option_trades WHERE flags & 127 <> 0),
by_contract AS (
    SELECT session, contract, asset_class, side, excluded, sum(premium) AS premium, sum(size) AS contracts,
           count(*) AS prints
    FROM signed GROUP BY ALL),
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
