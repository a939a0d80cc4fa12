"""Files whose header is a canonical table's columns: CSV (plain, gz, zst, a zip of one) and Parquet."""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile, first_line
from feeds.feed import (
    UNREADABLE_ZIP,
    Claim,
    Desk,
    Feed,
    dated_name,
    header_of,
    magic,
    unknown_to,
    zip_members,
    zipped_files,
)
from feeds.schema import TABLES

_PARQUET_ROWS = 1 << 16
_PLAIN = (pl.String, pl.Boolean, pl.Date, pl.Null)


@dataclass(frozen=True)
class Canonical(Feed):
    """The core's own layout. With `table` given, a file that lacks its columns is an error that names them."""

    table: str | None = None
    name = "canonical"
    fills = tuple(TABLES)
    about = "CSV or Parquet with a canonical table's column names"

    def claim(self, path: Path) -> Claim | None:
        """By header: the table asked for, else the only table (or the one the file is named after) that it fits."""
        columns = columns_of(path)
        if self.table is not None:
            table = TABLES[self.table]
            if columns is None:
                seen = zipped_files(path) or "no line of text"
                raise UnreadableFile(f"'{path.name}': expected a header of {self.table}, found {seen}")
            if missing := unknown_to(table.required, columns):
                raise UnreadableFile(
                    f"'{path.name}': expected the columns of {self.table}, missing {', '.join(missing)};"
                    f" found {', '.join(columns)[:200]}. Map other names with --mapping."
                )
            return Claim(self.table, dated_name(path), ignored=unknown_to(columns, table.names))
        if columns is None:
            return None
        fitting = [
            table.name
            for table in TABLES.values()
            if not unknown_to(table.required, columns) and not unknown_to(columns, table.names)
        ]
        named = [name for name in fitting if path.name.split(".")[0] == name]
        # closes of an index fit both markets' tables: the A-share one is claimed by the file's name or by --table
        home = [name for name in fitting if TABLES[name].exchange == "XNYS"]
        if found := named or (fitting if len(fitting) == 1 else home if len(home) == 1 else []):
            return Claim(found[0], dated_name(path))
        return None

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Canonical columns as they stand; a column the table does not know is left out."""
        known = TABLES[claim.table].names
        for frame in raw_frames(path, desk, coded=True):
            yield frame.select("record", *(name for name in known if name in frame.columns))


def columns_of(path: Path) -> tuple[str, ...] | None:
    """A CSV's or Parquet's column names; None where the file has none."""
    kind = magic(path)
    if kind == "parquet":
        try:
            return tuple(pl.read_parquet_schema(path))
        except (pl.exceptions.ComputeError, OSError) as error:
            raise UnreadableFile(
                f"'{path.name}': expected Parquet, found: {str(error).splitlines()[0][:150]}"
            ) from None
    if kind == "zip":
        if len(members := zip_members(path)) != 1:
            return None
        try:
            with zipfile.ZipFile(path) as archive, archive.open(members[0]) as stream:
                first = stream.read(1 << 16).split(b"\n", 1)[0]
        except UNREADABLE_ZIP as error:
            raise UnreadableFile(f"'{path.name}': expected a whole zip member, found: {error}") from None
        try:
            return tuple(part.strip().strip('"') for part in first.decode("utf-8-sig").strip().split(","))
        except UnicodeDecodeError:
            return None
    return header_of(path)


def raw_frames(path: Path, desk: Desk, coded: bool = False) -> Iterator[pl.DataFrame]:
    """A CSV's rows as text, a Parquet's typed, with `record`; lines that do not fit go to the desk's tray.

    Parameters
    ----------
    coded : as in `TextFile.batches`: for columns that are checked as they stand
    """
    kind = magic(path)
    if kind == "parquet":
        yield from _parquet_frames(path)
    elif kind == "zip":
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            (member,) = zip_members(path)
            loose = Path(folder) / path.name  # never the member's own name: it may hold a path
            try:
                with archive.open(member) as source, loose.open("wb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
            except UNREADABLE_ZIP as error:
                raise UnreadableFile(f"'{path.name}': expected a whole zip member, found: {error}") from None
            yield from _text_frames(loose, desk, coded)
    else:
        yield from _text_frames(path, desk, coded)


def _text_frames(path: Path, desk: Desk, coded: bool) -> Iterator[pl.DataFrame]:
    columns = header_of(path)
    if columns is None:
        raise UnreadableFile(f"'{path.name}': expected a header line of text, found none")
    text = desk.read_text(path, ",", columns)
    yield from text.batches(coded)
    desk.refused.append(text.misfits())


def _parquet_frames(path: Path) -> Iterator[pl.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = 0
    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(_PARQUET_ROWS):
                numbers = pl.int_range(at + 1, at + batch.num_rows + 1, dtype=pl.Int64)
                at += batch.num_rows
                yield pl.DataFrame(pl.from_arrow(batch)).with_columns(record=numbers)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(f"'{path.name}': expected Parquet, found: {str(error).splitlines()[0][:150]}") from None


def of_known_types(path: Path, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """A layout's frames; UnreadableFile where it cannot read a column of its Parquet for that column's type.

    A vendor's types change from release to release, and any expression of a layout may meet one that it does not take.
    """
    try:
        yield from frames
    except pl.exceptions.PolarsError as error:
        if magic(path) != "parquet":
            raise
        types = pl.read_parquet_schema(path)
        odd = [f"{name} {kind}" for name, kind in types.items() if not (kind.is_numeric() or kind in _PLAIN)]
        raise UnreadableFile(
            f"'{path.name}': expected columns of text, numbers, dates and true or false, found {', '.join(odd)[:300]}"
            f" ({first_line(error)[:150]})"
        ) from None
