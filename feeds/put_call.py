"""Cboe's daily put/call volume: the published archives and the daily market statistics, as rows of put_call_volume.

equitypc.csv, indexpc.csv, totalpc.csv …  two lines of preamble (`PRODUCT: EQUITY`), DATE,CALL,PUT,TOTAL,P/C Ratio;
                                          the older archives: Trade_date,Call,Put,Total,P/C Ratio
YYYY-MM-DD_daily_options (JSON)           since 2019-10-07, for each class of products
                                          {"name": "VOLUME", "call": …, "put": …, "total": …}
"""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, dated_name, open_text
from feeds.vendor_text import blocks_of_lines

_CLASSES = {
    "EQUITY": "equity", "INDEX": "index", "ETP": "etp", "EXCHANGE TRADED PRODUCTS": "etp", "TOTAL": "total",
    "ALL": "total",
}  # fmt: skip
_FILES = {"equitypc": "equity", "indexpc": "index", "etppc": "etp", "totalpc": "total", "pcratio": "total"}
_STATISTICS = {
    "SUM OF ALL PRODUCTS": "total", "INDEX OPTIONS": "index", "EXCHANGE TRADED PRODUCTS": "etp",
    "EQUITY OPTIONS": "equity",
}  # fmt: skip
_RATIO_HEADER = re.compile(
    rb"^\s*(?:trade_?)?date\s*,\s*calls?\s*,\s*puts?\s*,\s*total\s*,\s*p/c ?ratio", re.IGNORECASE
)
_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_PREAMBLE = 1 << 13
_LARGEST = 1 << 24
"""Bytes of a page of statistics beyond which it is not what it was taken for."""


def claim_volume(path: Path) -> Claim | None:
    """Whether a file is one of them: by the archives' header below its preamble, or by the statistics' keys."""
    head = _beginning(path)
    if any(_RATIO_HEADER.match(line) for line in head.splitlines()):
        return Claim("put_call_volume", dated_name(path), ignored=("P/C Ratio",))
    if head.lstrip()[:1] == b"{" and any(f'"{key}"'.encode() in head for key in _STATISTICS):
        return Claim("put_call_volume", dated_name(path), ignored=("ratios", "OPEN INTEREST"))
    return None


def volume(path: Path, desk: Desk) -> pl.DataFrame:
    """The rows of a file that `claim_volume` claims.

    Raises
    ------
    UnreadableFile : no class of put_call_volume, no day, or not the layout that it began with
    """
    return _statistics(path) if _beginning(path).lstrip()[:1] == b"{" else _archive(path, desk)


def _beginning(path: Path) -> bytes:
    try:
        with open_text(path) as stream:
            return bytes(stream.read(_PREAMBLE))
    except (OSError, EOFError, ValueError):
        return b""


def _archive(path: Path, desk: Desk) -> pl.DataFrame:
    """An archive's rows; its preamble is not always UTF-8, its numbers are padded here and there."""
    product: str | None = None
    rows: list[tuple[int | str, ...]] = []
    refused: list[tuple[int, str, str]] = []
    below = 0
    for first, lines in blocks_of_lines(path):
        for number, line in enumerate(lines, first):
            if below == 0:
                product = product or _product(line)
                below = number if _RATIO_HEADER.match(line.encode()) else 0
            elif line.strip(" ,\r"):
                fields = [field.strip() for field in line.split(",")]
                if len(fields) < 4:
                    refused.append((number, f"expected date, calls, puts, total, found {len(fields)} fields", line))
                else:
                    rows.append((number - len(refused), *fields[:4]))
    kind = _class(path, product)
    desk.refused.append(
        pl.DataFrame(refused, schema={"record": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row")
    )
    names = {"record": pl.Int64, "day": pl.String, "calls": pl.String, "puts": pl.String, "total": pl.String}
    frame = pl.DataFrame(rows, schema=names, orient="row")
    day = pl.coalesce(
        pl.col("day").str.to_date(form, strict=False) for form in ("%m/%d/%Y", "%Y-%m-%d")
    ).dt.to_string()  # fmt: skip
    return _summed(frame.with_columns(date=pl.coalesce(day, "day"), kind=pl.lit(kind)))


def _product(line: str) -> str | None:
    found = re.search(r"PRODUCT:\s*([A-Za-z ]+)", line)
    return found.group(1).strip().upper() if found else None


def _class(path: Path, product: str | None) -> str:
    """By the preamble's PRODUCT, else by the file's name."""
    if product in _CLASSES:
        return _CLASSES[product]
    named = next((kind for stem, kind in _FILES.items() if path.name.lower().startswith(stem)), None)
    if product is None and named is not None:
        return named
    raise UnreadableFile(
        f"'{path.name}': expected put/call volume of one of {', '.join(_CLASSES)}, found"
        f" {f'PRODUCT: {product}' if product else 'no PRODUCT above the header'}"
    )


def _statistics(path: Path) -> pl.DataFrame:
    """One day's volume by class, from the daily market statistics."""
    try:
        with open_text(path) as stream:
            page: Any = json.loads(stream.read(_LARGEST))
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"'{path.name}': expected JSON, found: {str(error)[:120]}") from None
    found = _DAY.search(path.name) or next(filter(None, (_DAY.fullmatch(p) for p in path.parent.parts)), None)
    if found is None:
        raise UnreadableFile(f"'{path.name}': expected a day in the name, as 2021-01-14_daily_options, found none")
    rows: list[tuple[int | str | None, ...]] = []
    for heading, kind in _STATISTICS.items():
        lines = page.get(heading) if isinstance(page, dict) else None
        volume = [line for line in lines if _is_volume(line)] if isinstance(lines, list) else []
        if len(volume) == 1:
            cells = (_text(volume[0].get(name)) for name in ("call", "put", "total"))
            rows.append((len(rows) + 1, found.group(1), kind, *cells))
    if not rows:
        raise UnreadableFile(f"'{path.name}': expected VOLUME under one of {', '.join(_STATISTICS)}, found none")
    names = ("date", "kind", "calls", "puts", "total")
    return _summed(pl.DataFrame(rows, schema={"record": pl.Int64, **dict.fromkeys(names, pl.String)}, orient="row"))


def _is_volume(line: object) -> bool:
    return isinstance(line, dict) and line.get("name") == "VOLUME"


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)[:64].replace(",", "")


def _summed(frame: pl.DataFrame) -> pl.DataFrame:
    """The class's rows; where calls and puts do not make the total, the cell says so and is refused."""
    calls, puts, total = (pl.col(name).cast(pl.Float64, strict=False) for name in ("calls", "puts", "total"))
    wrong = (calls + puts != total).fill_null(False)
    said = pl.concat_str(pl.col("calls"), pl.lit(" + "), pl.col("puts"), pl.lit(" is not "), pl.col("total"))
    return frame.select(
        "record",
        date="date",
        puts=pl.when(wrong).then(said).otherwise("puts"),
        calls="calls",
        **{"class": pl.col("kind")},
    )
