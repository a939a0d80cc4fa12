-- What the product's own pass over option prints reads of the tape.
SELECT session, contract, ts, price, size, venue, flags, multiplier, asset_class, bid, ask, bid_size, ask_size, aggressor
FROM tape.option_trades
