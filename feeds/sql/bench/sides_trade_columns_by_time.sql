SELECT session, symbol, ts, price, size, off_exchange FROM bench.stock_trades
