"""Delimited text files as batches of text columns; lines that do not fit their header are kept as rejects.

The database's own reader, as queries of feeds/sql/delimited over a connection that is given.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from feeds.errors import UnreadableFile, first_line
from feeds.feed import magic, zst_is_whole
from feeds.query import query

BATCH_ROWS = 1 << 17
"""Rows of a text file that are read, checked and staged together."""


@dataclass(frozen=True)
class TextFile:
    """A delimited text file.

    Attributes
    ----------
    connection : of the database that reads it, for this file alone
    faults : what the connection raises at a file that it cannot read
    columns : names of the fields, in the file's order
    header : whether the first line holds names
    """

    connection: Any
    faults: type[Exception]
    path: Path
    delimiter: str
    columns: tuple[str, ...]
    header: bool = True

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of text columns with `record`: the line, had no line before it been left out.

        A field with line breaks inside its quotes makes later numbers record numbers rather than lines.
        """
        self.connection.execute(query("delimited/forget_misfits"))
        packed = magic(self.path)
        if packed == "zst" and not zst_is_whole(self.path):
            raise UnreadableFile(f"'{self.path.name}': expected a whole zst file, found one that breaks off")
        asked = {
            "path": _unglobbed(self.path),
            "header": self.header,
            "delimiter": self.delimiter,
            "columns": dict.fromkeys(self.columns, "VARCHAR"),
            "compression": {"gz": "gzip", "zst": "zstd"}.get(packed, "none"),
        }
        try:
            reader = self.connection.sql(query("delimited/rows"), params=asked).to_arrow_reader(BATCH_ROWS)
            at = int(self.header)
            for frame in _at_least(BATCH_ROWS, reader):
                yield frame.with_columns(record=pl.int_range(at + 1, at + frame.height + 1, dtype=pl.Int64))
                at += frame.height
        except (self.faults, OSError) as error:
            raise UnreadableFile(f"'{self.path.name}': expected delimited text, found: {first_line(error)}") from None

    def misfits(self) -> pl.DataFrame:
        """Lines that do not fit, once the batches are read: record (the line), reason, raw."""
        found = self.connection.sql(query("delimited/misfits")).to_arrow_table()
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


def _unglobbed(path: Path) -> str:
    """A path in which the database sees no glob."""
    return re.sub(r"([\[\]*?])", r"[\1]", str(path))
