"""Delimited text files as batches of text columns; lines that do not fit their header are kept as rejects.

The rule is the database's own reader, as queries of feeds/sql/delimited over a connection that is given. A block of
plain lines, of which there is but one reading, goes a quicker way to the same rows.
"""

import io
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from isal import igzip, igzip_lib

from feeds.errors import UnreadableFile, first_line
from feeds.feed import magic, open_text, zst_is_whole
from feeds.query import query

BATCH_ROWS = 1 << 17
"""Rows of a text file that are read, checked and staged together."""

BLOCK_BYTES = 12 << 20
"""Plain text that is read and checked together: some hundred and twenty thousand option prints."""

_LINE_BYTES = 16_000_000
"""The longest line, as in feeds/sql/delimited/rows.sql."""

_REPEATED = 8
"""How often a text comes on average in a column that is read as codes."""

_LINE_BREAK = ord("\n")

_TIME_BYTES = 40
"""No time, number or symbol is longer: fields of text alone are searched for line breaks."""


@dataclass
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
    _misfits: bool = field(default=False, init=False)

    def batches(self, coded: bool = False) -> Iterator[pl.DataFrame]:
        """Frames of text columns with `record`: the line, had no line before it been left out.

        A field with line breaks inside its quotes makes later numbers record numbers rather than lines.

        Parameters
        ----------
        coded : columns of a long file in which the same texts come again may come as Categorical, whose categories are
            those of one frame: each distinct text is then looked at once
        """
        self._misfits = False
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise UnreadableFile(
                f"'{self.path.name}': expected each column once, found {', '.join(twice)[:200]} twice in the header."
                " Rename one of them."
            )
        if magic(self.path) == "zst" and not zst_is_whole(self.path):
            raise UnreadableFile(f"'{self.path.name}': expected a whole zst file, found one that breaks off")
        at = int(self.header)
        for frame in _plain(self.path, self.delimiter, self.columns, self.header, coded):
            if frame is None:
                yield from self._by_rule(at)
                return
            yield frame.with_columns(record=pl.int_range(at + 1, at + frame.height + 1, dtype=pl.Int64))
            at += frame.height

    def _by_rule(self, passed: int) -> Iterator[pl.DataFrame]:
        """The rows after the first `passed` lines, which are read again: what they leave out is none of them."""
        self.connection.execute(query("delimited/forget_misfits"))
        self._misfits = True
        packed = magic(self.path)
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
                numbered = frame.with_columns(record=pl.int_range(at + 1, at + frame.height + 1, dtype=pl.Int64))
                at += frame.height
                if (opened := _swallows(numbered, self.delimiter)) is not None:
                    raise self._open_quote(opened)
                if at > passed:
                    yield numbered.filter(pl.col("record") > passed) if at - frame.height < passed else numbered
            ((opened, misfits),) = self.connection.execute(query("delimited/open_quotes")).fetchall()
            if opened is not None and _filled_lines(self.path) > at + misfits:
                raise self._open_quote(opened)
        except (self.faults, OSError) as error:
            mixed = "state machine" in str(error) and _ends_in_two_ways(self.path)
            found = "lines that end in CR LF and lines that end in LF alone" if mixed else first_line(error)
            raise UnreadableFile(f"'{self.path.name}': expected delimited text, found: {found}") from None

    def _open_quote(self, line: int) -> UnreadableFile:
        return UnreadableFile(
            f"'{self.path.name}': expected a quote to close in its line, found one in line {line:,} that takes the"
            " lines after it into one field: they would be lost. Mend that line."
        )

    def misfits(self) -> pl.DataFrame:
        """Lines that do not fit, once the batches are read: record (the line), reason, raw."""
        if not self._misfits:
            return pl.DataFrame(schema={"record": pl.Int64, "reason": pl.String, "raw": pl.String})
        found = self.connection.sql(query("delimited/misfits")).to_arrow_table()
        return pl.DataFrame(pl.from_arrow(found))


def _plain(
    path: Path, delimiter: str, columns: tuple[str, ...], header: bool, coded: bool
) -> Iterator[pl.DataFrame | None]:
    """The rows of plain blocks of lines; None, and no more, from the first block on that is not.

    Plain is what has one reading: ASCII without quotes or control characters, each line with as many fields as there
    are columns.
    """
    rest, last = b"", False
    repeating: frozenset[str] | None = None if coded else frozenset()
    try:
        with igzip.IGzipFile(path) if magic(path) == "gz" else open_text(path) as stream:
            while not last:
                block = stream.read(BLOCK_BYTES)
                last = not block
                end = block.rfind(b"\n") + 1
                if last:
                    lines, rest = rest, b""
                elif end:  # joined from a view: a block is copied once, not twice
                    lines, rest = b"".join((rest, memoryview(block)[:end])), block[end:]
                else:
                    lines, rest = b"", rest + block
                if lines and header:
                    named, _, lines = lines.partition(b"\n")
                    header = False
                    if not _are_plain(named, delimiter, columns, 1):
                        yield None
                        return
                if len(rest) > _LINE_BYTES or (last and header):
                    yield None
                    return
                if lines:
                    yield (frame := _plain_rows(lines, delimiter, columns, repeating or frozenset()))
                    if frame is None:
                        return
                    if repeating is None:
                        repeating = _repeating(frame)
    except (OSError, EOFError, igzip_lib.error):
        yield None  # in its own words the rule says what is wrong


def _repeating(frame: pl.DataFrame) -> frozenset[str]:
    """The columns whose texts come again often enough for codes to pay."""
    distinct = frame.select(pl.all().approx_n_unique()).row(0)
    return frozenset(
        name for name, texts in zip(frame.columns, distinct, strict=True) if texts * _REPEATED <= frame.height
    )


def _plain_rows(
    lines: bytes, delimiter: str, columns: tuple[str, ...], repeating: Set[str] = frozenset()
) -> pl.DataFrame | None:
    """Whole lines as text columns, those that are `repeating` as codes; None where they are not plain."""
    count = int(np.count_nonzero(np.frombuffer(lines, np.uint8) == _LINE_BREAK)) + (not lines.endswith(b"\n"))
    if not _are_plain(lines, delimiter, columns, count):
        return None
    # Categories of its own for each column and lot: what nobody looks at any more takes no room
    kinds = {name: pl.Categorical(pl.Categories.random()) if name in repeating else pl.String() for name in columns}
    try:
        frame = pl.read_csv(lines, has_header=False, schema=kinds, separator=delimiter, quote_char=None)
    except pl.exceptions.PolarsError:
        return None  # a line of too many fields, though their sum is right
    return frame if frame.height == count else None


def _are_plain(lines: bytes, delimiter: str, columns: tuple[str, ...], count: int) -> bool:
    """Whether so many lines are plain by the sum of their fields: a reader that allows none too many tells the rest."""
    fields = np.count_nonzero(np.frombuffer(lines, np.uint8) == ord(delimiter)) + count
    unlike = any(sign in lines for sign in (b'"', b"\r", b"\x00"))
    return len(columns) > 1 and fields == count * len(columns) and lines.isascii() and not unlike


def _swallows(frame: pl.DataFrame, delimiter: str) -> int | None:
    """The first record with a field that holds a whole line of the file; None where there is none.

    A field may hold line breaks inside its quotes; where one holds a line of as many fields as the file has columns,
    its quote was left open and another one, lines later, closed it.
    """
    fields = frame.width - 1
    lengths = frame.select(pl.exclude("record").str.len_bytes().max()).row(0)
    for name, length in zip(frame.columns, lengths, strict=False):
        if length is not None and length > _TIME_BYTES and fields > 1:
            lined = frame.filter(pl.col(name).str.contains("\n", literal=True))
            other = re.escape(delimiter)
            whole = rf"\n[^\n{other}]*({other}[^\n{other}]*){{{fields - 1}}}\n"
            if (found := lined.filter(pl.col(name).str.contains(whole))).height:
                return int(found["record"][0])
    return None


def _filled_lines(path: Path) -> int:
    """Lines of a text file that are not blank."""
    with open_text(path) as stream, io.BufferedReader(cast(Any, stream), BLOCK_BYTES) as lines:
        return sum(1 for line in lines if line.strip(b"\r\n"))


def _ends_in_two_ways(path: Path) -> bool:
    """Whether some lines of a text file end in CR LF and others in LF alone."""
    with open_text(path) as stream, io.BufferedReader(cast(Any, stream), BLOCK_BYTES) as lines:
        return len({line.endswith(b"\r\n") for line in lines if line.endswith(b"\n")}) > 1


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
