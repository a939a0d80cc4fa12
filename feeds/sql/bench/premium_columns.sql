-- What signed premium reads of the tape.
SELECT session, contract, price, size, bid, ask FROM tape.option_trades
