"""S&P's workbook of index earnings, a workbook a vintage: the sheet `ESTIMATES&PEs` as of 2022."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from feeds.spglobal import INDEX, SHEET

_REPORTED = timedelta(days=30)
_HEAD = (
    ("QUARTER ", None, "OPERATING", "AS REPORTED", None, "OPERATING", "AS REPORTED", None, "12 MONTH EARNINGS"),
    ("END", None, "EARNINGS", "EARNINGS", None, "EARNINGS", "EARNINGS", None, "OPERATING", "AS REPORTED"),
    (None, "PRICE", "PER SHR", "PER SHR", None, "P/E", "P/E", None, "EARNINGS", "EARNINGS"),
    (None, " ", "(ests are", "(ests are", None, "(ests are", "(ests are", None, "(ests are", "(ests are"),
    (None, None, "bottom up)", "bottom up", None, "bottom up)", "bottom up", None, "bottom up)", "bottom up)"),
)


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The vintages of the one index that the workbook is about."""
    found = {name: frame for name, frame in tables.items() if name == "forward_eps"}
    return {name: frame.filter(pl.col("index") == INDEX) for name, frame in found.items()}


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """One workbook a vintage, in a folder named after its day as every one is called the same; see `feeds.writers`."""
    written = []
    for frame in said(tables).values():
        for (published,), vintage in frame.sort("published").group_by("published", maintain_order=True):
            if not isinstance(published, date):
                continue
            place = folder / published.isoformat()
            place.mkdir(parents=True, exist_ok=True)
            written.append(place / "sp-500-eps-est.xlsx")
            _workbook(written[-1], published, dict(zip(vintage["quarter_end"], vintage["eps"], strict=True)))
    return written


def _workbook(path: Path, published: date, quarters: dict[date, float]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        book.set_properties({"created": datetime(published.year, published.month, published.day)})
        day = book.add_format({"num_format": "mm/dd/yyyy"})
        sheet = book.add_worksheet(SHEET)
        rows: list[tuple[Any, ...]] = [
            ("S&P Dow Jones Indices",), (published,), ("S&P 500 EARNINGS AND ESTIMATE REPORT",), (),
            ("Date", None, None, published), (), *_HEAD, ("ESTIMATES",),
        ]  # fmt: skip
        ahead = sorted((end for end in quarters if end + _REPORTED > published), reverse=True)
        rows += [(f"{end.month}/{end.day}/{end.year}", None, quarters[end]) for end in ahead]
        rows += [(), ("ACTUALS",)]
        rows += [(end, None, quarters[end]) for end in sorted(set(quarters) - set(ahead), reverse=True)]
        for at, row in enumerate(rows):
            for n, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(at, n, cell, day)
                elif cell is not None:
                    sheet.write(at, n, cell)
