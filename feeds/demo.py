"""The demo market as a store: built once from the seeded synthetic market and kept in the user's cache."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from feeds.check import check
from feeds.schema import TABLES
from feeds.store import Store

if TYPE_CHECKING:
    from feeds.synthetic import Market

SEED = 7
SESSIONS = 260

_TOGETHER = 32
"""Sessions checked at once: a check costs as much for a thousand rows as for a hundred thousand."""

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how much of it is done, and of how much."""


@contextmanager
def demo_store(progress: Progress | None = None) -> Iterator[Store]:
    """The demo market's store, open for reading; built first if this version has not built it yet.

    A build is written beside its place and moved there when whole, so that a run that was stopped leaves nothing behind
    that a later one would take for finished.
    """
    path = demo_path()
    if not path.exists():
        from feeds.synthetic import market  # a kept store is opened without loading what made it

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


def fill(
    store: Store, made: "Market", progress: Progress | None = None, exchanges: Sequence[str] = ("XNYS", "XSHG")
) -> None:
    """Write a synthetic market into a store: the same checks as any file, one ledger line a table.

    `exchanges` says whose tables; tapes are New York's.
    """
    for name, frame in made.tables().items():
        if TABLES[name].exchange in exchanges:
            _append(store, name, [frame])
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
        _append(store, name, frames)
    if progress is not None:
        progress("storing the demo market", len(tapes), len(tapes))


def _append(store: Store, name: str, frames: list[pl.DataFrame]) -> None:
    """Check and store a table's frames as one file; a synthetic row that is refused is a fault of ours."""
    sessions = store.calendar(TABLES[name].exchange)
    tape = TABLES[name].is_tape
    first = 1
    batches = []
    digest = hashlib.sha256()
    for at in range(0, len(frames), _TOGETHER):
        frame = pl.concat(frames[at : at + _TOGETHER])
        numbered = frame.with_columns(record=pl.int_range(first, first + frame.height, dtype=pl.Int64))
        first += frame.height
        parted = check(numbered, TABLES[name], sessions, scaled=True)
        if parted.rejects.height:
            raise AssertionError(f"the synthetic market made a bad row: {name}: {parted.rejects.row(0)}")
        batches.append(parted.good)
        digest.update(
            numbered.write_csv(include_header=False).encode() if not tape else parted.good["ts"].to_numpy().tobytes()
        )
    store.append(TABLES[name], "synthetic", name, digest.hexdigest(), batches, path=name)


def _recipe() -> str:
    """What the demo store depends on: how the market is made and stored."""
    digest = hashlib.sha256(f"{SEED} {SESSIONS}".encode())
    folder = Path(__file__).parent
    for path in sorted([*folder.glob("*.py"), *folder.glob("sql/*.sql")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def demo_path() -> Path:
    """Where this version's demo store rests, built or not."""
    return _cache() / f"demo-{_recipe()}.duckdb"


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".cache") / "bullbear"


def write_files(
    made: "Market", folder: Path, source: str = "canonical", progress: Progress | None = None
) -> list[Path]:
    """The synthetic market as files of one source that `bullbear ingest` reads, the truth apart in `truth/`.

    Raises
    ------
    UnknownName : no writer of that name in feeds/writers
    """
    from feeds.synthetic import canonical
    from feeds.writers import writer

    write = writer(source)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {name: canonical(frame, name) for name, frame in made.tables().items()}
    written = write(tables, None, folder)
    for n, day in enumerate(made.sessions.dates):
        if progress is not None:
            progress("writing the demo market", n, len(made.sessions.dates))
        written += write({name: canonical(frame, name) for name, frame in made.tape(day).items()}, day, folder)
        known = folder / "truth" / day.isoformat()
        known.mkdir(parents=True, exist_ok=True)
        for name, frame in made.truth(day).items():
            frame.write_parquet(known / f"{name}.parquet")
    return written


def true_sides(made: "Market") -> np.ndarray:
    """The true side of every option print of the demo store: record r's at r − 1, as `fill` numbers them."""
    sides = [made.truth(day)["option_trades"]["side"].to_numpy() for day in made.sessions.dates]
    return np.concatenate(sides).astype(np.int8)
