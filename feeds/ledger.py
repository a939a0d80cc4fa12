"""What the ledger says: which files are in, which sessions they fill, what was refused, corrected or assumed."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from feeds.arrow import integers
from feeds.query import query
from feeds.schema import Sessions


class Ledger:
    """The part of a store that answers for its files; its queries stand in feeds/sql/ledger."""

    _db: Any

    def _told(self, name: str, **values: object) -> list[Any]:
        rows: list[Any] = self._db.execute(query(f"ledger/{name}"), values).fetchall()
        return rows

    def ledger_entry(self, table: str, source: str, logical_name: str) -> tuple[int, str, int] | None:
        """(file, sha256, rows read) of the version of a file that is in, None if there is none."""
        rows = self._told("entry", table=table, source=source, logical_name=logical_name)
        return (int(rows[0][0]), str(rows[0][1]), int(rows[0][2])) if rows else None

    def holds(self, table: str, source: str, sha256: str) -> int | None:
        """Rows read from a file of the same content that is in under whatever name; None if there is none."""
        rows = self._told("holds", table=table, source=source, sha256=sha256)
        return int(rows[0][0]) if rows else None

    def lacking(self, tables: Sequence[str], source: str, sha256: str) -> str | None:
        """The logical name under which a content is in, where rows of it in keyed tables may be missing by now.

        Rows of it were duplicates, or were corrected by another file, and a file of the table has been replaced since.
        """
        rows = self._told("lacking", tables=sorted(tables), source=source, sha256=sha256)
        return str(rows[0][0]) if rows else None

    def partition_hash(self, tables: Iterable[str], last: date) -> str:
        """Sha256 over the files behind every partition of some tables up to a session: changes when any input does.

        It is the same in every store that holds the same files; whether one store is as it was, `partition_state` says.
        """
        ((digest,),) = self._told("partition_hash", tables=sorted(tables), last=last)
        return str(digest)

    def partition_state(self, tables: Iterable[str], last: date) -> str:
        """Sha256 over which of this store's files fill some tables up to a session, and which tables hold nothing."""
        ((digest,),) = self._told("partition_state", tables=sorted(tables), last=last)
        return str(digest)

    def partition_hashes(self, tables: Iterable[str], last: date) -> dict[str, dict[date, str]]:
        """By table and session, sha256 over which of this store's files fill a partition, of sessions up to one."""
        found: dict[str, dict[date, str]] = {}
        for table, day, digest in self._told("partition_hashes", tables=sorted(set(tables)), last=last):
            found.setdefault(str(table), {})[day] = str(digest)
        return found

    def tape_hashes(self, tapes: Sequence[str], sessions: Sessions) -> dict[date, str]:
        """What each session's tapes rest on: sha256 over their files, which a corrected or added file changes."""
        if not len(sessions):
            return {}
        rows = self._told("tape_files", tapes=sorted(tapes), first=sessions.dates[0], last=sessions.dates[-1])
        digests: dict[date, Any] = {}
        for day, *what in rows:
            digests.setdefault(day, hashlib.sha256()).update(repr(what).encode())
        return {day: digest.hexdigest() for day, digest in digests.items()}

    def held_sessions(self, table: str) -> list[tuple[date, int]]:
        """Sessions with rows of a table, and how many."""
        return [(day, int(n)) for day, n in self._told("held_sessions", table=table)]

    def held_spans(self, tables: Iterable[str]) -> dict[str, tuple[date, date]]:
        """The first and the last session with rows, of those tables that have any."""
        found = self._told("held_spans", tables=sorted(set(tables)))
        return {str(table): (first, last) for table, first, last in found}

    def rejects(self) -> pl.DataFrame:
        """Every refused row: file, path, table, record, reason, raw."""
        return integers(self._db.sql(query("ledger/rejects")).to_arrow_table())

    def reject_counts(self) -> list[tuple[str, str, int]]:
        """(table, reason without the value, rows), most first."""
        return [(str(table), str(reason), int(n)) for table, reason, n in self._told("reject_counts")]

    def file_counts(self) -> dict[str, int]:
        """Files in force, by table."""
        return {str(table): int(n) for table, n in self._told("file_counts")}

    def correction_counts(self) -> dict[str, int]:
        """Rows of keyed tables that a later row under the same key replaced, by table."""
        return {str(table): int(n) for table, n in self._told("correction_counts")}

    def assumptions(self, table: str) -> list[str]:
        """The columns that mappings assumed for rows of a table."""
        return [str(assumed) for (assumed,) in self._told("assumptions", table=table)]

    def unknown_conditions(self) -> list[tuple[str, int]]:
        """Condition words that nobody knows, with the prints that carry them."""
        return [(str(word), int(n)) for word, n in self._told("unknown_conditions")]
