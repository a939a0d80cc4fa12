SELECT session, symbol, ts, bid, ask FROM bench.stock_quotes
