"""The shape of a feed: it claims a file by what stands in it, and reads it as frames with canonical column names.

One file in `feeds/` is one source. A feed knows its vendor's layout and nothing of the store: text or typed columns go
out, `check` decides what a good row is, and the store writes them.
"""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import polars as pl

from feeds.errors import UnreadableFile
from feeds.schema import Sessions


@dataclass(frozen=True)
class Claim:
    """A feed's word that a file is its own.

    Attributes
    ----------
    table : the canonical table that the file fills
    logical_name : file name plus the vendor's date and symbol path parts: what a later version of it is called too
    assumed : canonical columns that are assumed rather than read, comma-separated
    ignored : columns of the file that the table has no place for
    also : further tables that the same file fills
    """

    table: str
    logical_name: str
    assumed: str | None = None
    ignored: tuple[str, ...] = ()
    also: tuple["Claim", ...] = ()


@dataclass
class Desk:
    """What a feed may use while it reads: DuckDB's text reader, the exchange's sessions, a tray for refused lines."""

    read_text: Callable[..., Any]
    sessions: Sessions
    refused: list[pl.DataFrame] = field(default_factory=list)


class Feed(ABC):
    """One source of files."""

    name: ClassVar[str]
    fills: ClassVar[tuple[str, ...]]
    about: ClassVar[str]
    scaled: ClassVar[bool] = False
    """Whether integers in price and decimal columns are micro-dollars and micro-shares, and times ns UTC, already."""

    @abstractmethod
    def claim(self, path: Path) -> Claim | None:
        """Whether the file is one of this source's, judged by its content; None if it is not."""

    @abstractmethod
    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The file's rows under canonical names, in file order, with `record` (Int64: line or record number)."""


def magic(path: Path) -> str:
    """What a file is by its first bytes: "gz", "zst", "zip", "parquet", "empty" or "text"."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if not head:
        return "empty"
    if head[:2] == b"\x1f\x8b":
        return "gz"
    if head == b"\x28\xb5\x2f\xfd":
        return "zst"
    if head == b"PK\x03\x04":
        return "zip"
    return "parquet" if head == b"PAR1" else "text"


def open_text(path: Path) -> IO[bytes]:
    """A plain, gz or zst file as a stream of bytes."""
    import pyarrow as pa

    compression = {"gz": "gzip", "zst": "zstd"}.get(magic(path))
    stream: IO[bytes] = pa.input_stream(str(path), compression=compression)
    return stream


def header_of(path: Path, delimiter: str = ",") -> tuple[str, ...] | None:
    """The first line's fields, None where the file has no readable first line of text.

    A field is stripped of quotes, spaces and a byte-order mark.
    """
    try:
        with open_text(path) as stream:
            first = stream.read(1 << 16).split(b"\n", 1)[0]
        line = first.decode("utf-8-sig").rstrip("\r")
    except (OSError, UnicodeDecodeError, EOFError):
        return None
    if "\x00" in line:
        return None
    return tuple(part.strip().strip('"').strip() for part in line.split(delimiter))


def zip_members(path: Path) -> list[str]:
    """Names of the files in a zip; UnreadableFile if it is broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise UnreadableFile(f"'{path.name}': expected a zip file, found: {error}") from None


def dated_name(path: Path) -> str:
    """A file's name with those folders above it that name a day, so that two days' `trades.csv` are two files.

    >>> dated_name(Path("drop/2025-11-05/trades.csv"))
    '2025-11-05/trades.csv'
    >>> dated_name(Path("second_try/trades.csv"))
    'trades.csv'
    """
    days = [part for part in path.parent.parts if _is_day(part)]
    return "/".join([*days, path.name])


def _is_day(part: str) -> bool:
    digits = part.replace("-", "").replace("_", "")
    return digits.isdigit() and len(digits) in (4, 6, 8) and digits[:2] in ("19", "20")


def unknown_to(columns: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Those of `columns` that are not among `known`, in order."""
    return tuple(name for name in columns if name not in known)
