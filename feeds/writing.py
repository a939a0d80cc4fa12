"""One file on its way into the store: its rows and refusals staged as they come, then written whole or not at all.

The queries stand in feeds/sql/writing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from feeds.arrow import resting
from feeds.check import flags_of
from feeds.codes import Codes
from feeds.errors import RowsLost
from feeds.keyed import settle_keyed
from feeds.ledger import Ledger
from feeds.query import query
from feeds.schema import TAPE_COLUMNS, TAPE_EXTRAS, Table

STAGED_ROWS = 1 << 17
"""Rows that are staged together at least: more than one of the database's row groups, which a lesser lot would begin
and the next one write again."""

_NARROW_MOST = 999_999_999
"""What an int32 holds, also as DECIMAL(9,6)."""


@dataclass(frozen=True)
class Entry:
    """What the ledger says of one file once it is in."""

    file: int
    read: int
    stored: int
    duplicates: int
    rejected: int
    replaced: int = 0
    corrected: int = 0
    completed: int = 0


@dataclass(frozen=True)
class Named:
    """What a file is called in the ledger.

    Attributes
    ----------
    path : shown beside each reject
    assumed : canonical columns that a mapping assumed, comma-separated
    """

    source: str
    logical_name: str
    sha256: str
    path: str = ""
    assumed: str | None = None


class FileWriting:
    """One file on its way into the store; see `Store.writing`.

    Parameters
    ----------
    connection : the store's own, on which nothing else is asked meanwhile
    ledger : what is known of earlier files
    transaction : opens the store's transaction, or joins the one that stands

    Attributes
    ----------
    good, refused, left_out : rows and lines staged so far
    first_refused : record and reason of the first refusal that came
    """

    def __init__(
        self,
        connection: Any,
        ledger: Ledger,
        transaction: Callable[[], AbstractContextManager[None]],
        table: Table,
        named: Named,
    ) -> None:
        self._db, self._ledger, self._transaction = connection, ledger, transaction
        self._table, self._named = table, named
        self._seen: dict[str, Codes] = {}
        if table.is_tape:
            stock = table.instrument == ("symbol",)
            self._seen["symbols" if stock else "contracts"] = Codes(table.instrument)
            if "exchange" in table.names:
                self._seen |= {"venues": Codes(("exchange",)), "conditions": Codes(("conditions",))}
        self._alike: dict[str, object] = {}
        self._narrow: set[str] = set()
        self._next: list[pl.DataFrame] = []
        self._staged = False
        self._in_time, self._last = True, pl.DataFrame()
        self.good = self.refused = self.left_out = 0
        self.first_refused: tuple[int, str] | None = None
        self.clear()
        for name in ("refused", "left_out"):
            self._run("refused_table", {"table": name})

    def _run(self, name: str, names: dict[str, str] | None = None, **values: object) -> list[Any]:
        rows: list[Any] = self._db.execute(query(f"writing/{name}", **(names or {})), values).fetchall()
        return rows

    def _count(self, name: str, names: dict[str, str] | None = None, **values: object) -> int:
        """The one number that a query answers; of an INSERT, the rows written."""
        return int(self._run(name, names, **values)[0][0])

    def clear(self) -> None:
        """Drop what was staged."""
        for name in ("stage", "refused", "left_out", "passed", "ordered", *(f"ids_{dim}" for dim in self._seen)):
            self._run("drop", {"table": name})

    # -- staging ---------------------------------------------------------------------------------------------------

    def add(self, batch: pl.DataFrame) -> None:
        """Stage checked rows (`Checked.good`)."""
        if not batch.height:
            return
        for dim, seen in self._seen.items():
            codes = seen.coded(batch).alias(dim)
            batch = batch.drop(seen.columns).with_columns(codes)
        self._next.append(batch)
        self.good += batch.height
        if sum(part.height for part in self._next) >= STAGED_ROWS:
            self._stage()

    def _stage(self) -> None:
        """Put the rows that wait for more of them where all wait for the last."""
        if not self._next:
            return
        batch = pl.concat(self._next)
        self._next.clear()
        if self._table.is_tape:
            self._in_time = self._in_time and self._follows(batch)
            batch = self._narrowed(self._without_alike(batch))
        with self._offered(resting(batch, self._table)):
            self._run("more_rows" if self._staged else "first_rows")
        self._staged = True

    def _follows(self, batch: pl.DataFrame) -> bool:
        """Whether rows came in the order of their times and sequences, one after another and after those before."""
        rows = batch.select("ts", "sequence", "record")
        rows = rows if self._last.is_empty() else pl.concat([self._last, rows])
        self._last = rows.tail(1)
        ts, sequence, record = (rows[name].to_numpy() for name in rows.columns)
        in_time = (ts[1:] > ts[:-1]) | ((ts[1:] == ts[:-1]) & (sequence[1:] >= sequence[:-1]))
        return bool(in_time.all() and (record[1:] > record[:-1]).all())

    def _without_alike(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Leave out columns that hold one value in all rows so far: it is kept instead, and written at the end."""
        if not self._staged:
            alike = [name for name in batch.columns if name != "record" and _one_value(batch[name])]
            self._alike = {name: batch[name][0] for name in alike}
        for name, value in list(self._alike.items()):
            if batch[name][0] != value or not _one_value(batch[name]):
                self._run("add_column", {"column": name, "resting": self._resting_type(name)})
                self._run("fill_column", {"column": name, "literal": self._literal(name, "value")}, value=value)
                del self._alike[name]
        return batch.drop(self._alike)

    def _narrowed(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Whole numbers, prices in micros among them, in half their width as long as all of the file's fit.

        What waits is sorted, and of a long file it goes to disk and back: its width is what both cost.
        """
        wide = [name for name, dtype in batch.schema.items() if dtype == pl.Int64 and name != "ts"]
        most = batch.select(pl.max_horizontal(pl.col(name).max(), -pl.col(name).min()) for name in wide).row(0)
        fitting = {name for name, largest in zip(wide, most, strict=True) if largest <= _NARROW_MOST}
        if not self._staged:
            self._narrow = fitting
        for name in self._narrow - fitting:
            self._run("widen_column", {"column": name, "resting": self._resting_type(name)})
        self._narrow &= fitting
        return batch.with_columns(pl.col(self._narrow).cast(pl.Int32))

    def _resting_type(self, name: str) -> str:
        return "INTEGER" if name in self._seen else self._types[name]

    @cached_property
    def _types(self) -> dict[str, str]:
        """The types of the tape's columns, asked once a file."""
        return {str(name): str(kind) for name, kind in self._run("types", tape=self._table.name)}

    def _literal(self, name: str, value: str) -> str:
        """A named value as a column rests, given as it travels: integers for times and decimals."""
        resting = self._resting_type(name)
        if resting.startswith("DECIMAL"):
            return f"(${value}::BIGINT::DECIMAL(18,0) * 0.000001)::{resting}"
        if resting.startswith("TIMESTAMP"):
            return f"make_timestamp_ns(${value}::BIGINT)::{resting}"
        return f"${value}::{resting}"

    def refuse(self, rejects: pl.DataFrame) -> None:
        """Stage refused rows (`Checked.rejects`)."""
        self.refused += rejects.height
        self._stage_refused("refused", rejects)

    def leave_out(self, misfits: pl.DataFrame) -> None:
        """Stage refused lines that the text reader left out: rows after them move down by as many."""
        self.left_out += misfits.height
        self._stage_refused("left_out", misfits)

    def _stage_refused(self, name: str, frame: pl.DataFrame) -> None:
        if frame.height:
            record, reason, _ = frame.select("record", "reason", "raw").row(0)
            self.first_refused = self.first_refused or (record, reason)
            with self._offered(frame.select("record", "reason", "raw").to_arrow()):
                self._run("refuse", {"table": name})

    @contextmanager
    def _offered(self, rows: Any) -> Iterator[None]:
        """Arrow rows under the name `batch`."""
        self._db.register("batch", rows)
        try:
            yield
        finally:
            self._db.unregister("batch")

    # -- settling --------------------------------------------------------------------------------------------------

    def settle(self, rows: int | None = None) -> Entry:
        """Write everything staged, in one transaction: whole, or not at all.

        Parameters
        ----------
        rows : how many rows the file was seen to have, where somebody counted

        Raises
        ------
        RowsLost : that many are not accounted for; nothing is written

        Notes
        -----
        An earlier version of the same (table, source, logical name) is replaced. The same content again is read for the
        rows of a keyed table that are missing by now: they had been another file's too, which withdrew them.

        In keyed tables an absent fact contradicts nothing. Against the row that an earlier file left under its key, a
        row that says the same or less is a duplicate; one that says the same and more takes its place as a completion;
        any other takes its place and is recorded in `ledger.corrections`. What rests is always one file's row as it
        stood there, never put together from two: a correction that knows less than what it corrects leaves no more than
        it says. But a row of a file with assumed columns is a duplicate of one that was read without, whatever it says.
        Within one file the last row under a key holds, and every difference is recorded.
        """
        table, named = self._table.name, self._named
        self._stage()
        if self.left_out:
            self._move_down()
        refused = self.refused + self.left_out
        earlier = self._ledger.ledger_entry(table, named.source, named.logical_name)
        with self._transaction():
            file = self._count("next_file")
            again = earlier is not None and earlier[1] == named.sha256 and not self._table.is_tape
            kept = self._renumber(earlier[0], file) if earlier and again else 0
            replaced = self._forget(earlier[0], file) if earlier and not again else 0
            stored, duplicates, corrected, completed = 0, 0, 0, 0
            if self.good:
                if self._table.is_tape:
                    stored = self._settle_tape(file)
                else:
                    stored, duplicates, corrected, completed = settle_keyed(
                        self._run, self._table, file, self.good, named.assumed, again
                    )
                self._run("partitions", {"rests": _rests(self._table)}, table=table, file=file)
            self._run("rejects", file=file, path=named.path, table=table)
            read = stored + duplicates + refused
            seen = self.good + refused if rows is None else rows
            if read != seen:
                raise RowsLost(named.path, seen, read)
            self._run(
                "file", file=file, table=table, source=named.source, logical_name=named.logical_name,
                sha256=named.sha256, read=read, stored=stored + kept, duplicates=duplicates - kept, rejected=refused,
                replaces=earlier[0] if earlier else None, assumed=named.assumed,
            )  # fmt: skip
        return Entry(file, read, stored, duplicates, refused, replaced, corrected, completed)

    def _move_down(self) -> None:
        """Number staged rows past the lines that were left out: a reader counts the lines that it gives."""
        self._run("passed")
        for name in ("stage", "refused") if self.good else ("refused",):
            self._run("moved_down", {"table": name})
            self._run("drop", {"table": name})
            self._run("rename_ordered", {"table": name})

    def _forget(self, old: int, new: int) -> int:
        """Take an earlier version's own rows out; its ledger line stays, marked as superseded."""
        rests = {"rests": _rests(self._table)}
        self._run("supersede_file", old=old, new=new)
        self._run("forget_partitions", old=old)
        return self._count("forget_rows", rests, old=old)

    def _renumber(self, old: int, new: int) -> int:
        """Take over the rows that the same content left when it was read before; how many."""
        self._run("supersede_file", old=old, new=new)
        self._run("forget_partitions", old=old)
        return self._count("renumber_rows", {"rests": _rests(self._table)}, old=old, new=new)

    def _settle_tape(self, file: int) -> int:
        """Give ids to new instruments, venues and conditions, and write the rows in the order of the store."""
        instrument, *_ = columns = (*TAPE_COLUMNS[self._table.name], *TAPE_EXTRAS.get(self._table.name, ()))
        coded = {instrument: next(iter(self._seen))}
        if "conditions" in self._seen:
            coded |= {"venue": "venues", "conditions": "conditions"}
            columns = (*columns, "conditions")
        for dim, seen in self._seen.items():
            self._learn(dim, seen)
        picked, once, values = [], [], dict[str, object]()
        for name in ("session", *columns):
            dim = coded.get(name, name)
            if name == "file":
                once.append("$file::INTEGER AS file")
                values["file"] = file
            elif dim in self._alike:
                given = query("writing/one_id", dim=dim, value=name)
                once.append(f"{given if name in coded else self._literal(dim, name)} AS {name}")
                values[name] = self._alike[dim]
            else:
                picked.append(f"ids_{dim}.id AS {name}" if name in coded else f"s.{name}")
        joins = [
            f"JOIN temp.ids_{dim} ON ids_{dim}.given = s.{dim}" for dim in coded.values() if dim not in self._alike
        ]
        # where rows came in the order of time, that of their records is the same, and sorted by in half the room
        within = ("record",) if self._in_time else ("ts", "sequence", "record")
        order = [name for name in ("session", instrument, *within) if coded.get(name, name) not in self._alike]
        shape = {"once": ", ".join(once), "picked": ", ".join(picked), "joins": " ".join(joins)}
        return self._count("tape", {"tape": self._table.name, **shape, "order": ", ".join(order)}, **values)

    def _learn(self, dim: str, seen: Codes) -> None:
        """Give ids to what is new, in the order of its names, and note the id of each of the file's codes."""
        names = {"venues": {"exchange": "code"}}.get(dim, {})
        columns = [f'"{names.get(column, column)}"' for column in seen.columns]
        same = " AND ".join(f"d.{column} = s.{column}" for column in columns)
        codes = seen.codes
        if codes is None:
            raise AssertionError("a file without rows has nothing to learn")
        if dim == "conditions":
            words = [flags_of(text)[1] for text in codes["conditions"]]
            codes = codes.with_columns(unknown=pl.Series(words, dtype=pl.String))
        unknown = ", s.unknown" if dim == "conditions" else ""
        with self._offered(resting(codes.rename(names), self._table)):
            self._run("learn", {"dim": dim, "listed": ", ".join(columns), "same": same, "unknown": unknown})
            self._run("ids", {"dim": dim, "same": same})


def _rests(table: Table) -> str:
    return f"tape.{table.name}" if table.is_tape else f"main.{table.name}"


def _one_value(column: pl.Series) -> bool:
    return bool((column == column[0]).all())
