"""Daily bars of symbols: Stooq's CSV, and Yahoo's chart answers written as the CSV that Yahoo used to serve.

A file is named after its symbol and span, as the feed of daily bars reads them; a span that has ended is not asked for
again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from feeds.errors import BadValue, BullbearError, UnreadableFile
from feeds.fetch.checks import contains, first_line, last_line
from feeds.fetch.client import Polite, Refused, Wanted
from feeds.fetch.source import Asked, Fetched, Source

_SYMBOL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-^")
_FIELDS = ("open", "high", "low", "close")


def _spelled(symbol: str) -> str:
    """A symbol fit for an address and a file's name, BRK.B as BRK-B."""
    if not symbol or set(symbol.upper()) - _SYMBOL or len(symbol) > 20:
        raise BadValue("--symbol", symbol, "expected a ticker of letters, digits, '.', '-' or '^', like BRK.B or ^SPX")
    return symbol.upper().replace(".", "-")


def _span(asked: Asked) -> str:
    return f"{asked.start:%Y%m%d}_{min(asked.end, asked.today):%Y%m%d}"


@dataclass(frozen=True)
class Stooq(Source):
    """Stooq's daily bars."""

    base: str = "https://stooq.com"
    name = "stooq"
    about = "Stooq daily bars, a CSV a symbol (--symbol AAPL, --symbol ^SPX)"
    a_second = 1.0
    by_symbol = True

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """One file a symbol; the server says in words that it has none, or that the day's allowance is used up."""
        for symbol in asked.symbols:
            ticker = _spelled(symbol).lower()
            ticker = ticker if ticker.startswith("^") else f"{ticker}.us"
            end = min(asked.end, asked.today)
            url = f"{self.base}/q/d/l/?s={ticker}&d1={asked.start:%Y%m%d}&d2={end:%Y%m%d}&i=d"
            name = f"{ticker.replace('.', '_')}_d_{_span(asked)}.csv"
            found = polite.file(Wanted(name, (url,), _is_stooq, settled=end < asked.today))
            said = "found 'No data" in found.why
            yield Fetched(name, "unpublished", "Stooq has no such symbol or span") if said else found


@dataclass(frozen=True)
class Yahoo(Source):
    """Yahoo's daily bars."""

    base: str = "https://query1.finance.yahoo.com"
    name = "yahoo"
    about = "Yahoo daily bars, a CSV a symbol (--symbol AAPL, --symbol ^GSPC)"
    a_second = 1.0
    by_symbol = True

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """One file a symbol, put together from the chart's answer."""
        end = min(asked.end, asked.today)
        for symbol in asked.symbols:
            ticker = _spelled(symbol)
            name = f"{ticker}_{_span(asked)}.csv"
            if end < asked.today and (polite.folder / name).exists():
                yield Fetched(name, "present")
                continue
            first, after = (
                int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
                for day in (asked.start, end + timedelta(days=1))
            )
            url = f"{self.base}/v8/finance/chart/{ticker}?period1={first}&period2={after}&interval=1d"
            try:
                lines = _bars(polite.answer("GET", url).content)
            except BullbearError as error:
                gone = isinstance(error, Refused) and error.status == 404
                why = "Yahoo has no such symbol" if gone else " ".join(str(error).split())[:300]
                yield Fetched(name, "unpublished" if gone else "failed", why)
                continue
            if len(lines) == 1:
                yield Fetched(name, "unpublished", "Yahoo has no bars in that span")
            else:
                yield polite.keep(name, ("\n".join(lines) + "\n").encode(), _is_yahoo)


def _bars(content: bytes) -> list[str]:
    """The chart's bars as lines of CSV; what the chart leaves out is `null`, as Yahoo's own files had it."""
    try:
        result = json.loads(content)["chart"]["result"][0]
        zone = ZoneInfo(result["meta"]["exchangeTimezoneName"])
        stamps = result.get("timestamp") or []
        quote: dict[str, Any] = result["indicators"]["quote"][0]
        adjusted = result["indicators"].get("adjclose", [{}])[0].get("adjclose") or [None] * len(stamps)
        columns = [*(quote[field] for field in _FIELDS), adjusted, quote["volume"]] if stamps else []
        rows = zip(stamps, *columns, strict=True)
        days = [(_day(stamp, zone), *values) for stamp, *values in rows]
    except (ValueError, KeyError, TypeError, IndexError, OSError, RecursionError) as error:
        raise UnreadableFile(f"expected Yahoo's chart, found {content[:80]!r} ({type(error).__name__})") from None
    lines = [",".join([str(day), *("null" if v is None else repr(v) for v in values)]) for day, *values in days]
    return ["Date,Open,High,Low,Close,Adj Close,Volume", *lines]


def _day(stamp: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(stamp, zone).date()


def _is_stooq(path: Path) -> None:
    contains(path, "Date")
    first_line(path, "Date", "Open", "High", "Low", "Close")
    with path.open("rb") as stream:
        fields = stream.readline(65_536).count(b",")
    if (last := last_line(path)).count(",") != fields:
        raise UnreadableFile(f"expected whole lines, found an end within a line: {last[:100]!r}")


def _is_yahoo(path: Path) -> None:
    first_line(path, "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume")
