"""The store: one DuckDB file that holds every table, the ledger of where each row came from, and what was refused.

The only importer of duckdb. Tapes rest in the order session, instrument, ts, sequence, with integer codes; daily tables
rest as they are documented. Every file enters whole or not at all.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
import polars as pl

from feeds.check import flags_of
from feeds.errors import StoreBusy, StoreUnreadable, UnreadableFile
from feeds.schema import TABLES, TAPE_COLUMNS, Part, Sessions, Table

LAYOUT = 4
"""Number of the newest file in feeds/sql: the layout that this version writes."""

FIRST_DAY = date(1950, 1, 1)
"""Exchange sessions are known from here on; older daily rows belong to no session."""

SHARD_ROWS = 4_000_000
"""Prints and quotes in one part: what two threads hold in memory beside each other without swapping."""

RUN_ROWS = 1 << 20
"""Rows of the sessions that are read by one query: a query costs milliseconds, and the next is read meanwhile."""

READ_ROWS = 1 << 17
"""Rows of a batch while a tape is read: about a row group, small enough to be copied out of the processor's cache."""

BATCH_ROWS = 1 << 18

_Read = TypeVar("_Read")


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


class Store:
    """An open store. Use `Store.open(path)` as a context manager; `Store.memory()` for one that is not kept."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        self._db = connection
        self.path = path
        self.scanned: Counter[date] = Counter()
        """Rows of tapes read since the store was opened, by session."""
        self._reads: list[tuple[Generator[Any, None, None], duckdb.DuckDBPyConnection]] = []

    # -- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    @contextmanager
    def open(cls, path: Path | str, read_only: bool = False) -> Iterator["Store"]:
        """Open a store file, creating it if it is to be written and absent.

        Raises
        ------
        StoreBusy : another process writes to it
        StoreUnreadable : no store, or written by a newer version
        """
        path = Path(path)
        if read_only and not path.exists():
            raise StoreUnreadable(
                f"`--db`, was '{path}': no such file. Fill one with `bullbear ingest`, or try --demo."
            )
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            raise _reworded(str(path), error) from None
        store = cls(connection, str(path))
        try:
            store._prepare(read_only)
            yield store
        finally:
            store._close()

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
        for ahead, cursor in self._reads:
            ahead.close()
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

    def _frame(self, query: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
        """A query's answer with times as Int64 nanoseconds and DECIMAL(18,6) as Int64 micros."""
        return _integers(self._db.sql(query, params=list(parameters)).to_arrow_table())

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
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

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
        misfits: Sequence[pl.DataFrame] = (),
        assumed: str | None = None,
    ) -> Entry:
        """Write one file's checked rows in one transaction: whole, or not at all.

        Parameters
        ----------
        batches : `Checked.good` frames; consumed before anything is written
        rejects : `Checked.rejects` frames, read after the last batch
        misfits : refused lines that the text reader left out, read after the last batch: later rows move down by them
        path : shown beside each reject
        assumed : canonical columns that a mapping assumed, comma-separated

        Notes
        -----
        An earlier version of the same (table, source, logical name) is replaced. In keyed tables an equal row is a
        duplicate, a differing one replaces the old and is recorded in `ledger.corrections`.
        """
        stage = f"stage_{table.name}"
        self._db.execute(f"DROP TABLE IF EXISTS {stage}")
        staged = 0
        for batch in batches:
            self._db.register("batch", _resting(batch, table).to_arrow())
            order = f"INSERT INTO {stage} BY NAME" if staged else f"CREATE TEMP TABLE {stage} AS"
            self._db.execute(f"{order} SELECT * FROM batch")
            self._db.unregister("batch")
            staged += batch.height or 1
        refused = pl.concat([frame for frame in rejects if frame.height] or [_NO_REJECTS])
        unfit = pl.concat([frame for frame in misfits if frame.height] or [_NO_REJECTS])
        if unfit.height:
            refused = pl.concat([refused.with_columns(line_of(refused["record"], unfit["record"].to_numpy())), unfit])
            if staged:
                self._renumber(stage, unfit["record"].to_numpy())
        earlier = self.ledger_entry(table.name, source, logical_name)
        with self._transaction():
            file = int(self._one("SELECT coalesce(max(file), 0) + 1 FROM ledger.files"))
            replaced = self._forget(table, earlier[0], file) if earlier else 0
            stored, duplicates, corrected = 0, 0, 0
            if staged:
                if table.is_tape:
                    stored = self._settle_tape(table, stage, file)
                else:
                    stored, duplicates, corrected = self._settle_keyed(table, stage, file, assumed)
                counted = f"SELECT ?, session, ?, count(*) FROM {_rests(table)} WHERE file = ? GROUP BY session"
                self._db.execute(f"INSERT INTO ledger.partitions {counted}", [table.name, file, file])
            if refused.height:
                self._db.register("refused", refused.to_arrow())
                self._db.execute(
                    "INSERT INTO ledger.rejects SELECT ?, ?, ?, record, reason, raw FROM refused ORDER BY record",
                    [file, path, table.name],
                )
                self._db.unregister("refused")
            read = stored + duplicates + refused.height
            self._db.execute(
                "INSERT INTO ledger.files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, now())",
                [
                    *(file, table.name, source, logical_name, sha256, read, stored, duplicates, refused.height),
                    *(earlier[0] if earlier else None, assumed),
                ],
            )
        self._db.execute(f"DROP TABLE IF EXISTS {stage}")
        return Entry(file, read, stored, duplicates, refused.height, replaced, corrected)

    def _renumber(self, stage: str, misfit_lines: np.ndarray) -> None:
        """Move staged rows down past the lines that were left out, as `line_of` does."""
        passed = pl.DataFrame({"line": np.sort(misfit_lines) - np.arange(len(misfit_lines))})
        self._db.register("passed", passed.to_arrow())
        self._db.execute(
            f"UPDATE {stage} SET record = record + (SELECT count(*) FROM passed WHERE line <= {stage}.record)"
        )
        self._db.unregister("passed")

    def _forget(self, table: Table, old: int, new: int) -> int:
        """Take an earlier version's own rows out; its ledger line stays, marked as superseded."""
        self._db.execute("UPDATE ledger.files SET superseded_by = ? WHERE file = ?", [new, old])
        self._db.execute("DELETE FROM ledger.partitions WHERE file = ?", [old])
        removed = self._one(f"SELECT count(*) FROM {_rests(table)} WHERE file = ?", [old])
        self._db.execute(f"DELETE FROM {_rests(table)} WHERE file = ?", [old])
        return int(removed)

    def _settle_tape(self, table: Table, stage: str, file: int) -> int:
        """Give codes to new instruments, venues and conditions, and write the rows in the order of the store."""
        joins, codes = [], {}
        if table.instrument == ("symbol",):
            self._learn("symbols", ("symbol",), stage)
            joins.append("JOIN dim.symbols i ON i.symbol = s.symbol")
            codes["symbol"] = "i.id"
        else:
            self._learn("contracts", ("underlying", "expiry", "strike", '"right"'), stage)
            same = " AND ".join(f"i.{name} = s.{name}" for name in ("underlying", "expiry", "strike", '"right"'))
            joins.append(f"JOIN dim.contracts i ON {same}")
            codes["contract"] = "i.id"
        if "exchange" in table.names:
            self._learn("venues", ("code",), stage, ("exchange",))
            joins.append("JOIN dim.venues v ON v.code = s.exchange")
            codes["venue"] = "v.id"
            self._learn_conditions(stage)
            joins.append("JOIN dim.conditions k ON k.conditions = s.conditions")
        columns = TAPE_COLUMNS[table.name]
        instrument = columns[0]
        picked = {name: codes.get(name, f"s.{name}") for name in columns if name != "file"}
        picked["file"] = str(file)
        if "exchange" in table.names:
            picked["conditions"] = "k.id"
        self._db.execute(
            f"""INSERT INTO tape.{table.name} BY NAME
                SELECT s.session, {", ".join(f"{source} AS {name}" for name, source in picked.items())}
                FROM {stage} s {" ".join(joins)} ORDER BY s.session, {instrument}, s.ts, s.sequence, s.record"""
        )
        return int(self._one(f"SELECT count(*) FROM {stage}"))

    def _learn(self, dim: str, columns: Sequence[str], stage: str, from_columns: Sequence[str] = ()) -> None:
        source = ", ".join(from_columns or columns)
        same = " AND ".join(
            f"d.{column} = s.{other}" for column, other in zip(columns, from_columns or columns, strict=True)
        )
        self._db.execute(
            f"""INSERT INTO dim.{dim}
                SELECT (SELECT coalesce(max(id), -1) FROM dim.{dim}) + row_number() OVER (ORDER BY {source}), {source}
                FROM (SELECT DISTINCT {source} FROM {stage}) s WHERE NOT EXISTS (FROM dim.{dim} d WHERE {same})"""
        )

    def _learn_conditions(self, stage: str) -> None:
        new = self._db.execute(
            f"""SELECT DISTINCT conditions FROM {stage} s
                WHERE NOT EXISTS (FROM dim.conditions d WHERE d.conditions = s.conditions) ORDER BY 1"""
        ).fetchall()
        first = int(self._one("SELECT coalesce(max(id), -1) + 1 FROM dim.conditions"))
        for at, (text,) in enumerate(new):
            self._db.execute("INSERT INTO dim.conditions VALUES (?, ?, ?)", [first + at, text, flags_of(text)[1]])

    def _settle_keyed(self, table: Table, stage: str, file: int, assumed: str | None) -> tuple[int, int, int]:
        """Write new rows, count equal ones, and record where a row differs from one under the same key."""
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
                       lag(record) OVER (PARTITION BY {key} ORDER BY record) AS before FROM {stage}"""
        )
        within = f"FROM ordered n JOIN {stage} o ON o.record = n.before WHERE n.before IS NOT NULL AND ({differs})"
        against = f"FROM ordered n JOIN main.{table.name} o ON {same_key} WHERE n.back = 1 AND ({differs})"
        corrected = 0
        for changed in (within, against):
            self._db.execute(
                f"""INSERT INTO ledger.corrections
                    SELECT '{table.name}', {key_text}, {was}, {became}, {file}, now() {changed}"""
            )
            corrected += int(self._one(f"SELECT count(*) {changed}"))
        total = int(self._one(f"SELECT count(*) FROM {stage}"))
        self._db.execute(f"""DELETE FROM main.{table.name} o USING (SELECT n.* {against}) n WHERE {same_key}""")
        self._db.execute(
            f"""INSERT INTO main.{table.name} BY NAME
                SELECT {names}, {file}::INTEGER AS file, record, ?::VARCHAR AS assumed FROM ordered n
                WHERE back = 1 AND NOT EXISTS (FROM main.{table.name} o WHERE {same_key})
                ORDER BY session, {key}""",
            [assumed],
        )
        kept = int(self._one(f"SELECT count(*) FROM main.{table.name} WHERE file = ?", [file]))
        self._db.execute("DROP TABLE ordered")
        return kept, total - kept, corrected

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
            yield from self._tape_parts(tapes, sessions, upto, as_of, shard_rows, without)

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
        shard_rows: int,
        without: Collection[date],
    ) -> Iterator[Part]:
        """Parts of some tapes (name → columns to read), the first of which says which sessions there are."""
        first = next(iter(tapes))
        stock = TAPE_COLUMNS[first][0] == "symbol"
        instrument = "symbol" if stock else "contract"
        dims = {
            "symbols" if stock else "contracts": self._frame(
                f"SELECT * FROM dim.{'symbols' if stock else 'contracts'} ORDER BY id"
            )
        }
        dims["venues"] = self._frame("SELECT * FROM dim.venues ORDER BY id")
        held = self._db.execute(
            """SELECT session, max(rows), max(files) = 1, count(*) FILTER ("table" = ?) > 0 FROM
               (SELECT session, "table", sum(rows)::BIGINT AS rows, count(*) AS files FROM ledger.partitions
                WHERE "table" IN (SELECT unnest(?)) AND session BETWEEN ? AND ? GROUP BY ALL) GROUP BY session""",
            [first, list(tapes), sessions.dates[0], sessions.dates[-1]],
        ).fetchall()
        rows = {day: int(most) for day, most, _, prints in held if prints and day not in without}
        sorted_days = {day for day, _, one_file, _ in held if one_file}

        def reads(cursor: duckdb.DuckDBPyConnection) -> Iterator[Callable[[], list[Part]]]:
            read = partial(_read_sessions, cursor, tapes, dims, upto, as_of)
            for run in _runs(sessions.dates, rows, sorted_days, min(RUN_ROWS, shard_rows), without):
                size = sum(rows[day] for day in run)
                if size <= shard_rows:
                    yield partial(read, run, run[0] in sorted_days, size)
                    continue
                for *ids, held in self._shards(list(tapes), run[0], instrument, shard_rows):
                    yield partial(read, run, run[0] in sorted_days, held, (instrument, *ids))

        # A connection of its own: whoever takes the parts may ask the store something between two of them.
        with self._db.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("SET arrow_output_version = '1.5'")
            with closing(_one_ahead(reads(cursor))) as ahead:
                read = (ahead, cursor)
                self._reads.append(read)
                for parts in ahead:
                    for part in parts:
                        self.scanned[part.session or date.min] += sum(part.tables[tape].height for tape in tapes)
                        yield part
                self._reads.remove(read)

    def _shards(self, tapes: Sequence[str], day: date, instrument: str, shard_rows: int) -> list[tuple[int, int, int]]:
        """Id ranges of one session, and the rows of each, about `shard_rows`; an instrument is never cut."""
        union = " UNION ALL ".join(f"SELECT {instrument} AS id FROM tape.{tape} WHERE session = ?" for tape in tapes)
        counts = self._db.execute(
            f"SELECT id, count(*) FROM ({union}) GROUP BY id ORDER BY id", [day] * len(tapes)
        ).fetchall()
        low, held = counts[0][0], 0
        shards = []
        for at, (identity, n) in enumerate(counts):
            held += n
            if held >= shard_rows or at == len(counts) - 1:
                shards.append((int(low), int(identity), int(held)))
                low, held = identity + 1, 0
        return shards

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

    # -- what was computed -----------------------------------------------------------------------------------------

    def measured(self, indicator: str, recipe: str) -> dict[date, str]:
        """Sessions whose measured rows are held for an indicator's recipe, with the hash of what they rest on."""
        return dict(
            self._db.execute(
                "SELECT session, input_hash FROM derived.measured WHERE indicator = ? AND recipe = ?",
                [indicator, recipe],
            ).fetchall()
        )

    def measured_rows(self, indicator: str, recipe: str, days: Collection[date]) -> dict[str, pl.DataFrame]:
        """Held rows of some sessions, by frame."""
        if not days:
            return {}
        found = {}
        for table, frame in self._measured_tables(indicator, recipe).items():
            query = f'SELECT * EXCLUDE (held_for) FROM derived."{table}" WHERE held_for IN (SELECT unnest(?))'
            found[frame] = _integers(self._db.sql(query, params=[list(days)]).to_arrow_table())
        return found

    def _measured_tables(self, indicator: str, recipe: str) -> dict[str, str]:
        prefix = f"rows_{indicator}_{recipe[:16]}_"
        names = self._db.execute(
            """SELECT table_name FROM information_schema.tables
               WHERE table_schema = 'derived' AND starts_with(table_name, ?)""",
            [prefix],
        ).fetchall()
        return {str(name): str(name).removeprefix(prefix) for (name,) in names}

    def keep_rows(
        self, indicator: str, recipe: str, fresh: Mapping[date, tuple[str, Mapping[str, pl.DataFrame]]]
    ) -> None:
        """Keep measured rows of sessions, (input hash, rows by frame) each, in place of what was held for them.

        Rows of the indicator's other recipes go: nobody will ask for them again.
        """
        with self._transaction():
            stale = self._db.execute(
                """SELECT table_name FROM information_schema.tables WHERE table_schema = 'derived'
                   AND starts_with(table_name, ?) AND NOT starts_with(table_name, ?)""",
                [f"rows_{indicator}_", f"rows_{indicator}_{recipe[:16]}_"],
            ).fetchall()
            for (name,) in stale:
                self._db.execute(f'DROP TABLE derived."{name}"')
            self._db.execute("DELETE FROM derived.measured WHERE indicator = ? AND recipe <> ?", [indicator, recipe])
            held = self._measured_tables(indicator, recipe)
            for name in held:
                self._db.execute(f'DELETE FROM derived."{name}" WHERE held_for IN (SELECT unnest(?))', [list(fresh)])
            frames: dict[str, list[pl.DataFrame]] = {}
            for day, (_, rows) in fresh.items():
                for frame, part in rows.items():
                    frames.setdefault(frame, []).append(part.with_columns(held_for=pl.lit(day)))
            for frame, parts in frames.items():
                name = f"rows_{indicator}_{recipe[:16]}_{frame}"
                self._db.register("fresh_rows", pl.concat(parts).to_arrow())
                order = "INSERT INTO" if name in held else "CREATE TABLE"
                self._db.execute(f'{order} derived."{name}" {"" if name in held else "AS"} SELECT * FROM fresh_rows')
                self._db.unregister("fresh_rows")
            self._db.execute(
                "DELETE FROM derived.measured WHERE indicator = ? AND session IN (SELECT unnest(?))",
                [indicator, list(fresh)],
            )
            self._db.executemany(
                "INSERT INTO derived.measured VALUES (?, ?, ?, ?)",
                [[indicator, recipe, day, input_hash] for day, (input_hash, _) in fresh.items()],
            )

    def keep_readings(self, indicator: str, recipe: str, readings: Mapping[date, str]) -> list[date]:
        """Keep readings as they were published; one that differs supersedes the old, which stays, marked.

        Returns the sessions whose reading was superseded under the same recipe: their input was corrected.
        """
        fresh = pl.DataFrame({"session": list(readings), "reading": list(readings.values())})
        with self._transaction():
            self._db.register("fresh_readings", fresh.to_arrow())
            changed = """FROM derived.readings r JOIN fresh_readings n USING (session)
                         WHERE r.indicator = ? AND r.superseded_at IS NULL
                               AND (r.reading <> n.reading OR r.recipe <> ?)"""
            corrected = self._db.execute(
                f"SELECT r.session {changed} AND r.recipe = ? ORDER BY 1", [indicator, recipe, recipe]
            ).fetchall()
            self._db.execute(
                f"""UPDATE derived.readings SET superseded_at = now()
                    WHERE indicator = ? AND superseded_at IS NULL AND session IN (SELECT r.session {changed})""",
                [indicator, indicator, recipe],
            )
            self._db.execute(
                """INSERT INTO derived.readings SELECT ?, ?, n.session, n.reading, now(), NULL FROM fresh_readings n
                   WHERE NOT EXISTS (FROM derived.readings r WHERE r.indicator = ? AND r.session = n.session
                                     AND r.superseded_at IS NULL) ORDER BY n.session""",
                [indicator, recipe, indicator],
            )
            self._db.unregister("fresh_readings")
        return [day for (day,) in corrected]

    def superseded_readings(self, indicator: str) -> list[tuple[date, str]]:
        """Readings that were published once and hold no longer, oldest first."""
        rows = self._db.execute(
            """SELECT session, reading FROM derived.readings WHERE indicator = ? AND superseded_at IS NOT NULL
               ORDER BY session, superseded_at""",
            [indicator],
        ).fetchall()
        return [(day, str(reading)) for day, reading in rows]

    def kept_report(self, key: str) -> str | None:
        """A report that was computed before from the same code and the same input."""
        document: str | None = self._one("SELECT document FROM derived.reports WHERE key = ?", [key])
        return document

    def keep_report(self, key: str, document: str) -> None:
        """Keep a report for the next time the same is asked."""
        self._db.execute("DELETE FROM derived.reports WHERE key = ?", [key])
        self._db.execute("INSERT INTO derived.reports VALUES (?, ?, now())", [key, document])

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
        for statement in self._db.extract_statements(_script(name)):
            self._db.execute(statement, {key: given[key] for key in statement.named_parameters})

    def scan(self, name: str, batch_rows: int = 1 << 19) -> Any:
        """A query of feeds/sql as an Arrow reader."""
        return self._db.sql(_script(name)).to_arrow_reader(batch_rows)

    def answer(self, name: str) -> pl.DataFrame:
        """A query of feeds/sql as a frame in chunks, nothing copied: times as Int64 nanoseconds, decimals as micros."""
        table = self._db.sql(_script(name)).to_arrow_table()
        batches = (table.from_batches([batch]) for batch in table.to_batches())
        return pl.concat([_integers(part) for part in (table.slice(0, 0), *batches)], rechunk=False)


class TextFile:
    """A delimited text file, read by DuckDB as text columns; lines that do not fit its header are kept as rejects."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, path: Path, delimiter: str, columns: tuple[str, ...], header: bool
    ) -> None:
        self._db, self._path, self._delimiter, self._columns, self._header = cursor, path, delimiter, columns, header

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of text columns with `record`: the line, as long as no line before it is left out (see `line_of`)."""
        self._db.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        try:
            reader = self._db.sql(
                """SELECT * FROM read_csv(?, all_varchar = true, auto_detect = false, header = ?, delim = ?,
                   quote = '"', escape = '"', columns = ?, store_rejects = true, rejects_limit = 0, compression = ?,
                   max_line_size = 16000000, null_padding = false)""",
                params=[
                    *(_literal(self._path), self._header, self._delimiter),
                    *(dict.fromkeys(self._columns, "VARCHAR"), _compression(self._path)),
                ],
            ).to_arrow_reader(BATCH_ROWS)
            at = int(self._header)
            for batch in reader:
                frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(
                    record=pl.int_range(at + 1, at + batch.num_rows + 1, dtype=pl.Int64)
                )
                at += batch.num_rows
                yield frame
        except (duckdb.Error, OSError) as error:
            raise UnreadableFile(f"'{self._path.name}': expected delimited text, found: {_first_line(error)}") from None

    def misfits(self) -> pl.DataFrame:
        """Lines that do not fit, once the batches are read: record (the line), reason, raw."""
        rows = self._db.execute(
            """SELECT line::BIGINT, min(error_type::VARCHAR || ': ' || error_message), min(csv_line)
               FROM reject_errors GROUP BY line ORDER BY line"""
        ).fetchall()
        tidy = [
            (line, " ".join(str(reason).split())[:200], None if raw is None else str(raw)[:2000])
            for line, reason, raw in rows
        ]
        return pl.DataFrame(tidy, schema=_NO_REJECTS.schema, orient="row")


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


def _script(name: str) -> str:
    """The text of feeds/sql/<name>.sql."""
    return files("feeds").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


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


def _resting(batch: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Int64 nanoseconds and micros as the timestamps and decimals that rest."""
    columns = [_time(name).alias(name) for name in ("ts", "known_at") if name in batch.columns]
    for column in table.columns:
        if column.kind in ("price", "decimal") and column.name in batch.columns:
            # integer → decimal without a division: micros as whole numbers, then the point moved six places
            scaled = pl.col(column.name).cast(pl.Decimal(38, 0)) * pl.lit("0.000001").cast(pl.Decimal(7, 6))
            columns.append(scaled.cast(pl.Decimal(18, 6)).alias(column.name))
    return batch.with_columns(columns)


def _runs(
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


def _one_ahead(reads: Iterator[Callable[[], _Read]]) -> Generator[_Read, None, None]:
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


def _read_sessions(
    cursor: duckdb.DuckDBPyConnection,
    tapes: Mapping[str, Sequence[str]],
    dims: Mapping[str, pl.DataFrame],
    upto: Sessions,
    as_of: int | None,
    days: Sequence[date],
    in_order: bool,
    rows: int,
    ids: tuple[str, int, int] | None = None,
) -> list[Part]:
    """One query a tape for a run of sessions, then cut by session.

    Parameters
    ----------
    tapes : tape name → columns to read
    in_order : each session of each tape came in one append, which wrote it in the order of the store
    rows : how many rows to make room for at first
    ids : instrument column with the lowest and highest id to read
    """
    cut: dict[str, dict[date, pl.DataFrame]] = {}
    for tape, columns in tapes.items():
        where = ["session BETWEEN ? AND ?"]
        parameters: list[object] = [days[0], days[-1]]
        if ids is not None:
            where.append(f"{ids[0]} BETWEEN ? AND ?")
            parameters += ids[1:]
        if as_of is not None:
            where.append("epoch_ns(ts) <= ?")
            parameters.append(as_of)
        # Sorting costs more than all the rest of a read; appended order is the order of the store.
        order = "" if in_order else f"ORDER BY session, {TAPE_COLUMNS[tape][0]}, ts, sequence, file, record"
        query = f"SELECT session, {', '.join(columns)} FROM tape.{tape} WHERE {' AND '.join(where)} {order}"
        reader = cursor.sql(query, params=parameters).to_arrow_reader(READ_ROWS)
        cut[tape] = _by_session(_gathered(reader, rows))
    first = next(iter(tapes))
    return [
        Part(day, {**{tape: cut[tape].get(day, cut[tape][date.min]) for tape in tapes}, **dims}, upto)
        for day in days
        if day in cut[first]
    ]


def _gathered(reader: Any, rows: int) -> pl.DataFrame:
    """Arrow batches as one frame of one chunk, each copied where it belongs while it is still warm.

    Keeping the batches and joining them afterwards moves every byte twice more. No tape column is ever null.
    """
    import pyarrow as pa

    frames: dict[str, Any] = {}
    arrays = {
        field.name: np.empty(rows, f"int{field.type.bit_width}")
        for field in reader.schema
        if not pa.types.is_boolean(field.type)
    }
    flags: dict[str, list[Any]] = {field.name: [] for field in reader.schema if field.name not in arrays}
    at = 0
    for batch in reader:
        end = at + batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in flags:
                flags[name].append(column)
                continue
            if end > len(arrays[name]):
                arrays[name] = np.concatenate(
                    [arrays[name][:at], np.empty(max(at, batch.num_rows), arrays[name].dtype)]
                )
            came = np.frombuffer(column.buffers()[1], arrays[name].dtype)
            arrays[name][at:end] = came[column.offset : column.offset + len(column)]
        at = end
    for field in reader.schema:
        if field.name in flags:
            frames[field.name] = pa.chunked_array(flags[field.name], field.type).combine_chunks()
        else:
            kind = field.type if pa.types.is_date32(field.type) else pa.from_numpy_dtype(arrays[field.name].dtype)
            frames[field.name] = pa.Array.from_buffers(kind, at, [None, pa.py_buffer(arrays[field.name])])
    return pl.DataFrame(pl.from_arrow(pa.table(frames)))


def _by_session(frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """A tape's rows, each session's together, as views by session; under `date.min` the columns without rows."""
    session = frame["session"].to_numpy()
    tape = frame.drop("session")
    heads = np.flatnonzero(session[1:] != session[:-1]) + 1
    bounds = [0, *heads.tolist(), len(session)] if len(session) else []
    cut = {session[a].item(): tape.slice(a, z - a) for a, z in pairwise(bounds)}
    if len(cut) < len(bounds) - 1:
        raise AssertionError("a session's rows do not lie together, though the ledger says they came in one append")
    return {date.min: tape.clear(), **cut}


def _integers(table: Any) -> pl.DataFrame:
    """An Arrow table as a frame: decimal64 buffers and timestamps taken as the int64 they are, without a copy."""
    import pyarrow as pa

    arrays, names = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_decimal64(kind) or pa.types.is_timestamp(kind):
            chunks = [
                pa.Array.from_buffers(pa.int64(), len(chunk), chunk.buffers(), chunk.null_count, chunk.offset)
                for chunk in column.chunks
            ]
            column = pa.chunked_array(chunks, type=pa.int64())
        arrays.append(column)
        names.append(name)
    frame = pl.from_arrow(pa.table(arrays, names=names))
    return pl.DataFrame(frame).rechunk()


def default_path() -> Path:
    """Where the store rests when `--db` is not given: $BULLBEAR_DB, else market.duckdb in the user data directory."""
    if named := os.environ.get("BULLBEAR_DB"):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".local" / "share") / "bullbear" / "market.duckdb"
