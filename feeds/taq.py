"""NYSE Daily TAQ: trades and national best quotes, pipe-delimited, one file a day.

Layouts read (Daily TAQ Client Specification 2.2 to 3.3; names with spaces or underscores):

    EQY_US_ALL_TRADE_YYYYMMDD   Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade Price|…
    EQY_US_ALL_NBBO_YYYYMMDD    Time|Exchange|Symbol|…|Best_Bid_Price|Best_Bid_Size|…|Best_Offer_Price|Best_Offer_Size|…

Time is HHMMSS with up to nine digits of a second, New York; the last line is `END|YYYYMMDD|records|…`. Exchange D is
FINRA's: off-exchange. A symbol's suffix follows a space: `BRK B` is BRK.B. Cleaning after Holden and Jacobsen (2014),
with rows flagged rather than deleted: only correction 00 stands, the sale conditions they drop carry the flag of their
kind (form T excepted, which the indicators sign), quotes in an abnormal mode or cancelled are withdrawn (0, 0). Crossed
quotes and those wider than five dollars rest as they are: such a quote signs nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of, open_text
from feeds.vendor_text import clock_digits, in_words, new_york, said_of, together

_TRADES = (
    "time", "exchange", "symbol", "sale_condition", "trade_volume", "trade_price", "trade_correction_indicator",
    "sequence_number",
)  # fmt: skip
_QUOTES = (
    "time", "symbol", "sequence_number", "best_bid_price", "best_bid_size", "best_offer_price", "best_offer_size",
)  # fmt: skip
_LAYOUTS = {"stock_trades": _TRADES, "stock_quotes": _QUOTES}
_TELLING = {
    "stock_trades": {"sale_condition", "trade_stop_stock_indicator", "trade_correction_indicator"},
    "stock_quotes": {"bid_price", "offer_price", "quote_condition", "best_bid_price", "best_offer_price"},
}
"""Columns of which two tell the layout, so that a file that lacks one is still known, and the lack named."""
_WITHDRAWN = ("quote_condition", "quote_cancel_correction")
_NORMAL_MODE = ("", "A", "B", "H", "O", "R", "W")
"""Quote conditions that Holden and Jacobsen keep; a blank one says nothing."""

_DAY = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_]?(\d{2})[-_]?(\d{2})(?!\d)")
_END = re.compile(r"^END\|(\d{8})\|(\d{1,18})(\||$)")
_TAIL = 4096


@dataclass(frozen=True)
class Taq(Feed):
    """Daily TAQ trades and NBBO files."""

    name = "taq"
    fills = ("stock_trades", "stock_quotes")
    about = "NYSE Daily TAQ: trades and NBBO (pipe-delimited; plain, gz, zst)"

    def claim(self, path: Path) -> Claim | None:
        """By header: columns that only trades or only quotes have."""
        columns = _columns(path)
        table = next((name for name, telling in _TELLING.items() if len(telling & set(columns)) > 1), None)
        if table is None:
            return None
        if missing := [name for name in _LAYOUTS[table] if name not in columns]:
            raise UnreadableFile(
                f"'{path.name}': expected Daily TAQ {'trades' if table == 'stock_trades' else 'NBBO'}, missing"
                f" {', '.join(missing)}; found {', '.join(columns)[:200]}"
            )
        read = (*_LAYOUTS[table], *(_WITHDRAWN if table == "stock_quotes" else ()))
        return Claim(table, dated_name(path), ignored=tuple(name for name in columns if name not in read))

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The rows in file order; after the last, the END line's count is held against them."""
        day, trailers, rows = _day_of(path), [], 0
        text = desk.read_text(path, "|", _columns(path))
        shape = _trades if claim.table == "stock_trades" else _quotes
        for frame in text.batches():
            ends = frame["time"] == "END"
            if ends.any():
                trailers += [
                    "|".join(cell or "" for cell in row) for row in frame.filter(ends).select(frame.columns[:3]).rows()
                ]
                frame = frame.filter(~ends.fill_null(False))
            rows += frame.height
            yield shape(frame, day)
        misfits: pl.DataFrame = text.misfits()
        # the END line has a field more than the others: a misfit to the reader, not to the layout
        ends = misfits["raw"].str.starts_with("END|").fill_null(False)
        trailers += misfits.filter(ends)["raw"].to_list()
        desk.refused.append(misfits.filter(~ends))
        _verify(path, day, trailers, rows + misfits.height - int(ends.sum()))


def _columns(path: Path) -> tuple[str, ...]:
    """The header's names in lower case with underscores; empty where there is none."""
    return tuple(re.sub(r"\W+", "_", name.lower()) for name in header_of(path, "|") or ())


def _day_of(path: Path) -> date:
    """The day in the file's name, else in its folder's, else in its END line."""
    for found in (_DAY.search(path.name), *(_DAY.fullmatch(part) for part in reversed(path.parent.parts))):
        if found:
            return _date("".join(found.groups()), path)
    if found := _END.match(_last_line(path)):
        return _date(found.group(1), path)
    raise UnreadableFile(
        f"'{path.name}': expected a day in the name, as EQY_US_ALL_TRADE_20240102, or in an END line; found neither"
    )


def _date(digits: str, path: Path) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise UnreadableFile(f"'{path.name}': expected a day YYYYMMDD, found '{digits}'") from None


def _last_line(path: Path) -> str:
    tail = b""
    try:
        with open_text(path) as stream:
            while block := stream.read(1 << 20):
                tail = (tail + block)[-_TAIL:]
    except (OSError, EOFError) as error:
        raise UnreadableFile(f"'{path.name}': expected delimited text, found: {error}") from None
    return tail.rstrip(b"\r\n").rsplit(b"\n", 1)[-1].decode("utf-8", "replace")


def _verify(path: Path, day: date, trailers: list[str], rows: int) -> None:
    """Hold the END line against what was read; a cut of a file has none, and nothing to hold against it."""
    for line in trailers:
        found = _END.match(line)
        if found is None or len(trailers) > 1:
            raise UnreadableFile(f"'{path.name}': expected one line END|YYYYMMDD|records, found '{line[:80]}'")
        if _date(found.group(1), path) != day:
            raise UnreadableFile(f"'{path.name}': expected the day {day}, found {found.group(1)} in its END line")
        if int(found.group(2)) != rows:
            raise UnreadableFile(
                f"'{path.name}': expected {int(found.group(2)):,} records as its END line says, found {rows:,}"
            )


def _common(day: date) -> dict[str, pl.Expr]:
    time = pl.col("time")
    return {
        "ts": pl.coalesce(new_york(pl.lit(day), clock_digits(time)), time),
        "sequence": pl.col("sequence_number"),
        "symbol": pl.col("symbol").str.strip_chars(" ").str.replace_all(" +", "."),
    }


def _trades(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    sale = in_words(frame["sale_condition"], lambda codes: together(*(_sale(code) for code in codes if code != " ")))
    mark = in_words(frame["trade_correction_indicator"].str.strip_chars(" ").str.zfill(2), _correction)
    return frame.select(
        "record",
        **_common(day),
        price="trade_price",
        size="trade_volume",
        exchange="exchange",
        off_exchange=pl.col("exchange") == "D",
        conditions=pl.concat_str([sale, mark], separator=";", ignore_nulls=True),
    )


def _sale(code: str) -> str:
    return said_of(code, "taq", "taq")


def _correction(code: str) -> str:
    return said_of(code, "taq:correction", "taq_corrections")


def _quotes(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    withdrawn = pl.lit(False)
    if "quote_condition" in frame.columns:
        withdrawn |= ~pl.col("quote_condition").str.strip_chars(" ").fill_null("").is_in(_NORMAL_MODE)
    if "quote_cancel_correction" in frame.columns:
        withdrawn |= (pl.col("quote_cancel_correction") == "B").fill_null(False)
    return frame.select(
        "record",
        **_common(day),
        # a side without a price is no side: 0, as in every other tape
        bid=pl.when(withdrawn).then(pl.lit("0")).otherwise(pl.col("best_bid_price").replace("", "0").fill_null("0")),
        ask=pl.when(withdrawn).then(pl.lit("0")).otherwise(pl.col("best_offer_price").replace("", "0").fill_null("0")),
        bid_size="best_bid_size",
        ask_size="best_offer_size",
    )
