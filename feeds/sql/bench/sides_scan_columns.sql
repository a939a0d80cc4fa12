-- What the product's own pass over stock prints reads of them.
SELECT session, symbol, ts, price, size, off_exchange, flags, bid, ask FROM tape.stock_trades
