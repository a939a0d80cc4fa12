"""Dated snapshots of an index's members with their sectors: the files of datasets/s-and-p-500-companies.

    to about 2023   Symbol,Name,Sector
    since           Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded

The day stands in the file's name (constituents_2023-03-07.csv) or in its folder's. A snapshot says who the members are
on that day, and each one's sector: it fills index_members and sectors, both or neither. Its sectors hold until the day
before the next snapshot in the same folder, so that who has left, or was moved to another sector, does not stay; the
last one stays open, and is closed when the folder is read again with a later one in it.

A `Sector` that is none of the GICS sectors is a sub-industry (the snapshot of March 2023 has them in that column) and
goes to the scheme `gics_sub_industry`; slips of the pen (`Industries`, `Telecommunications Services`) are mended.
`BRK-B` is `BRK.B`. A line with too few fields, or with a comma unquoted, is a reject.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from glob import escape
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, header_of, unknown_to

INDEX = "SPX"

GICS_SECTORS = (
    *("Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials", "Health Care"),
    *("Industrials", "Information Technology", "Materials", "Real Estate", "Telecommunication Services", "Utilities"),
)
"""GICS sectors by name: the eleven, and the one that became Communication Services in September 2018."""

_SLIPS = {"Industries": "Industrials", "Telecommunications Services": "Telecommunication Services"}
_OLD = ("Symbol", "Name", "Sector")
_NEW = ("Symbol", "Security", "GICS Sector")
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?(\d\d)[-_]?(\d\d)(?!\d)")


@dataclass(frozen=True)
class Members(Feed):
    """The S&P 500's members on a day."""

    name = "members"
    fills = ("index_members", "sectors")
    about = "dated snapshots of the S&P 500's members with GICS sectors (CSV)"

    def claim(self, path: Path) -> Claim | None:
        """By the header, old or new; the day from the name of the file, else of its folder."""
        columns = header_of(path)
        if columns is None or (layout := _layout(columns)) is None:
            return None
        if missing := unknown_to(layout, columns):
            raise UnreadableFile(
                f"'{path.name}': expected a snapshot of members, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        day = _dated(path)
        if day is None:
            raise UnreadableFile(
                f"'{path.name}': expected the snapshot's day in the file's or its folder's name, found none. Rename it"
                f" to {path.stem}_YYYY-MM-DD{path.suffix}, the day on which these were the members."
            )
        following = _next_snapshot(path, day)
        until = "" if following is None else (following - timedelta(days=1)).isoformat()
        ignored = unknown_to(columns, (layout[0], layout[2]))
        return Claim("index_members", f"constituents/{day}", ignored=ignored, also=("sectors",), learned=until)

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """The newer layout: the three columns of the older one are anybody's."""
        return (_NEW,)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """A row a member, with the columns of both tables."""
        columns = header_of(path) or ()
        sector = (_layout(columns) or _OLD)[2]
        day = claim.logical_name.rsplit("/", 1)[1]
        text = desk.read_text(path, ",", columns)
        for frame in text.batches():
            group = pl.col(sector).str.strip_chars()
            yield frame.select(
                "record",
                date=pl.lit(day),
                index=pl.lit(INDEX),
                symbol=pl.col("Symbol").str.strip_chars().str.replace_all("-", ".", literal=True),
                group=group.replace(_SLIPS),
                from_date=pl.lit(day),
                to_date=pl.lit(claim.learned or None, dtype=pl.String),
            ).with_columns(
                scheme=pl.when(pl.col("group").is_in(GICS_SECTORS))
                .then(pl.lit("gics"))
                .otherwise(pl.lit("gics_sub_industry")),
                refused=pl.when((pl.col("symbol") == "Symbol") & (pl.col("group") == sector)).then(
                    pl.lit("the header again, where a member should be")
                ),
            )
        desk.refused.append(text.misfits())


def _layout(columns: tuple[str, ...]) -> tuple[str, str, str] | None:
    """Which of the two layouts a header is, whole or not; None if it is neither."""
    if "Symbol" not in columns:
        return None
    if {"GICS Sector", "GICS Sub-Industry"} & set(columns):
        return _NEW
    return _OLD if columns in (_OLD, _OLD[:2]) else None


def _dated(path: Path) -> date | None:
    """The day in a file's name, else in its folder's.

    >>> _dated(Path("pit/constituents_2023-03-07.csv")), _dated(Path("20230307/constituents.csv"))
    (datetime.date(2023, 3, 7), datetime.date(2023, 3, 7))
    """
    for name in (path.name, path.parent.name):
        for year, month, day in _DAY.findall(name):
            try:
                return date(int(year), int(month), int(day))
            except ValueError:
                continue
    return None


def _next_snapshot(path: Path, day: date) -> date | None:
    """The day of the snapshot that follows: beside the file, or in the folders beside its own."""
    beside = path.parent.iterdir() if _DAY.search(path.name) else path.parent.parent.glob(f"*/{escape(path.name)}")
    later = sorted((found, other) for other in beside if (found := _dated(other)) is not None and found > day)
    return next((found for found, other in later if _is_snapshot(other)), None)


def _is_snapshot(path: Path) -> bool:
    columns = header_of(path) if path.is_file() else None
    return columns is not None and _layout(columns) is not None
