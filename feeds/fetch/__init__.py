"""Free public files, fetched politely: `client.py` is the one way to the network, each other file one source.

A source knows its addresses and what a good file of its own looks like. What is fetched is read by `ingest` afterwards;
nothing here knows the store.
"""
