"""S&P Dow Jones Indices' "S&P 500 Earnings and Estimate Report": the workbook sp-500-eps-est.xlsx.

Sheet `ESTIMATES&PEs`. Its layout drifts, so nothing is read by position but by what stands in the cells:

    as of       the first row of column A that is a day, and the row "Data as of the close of:" or "Date"
    header      the row whose column A is QUARTER; the first OPERATING right of it heads operating earnings per share
    ESTIMATES   quarters to come and the one being reported, "3/31/2022 (89.1%)" where only a part has reported
    ACTUAL(S)   quarters reported

A day is a date, or text as "6/30/2016 ". A quarter's end is kept as the sheet gives it (workbooks of 2016 and 2017
write 03/30/2011). The file's name says nothing: a copy is named after the day on which it was saved.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed
from feeds.workbook import cells, numbers, sheets

INDEX = "SPX"
SHEET = "ESTIMATES&PEs"

_DAY = re.compile(r"^\s*(?:(\d{4})-(\d\d)-(\d\d)|(\d{1,2})/(\d{1,2})/(\d{4}))\b")
_AS_OF = re.compile(r"^\s*(data as of the close of|date)\s*:?\s*$", re.IGNORECASE)
_SECTION = re.compile(r"^\s*(estimates?|actuals?)\s*$", re.IGNORECASE)
_LEFT_OUT = ("price", "as reported earnings", "P/E", "12 month earnings", "the other sheets")


@dataclass(frozen=True)
class Spglobal(Feed):
    """S&P's workbook of index earnings: one vintage a file."""

    name = "spglobal"
    fills = ("forward_eps",)
    about = "S&P 500 Earnings and Estimate Report (xlsx), one vintage of quarterly operating EPS a file"

    def claim(self, path: Path) -> Claim | None:
        """By the name of its sheet."""
        sheet = _sheet(path)
        if sheet is None:
            return None
        # every copy is called sp-500-eps-est: the vintage names the file, not its name
        return Claim("forward_eps", f"sp-500-eps-est/{_as_of(cells(path, sheet), path)}", ignored=_LEFT_OUT)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """One row a quarter, estimates first, as they stand; `record` is the sheet's row."""
        sheet = _sheet(path) or SHEET
        text, exact = cells(path, sheet), numbers(path, sheet)
        published, column = _as_of(text, path), _operating(text, path)
        rows, section = [], ""
        for at, label in enumerate(text["0"]):
            if label is None:
                continue
            if found := _SECTION.match(label):
                section = found.group(1)
            elif section and (quarter := _day(label)) is not None:
                number = exact[column][at]
                rows.append((at + 1, published, INDEX, quarter, text[column][at] if number is None else repr(number)))
        if not rows:
            raise UnreadableFile(f"'{path.name}': expected quarters below ESTIMATES or ACTUALS, found none")
        kinds = {"record": pl.Int64} | dict.fromkeys(("published", "index", "quarter_end", "eps"), pl.String)
        yield pl.DataFrame(rows, schema=kinds, orient="row")


def _sheet(path: Path) -> str | None:
    """The sheet's name as the workbook spells it; None if it has none such."""
    wanted = SHEET.casefold()
    return next((name for name in sheets(path) if name.replace(" ", "").casefold() == wanted), None)


def _day(cell: str | None) -> str | None:
    """A cell's day as YYYY-MM-DD; None if it does not begin with one.

    >>> _day("6/30/2017 (5.3%)"), _day("2017-06-30 00:00:00"), _day("Q2 2017"), _day("13/45/2017")
    ('2017-06-30', '2017-06-30', None, None)
    """
    found = _DAY.match(cell or "")
    if found is None:
        return None
    year, month, day, us_month, us_day, us_year = found.groups()
    try:
        return date(int(year or us_year), int(month or us_month), int(day or us_day)).isoformat()
    except ValueError:
        return None


def _as_of(text: pl.DataFrame, path: Path) -> str:
    """The day as of which the sheet speaks: the later one where its title and its row of closes differ."""
    columns = [str(n) for n in range(1, min(8, text.width))]
    days = []
    for at, label in enumerate(text["0"]):
        if label is None:
            continue
        if label.strip().upper() == "QUARTER":
            break
        if at < 6 and (titled := _day(label)) is not None:
            days.append(titled)
        elif _AS_OF.match(label):
            days += [day for name in columns if (day := _day(text[name][at])) is not None][:1]
    if not days:
        raise UnreadableFile(
            f"'{path.name}': expected the as-of day in the first rows of {SHEET} or beside 'Data as of the close of:',"
            " found none"
        )
    return max(days)


def _operating(text: pl.DataFrame, path: Path) -> str:
    """The column of operating earnings per share: the first one headed OPERATING in the row of QUARTER."""
    for at, label in enumerate(text["0"]):
        if label is None or label.strip().upper() != "QUARTER":
            continue
        for name in text.columns[1:]:
            if (text[name][at] or "").strip().upper() == "OPERATING":
                return name
        found = ", ".join(cell.strip() for cell in text.row(at) if cell)
        raise UnreadableFile(f"'{path.name}': expected a column OPERATING beside QUARTER, found {found[:150]}")
    raise UnreadableFile(f"'{path.name}': expected a row QUARTER in column A of {SHEET}, found none")
