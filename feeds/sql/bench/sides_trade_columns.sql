SELECT session, symbol, ts, price, size, off_exchange FROM tape.stock_trades
