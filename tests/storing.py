"""Rows of a synthetic market put into a store as files of their own."""

from datetime import date

import polars as pl

from feeds.check import check
from feeds.schema import TABLES
from feeds.store import Store
from feeds.synthetic import Market


def put(store: Store, table: str, frame: pl.DataFrame, name: str) -> None:
    """Check and store a frame as one file of that name; its bytes are told by name and rows."""
    numbered = frame.with_columns(record=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    parted = check(numbered, TABLES[table], store.calendar(), scaled=True)
    digest = f"{name} {numbered.hash_rows(seed=1).sum()}"
    store.append(TABLES[table], "synthetic", name, digest, [parted.good], name)


def add(store: Store, made: Market, day: date) -> None:
    """Store a session's tapes."""
    for table, frame in made.tape(day).items():
        put(store, table, frame, f"{day}/{table}")
