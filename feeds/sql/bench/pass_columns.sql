-- What the product's own pass over option prints reads of the tape.
SELECT session, contract, ts, sequence, price, size, venue, flags, multiplier, asset_class, bid, ask, bid_size, ask_size,
       underlying_price, aggressor, file, record
FROM tape.option_trades
