"""The demo market as a store: built once from the seeded synthetic market, kept in the user's cache, never downloaded."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from feeds.check import check
from feeds.schema import TABLES
from feeds.store import Store
from feeds.synthetic import Market, canonical, market

SEED = 7
SESSIONS = 260

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how much of it is done, and of how much."""


@contextmanager
def demo_store(progress: Progress | None = None) -> Iterator[Store]:
    """The demo market's store, open for reading; built first if this version has not built it yet.

    A build is written beside its place and moved there when whole, so that a run that was stopped leaves nothing behind
    that a later one would take for finished.
    """
    path = _cache() / f"demo-{_recipe()}.duckdb"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.draft")
        draft.unlink(missing_ok=True)
        try:
            with Store.open(draft) as store:
                fill(store, market(seed=SEED, sessions=SESSIONS), progress)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
            Path(f"{draft}.wal").unlink(missing_ok=True)
    with Store.open(path, read_only=True) as store:
        yield store


def fill(store: Store, made: Market, progress: Progress | None = None) -> None:
    """Write a synthetic market into a store: the same checks as any file, one ledger line a table."""
    sessions = store.calendar()
    for name, frame in made.tables().items():
        _append(store, name, [frame], sessions_of=made)
    days = made.sessions.dates
    tapes: dict[str, list[pl.DataFrame]] = {}
    for n, day in enumerate(days):
        if progress is not None:
            progress("making the demo market", n, len(days))
        for name, frame in made.tape(day).items():
            tapes.setdefault(name, []).append(frame)
    for n, (name, frames) in enumerate(sorted(tapes.items())):
        if progress is not None:
            progress("storing the demo market", n, len(tapes))
        _append(store, name, frames, sessions_of=made)
    if progress is not None:
        progress("storing the demo market", len(tapes), len(tapes))
    del sessions


def write_files(made: Market, folder: Path, progress: Progress | None = None) -> list[Path]:
    """The synthetic market as Parquet files that `bullbear ingest` reads, the truth apart in `truth/`."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in made.tables().items():
        written.append(folder / f"{name}.parquet")
        canonical(frame, name).write_parquet(written[-1])
    for n, day in enumerate(made.sessions.dates):
        if progress is not None:
            progress("writing the demo market", n, len(made.sessions.dates))
        place = folder / day.isoformat()
        place.mkdir(exist_ok=True)
        for name, frame in made.tape(day).items():
            written.append(place / f"{name}.parquet")
            canonical(frame, name).write_parquet(written[-1])
    return written
