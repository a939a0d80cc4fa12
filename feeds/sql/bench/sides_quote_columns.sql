SELECT session, symbol, ts, bid, ask FROM tape.stock_quotes
