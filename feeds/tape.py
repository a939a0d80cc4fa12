"""Tapes read as parts: whole sessions, or whole instruments of one, in the order of the store."""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import polars as pl

from feeds.arrow import gathered
from feeds.query import query
from feeds.schema import TAPE_COLUMNS, Part, Sessions

SHARD_ROWS = 4_000_000
"""Prints and quotes in one part: what two threads hold in memory beside each other without swapping."""

RUN_ROWS = 1 << 20
"""Rows of the sessions that are read by one query: a query costs milliseconds, and the next is read meanwhile."""

READ_ROWS = 1 << 17
"""Rows of a batch while a tape is read: about a row group, small enough to be copied out of the processor's cache."""

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class TapeReader:
    """Some tapes of a store, read over a connection of its own.

    Attributes
    ----------
    cursor : the connection
    tapes : tape name → columns to read; the first tape says which sessions there are
    dims : what the codes stand for: contracts or symbols, and venues
    upto : the exchange's sessions up to the last one asked for
    as_of : nanoseconds UTC; later rows are left out
    """

    cursor: Any
    tapes: Mapping[str, Sequence[str]]
    dims: Mapping[str, pl.DataFrame]
    upto: Sessions
    as_of: int | None

    @property
    def instrument(self) -> str:
        """The column of a tape's instruments."""
        return TAPE_COLUMNS[next(iter(self.tapes))][0]

    def parts(self, days: Sequence[date], shard_rows: int, without: Collection[date]) -> Generator[Part, None, None]:
        """The parts of some sessions in ascending order; while one is worked on, the next is read."""
        with closing(one_ahead(self._reads(days, shard_rows, without))) as ahead:
            for parts in ahead:
                yield from parts

    def _reads(
        self, days: Sequence[date], shard_rows: int, without: Collection[date]
    ) -> Iterator[Callable[[], list[Part]]]:
        span = {"prints": next(iter(self.tapes)), "tapes": list(self.tapes), "first": days[0], "last": days[-1]}
        held = self.cursor.execute(query("tape/held"), span).fetchall()
        rows = {day: int(most) for day, most, _, prints in held if prints and day not in without}
        in_order = {day for day, _, one_file, _ in held if one_file}
        for run in runs(days, rows, in_order, min(RUN_ROWS, shard_rows), without):
            size = sum(rows[day] for day in run)
            if size <= shard_rows:
                yield partial(self._read, run, run[0] in in_order, size)
                continue
            for low, high, count in self._shards(run[0], shard_rows):
                yield partial(self._read, run, run[0] in in_order, count, (low, high))

    def _shards(self, day: date, shard_rows: int) -> list[tuple[int, int, int]]:
        """Id ranges of one session, and the rows of each, about `shard_rows`; an instrument is never cut."""
        rows: Counter[int] = Counter()
        with self.cursor.cursor() as aside:  # this reader's own is at work on the read before
            for tape in self.tapes:
                text = query("tape/instruments", instrument=self.instrument, tape=tape)
                rows.update(dict(aside.execute(text, {"day": day}).fetchall()))
        counts = sorted(rows.items())
        low, held = counts[0][0], 0
        shards = []
        for at, (identity, n) in enumerate(counts):
            held += n
            if held >= shard_rows or at == len(counts) - 1:
                shards.append((int(low), int(identity), int(held)))
                low, held = identity + 1, 0
        return shards

    def _read(self, days: Sequence[date], in_order: bool, rows: int, ids: tuple[int, int] | None = None) -> list[Part]:
        """One query a tape for a run of sessions, then cut by session.

        Parameters
        ----------
        in_order : each session of each tape came in one append, which wrote it in the order of the store
        rows : how many rows to make room for at first
        ids : lowest and highest instrument to read
        """
        cut: dict[str, dict[date, pl.DataFrame]] = {}
        for tape, columns in self.tapes.items():
            more = ""
            values: dict[str, object] = {"first": days[0], "last": days[-1]}
            if ids is not None:
                more += f" AND {self.instrument} BETWEEN $low AND $high"
                values |= {"low": ids[0], "high": ids[1]}
            if self.as_of is not None:
                more += " AND epoch_ns(ts) <= $as_of"
                values["as_of"] = self.as_of
            # Sorting costs more than all the rest of a read; appended order is the order of the store.
            if not in_order:
                more += f" ORDER BY session, {self.instrument}, ts, sequence, file, record"
            text = query("tape/rows", columns=", ".join(columns), tape=tape, more=more)
            reader = self.cursor.sql(text, params=values).to_arrow_reader(READ_ROWS)
            cut[tape] = by_session(gathered(reader, rows))
        first = next(iter(self.tapes))
        return [
            Part(day, {**{name: cut[name].get(day, cut[name][date.min]) for name in cut}, **self.dims}, self.upto)
            for day in days
            if day in cut[first]
        ]


def runs(
    days: Iterable[date], rows: Mapping[date, int], in_order: Set[date], most: int, without: Collection[date] = ()
) -> Iterator[list[date]]:
    """Sessions with prints in runs to be read by one query each: alike in order, and of at most so many rows.

    A session that alone holds more is a run of its own. A run reaches over no session of `without`, as its query would
    read that too.
    """
    run: list[date] = []
    size = 0
    for day in days:
        if run and day in without:
            yield run
            run, size = [], 0
        if day not in rows:
            continue
        if run and (size + rows[day] > most or (day in in_order) != (run[0] in in_order)):
            yield run
            run, size = [], 0
        run.append(day)
        size += rows[day]
    if run:
        yield run


def one_ahead(reads: Iterator[Callable[[], _Read]]) -> Generator[_Read, None, None]:
    """What each read returns, in order; the next one goes on in a thread while the last one is worked on."""
    with ThreadPoolExecutor(1) as thread:
        upcoming: Future[_Read] | None = None
        for read in reads:
            following = thread.submit(read)
            if upcoming is not None:
                yield upcoming.result()
            upcoming = following
        if upcoming is not None:
            yield upcoming.result()


def by_session(frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """A tape's rows, each session's together, as views by session; under `date.min` the columns without rows."""
    session = frame["session"].to_numpy()
    tape = frame.drop("session")
    heads = np.flatnonzero(session[1:] != session[:-1]) + 1
    bounds = [0, *heads.tolist(), len(session)] if len(session) else []
    cut = {session[a].item(): tape.slice(a, z - a) for a, z in pairwise(bounds)}
    if len(cut) < len(bounds) - 1:
        raise AssertionError("a session's rows do not lie together, though the ledger says they came in one append")
    return {date.min: tape.clear(), **cut}
