"""The store: one DuckDB file that holds every table, the ledger of where each row came from, and what was refused.

The only importer of duckdb. Tapes rest in the order session, instrument, ts, sequence, with integer codes; daily tables
rest as they are documented. Every file enters whole or not at all.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import numpy as np
import polars as pl

from feeds.arrow import integers
from feeds.errors import StoreBusy, StoreFull, StoreUnreadable, first_line
from feeds.kept import Kept
from feeds.ledger import Ledger
from feeds.lookup import Lookup
from feeds.query import query
from feeds.schema import TABLES, TAPE_COLUMNS, Part, Sessions, Table
from feeds.snapshot import snapshot, sweep
from feeds.tape import IN_PLACE_ROWS, SHARD_ROWS, TapeReader

if TYPE_CHECKING:
    from feeds.delimited import TextFile
    from feeds.writing import Entry, FileWriting

LAYOUT = 6
"""Number of the newest file in feeds/sql: the layout that this version writes."""

FIRST_DAY = date(1950, 1, 1)
"""Exchange sessions are known from here on; older daily rows belong to no session."""

WRITING_MEMORY = "256MiB"
"""What the database may hold while a file is written; the rest waits on disk, beside the store."""

SETTLING_MEMORY = "416MiB"
"""As much as it may hold while the rows are sorted and written: nothing else waits in memory then."""

WRITING_THREADS = 4
"""As many as that memory suffices for: each thread of a sort and of a reader holds tens of megabytes."""

_Item = TypeVar("_Item")


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


class Store(Kept, Lookup, Ledger):
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
        self._sessions: dict[str, Sessions] = {}
        self._asked: Counter[str] = Counter()  # how often each history will be asked for yet, where somebody said so
        self._histories: dict[tuple[str, date, int | None], pl.DataFrame] = {}

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
                connection = duckdb.connect(str(snapshot(path, folder, fault)), read_only=True)
            store = cls(connection, str(path))
            stack.callback(store._close)
            if not read_only:
                sweep(Path(f"{path}.tmp"))
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
        try:
            found = int(self._one("SELECT max(version) FROM ledger.store"))
        except duckdb.CatalogException:
            found = 0
            if read_only or self._one("SELECT count(*) FROM duckdb_tables()"):
                raise StoreUnreadable(
                    f"`--db`, was '{self.path}': a database, but not one of bullbear. Name another, or a new one to"
                    " create."
                ) from None
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
        if exchange not in self._sessions:
            found = self._db.execute(query("lookup/sessions"), {"exchange": exchange}).fetchnumpy()
            dates = found["day"].astype("datetime64[D]").tolist()
            self._sessions[exchange] = Sessions(tuple(dates), found["open"], found["close"])
        return self._sessions[exchange]

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
        del self._sessions[exchange]
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
                f"`--db`, was '{self.path}': cannot be written: {first_line(error)}. Nothing of the file is stored;"
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
        from feeds.delimited import TextFile  # neither this nor `writing` is needed by a report

        return TextFile(self._db.cursor(), duckdb.Error, path, delimiter, tuple(columns), header)

    # -- writing ---------------------------------------------------------------------------------------------------

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
        rows: int | None = None,
    ) -> "Entry":
        """Write one file whose checked rows are at hand: `writing` in one call.

        Parameters
        ----------
        batches : `Checked.good` frames
        rejects, misfits : refused rows and lines, taken after the last batch
        rows : how many rows the file was seen to have, as in `FileWriting.settle`
        """
        with self.writing(table, source, logical_name, sha256, path, assumed) as file:
            for batch in batches:
                file.add(batch)
            for frame in rejects:
                file.refuse(frame)
            for frame in misfits:
                file.leave_out(frame)
            return file.settle(rows)

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
        Meanwhile the database keeps to `WRITING_MEMORY`, at the end to `SETTLING_MEMORY`; what does not fit goes to a
        folder beside the store.
        """
        from feeds.writing import FileWriting, Named

        most, threads = (self._one(f"SELECT current_setting('{name}')") for name in ("memory_limit", "threads"))
        with self._room():
            self._db.execute(f"SET memory_limit = '{WRITING_MEMORY}'")
            self._db.execute(f"SET threads = {min(int(threads), WRITING_THREADS)}")
            file = FileWriting(
                self._db, self, self._settling, table, Named(source, logical_name, sha256, path, assumed)
            )
            try:
                yield file
            finally:
                with suppress(duckdb.FatalException):
                    file.clear()
                    self._db.execute(f"SET memory_limit = '{most}'")
                    self._db.execute(f"SET threads = {threads}")

    @contextmanager
    def _settling(self) -> Iterator[None]:
        """A transaction with memory for sorting, and none kept for batches: there will be no more of them."""
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
        self._db.execute(f"SET memory_limit = '{SETTLING_MEMORY}'")
        with self._transaction():
            yield

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

    @contextmanager
    def histories_once(self, asked: Counter[str]) -> Iterator[None]:
        """Histories are read once, though several ask for them; each is let go when it was asked for so many times."""
        self._asked = asked.copy()
        try:
            yield
        finally:
            self._asked.clear()
            self._histories.clear()

    def _history(self, name: str, last: date, as_of: int | None) -> pl.DataFrame:
        held = self._histories.pop((name, last, as_of), None)
        frame = self._read_history(name, last, as_of) if held is None else held
        self._asked[name] -= 1
        if self._asked[name] > 0:
            self._histories[name, last, as_of] = frame
        return frame

    def _read_history(self, name: str, last: date, as_of: int | None) -> pl.DataFrame:
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


def _our_version() -> str:
    try:
        return version("bullbear")
    except PackageNotFoundError:
        return "uninstalled"


def _time(name: str) -> pl.Expr:
    return pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC")


def default_path() -> Path:
    """Where the store rests when `--db` is not given: $BULLBEAR_DB, else market.duckdb in the user data directory."""
    if named := os.environ.get("BULLBEAR_DB"):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".local" / "share") / "bullbear" / "market.duckdb"
