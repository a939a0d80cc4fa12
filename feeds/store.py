"""The store: one DuckDB file that holds every table, the ledger of where each row came from, and what was refused.

The only importer of duckdb. Tapes rest in the order session, instrument, ts, sequence, with integer codes; daily tables
rest as they are documented. Every file enters whole or not at all.
"""

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeVar

import duckdb
import numpy as np
import polars as pl

from feeds.arrow import integers
from feeds.check import flags_of
from feeds.errors import StoreBusy, StoreFull, StoreUnreadable, UnreadableFile
from feeds.feed import zst_is_whole
from feeds.kept import Kept
from feeds.lookup import Lookup
from feeds.query import query
from feeds.schema import TABLES, TAPE_COLUMNS, TAPE_EXTRAS, Part, Sessions, Table
from feeds.tape import IN_PLACE_ROWS, SHARD_ROWS, TapeReader

LAYOUT = 4
"""Number of the newest file in feeds/sql: the layout that this version writes."""

FIRST_DAY = date(1950, 1, 1)
"""Exchange sessions are known from here on; older daily rows belong to no session."""

_HEADERS = 3 * 4096
"""Bytes at the beginning of a database that say which of its blocks hold."""

_SNAPSHOT_TRIES = 20

BATCH_ROWS = 1 << 17
"""Rows of a text file that are read, checked and staged together."""

WRITING_MEMORY = "256MiB"
"""What the database may hold while a file is written; the rest waits on disk, beside the store."""

WRITING_THREADS = 4
"""As many as that memory suffices for: each thread of a sort and of a reader holds tens of megabytes."""

_Item = TypeVar("_Item")


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


_NO_ROOM = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.TransactionException)


def _reworded(path: str, error: duckdb.Error) -> Exception:
    """DuckDB's lock and open errors in our words: they name a pid, but also paths and addresses of no use to a user."""
    text = str(error)
    if holder := re.search(r"PID (\d+)", text):
        return StoreBusy(
            f"`--db`, was '{path}': process {holder.group(1)} is writing to it. Wait for it to end, or stop it."
        )
    if "lock" in text.lower():
        return StoreBusy(f"`--db`, was '{path}': another process is writing to it. Wait for it to end, or stop it.")
    if "newer version" in text or "version number" in text:
        return StoreUnreadable(
            f"`--db`, was '{path}': from a newer version of the database format. Upgrade bullbear, or name another."
        )
    return StoreUnreadable(
        f"`--db`, was '{path}': not a database of bullbear. Name another file, or a new one to create."
    )


def _snapshot(path: Path, folder: Path, busy: Exception) -> Path:
    """A copy of a store that another process is writing to, as of its last commit.

    A commit only adds to the log beside the file, and a checkpoint ends with a new header: where neither changed while
    the copy was made, the copy is whole. What a writer has put into the file since then is in no header yet.
    """
    log = Path(f"{path}.wal")

    def state() -> tuple[bytes, int]:
        with path.open("rb") as stream:
            return stream.read(_HEADERS), log.stat().st_size if log.exists() else 0

    for _ in range(_SNAPSHOT_TRIES):
        before = state()
        copy = folder / path.name
        shutil.copyfile(path, copy)
        Path(f"{copy}.wal").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(log, f"{copy}.wal")
        if state() == before:
            return copy
    raise busy


def _sweep(folder: Path) -> None:
    """Remove what a killed writer had put aside: nobody else uses the folder while we hold the store for writing."""
    for left in folder.glob("duckdb_temp_*"):
        left.unlink(missing_ok=True)
    with suppress(OSError):  # absent, or something of the user's is in it
        folder.rmdir()


class Store(Kept, Lookup):
    """An open store. Use `Store.open(path)` as a context manager; `Store.memory()` for one that is not kept."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        self._db = connection
        self.path = path
        self.scanned: Counter[date] = Counter()
        """Rows of tapes read since the store was opened, by session."""
        self._counting = Lock()
        self._reads: list[Generator[Any, None, None]] = []
        self._others: list[duckdb.DuckDBPyConnection] = []
        self._joined = False  # whether appends join a transaction that stands around them

    # -- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    @contextmanager
    def open(cls, path: Path | str, read_only: bool = False) -> Iterator["Store"]:
        """Open a store file, creating it if it is to be written and absent.

        While another process writes, a reader gets a copy of what was committed when it asked.

        Raises
        ------
        StoreBusy : another process holds it, and this one is to write
        StoreUnreadable : no store, or written by a newer version
        """
        path = Path(path)
        if read_only and not path.exists():
            raise StoreUnreadable(
                f"`--db`, was '{path}': no such file. Fill one with `bullbear ingest`, or try --demo."
            )
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                connection = duckdb.connect(str(path), read_only=read_only)
            except duckdb.Error as error:
                fault = _reworded(str(path), error)
                if not (read_only and isinstance(fault, StoreBusy)):
                    raise fault from None
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="bullbear-snapshot-")))
                connection = duckdb.connect(str(_snapshot(path, folder, fault)), read_only=True)
            store = cls(connection, str(path))
            stack.callback(store._close)
            if not read_only:
                _sweep(Path(f"{path}.tmp"))
            store._prepare(read_only)
            yield store

    @classmethod
    @contextmanager
    def memory(cls) -> Iterator["Store"]:
        """A store in memory, gone when it is closed."""
        connection = duckdb.connect(":memory:")
        store = cls(connection, ":memory:")
        try:
            store._prepare(read_only=False)
            yield store
        finally:
            store._close()

    def _close(self) -> None:
        """Close the connection, and before it the reads that nobody took to their end: DuckDB waits for no one."""
        for ahead in self._reads:
            ahead.close()
        for cursor in self._others:
            cursor.close()
        self._db.close()

    def _prepare(self, read_only: bool) -> None:
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.execute("SET arrow_output_version = '1.5'")  # decimals travel as 64-bit integers
        tables = {
            f"{schema}.{name}"
            for schema, name in self._db.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
        found = 0
        if "ledger.store" in tables:
            found = int(self._one("SELECT max(version) FROM ledger.store"))
        elif tables or read_only:
            raise StoreUnreadable(
                f"`--db`, was '{self.path}': a database, but not one of bullbear. Name another, or a new one to create."
            )
        if found > LAYOUT:
            raise StoreUnreadable(
                f"`--db`, was '{self.path}': layout {found}, by a newer version; this one knows layout {LAYOUT}."
                " Upgrade bullbear, or name another file."
            )
        if found < LAYOUT:
            if read_only:
                raise StoreUnreadable(
                    f"`--db`, was '{self.path}': layout {found}, by an older version; this one needs layout {LAYOUT}."
                    " Run `bullbear ingest` once: it brings the store up to date."
                )
            self._bring_up(found)

    def _bring_up(self, found: int) -> None:
        """Run the layout's scripts that are newer than `found`, all of them or none."""
        scripts = {
            int(entry.name.split("_")[0]): entry
            for entry in files("feeds").joinpath("sql").iterdir()
            if entry.name.endswith(".sql")
        }
        with self._transaction():
            for number in sorted(scripts):
                if number > found:
                    self._db.execute(scripts[number].read_text(encoding="utf-8"))
            self._db.execute("INSERT INTO ledger.store VALUES (?, ?)", [LAYOUT, _our_version()])

    def _one(self, query: str, parameters: Sequence[object] = ()) -> Any:
        # to the end: an unread result blocks the connection's next question
        rows = self._db.execute(query, list(parameters)).fetchall()
        return rows[0][0] if rows else None

    def _frame(self, text: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
        """A query's answer with times as Int64 nanoseconds and DECIMAL(18,6) as Int64 micros."""
        return integers(self._db.sql(text, params=list(parameters)).to_arrow_table())

    # -- sessions --------------------------------------------------------------------------------------------------

    def sessions(self, exchange: str = "XNYS") -> Sessions:
        """Every session of an exchange that the store knows; empty before the first ingest."""
        return self._sessions.get(exchange) or Sessions((), np.empty(0, np.int64), np.empty(0, np.int64))

    @cached_property
    def _sessions(self) -> dict[str, Sessions]:
        frame = self._frame("SELECT * FROM dim.sessions ORDER BY exchange, session")
        return {
            str(exchange): Sessions(tuple(part["session"]), part["open"].to_numpy(), part["close"].to_numpy())
            for (exchange,), part in frame.partition_by("exchange", as_dict=True).items()
        }

    def calendar(self, exchange: str = "XNYS") -> Sessions:
        """`sessions`, reaching well beyond today: a store kept for years learns new ones at its next ingest."""
        held = self.sessions(exchange)
        horizon = datetime.now(UTC).date() + timedelta(days=200)
        if len(held) and held.dates[-1] >= horizon:
            return held
        from feeds.calendar import exchange_sessions

        fresh = exchange_sessions(exchange, FIRST_DAY, date.max)
        rows = fresh.frame().select(
            exchange=pl.lit(exchange), session="session", open=_time("open"), close=_time("close")
        )
        with self._transaction():
            self._db.execute("DELETE FROM dim.sessions WHERE exchange = ?", [exchange])
            self._db.register("fresh_sessions", rows.to_arrow())
            self._db.execute("INSERT INTO dim.sessions SELECT * FROM fresh_sessions")
            self._db.unregister("fresh_sessions")
        del self._sessions
        return self.sessions(exchange)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._joined:
            yield
            return
        with self._room():
            self._db.execute("BEGIN")
            try:
                yield
            except BaseException:
                with suppress(duckdb.Error):  # a database that lost its disk has nothing to roll back
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _room(self) -> Iterator[None]:
        """A disk that takes no more is an error that the user can mend."""
        try:
            yield
        except _NO_ROOM as error:
            raise StoreFull(
                f"`--db`, was '{self.path}': cannot be written: {_first_line(error)}. Nothing of the file is stored;"
                " make room and run the same command again."
            ) from None

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction around several appends: all of them, or none."""
        with self._transaction():
            self._joined = True
            try:
                yield
            finally:
                self._joined = False

    # -- reading text files ----------------------------------------------------------------------------------------

    def read_text(self, path: Path, delimiter: str, columns: Sequence[str], header: bool = True) -> "TextFile":
        """A delimited file (plain, gz or zst) as batches of text columns."""
        return TextFile(self._db.cursor(), path, delimiter, tuple(columns), header)

    # -- writing ---------------------------------------------------------------------------------------------------

    def ledger_entry(self, table: str, source: str, logical_name: str) -> tuple[int, str, int] | None:
        """(file, sha256, rows read) of the version of a file that is in, None if there is none."""
        rows = self._db.execute(
            """SELECT file, sha256, read FROM ledger.files
               WHERE "table" = ? AND source = ? AND logical_name = ? AND superseded_by IS NULL""",
            [table, source, logical_name],
        ).fetchall()
        return (int(rows[0][0]), str(rows[0][1]), int(rows[0][2])) if rows else None

    def holds(self, table: str, source: str, sha256: str) -> int | None:
        """Rows read from a file of the same content that is in under whatever name; None if there is none."""
        read: int | None = self._one(
            'SELECT read FROM ledger.files WHERE "table" = ? AND source = ? AND sha256 = ? AND superseded_by IS NULL',
            [table, source, sha256],
        )
        return read

    def append(
        self,
        table: Table,
        source: str,
        logical_name: str,
        sha256: str,
        batches: Iterable[pl.DataFrame],
        path: str = "",
        rejects: Iterable[pl.DataFrame] = (),
        misfits: Iterable[pl.DataFrame] = (),
        assumed: str | None = None,
    ) -> Entry:
        """Write one file whose checked rows are at hand: `writing` in one call.

        Parameters
        ----------
        batches : `Checked.good` frames
        rejects, misfits : refused rows and lines, taken after the last batch
        """
        with self.writing(table, source, logical_name, sha256, path, assumed) as file:
            for batch in batches:
                file.add(batch)
            for frame in rejects:
                file.refuse(frame)
            for frame in misfits:
                file.leave_out(frame)
            return file.settle()

    @contextmanager
    def writing(
        self,
        table: Table,
        source: str,
        logical_name: str,
        sha256: str,
        path: str = "",
        assumed: str | None = None,
    ) -> Iterator["FileWriting"]:
        """One file on its way in: rows and refusals are staged as they come, `settle` writes them in one transaction.

        Parameters
        ----------
        path : shown beside each reject
        assumed : canonical columns that a mapping assumed, comma-separated

        Raises
        ------
        StoreFull : no room on the disk; nothing of the file is stored

        Notes
        -----
        Meanwhile the database keeps to `WRITING_MEMORY`; what does not fit goes to a folder beside the store.
        """
        most, threads = (self._one(f"SELECT current_setting('{name}')") for name in ("memory_limit", "threads"))
        with self._room():
            self._db.execute(f"SET memory_limit = '{WRITING_MEMORY}'")
            self._db.execute(f"SET threads = {min(int(threads), WRITING_THREADS)}")
            file = FileWriting(self, table, source, logical_name, sha256, path, assumed)
            try:
                yield file
            finally:
                with suppress(duckdb.FatalException):
                    file.clear()
                    self._db.execute(f"SET memory_limit = '{most}'")
                    self._db.execute(f"SET threads = {threads}")

    # -- reading ---------------------------------------------------------------------------------------------------

    def parts(
        self,
        tables: Mapping[str, str],
        sessions: Sessions,
        exchange: str = "XNYS",
        as_of: int | None = None,
        shard_rows: int = SHARD_ROWS,
        columns: Mapping[str, Sequence[str]] | None = None,
        without: Collection[date] = (),
        read_ahead: bool = True,
        streamed: bool = False,
    ) -> Iterator[Part]:
        """What `Indicator.measure` needs, part by part.

        Parameters
        ----------
        tables : table name → "session" (whole blocks of a tape) or "history" (the whole table)
        sessions : the sessions to cover; histories reach back to their beginning and end with the last one
        as_of : nanoseconds UTC; rows known later are left out
        shard_rows : prints or quotes of one query; a session that holds more is cut between instruments
        columns : tape name → the columns to read; all of them where none are named
        without : sessions whose tapes are not read, because what was measured of them is held
        read_ahead : read the next part in a thread while the last one is worked on
        streamed : large sessions come as streams, for whoever asks a part for its `batches` instead of its tables
        """
        if not len(sessions):
            return
        upto = self.sessions(exchange).window(None, sessions.dates[-1])
        histories = [name for name, split in tables.items() if split == "history"]
        if histories:
            yield Part(None, {name: self._history(name, upto.dates[-1], as_of) for name in histories}, upto)
        wanted = columns or {}
        tapes = {n: wanted.get(n) or TAPE_COLUMNS[n] for n, split in tables.items() if split == "session"}
        if tapes:
            yield from self._tape_parts(tapes, sessions, upto, as_of, (shard_rows, without, read_ahead, streamed))

    def _history(self, name: str, last: date, as_of: int | None) -> pl.DataFrame:
        known = "" if as_of is None else "AND epoch_ns(known_at) <= ?"
        key = ", ".join(f'"{column}"' for column in TABLES[name].key)
        parameters: list[object] = [last] + ([] if as_of is None else [as_of])
        return self._frame(f"SELECT * FROM main.{name} WHERE session <= ? {known} ORDER BY session, {key}", parameters)

    def _tape_parts(
        self,
        tapes: Mapping[str, Sequence[str]],
        sessions: Sessions,
        upto: Sessions,
        as_of: int | None,
        how: tuple[int, Collection[date], bool, bool],
    ) -> Iterator[Part]:
        """Parts of some tapes (name → columns to read), the first of which says which sessions there are."""
        first = next(iter(tapes))
        dims = {f"{TAPE_COLUMNS[first][0]}s": self.instruments(first)}
        dims["venues"] = self._frame("SELECT * FROM dim.venues ORDER BY id")
        reader = partial(TapeReader, another=self._another, counted=self._count, tapes=tapes, dims=dims, upto=upto)
        yield from self._aside(lambda cursor: reader(cursor, as_of=as_of).parts(sessions.dates, *how))

    def batches(
        self, tape: str, sessions: Sessions, columns: Sequence[str], batch_rows: int = IN_PLACE_ROWS
    ) -> Iterator[dict[str, np.ndarray]]:
        """A tape of some sessions as arrays by column, in the order of the store, wherever a batch ends.

        For sums that carry their own state over a tape of any length: nothing is copied, and memory holds few batches.

        Parameters
        ----------
        columns : what to read of the tape; `session`, int32 days since 1970, is beside them
        batch_rows : the most rows of a batch
        """
        if not len(sessions):
            return
        reader = partial(TapeReader, another=self._another, counted=self._count, tapes={tape: columns}, dims={})
        read = partial(reader, upto=sessions, as_of=None)
        yield from self._aside(lambda cursor: read(cursor).batches(sessions.dates, batch_rows))

    def instruments(self, tape: str) -> pl.DataFrame:
        """What the instruments of a tape are: contracts or symbols, by id."""
        return self._frame(f"SELECT * FROM dim.{TAPE_COLUMNS[tape][0]}s ORDER BY id")

    def _aside(self, read: Callable[[Any], Generator[_Item, None, None]]) -> Iterator[_Item]:
        """A read over a connection of its own: whoever takes it may ask the store something between two items."""
        with self._another() as cursor, closing(read(cursor)) as items:
            self._reads.append(items)
            yield from items
            self._reads.remove(items)

    @contextmanager
    def _another(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the same store."""
        with self._db.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("SET arrow_output_version = '1.5'")
            self._others.append(cursor)
            yield cursor
            self._others.remove(cursor)

    def _count(self, session: date, rows: int) -> None:
        """Rows of a session were read; streams of one are taken by several threads at once."""
        with self._counting:
            self.scanned[session] += rows

    def partition_hash(self, tables: Iterable[str], last: date) -> str:
        """Sha256 over the files behind every partition of some tables up to a session: changes when any input does."""
        rows = self._db.execute(
            """SELECT p."table", p.session, f.sha256, p.rows FROM ledger.partitions p JOIN ledger.files f USING (file)
               WHERE p."table" IN (SELECT unnest(?)) AND p.session <= ? ORDER BY 1, 2, 3, 4""",
            [sorted(tables), last],
        ).fetchall()
        digest = hashlib.sha256()
        for row in rows:
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def tape_hashes(self, tapes: Sequence[str], sessions: Sessions) -> dict[date, str]:
        """What each session's tapes rest on: sha256 over their files, which a corrected or added file changes."""
        if not len(sessions):
            return {}
        rows = self._db.execute(
            """SELECT p.session, p."table", f.sha256, p.rows FROM ledger.partitions p JOIN ledger.files f USING (file)
               WHERE p."table" IN (SELECT unnest(?)) AND p.session BETWEEN ? AND ? ORDER BY 1, 2, 3, 4""",
            [sorted(tapes), sessions.dates[0], sessions.dates[-1]],
        ).fetchall()
        digests: dict[date, Any] = {}
        for day, *what in rows:
            digests.setdefault(day, hashlib.sha256()).update(repr(what).encode())
        return {day: digest.hexdigest() for day, digest in digests.items()}

    def held_sessions(self, table: str) -> list[tuple[date, int]]:
        """Sessions with rows of a table, and how many."""
        return [
            (day, int(n))
            for day, n in self._db.execute(
                'SELECT session, sum(rows) FROM ledger.partitions WHERE "table" = ? GROUP BY session ORDER BY session',
                [table],
            ).fetchall()
        ]

    def rejects(self) -> pl.DataFrame:
        """Every refused row: file, path, table, record, reason, raw."""
        return self._frame("SELECT * FROM ledger.rejects ORDER BY file, record")

    def reject_counts(self) -> list[tuple[str, str, int]]:
        """(table, reason without the value, rows), most first."""
        return [
            (str(table), str(reason), int(n))
            for table, reason, n in self._db.execute(
                r"""SELECT "table", regexp_replace(reason, ', was ''.*'':', ':', 's') AS reason, count(*) AS n
                    FROM ledger.rejects GROUP BY 1, 2 ORDER BY n DESC, 1, 2"""
            ).fetchall()
        ]

    def file_counts(self) -> dict[str, int]:
        """Files in force, by table."""
        rows = self._db.execute('SELECT "table", count(*) FROM ledger.files WHERE superseded_by IS NULL GROUP BY 1')
        return {str(table): int(n) for table, n in rows.fetchall()}

    def correction_counts(self) -> dict[str, int]:
        """Rows of keyed tables that a later row under the same key replaced, by table."""
        rows = self._db.execute('SELECT "table", count(*) FROM ledger.corrections GROUP BY 1')
        return {str(table): int(n) for table, n in rows.fetchall()}

    def assumptions(self, table: str) -> list[str]:
        """The columns that mappings assumed for rows of a table."""
        return [
            str(assumed)
            for (assumed,) in self._db.execute(
                """SELECT DISTINCT assumed FROM ledger.files
                   WHERE "table" = ? AND assumed IS NOT NULL AND superseded_by IS NULL""",
                [table],
            ).fetchall()
        ]

    def unknown_conditions(self) -> list[tuple[str, int]]:
        """Condition words that nobody knows, with the prints that carry them."""
        return [
            (str(word), int(n))
            for word, n in self._db.execute(
                """SELECT k.unknown, count(*) FROM
                   (SELECT conditions FROM tape.option_trades UNION ALL SELECT conditions FROM tape.stock_trades) t
                   JOIN dim.conditions k ON k.id = t.conditions WHERE k.unknown <> '' GROUP BY 1 ORDER BY 2 DESC, 1"""
            ).fetchall()
        ]

    # -- queries kept as files in feeds/sql/bench -------------------------------------------------------------------

    def run_sql(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a script of feeds/sql, each of its statements with the named parameters that it asks for."""
        given = parameters or {}
        for statement in self._db.extract_statements(query(name)):
            self._db.execute(statement, {key: given[key] for key in statement.named_parameters})

    def scan(self, name: str, batch_rows: int = 1 << 19) -> Any:
        """A query of feeds/sql as an Arrow reader."""
        return self._db.sql(query(name)).to_arrow_reader(batch_rows)

    def answer(self, name: str) -> pl.DataFrame:
        """A query of feeds/sql as a frame in chunks, nothing copied: times as Int64 nanoseconds, decimals as micros."""
        table = self._db.sql(query(name)).to_arrow_table()
        batches = (table.from_batches([batch]) for batch in table.to_batches())
        return pl.concat([integers(part) for part in (table.slice(0, 0), *batches)], rechunk=False)


class _Seen:
    """Codes for what a file names (contracts, venues, …) in the order in which it names them."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.codes: pl.DataFrame | None = None

    def coded(self, batch: pl.DataFrame) -> pl.Series:
        """A batch's codes (Int32), row by row; names that are new get the next ones."""
        fresh = batch.select(self.columns).unique(maintain_order=True)
        held = 0
        if self.codes is not None:
            held = self.codes.height
            fresh = fresh.join(self.codes, on=self.columns, how="anti", maintain_order="left")
        numbered = fresh.with_columns(given=pl.int_range(held, held + fresh.height, dtype=pl.Int32))
        self.codes = numbered if self.codes is None else pl.concat([self.codes, numbered])
        named = batch.select(self.columns).join(self.codes, on=self.columns, how="left", maintain_order="left")
        return named["given"]


class FileWriting:
    """One file on its way into the store; see `Store.writing`.

    Attributes
    ----------
    good, refused, left_out : rows and lines staged so far
    first_refused : record and reason of the first refusal that came
    """

    def __init__(
        self, store: Store, table: Table, source: str, logical_name: str, sha256: str, path: str, assumed: str | None
    ) -> None:
        self._store, self._db = store, store._db
        self._table, self._source, self._logical_name, self._sha256 = table, source, logical_name, sha256
        self._path, self._assumed = path, assumed
        self._seen: dict[str, _Seen] = {}
        if table.is_tape:
            stock = table.instrument == ("symbol",)
            self._seen["symbols" if stock else "contracts"] = _Seen(table.instrument)
            if "exchange" in table.names:
                self._seen |= {"venues": _Seen(("exchange",)), "conditions": _Seen(("conditions",))}
        self._alike: dict[str, object] = {}
        self.good = self.refused = self.left_out = 0
        self.first_refused: tuple[int, str] | None = None
        self.clear()
        for name in ("refused", "left_out"):
            self._db.execute(f"CREATE TEMP TABLE {name} (record BIGINT, reason VARCHAR, raw VARCHAR)")

    def clear(self) -> None:
        """Drop what was staged."""
        for name in ("stage", "refused", "left_out", "passed", "ordered", *(f"ids_{dim}" for dim in self._seen)):
            self._db.execute(f"DROP TABLE IF EXISTS temp.{name}")

    def add(self, batch: pl.DataFrame) -> None:
        """Stage checked rows (`Checked.good`)."""
        if not batch.height:
            return
        for dim, seen in self._seen.items():
            codes = seen.coded(batch).alias(dim)
            batch = batch.drop(seen.columns).with_columns(codes)
        if self._table.is_tape:
            batch = self._without_alike(batch)
        with self._offered(_resting(batch, self._table)):
            order = "INSERT INTO temp.stage BY NAME" if self.good else "CREATE TEMP TABLE stage AS"
            self._db.execute(f"{order} SELECT * FROM batch")
        self.good += batch.height

    def _without_alike(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Leave out columns that hold one value in all rows so far: it is kept instead, and written at the end."""
        if not self.good:
            alike = [name for name in batch.columns if name != "record" and _one_value(batch[name])]
            self._alike = {name: batch[name][0] for name in alike}
        for name, value in list(self._alike.items()):
            if batch[name][0] != value or not _one_value(batch[name]):
                resting = self._resting_type(name)
                self._db.execute(f"ALTER TABLE temp.stage ADD COLUMN {name} {resting}")
                self._db.execute(f"UPDATE temp.stage SET {name} = {self._literal(name)}", [value])
                del self._alike[name]
        return batch.drop(self._alike)

    def _resting_type(self, name: str) -> str:
        return "INTEGER" if name in self._seen else self._types[name]

    @cached_property
    def _types(self) -> dict[str, str]:
        """The types of the tape's columns, asked once a file."""
        rows = self._db.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'tape' AND table_name = ?",
            [self._table.name],
        ).fetchall()
        return {str(name): str(kind) for name, kind in rows}

    def _literal(self, name: str) -> str:
        """SQL for a value of a column, given as it travels: integers for times and decimals."""
        resting = self._resting_type(name)
        if resting.startswith("DECIMAL"):
            return f"(?::BIGINT::DECIMAL(18,0) * 0.000001)::{resting}"
        return f"make_timestamp_ns(?::BIGINT)::{resting}" if resting.startswith("TIMESTAMP") else f"?::{resting}"

    def refuse(self, rejects: pl.DataFrame) -> None:
        """Stage refused rows (`Checked.rejects`)."""
        self.refused += rejects.height
        self._stage_refused("refused", rejects)

    def leave_out(self, misfits: pl.DataFrame) -> None:
        """Stage refused lines that the text reader left out: rows after them move down by as many (see `line_of`)."""
        self.left_out += misfits.height
        self._stage_refused("left_out", misfits)

    def _stage_refused(self, name: str, frame: pl.DataFrame) -> None:
        if frame.height:
            record, reason, _ = frame.select("record", "reason", "raw").row(0)
            self.first_refused = self.first_refused or (record, reason)
            with self._offered(frame.select("record", "reason", "raw").to_arrow()):
                self._db.execute(f"INSERT INTO temp.{name} SELECT * FROM batch")

    @contextmanager
    def _offered(self, rows: Any) -> Iterator[None]:
        """Arrow rows under the name `batch`."""
        self._db.register("batch", rows)
        try:
            yield
        finally:
            self._db.unregister("batch")

    def settle(self) -> Entry:
        """Write everything staged, in one transaction: whole, or not at all.

        An earlier version of the same (table, source, logical name) is replaced. In keyed tables an equal row is a
        duplicate, a differing one replaces the old and is recorded in `ledger.corrections`; but a row of a file with
        assumed columns is a duplicate of one that was read without, whatever it says.
        """
        store, table = self._store, self._table
        if self.left_out:
            self._move_down()
        refused = self.refused + self.left_out
        earlier = store.ledger_entry(table.name, self._source, self._logical_name)
        with store._transaction():
            file = int(store._one("SELECT coalesce(max(file), 0) + 1 FROM ledger.files"))
            replaced = self._forget(earlier[0], file) if earlier else 0
            stored, duplicates, corrected = 0, 0, 0
            if self.good:
                if table.is_tape:
                    stored = self._settle_tape(file)
                else:
                    stored, duplicates, corrected = self._settle_keyed(file)
                counted = f"SELECT ?, session, ?, count(*) FROM {_rests(table)} WHERE file = ? GROUP BY session"
                self._db.execute(f"INSERT INTO ledger.partitions {counted}", [table.name, file, file])
            self._db.execute(
                """INSERT INTO ledger.rejects SELECT ?, ?, ?, record, reason, raw
                   FROM (FROM temp.refused UNION ALL FROM temp.left_out) ORDER BY record""",
                [file, self._path, table.name],
            )
            read = stored + duplicates + refused
            self._db.execute(
                "INSERT INTO ledger.files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, now())",
                [
                    *(file, table.name, self._source, self._logical_name, self._sha256),
                    *(read, stored, duplicates, refused, earlier[0] if earlier else None, self._assumed),
                ],
            )
        return Entry(file, read, stored, duplicates, refused, replaced, corrected)

    def _move_down(self) -> None:
        """Number staged rows past the lines that were left out, as `line_of` does."""
        self._db.execute(
            """CREATE TEMP TABLE passed AS SELECT line, max(n) AS n FROM
               (SELECT n, record - n + 1 AS line FROM
                (SELECT record, row_number() OVER (ORDER BY record) AS n FROM temp.left_out)) GROUP BY line"""
        )
        for name in ("stage", "refused") if self.good else ("refused",):
            self._db.execute(
                f"""CREATE OR REPLACE TEMP TABLE ordered AS SELECT s.* REPLACE (s.record + coalesce(p.n, 0) AS record)
                    FROM temp.{name} s ASOF LEFT JOIN temp.passed p ON s.record >= p.line"""
            )
            self._db.execute(f"DROP TABLE temp.{name}")
            self._db.execute(f"ALTER TABLE temp.ordered RENAME TO {name}")

    def _forget(self, old: int, new: int) -> int:
        """Take an earlier version's own rows out; its ledger line stays, marked as superseded."""
        rests = _rests(self._table)
        self._db.execute("UPDATE ledger.files SET superseded_by = ? WHERE file = ?", [new, old])
        self._db.execute("DELETE FROM ledger.partitions WHERE file = ?", [old])
        removed = self._store._one(f"SELECT count(*) FROM {rests} WHERE file = ?", [old])
        self._db.execute(f"DELETE FROM {rests} WHERE file = ?", [old])
        return int(removed)

    def _settle_tape(self, file: int) -> int:
        """Give ids to new instruments, venues and conditions, and write the rows in the order of the store."""
        instrument, *_ = columns = (*TAPE_COLUMNS[self._table.name], *TAPE_EXTRAS.get(self._table.name, ()))
        coded = {instrument: next(iter(self._seen))}
        if "conditions" in self._seen:
            coded |= {"venue": "venues", "conditions": "conditions"}
            columns = (*columns, "conditions")
        for dim, seen in self._seen.items():
            self._learn(dim, seen)
        picked, once, values = [], [], []
        for name in ("session", *columns):
            dim = coded.get(name, name)
            if name == "file":
                once.append(f"{file} AS file")
            elif dim in self._alike:
                value = self._literal(dim) if name not in coded else f"(SELECT id FROM temp.ids_{dim} WHERE given = ?)"
                once.append(f"{value} AS {name}")
                values.append(self._alike[dim])
            else:
                picked.append(f"ids_{dim}.id AS {name}" if name in coded else f"s.{name}")
        joins = [
            f"JOIN temp.ids_{dim} ON ids_{dim}.given = s.{dim}" for dim in coded.values() if dim not in self._alike
        ]
        order = [
            name
            for name in ("session", instrument, "ts", "sequence", "record")
            if coded.get(name, name) not in self._alike
        ]
        self._db.execute(
            f"""INSERT INTO tape.{self._table.name} BY NAME SELECT *, {", ".join(once)} FROM
                (SELECT {", ".join(picked)} FROM temp.stage s {" ".join(joins)} ORDER BY {", ".join(order)})""",
            values,
        )
        return self.good

    def _learn(self, dim: str, seen: _Seen) -> None:
        """Give ids to what is new, in the order of its names, and note the id of each of the file's codes."""
        names = {"venues": {"exchange": "code"}}.get(dim, {})
        columns = [f'"{names.get(column, column)}"' for column in seen.columns]
        listed, same = ", ".join(columns), " AND ".join(f"d.{column} = s.{column}" for column in columns)
        unknown = ", s.unknown" if dim == "conditions" else ""
        codes = seen.codes
        if codes is None:
            raise AssertionError("a file without rows has nothing to learn")
        if dim == "conditions":
            words = [flags_of(text)[1] for text in codes["conditions"]]
            codes = codes.with_columns(unknown=pl.Series(words, dtype=pl.String))
        with self._offered(_resting(codes.rename(names), self._table)):
            self._db.execute(
                f"""INSERT INTO dim.{dim}
                    SELECT (SELECT coalesce(max(id), -1) FROM dim.{dim}) + row_number() OVER (ORDER BY {listed}),
                           {listed} {unknown}
                    FROM batch s WHERE NOT EXISTS (FROM dim.{dim} d WHERE {same})"""
            )
            self._db.execute(
                f"CREATE TEMP TABLE ids_{dim} AS SELECT s.given, d.id FROM batch s JOIN dim.{dim} d ON {same}"
            )

    def _settle_keyed(self, file: int) -> tuple[int, int, int]:
        """Write new rows, count equal ones, and record where a row differs from one under the same key."""
        table = self._table
        key = ", ".join(f'"{name}"' for name in table.key)
        facts = [name for name in table.names if name not in table.key]
        names = ", ".join(
            f'"{name}"' for name in (*table.names, "session", *([] if "known_at" in table.names else ["known_at"]))
        )
        same_key = " AND ".join(f'o."{name}" IS NOT DISTINCT FROM n."{name}"' for name in table.key)
        differs = " OR ".join(f'o."{name}" IS DISTINCT FROM n."{name}"' for name in facts) or "false"
        was, became, key_text = _json("o", facts), _json("n", facts), _json("n", table.key)
        # within one file the last row under a key holds
        self._db.execute(
            f"""CREATE OR REPLACE TEMP TABLE ordered AS
                SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY record DESC) AS back,
                       lag(record) OVER (PARTITION BY {key} ORDER BY record) AS before FROM temp.stage"""
        )
        within = f"FROM ordered n JOIN temp.stage o ON o.record = n.before WHERE n.before IS NOT NULL AND ({differs})"
        # what is read takes the place of what was assumed, never the other way round
        better = f"({differs}) AND o.assumed IS NOT NULL" if self._assumed else f"{differs} OR o.assumed IS NOT NULL"
        against = f"FROM ordered n JOIN main.{table.name} o ON {same_key} WHERE n.back = 1 AND ({better})"
        corrected = 0
        for changed in (within, against):
            self._db.execute(
                f"""INSERT INTO ledger.corrections
                    SELECT '{table.name}', {key_text}, {was}, {became}, {file}, now() {changed}"""
            )
            corrected += int(self._store._one(f"SELECT count(*) {changed}"))
        self._db.execute(f"""DELETE FROM main.{table.name} o USING (SELECT n.* {against}) n WHERE {same_key}""")
        self._db.execute(
            f"""INSERT INTO main.{table.name} BY NAME
                SELECT {names}, {file}::INTEGER AS file, record, ?::VARCHAR AS assumed FROM ordered n
                WHERE back = 1 AND NOT EXISTS (FROM main.{table.name} o WHERE {same_key})
                ORDER BY session, {key}""",
            [self._assumed],
        )
        kept = int(self._store._one(f"SELECT count(*) FROM main.{table.name} WHERE file = ?", [file]))
        return kept, self.good - kept, corrected


class TextFile:
    """A delimited text file, read by DuckDB as text columns; lines that do not fit its header are kept as rejects."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, path: Path, delimiter: str, columns: tuple[str, ...], header: bool
    ) -> None:
        self._db, self._path, self._delimiter, self._columns, self._header = cursor, path, delimiter, columns, header

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of text columns with `record`: the line, as long as no line before it is left out (see `line_of`)."""
        self._db.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        if _compression(self._path) == "zstd" and not zst_is_whole(self._path):
            raise UnreadableFile(f"'{self._path.name}': expected a whole zst file, found one that breaks off")
        try:
            reader = self._db.sql(
                """SELECT * FROM read_csv(?, all_varchar = true, auto_detect = false, header = ?, delim = ?,
                   quote = '"', escape = '"', columns = ?, store_rejects = true, rejects_limit = 0, compression = ?,
                   max_line_size = 16000000, buffer_size = 32000000, null_padding = false)""",
                params=[
                    *(_literal(self._path), self._header, self._delimiter),
                    *(dict.fromkeys(self._columns, "VARCHAR"), _compression(self._path)),
                ],
            ).to_arrow_reader(BATCH_ROWS)
            at = int(self._header)
            for frame in _at_least(BATCH_ROWS, reader):
                yield frame.with_columns(record=pl.int_range(at + 1, at + frame.height + 1, dtype=pl.Int64))
                at += frame.height
        except (duckdb.Error, OSError) as error:
            raise UnreadableFile(f"'{self._path.name}': expected delimited text, found: {_first_line(error)}") from None

    def misfits(self) -> pl.DataFrame:
        """Lines that do not fit, once the batches are read: record (the line), reason, raw."""
        found = self._db.sql(
            r"""SELECT line::BIGINT AS record, left(trim(regexp_replace(
                       min(error_type::VARCHAR || ': ' || error_message), '\s+', ' ', 'g')), 200) AS reason,
                       left(min(csv_line), 2000) AS raw
                FROM reject_errors GROUP BY line ORDER BY line"""
        ).to_arrow_table()
        return pl.DataFrame(pl.from_arrow(found))


def _at_least(rows: int, reader: Iterable[Any]) -> Iterator[pl.DataFrame]:
    """Arrow batches joined to frames of so many rows or somewhat more; the last one is what is left."""
    import pyarrow as pa

    held: list[Any] = []
    for batch in reader:
        held.append(batch)
        if sum(part.num_rows for part in held) >= rows:
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches(held), rechunk=True))
            held = []
    if held:
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches(held), rechunk=True))


def line_of(record: pl.Series, misfit_lines: np.ndarray) -> pl.Series:
    """The line of each accepted row, given its line had no line before it been left out, and the lines left out.

    A field with line breaks inside its quotes makes later numbers record numbers rather than lines.

    >>> line_of(pl.Series([2, 3, 4]), np.array([3])).to_list()
    [2, 4, 5]
    """
    passed = np.sort(misfit_lines) - np.arange(len(misfit_lines))
    return pl.Series(
        record.name, record.to_numpy() + np.searchsorted(passed, record.to_numpy(), side="right"), dtype=pl.Int64
    )


_NO_REJECTS = pl.DataFrame(schema={"record": pl.Int64, "reason": pl.String, "raw": pl.String})


def _literal(path: Path) -> str:
    """A path in which DuckDB sees no glob."""
    return re.sub(r"([\[\]*?])", r"[\1]", str(path))


def _compression(path: Path) -> str:
    """By the file's first bytes, never by its name."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else "none"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _our_version() -> str:
    try:
        return version("bullbear")
    except PackageNotFoundError:
        return "uninstalled"


def _json(alias: str, columns: Sequence[str]) -> str:
    """SQL for a row's columns as one JSON text."""
    fields = ", ".join(f"'{name}': {alias}.\"{name}\"" for name in columns)
    return f"to_json({{{fields}}})"


def _rests(table: Table) -> str:
    return f"tape.{table.name}" if table.is_tape else f"main.{table.name}"


def _time(name: str) -> pl.Expr:
    return pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC")


def _one_value(column: pl.Series) -> bool:
    return bool((column == column[0]).all())


def _resting(batch: pl.DataFrame, table: Table) -> Any:
    """Rows as an Arrow table: Int64 nanoseconds and micros seen as times and decimals, the same bytes."""
    import pyarrow as pa

    seen = dict.fromkeys(("ts", "known_at"), pa.timestamp("ns", "UTC"))
    seen |= {column.name: pa.decimal64(18, 6) for column in table.columns if column.kind in ("price", "decimal")}
    arrays = []
    for series in batch.get_columns():
        array = series.rechunk().to_arrow()
        if kind := seen.get(series.name):
            array = pa.Array.from_buffers(kind, len(array), array.buffers(), array.null_count, array.offset)
        arrays.append(array)
    return pa.table(arrays, names=batch.columns)


def default_path() -> Path:
    """Where the store rests when `--db` is not given: $BULLBEAR_DB, else market.duckdb in the user data directory."""
    if named := os.environ.get("BULLBEAR_DB"):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".local" / "share") / "bullbear" / "market.duckdb"
