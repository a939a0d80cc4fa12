"""Tapes read as parts: whole sessions, or whole instruments of one, in the order of the store."""

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.arrow import Room, columns_of, gathered
from feeds.query import query
from feeds.schema import TAPE_COLUMNS, Part, Sessions

SHARD_ROWS = 4_000_000
"""Prints and quotes in one part: what two threads hold in memory beside each other without swapping."""

RUN_ROWS = 1 << 19
"""Rows of the sessions that are read by one query: a query costs milliseconds, and the next is read meanwhile."""

READ_ROWS = 1 << 15
"""Rows of a batch while a tape is read: few enough to be copied out of the processor's cache, and for memory that the
system need not hand out afresh for each."""

_Item = TypeVar("_Item")


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

    def parts(
        self, days: Sequence[date], shard_rows: int, without: Collection[date], read_ahead: bool
    ) -> Generator[Part, None, None]:
        """The parts of some sessions in ascending order; while one is worked on, the next may be read."""
        reads = self._reads(days, shard_rows, without)
        with closing(ahead(reads) if read_ahead else reads) as read:
            for parts in read:
                while parts:
                    yield parts.pop(0)  # kept here, its memory could not be read into again

    def batches(self, days: Sequence[date], batch_rows: int) -> Generator[dict[str, npt.NDArray[Any]], None, None]:
        """The first tape of some sessions as arrays by column, in the order of the store, wherever a batch ends.

        Nothing is copied, and memory holds two batches however long the tape is: what a sum needs that carries its own
        state. `session` is beside the columns asked for, int32, days since 1970. While one batch is worked on, the next
        is read.
        """
        with closing(ahead(self._batches(days, batch_rows))) as batches:
            yield from batches

    def _batches(self, days: Sequence[date], batch_rows: int) -> Generator[dict[str, npt.NDArray[Any]], None, None]:
        tape = next(iter(self.tapes))
        rows, in_order = self._held(days)
        for run in runs(days, rows, in_order, RUN_ROWS, whole=in_order):
            for batch in self._rows(tape, run, run[0] in in_order).to_arrow_reader(batch_rows):
                yield columns_of(batch)

    def _held(self, days: Sequence[date]) -> tuple[dict[date, int], set[date]]:
        """Rows of the fullest tape by session with prints; and the sessions of which each tape came in one append.

        One append wrote a session in the order of the store; several did not.
        """
        span = {"prints": next(iter(self.tapes)), "tapes": list(self.tapes), "first": days[0], "last": days[-1]}
        held = self.cursor.execute(query("tape/held"), span).fetchall()
        return {day: int(most) for day, most, _, prints in held if prints}, {day for day, _, one, _ in held if one}

    def _reads(
        self, days: Sequence[date], shard_rows: int, without: Collection[date]
    ) -> Generator[list[Part], None, None]:
        rows, in_order = self._held(days)
        room = Room()
        for run in runs(days, rows, in_order, min(RUN_ROWS, shard_rows), without):
            size = sum(rows[day] for day in run)
            if size <= shard_rows:
                yield self._read(run, run[0] in in_order, size, room)
                continue
            for low, high, count in self._shards(run[0], shard_rows):
                yield self._read(run, run[0] in in_order, count, room, (low, high))

    def _shards(self, day: date, shard_rows: int) -> list[tuple[int, int, int]]:
        """Id ranges of one session, and the rows of each, about `shard_rows`; an instrument is never cut."""
        rows: Counter[int] = Counter()
        for tape in self.tapes:
            text = query("tape/instruments", instrument=self.instrument, tape=tape)
            rows.update(dict(self.cursor.execute(text, {"day": day}).fetchall()))
        counts = sorted(rows.items())
        low, held = counts[0][0], 0
        shards = []
        for at, (identity, n) in enumerate(counts):
            held += n
            if held >= shard_rows or at == len(counts) - 1:
                shards.append((int(low), int(identity), int(held)))
                low, held = identity + 1, 0
        return shards

    def _read(
        self, days: Sequence[date], in_order: bool, rows: int, room: Room, ids: tuple[int, int] | None = None
    ) -> list[Part]:
        """One query a tape for a run of sessions, then cut by session; `rows` is how many to make room for at first."""
        cut: dict[str, dict[date, pl.DataFrame]] = {}
        for tape in self.tapes:
            reader = self._rows(tape, days, in_order, ids).to_arrow_reader(READ_ROWS)
            cut[tape] = by_session(gathered(reader, rows, room))
        first = next(iter(self.tapes))
        return [
            Part(day, {**{name: cut[name].get(day, cut[name][date.min]) for name in cut}, **self.dims}, self.upto)
            for day in days
            if day in cut[first]
        ]

    def _rows(self, tape: str, days: Sequence[date], in_order: bool, ids: tuple[int, int] | None = None) -> Any:
        """The query for a tape's rows of a run of sessions, between a lowest and a highest instrument if given."""
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
        text = query("tape/rows", columns=", ".join(self.tapes[tape]), tape=tape, more=more)
        return self.cursor.sql(text, params=values)


def runs(
    days: Iterable[date],
    rows: Mapping[date, int],
    in_order: Set[date],
    most: int,
    without: Collection[date] = (),
    whole: Collection[date] = (),
) -> Iterator[list[date]]:
    """Sessions with prints in runs to be read by one query each: alike in order, and of at most so many rows.

    A session that alone holds more is a run of its own, and sessions of `whole` do not count. A run reaches over no
    session of `without`, as its query would read that too.
    """
    run: list[date] = []
    size = 0
    for day in days:
        if run and day in without:
            yield run
            run, size = [], 0
        if day not in rows or day in without:
            continue
        counted = 0 if day in whole else rows[day]
        if run and (size + counted > most or (day in in_order) != (run[0] in in_order)):
            yield run
            run, size = [], 0
        run.append(day)
        size += counted
    if run:
        yield run


def ahead(items: Generator[_Item, None, None]) -> Generator[_Item, None, None]:
    """Some items in order; the next one is made in a thread while the last one is worked on."""
    with closing(items), ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item


def by_session(frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """A tape's rows, each session's together, as views by session; under `date.min` the columns without rows."""
    session = frame["session"].to_physical().to_numpy()
    tape = frame.drop("session")
    at = 0
    cut = {date.min: tape.clear()}
    for day, rows in by_day(session):
        if day in cut:
            raise AssertionError("a session's rows do not lie together, though the ledger says they came in one append")
        cut[day] = tape.slice(at, rows)
        at += rows
    return cut


def by_day(session: npt.NDArray[np.int32]) -> list[tuple[date, int]]:
    """How many rows stand together of each session, given in days since 1970.

    >>> by_day(np.array([0, 0, 1], np.int32))
    [(datetime.date(1970, 1, 1), 2), (datetime.date(1970, 1, 2), 1)]
    """
    heads = np.flatnonzero(session[1:] != session[:-1]) + 1
    bounds = [0, *heads.tolist(), len(session)] if len(session) else []
    return [(session[a].astype("datetime64[D]").item(), z - a) for a, z in pairwise(bounds)]
