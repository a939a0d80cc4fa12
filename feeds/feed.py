"""The shape of a feed: it claims a file by what stands in it, and reads it as frames with canonical column names.

One file in `feeds/` is one source. A feed knows its vendor's layout and nothing of the store: text or typed columns go
out, `check` decides what a good row is, and the store writes them.
"""

import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import polars as pl

from feeds.errors import UnreadableFile
from feeds.schema import Sessions

UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What a zip that is broken, encrypted or packed in an unknown way raises when it is read."""


@dataclass(frozen=True)
class Claim:
    """A feed's word that a file is its own.

    Attributes
    ----------
    table : the canonical table that the file fills
    logical_name : file name plus the vendor's date and symbol path parts: what a later version of it is called too
    assumed : canonical columns that are assumed rather than read, comma-separated
    ignored : columns of the file that the table has no place for
    beside : other files that are read with this one: where one of them changes, the file has changed
    also : further tables that the same rows fill; all stand or fall together, a row refused by one is refused by all.
        Their rows wait in memory until the first table's are written: for files of a few thousand rows.
    learned : what the claim learned beside the file, such as the day of the next file in its folder. It is part of the
        file's identity: when it changes, the file's rows are read anew and replace the earlier ones.
    """

    table: str
    logical_name: str
    assumed: str | None = None
    ignored: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    also: tuple[str, ...] = ()
    learned: str = ""


@dataclass
class Desk:
    """What a feed may use while it reads.

    Attributes
    ----------
    read_text : DuckDB's text reader
    sessions : the exchange's sessions
    refused : a tray for lines that do not fit
    aside : what is in the file and is no row of the table (a holding, a form 3), and how much of it
    """

    read_text: Callable[..., Any]
    sessions: Sessions
    refused: list[pl.DataFrame] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)


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

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """The layouts' columns, where a file that lacks one of them is not claimed."""
        return ()

    def lacking(self, path: Path) -> str | None:
        """What is said of a text file that nobody claims and that has all columns of a layout but one."""
        if magic(path) not in ("text", "gz", "zst"):
            return None
        for delimiter in (",", "|"):
            found = header_of(path, delimiter) or ()
            said = [
                f"{', '.join(names)}, missing {missing[0]}"
                for names in self.headers(path)
                if len(missing := unknown_to(names, found)) == 1 and len(names) > 1
            ]
            if said:
                columns = ", ".join(found)[:200]
                return f"'{path.name}': expected the columns of {self.name}: {'; or '.join(said)}; found {columns}"
        return None

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


_HEAD = 1 << 16
"""Bytes of a file by which it is known."""


def header_of(path: Path, delimiter: str = ",") -> tuple[str, ...] | None:
    """The first line's fields, None where the file has no readable first line of text.

    A field is stripped of quotes, spaces and a byte-order mark.
    """
    try:
        with open_text(path) as stream:
            first = stream.read(_HEAD).split(b"\n", 1)[0]
        line = first.decode("utf-8-sig").rstrip("\r")
    except (OSError, UnicodeDecodeError, EOFError):
        return None
    if "\x00" in line:
        return None
    return tuple(part.strip().strip('"').strip() for part in line.split(delimiter))


def unreadable(path: Path) -> str | None:
    """What is wrong with a file in which no feed finds a header; None where it may be somebody else's."""
    kind = magic(path)
    if kind not in ("gz", "zst", "text"):
        return None
    try:
        with open_text(path) as stream:
            head = stream.read(_HEAD)
    except (OSError, EOFError):
        return f"expected a whole {kind} file, found one that is cut or broken. Download it again."
    if not head:
        return f"expected rows, found zero bytes in a {kind} file"
    page = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))
    if page and path.suffix.lower() not in (".html", ".htm"):
        return "expected rows, found an HTML page: what a server said instead of the file. Download it again."
    return None


_SAMPLE = 1 << 20


def rows_expected(path: Path) -> int | None:
    """About how many rows a file has, from its first megabyte; exact for Parquet, None where nothing can be said."""
    kind = magic(path)
    try:
        if kind == "parquet":
            import pyarrow.parquet as pq

            return int(pq.read_metadata(path).num_rows)
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                member = archive.infolist()[0]
                with archive.open(member) as stream:
                    head = stream.read(_SAMPLE)
            return round(head.count(b"\n") * member.file_size / max(1, len(head)))
        with path.open("rb") as stream:
            packed = stream.read(_SAMPLE)
        lines = (packed if kind == "text" else _unpacked(packed, kind)).count(b"\n")
        return round(lines * path.stat().st_size / len(packed))
    except (OSError, ValueError, IndexError, zipfile.BadZipFile):
        return None


def _unpacked(packed: bytes, kind: str) -> bytes:
    """What the beginning of a gz or zst file holds."""
    import pyarrow as pa

    whole = bytearray()
    with pa.CompressedInputStream(pa.BufferReader(packed), {"gz": "gzip", "zst": "zstd"}[kind]) as stream:
        try:
            while block := stream.read(1 << 16):
                whole += block
        except OSError:
            pass  # the sample ends in the middle of the packing
    return bytes(whole)


def zst_is_whole(path: Path) -> bool:
    """Whether every frame of a zst file is there to its end: DuckDB takes one that breaks off for a shorter file.

    The frames' headers alone are read (RFC 8878, 3.1.1).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        while stream.tell() < size:
            magic_number = int.from_bytes(stream.read(4), "little")
            if magic_number & 0xFFFFFFF0 == 0x184D2A50:  # a frame to be skipped
                stream.seek(int.from_bytes(stream.read(4), "little"), 1)
                continue
            descriptor = int.from_bytes(stream.read(1), "little")
            single_segment = descriptor >> 5 & 1
            content_size = (single_segment, 2, 4, 8)[descriptor >> 6]
            stream.seek((0 if single_segment else 1) + (0, 1, 2, 4)[descriptor & 3] + content_size, 1)
            last = False
            while not last:
                header = stream.read(3)
                if magic_number != 0xFD2FB528 or len(header) < 3:
                    return False
                block = int.from_bytes(header, "little")
                last = bool(block & 1)
                run_of_one_byte = block >> 1 & 3 == 1
                stream.seek(1 if run_of_one_byte else block >> 3, 1)
            if descriptor & 4:  # a checksum
                stream.seek(4, 1)
        return stream.tell() == size


def zip_members(path: Path) -> list[str]:
    """Names of the files in a zip, but for what macOS puts beside them; UnreadableFile if it is broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member.filename for member in archive.infolist() if not member.is_dir()]
    except UNREADABLE_ZIP as error:
        raise UnreadableFile(f"'{path.name}': expected a zip file, found: {error}") from None
    return [name for name in members if not name.startswith("__MACOSX/")]


def zipped_files(path: Path) -> str | None:
    """What is said of a zip that holds no file or several, where one is expected; None of any other file."""
    if magic(path) != "zip" or len(members := zip_members(path)) == 1:
        return None
    if "[Content_Types].xml" in members:
        return "a workbook or document: save its table as CSV, and name what it is with --table or --mapping."
    return f"a zip of {len(members):,} files: unpack it and ingest the folder."


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
