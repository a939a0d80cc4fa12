"""Room 1: how market data gets in, and where it rests."""
