SELECT session, contract, price, size, bid, ask FROM bench.option_trades
