"""Tapes read as parts: whole sessions, or whole instruments of one, in the order of the store."""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.arrow import Room, columns_of, gathered
from feeds.query import query
from feeds.schema import TAPE_COLUMNS, Columns, Part, Sessions

SHARD_ROWS = 4_000_000
"""Prints and quotes in one part: what two threads hold in memory beside each other without swapping."""

RUN_ROWS = 1 << 19
"""Rows of the sessions that are read by one query: a query costs milliseconds, and the next is read meanwhile."""

READ_ROWS = 1 << 15
"""Rows of a batch while a tape is read: few enough to be copied out of the processor's cache, and for memory that the
system need not hand out afresh for each."""

IN_PLACE_ROWS = 1 << 17
"""Rows of a batch that is worked on where it lies, unless others are asked: few enough for the processor's cache."""

STREAM_ROWS = 1 << 19
"""Prints and quotes of a session from which on it is streamed where that is asked: a smaller one shares its query with
others, which costs less than what it saves."""

Ids = tuple[int, int] | None
"""The lowest and the highest instrument of a shard; None for all of them."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class TapeReader:
    """Some tapes of a store, read over a connection of its own.

    Attributes
    ----------
    cursor : the connection
    another : makes further ones, for streams that several threads take at once
    counted : told of each session and how many of its rows were read
    tapes : tape name → columns to read; the first tape says which sessions there are
    dims : what the codes stand for: contracts or symbols, and venues
    upto : the exchange's sessions up to the last one asked for
    as_of : nanoseconds UTC; later rows are left out
    """

    cursor: Any
    another: Callable[[], AbstractContextManager[Any]]
    counted: Callable[[date, int], None]
    tapes: Mapping[str, Sequence[str]]
    dims: Mapping[str, pl.DataFrame]
    upto: Sessions
    as_of: int | None

    @property
    def instrument(self) -> str:
        """The column of a tape's instruments."""
        return TAPE_COLUMNS[next(iter(self.tapes))][0]

    def parts(
        self, days: Sequence[date], shard_rows: int, without: Collection[date], read_ahead: bool, streamed: bool
    ) -> Generator[Part, None, None]:
        """The parts of some sessions in ascending order; while one is worked on, the next may be read."""
        reads = self._reads(days, shard_rows, without, streamed)
        with closing(ahead(reads) if read_ahead else reads) as read:
            for parts in read:
                while parts:
                    yield parts.pop(0)  # kept here, its memory could not be read into again

    def batches(self, days: Sequence[date], batch_rows: int) -> Generator[Columns, None, None]:
        """The first tape of some sessions as arrays by column, in the order of the store, wherever a batch ends.

        Nothing is copied, and memory holds a few batches however long the tape is: what a sum needs that carries its
        own state. `session` is beside the columns asked for, int32, days since 1970. While one batch is worked on, the
        database's threads read the next.
        """
        tape = next(iter(self.tapes))
        rows, in_order = self._held(days)
        for run in runs(days, rows, in_order, RUN_ROWS, whole=in_order):
            for batch in self._rows(self.cursor, tape, run, run[0] in in_order).to_arrow_reader(batch_rows):
                columns = columns_of(batch)
                for day, count in by_day(columns["session"]):
                    self.counted(day, count)
                yield columns

    def _held(self, days: Sequence[date]) -> tuple[dict[date, int], set[date]]:
        """Rows of the fullest tape by session with prints; and the sessions of which each tape came in one append.

        One append wrote a session in the order of the store; several did not.
        """
        span = {"prints": next(iter(self.tapes)), "tapes": list(self.tapes), "first": days[0], "last": days[-1]}
        held = self.cursor.execute(query("tape/held"), span).fetchall()
        return {day: int(most) for day, most, _, prints in held if prints}, {day for day, _, one, _ in held if one}

    def _reads(
        self, days: Sequence[date], shard_rows: int, without: Collection[date], streamed: bool
    ) -> Generator[list[Part], None, None]:
        rows, in_order = self._held(days)
        room = Room()
        for run in runs(days, rows, in_order, min(RUN_ROWS, shard_rows), without):
            size = sum(rows[day] for day in run)
            ordered = run[0] in in_order
            shards = self._shards(run[0], shard_rows) if size > shard_rows else [(None, size)]
            for ids, count in shards:
                if streamed and len(run) == 1 and size >= STREAM_ROWS:
                    yield [self._streamed(run[0], ordered, ids)]
                else:
                    yield self._read(run, ordered, count, room, ids)

    def _streamed(self, day: date, in_order: bool, ids: Ids) -> Part:
        """A session, or the instruments of one, whose tapes are read only when they are asked for."""
        streams = {tape: partial(self._stream, tape, day, in_order, ids) for tape in self.tapes}
        return Part(day, self.dims, self.upto, streams)

    def _stream(self, tape: str, day: date, in_order: bool, ids: Ids) -> Generator[Columns, None, None]:
        """The rows of a tape over a connection of its own; of the first tape in whole instruments."""
        with self.another() as cursor:
            reader = self._rows(cursor, tape, [day], in_order, ids).to_arrow_reader(IN_PLACE_ROWS)
            batches = ({name: column for name, column in columns_of(b).items() if name != "session"} for b in reader)
            read = 0
            first = tape == next(iter(self.tapes))
            for batch in whole(batches, self.instrument) if first else batches:
                read += len(batch[self.instrument])
                yield batch
        self.counted(day, read)

    def _shards(self, day: date, shard_rows: int) -> list[tuple[Ids, int]]:
        """Id ranges of one session, and the rows of each, about `shard_rows`; an instrument is never cut."""
        rows: Counter[int] = Counter()
        for tape in self.tapes:
            text = query("tape/instruments", instrument=self.instrument, tape=tape)
            rows.update(dict(self.cursor.execute(text, {"day": day}).fetchall()))
        counts = sorted(rows.items())
        low, held = counts[0][0], 0
        shards: list[tuple[Ids, int]] = []
        for at, (identity, n) in enumerate(counts):
            held += n
            if held >= shard_rows or at == len(counts) - 1:
                shards.append(((int(low), int(identity)), int(held)))
                low, held = identity + 1, 0
        return shards

    def _read(self, days: Sequence[date], in_order: bool, rows: int, room: Room, ids: Ids) -> list[Part]:
        """One query a tape for a run of sessions, then cut by session; `rows` is how many to make room for at first."""
        cut: dict[str, dict[date, pl.DataFrame]] = {}
        for tape in self.tapes:
            reader = self._rows(self.cursor, tape, days, in_order, ids).to_arrow_reader(READ_ROWS)
            cut[tape] = by_session(gathered(reader, rows, room))
            for day in days:
                if day in cut[tape]:
                    self.counted(day, cut[tape][day].height)
        first = next(iter(self.tapes))
        return [
            Part(day, {**{name: cut[name].get(day, cut[name][date.min]) for name in cut}, **self.dims}, self.upto)
            for day in days
            if day in cut[first]
        ]

    def _rows(self, cursor: Any, tape: str, days: Sequence[date], in_order: bool, ids: Ids = None) -> Any:
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
        return cursor.sql(text, params=values)


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


def whole(batches: Iterable[Columns], instrument: str) -> Iterator[Columns]:
    """The same rows in batches that hold whole instruments: only those that a batch's end cuts are copied.

    >>> cut = [{"symbol": np.array([1, 1, 2])}, {"symbol": np.array([2])}, {"symbol": np.array([2, 3])}]
    >>> [batch["symbol"].tolist() for batch in whole(cut, "symbol")]
    [[1, 1], [2, 2, 2], [3]]
    """
    pieces: list[Columns] = []
    for batch in batches:
        ids = batch[instrument]
        if not len(ids):
            continue
        first = 0
        if pieces:
            first = int(np.searchsorted(ids, pieces[0][instrument][0], side="right"))
            if first:
                pieces.append({name: column[:first] for name, column in batch.items()})
            if first == len(ids):
                continue
            yield _joined(pieces)
        last = max(first, int(np.searchsorted(ids, ids[-1])))
        if last > first:
            yield {name: column[first:last] for name, column in batch.items()}
        pieces = [{name: column[last:] for name, column in batch.items()}]
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[Columns]) -> Columns:
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


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
    """How many rows there are of each session, given in days since 1970, ascending.

    Most batches are of one session, which their first and last row show without a look at the others.

    >>> by_day(np.array([0, 0, 1], np.int32))
    [(datetime.date(1970, 1, 1), 2), (datetime.date(1970, 1, 2), 1)]
    """
    several = len(session) > 0 and session[0] != session[-1]
    heads = np.flatnonzero(session[1:] != session[:-1]) + 1 if several else np.empty(0, np.int64)
    bounds = [0, *heads.tolist(), len(session)] if len(session) else []
    return [(session[a].astype("datetime64[D]").item(), z - a) for a, z in pairwise(bounds)]
