-- What every way of reading the vendor's file must agree on.
SELECT count(*) AS rows, sum(price)::DECIMAL(18,6) AS price, sum(strike)::DECIMAL(18,6) AS strike, sum(size)::BIGINT AS size,
       sum(bid)::DECIMAL(18,6) AS bid, sum(ask)::DECIMAL(18,6) AS ask, sum(bid_size)::BIGINT AS bid_size,
       sum(underlying_price)::DECIMAL(18,6) AS underlying_price, sum(epoch_ns(ts) % 1000000)::BIGINT AS ns,
       count(DISTINCT (underlying, expiry, strike, "right")) AS contracts,
       count(DISTINCT exchange) AS venues, count(DISTINCT conditions) AS conditions, (SELECT count(DISTINCT line) FROM reject_errors) AS rejected
FROM bench.intake;
