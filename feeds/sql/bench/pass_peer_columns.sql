-- What the pass without parent orders reads of the tape: neither times nor venues.
SELECT session, contract, price, size, flags, multiplier, asset_class, bid, ask, bid_size, ask_size, aggressor
FROM tape.option_trades
