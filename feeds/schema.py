"""The vocabulary: every canonical table with its columns, kinds and units, and the shapes that travel.

A *tape* table (prints and quotes) rests in the store with small integer codes for instruments, venues and conditions,
and reaches a kernel as integers; every other table rests and travels with its own columns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntFlag
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

MICRO = 1_000_000
"""Prices and money in kernels are int64 micro-dollars, share counts int64 micro-shares: the DECIMAL(18,6) scaled."""

Columns = dict[str, np.ndarray]
"""Rows of a tape as arrays by column."""

ABSENT = -1
"""What a missing quote, size or underlying price is in a tape array: no real one is negative."""

DELTA_MICROS = 1_000_000
"""The most that a delta is, in micros."""

ABSENT_DELTA = -2_000_000
"""What a missing delta is in a tape array, where ABSENT could be a real one."""

Kind = Literal["ts", "date", "text", "price", "decimal", "delta", "double", "int", "bool", "tristate"]
"""ts: ISO-8601 with offset or Z, to nanoseconds; price: DECIMAL(18,6) above zero; decimal: DECIMAL(18,6), zero or
more; delta: DECIMAL(7,6) from -1 to 1; double: a finite float64; int: an int64; tristate: true, false or blank."""

Known = Literal["tape", "close", "evening", "next", "published", "filed", "dated"]
"""When a row became known: on the tape at its own time; at its session's close; at 18:00 of its date, which need be no
session, for the reading of the session on or after it; before the next session's close; on the day after `published`;
at `known_at`, else 22:00 ET of `filing_date`; from its own date on."""


@dataclass(frozen=True)
class Column:
    """One canonical column. Numbers are zero or more unless `signed`; above zero where zero is not allowed.

    An empty cell that is allowed says nothing, but where `empty_says`: a membership without an end holds still.
    """

    name: str
    kind: Kind
    required: bool = True
    choices: tuple[str, ...] = ()
    zero_allowed: bool = True
    signed: bool = False
    empty_says: bool = False


@dataclass(frozen=True)
class Table:
    """One canonical table.

    `key` makes it *keyed*: under one key an equal row is a duplicate, one that says more a completion, one that differs
    a recorded correction (`FileWriting.settle`).
    `instrument` names the columns that say what is traded; tapes are ordered by session, instrument, ts, sequence.
    """

    name: str
    columns: tuple[Column, ...]
    known: Known
    key: tuple[str, ...] = ()
    instrument: tuple[str, ...] = ()
    exchange: Literal["XNYS", "XSHG"] = "XNYS"

    @property
    def is_tape(self) -> bool:
        """Whether the rows are prints or quotes stamped to the nanosecond."""
        return self.known == "tape"

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in canonical order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The names that a file must have."""
        return tuple(column.name for column in self.columns if column.required)


def _c(
    name: str, kind: Kind, *choices: str, zero: bool = True, signed: bool = False, empty_says: bool = False
) -> Column:
    optional = name.endswith("?")
    return Column(name.rstrip("?"), kind, not optional, choices, zero, signed, empty_says)


_CONTRACT = (
    _c("underlying", "text"),
    _c("expiry", "date"),
    _c("strike", "price"),
    _c("right", "text", "C", "P"),
)
_NBBO = (_c("bid?", "decimal"), _c("ask?", "decimal"), _c("bid_size?", "int"), _c("ask_size?", "int"))

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "option_trades",
            (
                _c("ts", "ts"),
                _c("sequence?", "int"),
                _CONTRACT[0],
                _c("asset_class?", "text", "equity", "etf", "index"),
                *_CONTRACT[1:],
                _c("price", "price"),
                _c("size", "int", zero=False),
                _c("exchange?", "text"),
                _c("conditions?", "text"),
                _c("multiplier?", "int", zero=False),
                *_NBBO,
                _c("underlying_price?", "decimal"),
                _c("aggressor?", "text", "B", "S"),
                _c("cancelled?", "bool"),
                _c("delta?", "delta"),
                _c("open_interest?", "int"),
            ),
            known="tape",
            instrument=("underlying", "expiry", "strike", "right"),
        ),
        Table(
            "option_quotes",
            (
                _c("ts", "ts"),
                _c("sequence?", "int"),
                *_CONTRACT,
                _c("bid", "decimal"),
                _c("ask", "decimal"),
                *_NBBO[2:],
            ),
            known="tape",
            instrument=("underlying", "expiry", "strike", "right"),
        ),
        Table(
            "open_interest",
            (_c("date", "date"), *_CONTRACT, _c("open_interest", "int"), _c("volume?", "int")),
            known="next",
            key=("date", "underlying", "expiry", "strike", "right"),
        ),
        Table(
            "stock_trades",
            (
                _c("ts", "ts"),
                _c("sequence?", "int"),
                _c("symbol", "text"),
                _c("price", "price"),
                _c("size", "decimal", zero=False),
                _c("exchange?", "text"),
                _c("off_exchange", "bool"),
                _c("conditions?", "text"),
                *_NBBO[:2],
                _c("cancelled?", "bool"),
            ),
            known="tape",
            instrument=("symbol",),
        ),
        Table(
            "stock_quotes",
            (
                _c("ts", "ts"),
                _c("sequence?", "int"),
                _c("symbol", "text"),
                _c("bid", "decimal"),
                _c("ask", "decimal"),
                *_NBBO[2:],
            ),
            known="tape",
            instrument=("symbol",),
        ),
        Table(
            "insider_trades",
            (
                _c("accession", "text"),
                _c("line", "int"),
                _c("known_at?", "ts"),
                _c("filing_date?", "date"),
                _c("transaction_date", "date"),
                _c("symbol", "text"),
                _c("issuer_cik?", "text"),
                _c("owner_cik", "text"),
                _c("owner?", "text"),
                _c("officer?", "tristate"),
                _c("director?", "tristate"),
                _c("ten_percent_owner?", "tristate"),
                _c("code", "text"),
                _c("acquired_disposed", "text", "A", "D"),
                _c("security_title?", "text"),
                _c("direct_indirect?", "text", "D", "I"),
                _c("shares", "decimal"),
                _c("price?", "decimal"),
                _c("shares_after?", "decimal"),
                _c("form", "text", "4", "4/A"),
                _c("original_filing_date?", "date"),
                _c("plan_10b5_1?", "tristate"),
            ),
            known="filed",
            key=("accession", "line"),
        ),
        Table(
            "index_levels",
            (
                _c("date", "date"),
                _c("index", "text"),
                _c("open?", "double"),
                _c("high?", "double"),
                _c("low?", "double"),
                _c("close", "double", zero=False),
            ),
            known="close",
            key=("date", "index"),
        ),
        Table(
            "forward_eps",
            (_c("published", "date"), _c("index", "text"), _c("quarter_end", "date"), _c("eps", "double", signed=True)),
            known="published",
            key=("published", "index", "quarter_end"),
        ),
        Table(
            "daily_bars",
            (
                _c("date", "date"),
                _c("symbol", "text"),
                _c("open?", "double"),
                _c("high?", "double"),
                _c("low?", "double"),
                _c("close", "double", zero=False),
                _c("volume", "double"),
                _c("adj_close?", "double"),
            ),
            known="close",
            key=("date", "symbol"),
        ),
        Table(
            "sectors",
            (
                _c("scheme", "text"),
                _c("group", "text"),
                _c("symbol", "text"),
                _c("from_date", "date"),
                _c("to_date?", "date", empty_says=True),
                _c("weight?", "double"),
            ),
            known="dated",
            key=("scheme", "group", "symbol", "from_date"),
        ),
        Table(
            "index_members",
            (_c("date", "date"), _c("index", "text"), _c("symbol", "text"), _c("weight?", "double")),
            known="dated",
            key=("date", "index", "symbol"),
        ),
        Table(
            "short_volume",
            (
                _c("date", "date"),
                _c("symbol", "text"),
                _c("facility", "text"),
                _c("short_volume", "double"),
                _c("short_exempt_volume?", "double"),
                _c("total_volume", "double"),
            ),
            known="next",
            key=("date", "symbol", "facility"),
        ),
        Table(
            "ats_weekly",
            (
                _c("week_start", "date"),
                _c("symbol", "text"),
                _c("venue?", "text"),
                _c("shares", "double"),
                _c("trades", "double"),
                _c("published", "date"),
            ),
            known="published",
            key=("week_start", "symbol", "venue", "published"),
        ),
        Table(
            "put_call_volume",
            (
                _c("date", "date"),
                _c("class", "text", "equity", "index", "etp", "total"),
                _c("puts", "double"),
                _c("calls", "double"),
            ),
            known="next",
            key=("date", "class"),
        ),
        Table(
            "cn_industry_bars",
            (
                _c("date", "date"),
                _c("industry", "text"),
                _c("close", "double", zero=False),
                _c("amount?", "double"),
                _c("turnover_rate?", "double"),
                _c("pe_ttm?", "double", signed=True),
                _c("pb?", "double", signed=True),
                _c("float_cap?", "double"),
            ),
            known="close",
            key=("date", "industry"),
            exchange="XSHG",
        ),
        Table(
            "cn_index_bars",
            (
                _c("date", "date"),
                _c("index", "text"),
                _c("close?", "double", zero=False),
                _c("amount?", "double"),
                _c("pe_ttm?", "double", signed=True),
                _c("dividend_yield?", "double"),
            ),
            known="close",
            key=("date", "index"),
            exchange="XSHG",
        ),
        Table(
            "cn_stock_bars",
            (
                _c("date", "date"),
                _c("symbol", "text"),
                _c("adj_close", "double", zero=False),
            ),
            known="close",
            key=("date", "symbol"),
            exchange="XSHG",
        ),
        Table(
            "cn_concept_bars",
            (_c("date", "date"), _c("concept", "text"), _c("close", "double", zero=False)),
            known="close",
            key=("date", "concept"),
            exchange="XSHG",
        ),
        Table(
            "cn_members",
            (
                _c("industry", "text"),
                _c("symbol", "text"),
                _c("from_date", "date"),
                _c("to_date?", "date", empty_says=True),
            ),
            known="dated",
            key=("industry", "symbol", "from_date"),
            exchange="XSHG",
        ),
        Table(
            "cn_breadth",
            (
                _c("date", "date"),
                _c("advancers", "double"),
                _c("decliners", "double"),
                _c("new_highs?", "double"),
                _c("new_lows?", "double"),
            ),
            known="close",
            key=("date",),
            exchange="XSHG",
        ),
        Table(
            "cn_bond_yields",
            (_c("date", "date"), _c("tenor_years", "double", zero=False), _c("yield", "double", signed=True)),
            known="evening",
            key=("date", "tenor_years"),
            exchange="XSHG",
        ),
        Table(
            "cn_margin",
            (
                _c("date", "date"),
                _c("symbol?", "text"),
                _c("balance", "double"),
                _c("buy?", "double"),
                _c("repay?", "double"),
            ),
            known="next",
            key=("date", "symbol"),
            exchange="XSHG",
        ),
        Table(
            "cn_etf_shares",
            (_c("date", "date"), _c("code", "text"), _c("shares", "double", zero=False)),
            known="next",
            key=("date", "code"),
            exchange="XSHG",
        ),
        Table(
            "cn_new_funds",
            (_c("date", "date"), _c("fund?", "text"), _c("kind?", "text"), _c("units", "double")),
            known="evening",
            key=("date", "fund"),
            exchange="XSHG",
        ),
        Table(
            "cn_northbound",
            (
                _c("date", "date"),
                _c("turnover", "double"),
                _c("trades?", "double"),
                _c("net_buy?", "double", signed=True),
            ),
            known="close",
            key=("date",),
            exchange="XSHG",
        ),
    )
}
"""Every canonical table by name (INTERFACE: canonical tables).

The `volume` of open_interest is the contracts traded in the session whose end its row tells, as the source publishes it
beside the open interest, and known no sooner than that.
Amounts of cn_* are yuan; `yield` and `turnover_rate` per cent; `units` 100 million fund units; `shares` fund shares.
The `adj_close` of cn_stock_bars is back-adjusted: no dividend or split is a fall, and no old close ever changes. An
index whose price nobody publishes has no `close`. A row of cn_margin without a symbol is the market's, one of
cn_new_funds without a fund the day's.
"""


CONSOLIDATED = "CNMS"
"""The `facility` of short_volume rows that add up the facilities of a symbol and session. A sum over facilities takes
such a row where there is one, and the others where there is none, never both. Likewise a row of ats_weekly without a
`venue` is the sum of the rows with one."""


class PrintFlag(IntFlag):
    """What a print's conditions, cancel mark or source say of it, as the bits of the tape's `flags` column."""

    CANCELLED = 1
    LATE = 2
    AVERAGE_PRICE = 4
    PRIOR_REFERENCE = 8
    CONTINGENT = 16
    MULTI_LEG = 32
    AUCTION = 64
    SWEEP = 128
    EXTENDED_HOURS = 256
    FLOOR = 512
    CROSS = 1024
    BAR = 2048
    UNKNOWN_CONDITION = 4096
    NONSTANDARD = 8192


EXCLUDED = (
    PrintFlag.CANCELLED
    | PrintFlag.LATE
    | PrintFlag.AVERAGE_PRICE
    | PrintFlag.PRIOR_REFERENCE
    | PrintFlag.CONTINGENT
    | PrintFlag.MULTI_LEG
    | PrintFlag.NONSTANDARD
)
"""Prints that carry no direction: counted apart, never signed (INDICATORS 0)."""

ASSET_CLASSES = ("unknown", "equity", "etf", "index")
"""Codes of the tape's `asset_class` column, by position."""

TAPE_DTYPES: dict[str, type[pl.DataType]] = {
    "contract": pl.Int32,  # id into the frame `contracts`: id, underlying, expiry (Date), strike (Int64 micros), right
    "symbol": pl.Int32,  # id into the frame `symbols`: id, symbol
    "ts": pl.Int64,  # nanoseconds since 1970-01-01 UTC
    "sequence": pl.Int64,
    "price": pl.Int64,  # micro-dollars
    "size": pl.Int64,  # option_trades: contracts; stock_trades: micro-shares
    "venue": pl.Int32,  # id into the frame `venues`: id, code
    "flags": pl.Int32,  # PrintFlag bits
    "multiplier": pl.Int32,
    "asset_class": pl.Int8,  # position in ASSET_CLASSES
    "bid": pl.Int64,  # micro-dollars, ABSENT where there is none
    "ask": pl.Int64,
    "bid_size": pl.Int64,  # contracts or shares, ABSENT where there is none
    "ask_size": pl.Int64,
    "underlying_price": pl.Int64,  # micro-dollars, ABSENT where there is none
    "aggressor": pl.Int8,  # +1 buyer, -1 seller, 0 the feed does not say
    "off_exchange": pl.Boolean,
    "delta": pl.Int32,  # micros from -1 to 1, ABSENT_DELTA where the feed does not say
    "open_interest": pl.Int64,  # contracts, as published that morning, ABSENT where the feed does not say
    "file": pl.Int32,
    "record": pl.Int64,  # line or record number in that file
}
"""How a tape's columns reach `Indicator.measure`; no tape column is ever null."""

TAPE_COLUMNS: dict[str, tuple[str, ...]] = {
    "option_trades": (
        *("contract", "ts", "sequence", "price", "size", "venue", "flags", "multiplier", "asset_class"),
        *("bid", "ask", "bid_size", "ask_size", "underlying_price", "aggressor", "file", "record"),
    ),
    "option_quotes": ("contract", "ts", "sequence", "bid", "ask", "bid_size", "ask_size", "file", "record"),
    "stock_trades": (
        *("symbol", "ts", "sequence", "price", "size", "venue", "off_exchange", "flags", "bid", "ask"),
        *("file", "record"),
    ),
    "stock_quotes": ("symbol", "ts", "sequence", "bid", "ask", "bid_size", "ask_size", "file", "record"),
}
"""The columns that rest for each tape, beside `session`, and are read where none are named."""

TAPE_EXTRAS: dict[str, tuple[str, ...]] = {"option_trades": ("delta", "open_interest")}
"""Columns that rest too, and are read only where they are named."""


@dataclass(frozen=True)
class Sessions:
    """Consecutive exchange sessions with their opening and closing times.

    Parameters
    ----------
    dates : list of date, ascending
    opens, closes : int64 arrays, same length, nanoseconds UTC

    following : the session after the last of `dates`, None where the calendar does not know it

    Notes
    -----
    `closes[i]` is the regular close (13:00 New York on a half-day).
    """

    dates: tuple[date, ...]
    opens: np.ndarray
    closes: np.ndarray
    following: date | None = None

    @cached_property
    def _position(self) -> dict[date, int]:
        return {day: i for i, day in enumerate(self.dates)}

    @cached_property
    def days(self) -> np.ndarray:
        """The dates as datetime64[D]."""
        return np.array(self.dates, dtype="datetime64[D]")

    def __len__(self) -> int:
        return len(self.dates)

    def __contains__(self, day: object) -> bool:
        return day in self._position

    def position(self, day: date) -> int:
        """Index of a session; KeyError if the day is no session."""
        return self._position[day]

    def on_or_after(self, day: date | None) -> int:
        """Index of the first session on or after a day, 0 without one; `len(self)` where every session lies before."""
        return 0 if day is None else bisect_left(self.dates, day)

    def frame(self) -> pl.DataFrame:
        """Session (Date), open and close (Int64 ns UTC), n (Int32 position)."""
        return pl.DataFrame(
            {"session": list(self.dates), "open": self.opens, "close": self.closes, "n": range(len(self))},
            schema={"session": pl.Date, "open": pl.Int64, "close": pl.Int64, "n": pl.Int32},
        )

    def first_closing_at_or_after(self, known_at: np.ndarray) -> np.ndarray:
        """Position of the session into whose reading a row enters: the first whose close is not before `known_at`.

        Returns `len(self)` where every session closed earlier.
        """
        return np.searchsorted(self.closes, known_at, side="left")

    def window(self, start: date | None, end: date | None) -> "Sessions":
        """The sessions from `start` to `end`, both included."""
        a = 0 if start is None else bisect_left(self.dates, start)
        b = len(self) if end is None else bisect_right(self.dates, end)
        if a >= b:
            return Sessions((), self.opens[:0], self.closes[:0])
        following = self.dates[b] if b < len(self) else self.following
        return Sessions(self.dates[a:b], self.opens[a:b], self.closes[a:b], following)


@dataclass(frozen=True)
class Part:
    """What `Indicator.measure` gets: whole (session, instrument) blocks of tapes, or whole histories.

    Attributes
    ----------
    session : the session of a tape part; None for a history part
    tables : table name → frame.
        Tape part: the indicator's tapes with `TAPE_DTYPES`, each sorted by (instrument, ts, sequence), so that every
        instrument's rows are contiguous; beside them the frames `contracts` or `symbols`, and `venues`.
        History part: all of the indicator's history tables together. Canonical columns: date → Date, text → String,
        double → Float64, price and decimal → Int64 micros (nullable), int → Int64, bool and tristate → Boolean
        (nullable), ts → Int64 ns; beside them `session` (Date: the session into whose reading the row enters),
        `known_at` (Int64 ns UTC), `file` (Int32), `record` (Int64), `assumed` (String: canonical columns that a mapping
        assumed, comma-separated, or null).
    sessions : the exchange's sessions up to the last one asked for
    streams : tape name → how its rows are read, where they are too many to be held: such a tape is not in `tables`
    """

    session: date | None
    tables: Mapping[str, pl.DataFrame]
    sessions: Sessions
    streams: Mapping[str, Callable[[], Iterator[Columns]]] = field(default_factory=dict)

    def batches(self, tape: str) -> Iterator[Columns]:
        """A tape's rows as arrays by column; none where it is not there or empty.

        Of the first tape a batch holds whole instruments; of the others, which are looked up, any number of rows.
        """
        if tape in self.streams:
            yield from self.streams[tape]()
        elif tape in self.tables and not self.tables[tape].is_empty():
            yield {column.name: column.to_numpy() for column in self.tables[tape]}


def utc(ns: int) -> datetime:
    """A datetime in UTC from nanoseconds, cut to microseconds.

    >>> utc(1_762_353_000_123_456_789).isoformat()
    '2025-11-05T14:30:00.123456+00:00'
    """
    from datetime import UTC

    seconds, rest = divmod(int(ns), 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
