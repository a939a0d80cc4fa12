"""ThetaData: option trades, each with the national best quote before it (`trade_quote`, v2, as CSV).

Forms read:

    bulk requests, flat files   root,expiration,strike,right,ms_of_day,sequence,ext_condition1..4,condition,size,
                                exchange,price,condition_flags,price_flags,volume_type,records_back,quote_ms_of_day,bid_size,
                                bid_exchange,bid,bid_condition,ask_size,ask_exchange,ask,ask_condition,date
    one contract's request      the same without the first four; the contract then stands in the file's name, as
                                AAPL_20231117_170000_C…, AAPL231117C00170000… (OSI) or the request's own
                                root=AAPL&exp=20231117&strike=170000&right=C

`strike` is in tenths of a cent; `ms_of_day` counts from midnight in New York (or is 09:30:00.000 with pretty_time) on
`date`. `sequence` is a 32-bit number that wraps below nought. A quote later than its trade is left out. Extended
conditions 145 and 146 name the aggressor.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of
from feeds.vendor_text import SLICE_ROWS, asset_class, in_words, new_york, said_of, together, venue

_CONTRACT = ("root", "expiration", "strike", "right")
_EXTENDED = ("ext_condition1", "ext_condition2", "ext_condition3", "ext_condition4")
_NEEDED = (
    "ms_of_day", "sequence", *_EXTENDED, "condition", "size", "exchange", "price", "quote_ms_of_day", "bid_size", "bid",
    "ask_size", "ask", "date",
)  # fmt: skip
_TELLING = {"ms_of_day", "ext_condition1", "condition_flags", "records_back"}
"""Columns of which two tell the layout, so that a file that lacks one is still known, and the lack named."""

_OSI = re.compile(r"(?<![A-Z0-9])([A-Z][A-Z0-9.]{0,11}?)[ _]*(\d{6})([CP])(\d{8})(?!\d)")
_PARTS = re.compile(r"(?<![A-Z0-9])([A-Z][A-Z0-9.]{0,11})[_-](\d{8})[_-](\d{1,9})[_-](C|P|CALL|PUT)(?![A-Z])")
_REQUEST = re.compile(r"root=([A-Z0-9.]{1,12})&exp=(\d{8})&strike=(\d{1,9})&right=(C|P)")
_BIDDER, _OFFERER = "145", "146"
_PLAIN = ("0", "255", "", _BIDDER, _OFFERER)
"""Extended conditions that say nothing of the print's kind."""


@dataclass(frozen=True)
class ThetaData(Feed):
    """ThetaData's trade_quote files."""

    name = "thetadata"
    fills = ("option_trades",)
    about = "ThetaData: option trade_quote (CSV, bulk or one contract a file)"

    def claim(self, path: Path) -> Claim | None:
        """By header; a file of one contract must name it."""
        columns = header_of(path) or ()
        if len(_TELLING & set(columns)) < 2:
            return None
        whole = (*_CONTRACT, *_NEEDED) if set(_CONTRACT) & set(columns) else _NEEDED
        if missing := [name for name in whole if name not in columns]:
            raise UnreadableFile(
                f"'{path.name}': expected ThetaData trade_quote, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        if "root" not in columns:
            _contract_of(path)
        return Claim("option_trades", dated_name(path), ignored=tuple(name for name in columns if name not in whole))

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The trades in file order."""
        columns = header_of(path) or ()
        text = desk.read_text(path, ",", columns)
        for frame in text.batches():
            if "root" not in columns:
                named = zip(_CONTRACT, _contract_of(path), strict=True)
                frame = frame.with_columns(pl.lit(cell).alias(name) for name, cell in named)
            yield from map(_canonical, frame.iter_slices(SLICE_ROWS))
        desk.refused.append(text.misfits())


def _contract_of(path: Path) -> tuple[str, str, str, str]:
    """Root, expiration, strike in tenths of a cent and right, from the file's name."""
    name = path.name
    if found := _PARTS.search(name) or _REQUEST.search(name):
        root, expiration, strike, right = found.groups()
        return root, expiration, strike, right[0]
    if found := _OSI.search(name):
        root, expiration, right, strike = found.groups()
        return root, f"20{expiration}", strike, right
    raise UnreadableFile(
        f"'{name[:80]}': expected a contract in root, expiration, strike and right columns or in the file's name, as"
        " AAPL_20231117_170000_C.csv; found neither"
    )


def _canonical(frame: pl.DataFrame) -> pl.DataFrame:
    kinds = frame.select(kind=pl.concat_str(pl.col("condition", *_EXTENDED).fill_null(""), separator=","))["kind"]
    strike, sequence = (pl.col(name).cast(pl.Int64, strict=False) for name in ("strike", "sequence"))
    # a strike with a point is in dollars already
    dollars = pl.concat_str(strike // 1000, pl.lit("."), (strike % 1000).cast(pl.String).str.zfill(3))
    day = pl.coalesce(pl.col("date").str.to_date(form, strict=False) for form in ("%Y%m%d", "%Y-%m-%d"))
    clock, quoted = _clock("ms_of_day"), _clock("quote_ms_of_day")
    none = pl.all_horizontal(pl.col(side).cast(pl.Float64, strict=False) == 0.0 for side in ("bid", "ask"))
    stands = ~(none.fill_null(False) | (quoted > clock).fill_null(False))
    return frame.select(
        "record",
        ts=pl.coalesce(new_york(day, clock), pl.concat_str("date", pl.lit(" "), "ms_of_day", ignore_nulls=True)),
        sequence=pl.coalesce(pl.when(sequence < 0).then(sequence + 2**32).cast(pl.String), "sequence"),
        underlying="root",
        asset_class=asset_class(frame["root"]),
        expiry=pl.coalesce(_iso("expiration"), "expiration"),
        strike=pl.coalesce(pl.when(pl.col("strike").str.contains(r"^\d+$")).then(dollars), "strike"),
        right=pl.col("right").replace({"CALL": "C", "PUT": "P"}),
        price="price",
        size="size",
        exchange=venue(frame["exchange"], "thetadata"),
        conditions=in_words(kinds, _said),
        aggressor=in_words(kinds, _aggressor),
        **{name: pl.when(stands).then(name) for name in ("bid", "ask", "bid_size", "ask_size")},
    )


def _clock(name: str) -> pl.Expr:
    """Milliseconds of the day, or 09:30:00.000, as nanoseconds since midnight."""
    count = pl.col(name).cast(pl.Int64, strict=False)
    count = pl.when((count >= 0) & (count < 86_400_000)).then(count * 1_000_000)
    shown = pl.col(name).str.to_time("%H:%M:%S%.f", strict=False).cast(pl.Int64)
    return pl.coalesce(count, shown)


def _iso(name: str) -> pl.Expr:
    return pl.col(name).str.to_date("%Y%m%d", strict=False).dt.to_string()


def _said(kinds: str) -> str:
    condition, *extended = kinds.split(",")
    named = [condition, *(code for code in extended if code not in _PLAIN)]
    return together(*(said_of(code, "thetadata", "thetadata") for code in named if code))


def _aggressor(kinds: str) -> str:
    """B or S where one side is named; a print that names both names neither."""
    sides = {_BIDDER: "B", _OFFERER: "S"}
    named = {sides[code] for code in kinds.split(",") if code in sides}
    return named.pop() if len(named) == 1 else ""
