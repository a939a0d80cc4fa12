-- One session of $rows stock prints without quotes of their own, in the order of the store. Integers throughout.
--
-- Symbols share the prints as 1/rank. Times are whole milliseconds on the quotes' grid, so that some are a quote's own. The price lies
-- within 3 cents of a level that holds for a minute; 40 % are off exchange, one in twenty has hundredfold size.
INSERT INTO tape.stock_trades
WITH shares AS (SELECT id, 1 + $symbols // (1 + hash(id, $seed) % $symbols)::BIGINT AS share FROM dim.symbols),
cut AS (SELECT id, ($rows * share // sum(share) OVER ())::BIGINT AS n FROM shares),
counted AS (SELECT id, n + CASE WHEN id = 0 THEN $rows - (sum(n) OVER ())::BIGINT ELSE 0 END AS n FROM cut),
placed AS (SELECT id, n, (sum(n) OVER (ORDER BY id) - n)::BIGINT AS first FROM counted),
day AS (SELECT epoch_ns(open) // 1000000 AS open, (epoch_ns(close) - epoch_ns(open)) // 1000000 AS span FROM dim.sessions
        WHERE exchange = 'XNYS' AND session = $session),
numbered AS (SELECT id, n, first, unnest(range(n)) AS k FROM (FROM placed WHERE n > 0 ORDER BY id)),
hashed AS (
    SELECT id, k, n, first + k + 1 AS record, (hash(id, $session, $seed, k) >> 2)::BIGINT AS own FROM numbered),
drawn AS (
    SELECT id, record, own,
           open + k * span // n + CASE own % 8 WHEN 0 THEN 0 ELSE (own >> 40) % (1 + span // n) END AS ms
    FROM hashed, day),
levelled AS (
    SELECT *, 2000 + (hash(id, $seed, 'level') % 40000)::BIGINT + (hash(id, ms // 60000) % 21)::BIGINT AS level FROM drawn)
SELECT $session::DATE, id::INTEGER, make_timestamp_ns(ms * 1000000)::TIMESTAMPTZ_NS, record,
       ((level + own % 7 - 3) * 0.01::DECIMAL(3,2))::DECIMAL(18,6),
       ((1 + (own >> 8) % 300) * CASE (own >> 20) % 20 WHEN 0 THEN 100 ELSE 1 END)::DECIMAL(18,6),
       ((own >> 30) % 8)::INTEGER, (own >> 34) % 5 < 2, 0, 0, -0.000001, -0.000001, 2, record
FROM levelled;
