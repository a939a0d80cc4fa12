"""A new session: what it costs to add it to a store of many and refresh the gauge, beside a store of none (P4)."""

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl

from feeds.check import check
from feeds.schema import TABLES
from feeds.store import Store
from feeds.synthetic import market
from indicators.engine.bench.clock import OURS, JobResult, Target, held_to, interleaved
from indicators.engine.bench.tape import SEED, Tapes
from indicators.engine.day import day_of
from indicators.engine.run import Kept

EARLIER = 250
"""Sessions stored before the new one, at scale 1."""

LEAST_EARLIER = 5

UNDATED = ("sectors", "index_members", "forward_eps", "insider_trades")
"""Tables that are not told by the session: stored before, in both stores."""


def p4(tapes: Tapes) -> JobResult:
    """Add the session to a full store and to an empty one; refresh the gauge and all that a report stands on."""
    earlier = max(LEAST_EARLIER, round(EARLIER * min(1.0, tapes.scale)))
    made = market(seed=SEED, sessions=earlier + 1)
    *before, last = made.sessions.dates
    tables = made.tables()
    dated = {name: frame for name, frame in tables.items() if name not in UNDATED and "date" in frame.columns}
    news = {name: frame.filter(pl.col("date") == last) for name, frame in dated.items()} | dict(made.tape(last))
    full, empty = tapes.folder / "full.duckdb", tapes.folder / "empty.duckdb"
    for path in (full, empty):
        with Store.open(path) as store:
            for name in sorted(set(tables) - set(dated)):
                _append(store, name, "before", tables[name])
    with Store.open(full) as store:
        for name, frame in dated.items():
            _append(store, name, "before", frame.filter(pl.col("date") < last))
        for n, day in enumerate(before):
            tapes.progress("storing earlier sessions", n, len(before))
            for name, frame in made.tape(day).items():
                _append(store, name, str(day), frame)
        _refresh(store)
    older: list[int] = []

    def adding(path: Path) -> Callable[[], None]:
        def add() -> None:
            with Store.open(path.with_suffix(".copy")) as store:
                for name, frame in news.items():
                    _append(store, name, str(last), frame)
                _refresh(store)
                if path == full:
                    older.append(sum(rows for day, rows in store.scanned.items() if day < last))

        return add

    taken: dict[str, list[float]] = {OURS: [], "empty_store": []}
    for _ in range(1 + tapes.rounds):
        for name, path in ((OURS, full), ("empty_store", empty)):
            shutil.copyfile(path, path.with_suffix(".copy"))
            taken[name].append(interleaved({name: adding(path)}, 1)[name])
    for path in (full, empty):
        path.with_suffix(".copy").unlink()
    seconds = {name: median(measured) for name, (_, *measured) in taken.items()}
    held = held_to(
        f"session {earlier + 1} added to {earlier} stored ones, gauge and readings refreshed; the peer is the same "
        "session into a store without any",
        seconds,
        Target("≤ 1.2×; rows of older sessions scanned: 0", {"empty_store": 1 / 1.2}),
    )
    return held.model_copy(
        update={"met": bool(held.met) and older[-1] == 0, "figures": {"rows_of_older_sessions_scanned": older[-1]}}
    )


def _refresh(store: Store) -> None:
    """Everything a report on the newest session stands on, computed and kept as a report keeps it."""
    kept = Kept()
    day_of(store, kept=kept)
    kept.save(store)


def _append(store: Store, name: str, logical_name: str, frame: pl.DataFrame) -> None:
    """Check and store one file's rows, as an ingest does."""
    numbered = frame.with_columns(record=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    parted = check(numbered, TABLES[name], store.calendar(), scaled=True)
    store.append(TABLES[name], "bench", f"{name}/{logical_name}", f"{name}/{logical_name}", [parted.good])
