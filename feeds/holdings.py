"""Holdings of index funds as their issuers publish them each day: the members of an index with their weights.

    iShares   IVV_holdings.csv      lines about the fund, among them  Fund Holdings as of,"Nov 05, 2025"
                                    then Ticker,Name,Sector,Asset Class,Market Value,Weight (%),… and legal text below
    SSGA      holdings-daily-us-en-spy.xlsx, sheet holdings: Ticker Symbol: SPY, Holdings: As of 05-Nov-2025
                                    then Name,Ticker,Identifier,SEDOL,Weight,Sector,Shares Held,Local Currency

Weights are per cent of the fund, here fractions. Holdings of a day's close are published the next morning: they are
dated with the session after. A fund that tracks the S&P 500 stands for SPX, and `index` and `weight` are then assumed,
since the fund is not the index; any other keeps its own ticker. Cash, futures and the like are no members. iShares
writes BRKB for `BRK.B`.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, magic, open_text, unknown_to
from feeds.workbook import cells, sheets

SPX_FUNDS = frozenset({"IVV", "SPY", "SPLG", "SPYM", "VOO"})

_AS_OF = re.compile(r"(\d{1,2}-[A-Za-z]{3}-\d{4}|[A-Za-z]{3} \d{1,2}, \d{4})")
_FORMATS = ("%d-%b-%Y", "%b %d, %Y")
_RUN_TOGETHER = {"BRKB": "BRK.B", "BFB": "BF.B"}
_MOST_BYTES = 1 << 24
_BANNER_ROWS = 15
_ISHARES = ("Ticker", "Asset Class", "Weight (%)")
_SSGA = ("Ticker", "Weight")


@dataclass(frozen=True)
class Holdings(Feed):
    """An index fund's holdings on a day."""

    name = "holdings"
    fills = ("index_members",)
    about = "index funds' daily holdings with weights, as iShares (CSV) and SSGA (xlsx) publish them"

    def claim(self, path: Path) -> Claim | None:
        """By the line that says as of which day; the fund from the workbook, or from the CSV's name."""
        rows = _rows(path)
        if rows is None:
            return None
        as_of, fund, header = _as_of(rows, path), _fund(rows, path), _header(rows, path)
        index = "SPX" if fund in SPX_FUNDS else fund
        ignored = (*unknown_to(tuple(rows[header]), (*_ISHARES, *_SSGA)), "rows of cash and futures")
        return Claim("index_members", f"holdings/{index}/{as_of}", "index, weight" if index != fund else None, ignored)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """A row a stock, dated with the session after; `record` is the line or the sheet's row."""
        rows = _rows(path) or []
        header = _header(rows, path)
        at = {name: n for n, name in enumerate(rows[header])}
        weight = at["Weight (%)"] if "Weight (%)" in at else at["Weight"]
        _, index, day = claim.logical_name.split("/")
        dated = _session_after(date.fromisoformat(day), desk)
        found: list[tuple[int, date | None, str, str | None, str | None]] = []
        for number, row in enumerate(rows[header + 1 :], header + 2):
            if len(row) != len(rows[header]):
                if "Equity" in row:  # a stock's row with a field too few or too many: without a symbol it is refused
                    found.append((number, dated, index, None, None))
            elif _is_stock(row, at):
                found.append((number, dated, index, _symbol(row[at["Ticker"]]), _fraction(row[weight])))
        if not found:
            raise UnreadableFile(f"'{path.name}': expected stocks below {', '.join(rows[header])[:100]}, found none")
        columns = {"record": pl.Int64, "date": pl.Date, "index": pl.String, "symbol": pl.String, "weight": pl.String}
        yield pl.DataFrame(found, schema=columns, orient="row")


def _rows(path: Path) -> list[list[str]] | None:
    """The file's rows where its first ones are those of holdings; None where they are not."""
    if (wanted := next((name for name in sheets(path) if name.casefold() == "holdings"), None)) is not None:
        rows = [[cell or "" for cell in row] for row in cells(path, wanted).rows()]
        return rows if any(row[0].strip() == "Fund Name:" for row in rows[:_BANNER_ROWS] if row) else None
    if magic(path) not in ("text", "gz", "zst"):
        return None
    try:
        with open_text(path) as stream:
            head = stream.read(4096)
            if b"Fund Holdings as of," not in head:
                return None
            content = (head + stream.read(_MOST_BYTES)).decode("utf-8-sig", "replace")
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(content, newline=""))]
    except (OSError, EOFError):
        return None
    except csv.Error as error:
        raise UnreadableFile(f"'{path.name}': expected a fund's holdings, found: {error}") from None


def _as_of(rows: list[list[str]], path: Path) -> date:
    for row in rows[:_BANNER_ROWS]:
        if row and row[0].startswith(("Fund Holdings as of", "Holdings:")):
            for format_ in _FORMATS:
                try:
                    return datetime.strptime(_AS_OF.findall(" ".join(row[1:]))[0], format_).date()
                except (ValueError, IndexError):
                    continue
    raise UnreadableFile(f"'{path.name}': expected the day of the holdings, like \"Nov 05, 2025\", found none")


def _fund(rows: list[list[str]], path: Path) -> str:
    """The fund's ticker: in the sheet, or the first word of the file's name."""
    for row in rows[:_BANNER_ROWS]:
        if len(row) > 1 and row[0].strip() == "Ticker Symbol:":
            return row[1].strip().upper()
    named = re.match(r"^([A-Za-z]{2,5})(?=[_.\- ])", path.name)
    if named is None:
        raise UnreadableFile(
            f"'{path.name}': expected the fund's ticker first in the file's name, like IVV_holdings.csv"
        )
    return named.group(1).upper()


def _header(rows: list[list[str]], path: Path) -> int:
    """Where the columns are named."""
    for at, row in enumerate(rows[:_BANNER_ROWS]):
        if "Ticker" in row and "Name" in row:
            wanted = _ISHARES if "Asset Class" in row or "Weight (%)" in row else _SSGA
            if missing := unknown_to(wanted, tuple(row)):
                raise UnreadableFile(
                    f"'{path.name}': expected a fund's holdings, missing {', '.join(missing)};"
                    f" found {', '.join(row)[:200]}"
                )
            return at
    raise UnreadableFile(f"'{path.name}': expected a row of column names with Ticker and Name, found none")


def _is_stock(row: list[str], at: dict[str, int]) -> bool:
    """Whether a row is a share: by its class, or in SSGA's sheet by a ticker that is one."""
    if "Asset Class" in at:
        return row[at["Asset Class"]] == "Equity"
    return bool(re.match(r"^[A-Za-z][A-Za-z0-9.\-]{0,9}$", row[at["Ticker"]])) and row[at["Weight"]] != ""


def _symbol(ticker: str) -> str:
    """A ticker as the tables have it.

    >>> [_symbol(name) for name in ("BRKB", "BF-B", "aapl")]
    ['BRK.B', 'BF.B', 'AAPL']
    """
    plain = ticker.strip().upper()
    return _RUN_TOGETHER.get(plain, plain.replace("-", "."))


def _fraction(percent: str) -> str:
    """Per cent as a fraction; what is no number stays, and is refused as such."""
    try:
        return repr(float(percent.replace(",", "")) / 100)
    except ValueError:
        return percent


def _session_after(day: date, desk: Desk) -> date | None:
    at = int(np.searchsorted(desk.sessions.days, np.datetime64(day), side="right"))
    return desk.sessions.dates[at] if at < len(desk.sessions) else None
