-- One session of $rows option prints with their NBBO, already in the order of the store. Integers throughout.
--
-- Contracts share the prints as 1/rank. Prints come four to a cell of the session: a third of the cells is spread out,
-- a third comes within 60 ms, a third in one nanosecond, so that parents form and ties need the sequence. Of the prints
-- 35 % are at the ask, 35 % at the bid, 10 % at the mid, 15 % inside, 5 % through; of the cells each of absent, locked,
-- crossed and too wide quotes takes 1/128. Most contracts are cheap (the fourth power of a draw, up to $30) and most prints
-- small, so that few begin a large order, as on a real tape.
INSERT INTO tape.option_trades
WITH shares AS (SELECT id, 1 + $contracts // (1 + hash(id, $seed) % $contracts)::BIGINT AS share FROM dim.contracts),
cut AS (SELECT id, ($rows * share // sum(share) OVER ())::BIGINT AS n FROM shares),
counted AS (SELECT id, n + CASE WHEN id = 0 THEN $rows - (sum(n) OVER ())::BIGINT ELSE 0 END AS n FROM cut),
placed AS (SELECT id, n, (sum(n) OVER (ORDER BY id) - n)::BIGINT AS first FROM counted),
day AS (SELECT epoch_ns(open) AS open, epoch_ns(close) - epoch_ns(open) AS span FROM dim.sessions
        WHERE exchange = 'XNYS' AND session = $session),
levelled AS (SELECT *, (hash(id, $seed, 'level') % 3000)::BIGINT AS level FROM placed WHERE n > 0),
numbered AS (SELECT id, n, first, level * level // 3000 AS dear, unnest(range(n)) AS k FROM (FROM levelled ORDER BY id)),
drawn AS (
    SELECT id, dear, first + k + 1 AS record, k % 4 AS place, k // 4 AS cell, open, span // ((n + 3) // 4) AS width,
           (hash(id, $session, $seed, k) >> 2)::BIGINT AS own, (hash(id, $session, $seed, k // 4, 'cell') >> 2)::BIGINT AS shared
    FROM numbered, day),
quoted AS (
    SELECT *, 10 + dear * dear // 3000 + (shared >> 20) % 7 AS low, 1 + (shared >> 28) % 8 AS spread,
           (shared >> 36) % 128 AS fault, own % 100 AS draw
    FROM drawn),
priced AS (
    SELECT *, CASE fault WHEN 1 THEN low WHEN 2 THEN low - 2 WHEN 3 THEN low + 900 + low // 2 ELSE low + spread END AS high,
           greatest(1, CASE WHEN draw < 35 THEN low + spread WHEN draw < 70 THEN low WHEN draw < 80 THEN low + spread // 2
                            WHEN draw < 95 THEN low + (own >> 8) % (spread + 1) WHEN draw < 98 THEN low + spread + 1
                            ELSE low - 1 END) AS cents,
           1 + (shared >> 43) % 50 AS bid_size, 1 + (shared >> 50) % 50 AS ask_size
    FROM quoted)
SELECT $session::DATE, id::INTEGER,
       make_timestamp_ns(open + cell * width + shared % (width // 2 + 1)
                         + place * least(width // 8, [9000000000000, 20000000, 0][1 + (shared >> 8) % 3]))::TIMESTAMPTZ_NS,
       record, (cents * 0.01::DECIMAL(3,2))::DECIMAL(18,6),
       CASE (own >> 24) % 10 WHEN 0 THEN bid_size WHEN 1 THEN ask_size
            ELSE (1 + (own >> 16) % 10) * CASE (own >> 20) % 64 WHEN 0 THEN 50 ELSE 1 END END,
       CASE shared % 2 WHEN 0 THEN (shared >> 1) % 8 ELSE (own >> 30) % 8 END::INTEGER, 0,
       CASE (own >> 36) % 100 WHEN 0 THEN 1 WHEN 1 THEN 32 WHEN 2 THEN 64 WHEN 3 THEN 128 WHEN 4 THEN 128 ELSE 0 END,
       CASE WHEN id % 97 = 0 THEN 10 ELSE 100 END, (1 + (id // 40) % 3)::TINYINT,
       CASE fault WHEN 0 THEN -0.000001 ELSE low * 0.01::DECIMAL(3,2) END::DECIMAL(18,6),
       CASE fault WHEN 0 THEN -0.000001 ELSE high * 0.01::DECIMAL(3,2) END::DECIMAL(18,6),
       CASE fault WHEN 0 THEN -1 ELSE bid_size END, CASE fault WHEN 0 THEN -1 ELSE ask_size END,
       ((9000 + (shared >> 12) % 100) * 0.01::DECIMAL(3,2))::DECIMAL(18,6),
       CASE (own >> 44) % 64 WHEN 0 THEN 1 WHEN 1 THEN -1 ELSE 0 END::TINYINT, 1, record, -2000000, -1
FROM priced;
