"""Robert Shiller's monthly S&P composite: the open-data CSV made of it, and the workbook ie_data.xls itself.

    Date,SP500,Dividend,Earnings,Consumer Price Index,Long Interest Rate,Real Price,Real Dividend,Real Earnings,PE10
    sheet `Data`: Date (1871.01; 1871.1 is October), P, D, E, CPI, Fraction, Rate GS10, Price, …

A month's price is the average of its daily closes (http://www.econ.yale.edu/~shiller/data.htm), so it is no close of a
session: it is kept as an index of its own, SPX_SHILLER, and stamped with the month's last session, at whose close the
average is complete. The month that has not ended when the file is written holds what was known of it; a later file
corrects it, and the correction is recorded. Zero and blank mean missing. Months before the exchange calendar begins
(1950) have no session to stand on: they are rejects, counted, and not held against the file. Earnings are trailing and
interpolated from quarters: they are no estimates, and nothing of them reaches forward_eps.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, header_of, magic, unknown_to
from feeds.schema import Sessions
from feeds.workbook import cells, numbers, sheets

INDEX = "SPX_SHILLER"

_CSV = ("Date", "SP500", "Dividend", "Earnings", "Consumer Price Index", "Long Interest Rate")
_CSV_MARK = {"Date", "Consumer Price Index", "PE10"}
_SHEET = ("Date", "P", "D", "E", "CPI")
_MONTH = re.compile(r"^(\d{4})-(\d\d)(-\d\d)?$")
_HEADER_ROWS = 20


@dataclass(frozen=True)
class Shiller(Feed):
    """Shiller's monthly averages."""

    name = "shiller"
    fills = ("index_levels",)
    about = "Shiller's monthly S&P composite (CSV, or ie_data.xls): averages, as the index SPX_SHILLER"

    def claim(self, path: Path) -> Claim | None:
        """By the CSV's header, or by the header row of the workbook's sheet `Data`."""
        if magic(path) in ("zip", "text") and (names := sheets(path)):
            if "Data" not in names:
                return None
            header = _header_row(cells(path, "Data"))
            return None if header is None else Claim("index_levels", "ie_data", ignored=("D", "E", "CPI", "…"))
        columns = header_of(path) or ()
        if not set(columns) >= _CSV_MARK:
            return None
        if missing := unknown_to(_CSV, columns):
            raise UnreadableFile(
                f"'{path.name}': expected Shiller's columns, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        return Claim("index_levels", path.name, ignored=unknown_to(columns, ("Date", "SP500")))

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """The CSV's."""
        return ((*_CSV, "PE10"),)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """One row a month, dated with its last session; a month that is none keeps its text and so is refused."""
        if sheets(path):
            batches: Iterator[pl.DataFrame] = iter([_sheet_rows(path)])
        else:
            text = desk.read_text(path, ",", header_of(path) or ())
            batches = (batch.select("record", month="Date", close="SP500") for batch in text.batches())
        for batch in batches:
            months = batch["month"].unique()
            ends = pl.DataFrame(
                {"month": months, "date": [_last_session(month, desk.sessions) for month in months]},
                schema={"month": pl.String, "date": pl.String},
            )
            yield batch.join(ends, on="month", how="left", maintain_order="left", nulls_equal=True).select(
                "record", "date", index=pl.lit(INDEX), close="close"
            )
        if not sheets(path):
            desk.refused.append(text.misfits())


def _last_session(month: str | None, sessions: Sessions) -> str | None:
    """The last session of a month; its last day where the calendar does not reach it; what is no month, unchanged.

    >>> from feeds.calendar import exchange_sessions
    >>> january = exchange_sessions("XNYS", date(2025, 1, 1), date(2025, 2, 28))
    >>> _last_session("2025-01-01", january), _last_session("1871-01", january), _last_session("soon", january)
    ('2025-01-31', '1871-01-31', 'soon')
    """
    found = _MONTH.match(month or "")
    if found is None or not 1 <= int(found.group(2)) <= 12 or not 1 <= int(found.group(1)) < 9999:
        return month
    year, number = int(found.group(1)), int(found.group(2))
    after = date(year + number // 12, number % 12 + 1, 1)
    at = int(np.searchsorted(sessions.days, np.datetime64(after), side="left")) - 1
    last = sessions.dates[at] if at >= 0 else date.min
    return (last if (last.year, last.month) == (year, number) else after - timedelta(days=1)).isoformat()


def _header_row(text: pl.DataFrame) -> int | None:
    """Where the sheet's columns are named; None if that is not Shiller's."""
    for at in range(min(_HEADER_ROWS, text.height)):
        found = tuple((cell or "").strip() for cell in text.row(at)[: len(_SHEET)])
        if found == _SHEET:
            return at
    return None


def _sheet_rows(path: Path) -> pl.DataFrame:
    """The sheet's months below its header, with the row as `record`; rows without a number for a date are notes."""
    text, exact = cells(path, "Data"), numbers(path, "Data")
    header = _header_row(text)
    first = 0 if header is None else header + 1
    # 1871.1 is October, and a double is no decimal: two places say the month
    return pl.DataFrame({"record": range(1, exact.height + 1), "at": exact["0"], "close": exact["1"]})[first:].filter(
        pl.col("at").is_between(1800, 3000)
    ).select(
        pl.col("record").cast(pl.Int64),
        month=pl.concat_str(
            pl.col("at").floor().cast(pl.Int64).cast(pl.String),
            pl.lit("-"),
            ((pl.col("at") - pl.col("at").floor()) * 100).round().cast(pl.Int64).cast(pl.String).str.zfill(2),
        ),
        close="close",
    )  # fmt: skip
