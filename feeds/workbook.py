"""Workbooks (.xlsx, .xls) as cells: what the feeds of workbooks share.

Cells come as text where a layout must be found, and as float64 where a number must be exact: a number read as text is
rounded to nine places.
"""

import re
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import UNREADABLE_ZIP

_XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SHEET = re.compile(r'<(?:\w+:)?sheet\b[^>]*?\sname="([^"]*)"')
_MOST_BYTES = 1 << 26
"""A workbook unpacks into memory whole: a larger one is none of those that are read here."""


def sheets(path: Path) -> list[str]:
    """The names of a workbook's sheets; empty where the file is no workbook by its first bytes.

    Raises
    ------
    UnreadableFile : a broken workbook, one too large, or the extra `workbooks` is not installed
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(path) as archive:
                if "xl/workbook.xml" not in archive.namelist():
                    return []
                _fits(path, sum(member.file_size for member in archive.infolist()))
                # named without the extra, so that a foreign workbook needs none to be passed over
                listed = archive.read("xl/workbook.xml").decode("utf-8", "replace")
                return [unescape(name) for name in _SHEET.findall(listed)]
        except UNREADABLE_ZIP:
            return []  # a broken zip is named by the feeds of zips
    if head == _XLS:
        _fits(path, path.stat().st_size)
        return list(_open(path).sheet_names)
    return []


def _fits(path: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise UnreadableFile(f"'{path.name}': expected a workbook of at most {_MOST_BYTES:,} bytes, found {size:,}")


def _open(path: Path) -> Any:
    try:
        import fastexcel
    except ImportError:
        raise UnreadableFile(
            f"'{path.name}': a workbook needs a reader; install it with pip install 'bullbear[workbooks]'"
        ) from None
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise UnreadableFile(f"'{path.name}': expected a workbook, found: {_short(error)}") from None


def cells(path: Path, sheet: str) -> pl.DataFrame:
    """A sheet's cells as text from its first row and column on: columns `0`, `1`, …; days as YYYY-MM-DD HH:MM:SS."""
    return _load(path, sheet, "string")


def numbers(path: Path, sheet: str) -> pl.DataFrame:
    """The same cells as float64, exact; null where a cell is no number."""
    return _load(path, sheet, "float")


def _load(path: Path, sheet: str, dtype: str) -> pl.DataFrame:
    book = _open(path)
    import fastexcel

    try:
        # rows that are skipped would shift every record: none is, not even an empty one
        found = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes=dtype).to_polars()
    except fastexcel.FastExcelError as error:
        raise UnreadableFile(f"'{path.name}': expected the sheet {sheet!r}, found: {_short(error)}") from None
    frame: pl.DataFrame = found
    frame.columns = [str(n) for n in range(frame.width)]
    return frame


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:150]
