-- One session of $rows NBBO quotes of stocks, in the order of the store, around the levels of `stock_trades.sql`.
--
-- Whole milliseconds: several quotes of one symbol share a time, and the sequence says which one holds.
INSERT INTO tape.stock_quotes
WITH shares AS (SELECT id, 1 + $symbols // (1 + hash(id, $seed) % $symbols)::BIGINT AS share FROM dim.symbols),
cut AS (SELECT id, ($rows * share // sum(share) OVER ())::BIGINT AS n FROM shares),
counted AS (SELECT id, n + CASE WHEN id = 0 THEN $rows - (sum(n) OVER ())::BIGINT ELSE 0 END AS n FROM cut),
placed AS (SELECT id, n, (sum(n) OVER (ORDER BY id) - n)::BIGINT AS first FROM counted),
day AS (SELECT epoch_ns(open) // 1000000 AS open, (epoch_ns(close) - epoch_ns(open)) // 1000000 AS span FROM dim.sessions
        WHERE exchange = 'XNYS' AND session = $session),
numbered AS (SELECT id, n, first, unnest(range(n)) AS k FROM (FROM placed WHERE n > 0 ORDER BY id)),
hashed AS (
    SELECT id, k, n, first + k + 1 AS record, (hash(id, $session, $seed, k, 'quote') >> 2)::BIGINT AS own FROM numbered),
drawn AS (
    SELECT id, record, own,
           open + (k // 2) * 2 * span // n
           + CASE WHEN k % 2 = 0 OR own % 8 = 0 THEN 0 ELSE (own >> 44) % (1 + span // n) END AS ms
    FROM hashed, day),
levelled AS (
    SELECT *, 2000 + (hash(id, $seed, 'level') % 40000)::BIGINT + (hash(id, ms // 60000) % 21)::BIGINT
              - 1 - own % 4 AS low, (own >> 8) % 6 AS spread, (own >> 16) % 256 AS fault
    FROM drawn)
SELECT $session::DATE, id::INTEGER, make_timestamp_ns(ms * 1000000)::TIMESTAMPTZ_NS, record,
       (CASE fault WHEN 1 THEN 0 ELSE low END * 0.01::DECIMAL(3,2))::DECIMAL(18,6),
       ((low + spread - CASE fault WHEN 2 THEN 8 WHEN 3 THEN -600 ELSE 0 END) * 0.01::DECIMAL(3,2))::DECIMAL(18,6),
       1 + (own >> 30) % 40, 1 + (own >> 40) % 40, 3, record
FROM levelled;
