"""Cboe: DataShop option trades, and the daily put/call volume that Cboe publishes.

Layouts read:

    UnderlyingOptionsTrades_YYYY-MM-DD.csv   a line a trade: 17 columns (19 with trade_iv, trade_delta), then for each
                                             of number_of_exchanges: exchange,bid_size,bid,ask_size,ask
    put/call volume                          see feeds/put_call.py

`quote_datetime` is the wall clock of New York, to the millisecond; `best_bid` and `best_ask` are the national best
quote at the trade. The contract's symbol is `root` (SPXW apart from SPX: they settle at other times), not
`underlying_symbol` (`^SPX`). A cancel is a line of its own, condition 40-44, that repeats the trade it cancels and
names its condition in `canceled_trade_condition_id`: both lines are kept, both cancelled.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of, magic
from feeds.put_call import claim_volume, volume
from feeds.vendor_text import asset_class, blocks_of_lines, in_words, new_york, quote, said_of, six_places, venue

_HEAD = (
    "underlying_symbol", "quote_datetime", "sequence_number", "root", "expiration", "strike", "option_type",
    "exchange_id", "trade_size", "trade_price", "trade_condition_id", "canceled_trade_condition_id", "best_bid",
    "best_ask",
)  # fmt: skip
_GREEKS = ("trade_iv", "trade_delta")
_TAIL = ("underlying_bid", "underlying_ask", "number_of_exchanges")
_TELLING = {"quote_datetime", "trade_condition_id", "canceled_trade_condition_id"}
"""Columns of which two tell the layout, so that a file that lacks one is still known, and the lack named."""

_VENUE = 5
"""Columns of each exchange's own quote."""

_CANCELS = ("40", "41", "42", "43", "44")
_TRADE = ("root", "expiration", "strike", "option_type", "exchange_id", "trade_size", "trade_price")
"""What a cancel repeats of the trade that it cancels."""


@dataclass(frozen=True)
class Cboe(Feed):
    """Cboe's option trades and put/call volume."""

    name = "cboe"
    fills = ("option_trades", "put_call_volume")
    about = "Cboe: DataShop option trades; daily put/call volume (archive CSV, daily statistics JSON)"

    def claim(self, path: Path) -> Claim | None:
        """By the trades' header, by the archives' header below its preamble, or by the statistics' keys."""
        if magic(path) not in ("text", "gz", "zst"):
            return None
        columns = header_of(path) or ()
        if len(_TELLING & set(columns)) > 1:
            fixed = _fixed(path, columns)
            read = {*_HEAD, *_TAIL, "trade_delta", "trade_iv"} - {"underlying_symbol", "number_of_exchanges"}
            ignored = tuple(dict.fromkeys(name for name in (*fixed, *columns[len(fixed) :]) if name not in read))
            return Claim("option_trades", dated_name(path), ignored=ignored)
        return claim_volume(path)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Trades in bounded batches; put/call volume, a few hundred kilobytes, in one."""
        if claim.table == "option_trades":
            yield from _trades(path, desk)
        else:
            yield volume(path, desk)


def _fixed(path: Path, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns before the exchanges' own; UnreadableFile names one that is missing."""
    fixed = (*_HEAD, *(_GREEKS if "trade_iv" in columns or "trade_delta" in columns else ()), *_TAIL)
    if missing := [name for name in fixed if name not in columns]:
        raise UnreadableFile(
            f"'{path.name}': expected Cboe DataShop option trades, missing {', '.join(missing)};"
            f" found {', '.join(columns)[:200]}"
        )
    if columns[: len(fixed)] != fixed:
        raise UnreadableFile(
            f"'{path.name}': expected the columns {', '.join(fixed)}; found {', '.join(columns)[:300]}"
        )
    return fixed


def _trades(path: Path, desk: Desk) -> Iterator[pl.DataFrame]:
    """Two passes: what the cancels cancel, then every line; a file without cancels needs no third."""
    fixed = _fixed(path, header_of(path) or ())
    cancels = [found for frame, _ in _split(path, fixed) if (found := _is_cancel(frame)).height]
    cancelled = _cancelled(path, fixed, pl.concat(cancels)) if cancels else pl.Series([], dtype=pl.Int64)
    for frame, refused in _split(path, fixed):
        if refused.height:
            desk.refused.append(refused)
        if frame.height:
            yield _canonical(frame, cancelled)


def _split(path: Path, fixed: tuple[str, ...]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Lines as text columns with `record`, and those of another width with `record`, reason and raw.

    `record` counts the lines kept, as the store moves rows down past the lines left out.
    """
    width, out = len(fixed), 0
    for first, lines in blocks_of_lines(path):
        text = pl.Series("raw", lines, dtype=pl.String).str.strip_suffix("\r")
        frame = pl.DataFrame({"line": pl.int_range(first, first + len(lines), dtype=pl.Int64, eager=True), "raw": text})
        frame = frame.filter((pl.col("line") > 1) & (pl.col("raw") != ""))
        # a field is quoted whole or not at all, and none holds a comma
        frame = frame.with_columns(fields=pl.col("raw").str.replace_all('"', "", literal=True).str.split(","))
        frame = frame.with_columns(pl.col("fields").list.get(i, null_on_oob=True).alias(n) for i, n in enumerate(fixed))
        found, venues = pl.col("fields").list.len(), pl.col("number_of_exchanges").cast(pl.Int64, strict=False)
        fits = ((found == width) | ((found == width + _VENUE * venues) & (venues > 0))).fill_null(False)
        frame = frame.with_columns(fits=fits).with_columns(record=pl.col("line") - out - (~pl.col("fits")).cum_sum())
        said = pl.concat_str(
            pl.lit(f"expected {width} fields and {_VENUE} for each of number_of_exchanges, found "), found
        )
        refused = frame.filter(~pl.col("fits")).select(record="line", reason=said, raw=pl.col("raw").str.slice(0, 2000))
        out += refused.height
        yield frame.filter("fits").select(*fixed, pl.col("record").cast(pl.Int64)), refused


def _is_cancel(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("trade_condition_id").is_in(_CANCELS)).select(
        "record", "quote_datetime", *_TRADE, condition="canceled_trade_condition_id"
    )


def _cancelled(path: Path, fixed: tuple[str, ...], cancels: pl.DataFrame) -> pl.Series:
    """Records of the trades that are cancelled: for each cancel, the last trade before it that it repeats."""
    same = (*_TRADE, "condition")
    keys = cancels.select(same).unique()
    trades = [
        frame.filter(~pl.col("trade_condition_id").is_in(_CANCELS))
        .rename({"trade_condition_id": "condition"})
        .join(keys, on=same, how="semi")
        .select("record", "quote_datetime", *same)
        for frame, _ in _split(path, fixed)
    ]
    candidates: dict[tuple[str, ...], deque[tuple[str, int]]] = {}
    for record, when, *key in pl.concat(trades).sort("quote_datetime", "record").iter_rows():
        candidates.setdefault(tuple(key), deque()).append((when, record))
    found = []
    for _, when, *key in cancels.sort("quote_datetime", "record", descending=True).iter_rows():
        standing = candidates.get(tuple(key), deque())
        while standing and standing[-1][0] > when:
            standing.pop()  # later than this cancel, and so than every cancel still to come
        if standing:
            found.append(standing.pop()[1])
    return pl.Series(found, dtype=pl.Int64)


def _canonical(frame: pl.DataFrame, cancelled: pl.Series) -> pl.DataFrame:
    words = in_words(frame["trade_condition_id"], lambda code: said_of(code, "cboe", "cboe"))
    columns: dict[str, pl.Expr | pl.Series] = {
        "ts": pl.coalesce(_time("quote_datetime"), pl.col("quote_datetime")),
        "sequence": pl.col("sequence_number"),
        "underlying": pl.col("root"),
        "asset_class": asset_class(frame["root"]),
        "expiry": pl.col("expiration"),
        "strike": pl.col("strike"),
        "right": pl.col("option_type"),
        "price": pl.col("trade_price"),
        "size": pl.col("trade_size"),
        "exchange": venue(frame["exchange_id"], "cboe"),
        "conditions": words,
        "underlying_price": _mid("underlying_bid", "underlying_ask"),
        "cancelled": pl.col("record").is_in(cancelled.implode()),
        **quote("best_bid", "best_ask"),
    }
    if "trade_delta" in frame.columns:
        # without an implied volatility there is no delta: the column then holds a nought
        solved = pl.col("trade_iv").cast(pl.Float64, strict=False).fill_null(1.0) != 0.0
        columns["delta"] = pl.when(solved).then(six_places("trade_delta"))
    return frame.select("record", **columns)


def _mid(bid: str, ask: str) -> pl.Expr:
    """The middle of two prices to six places as text, null unless both are above nought."""
    low, high = (pl.col(side).cast(pl.Decimal(18, 6), strict=False) for side in (bid, ask))
    both = (low + high).cast(pl.Decimal(38, 6)) / pl.lit(2).cast(pl.Decimal(38, 6))
    return pl.when((low > 0) & (high > 0)).then(both.cast(pl.Decimal(18, 6), strict=False))


def _time(name: str) -> pl.Expr:
    """`2024-01-02 09:30:00.123` (or with a T) as ISO text with New York's offset."""
    wall = pl.col(name).str.replace("T", " ", literal=True).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False
    )  # fmt: skip
    clock = (wall - wall.dt.truncate("1d")).dt.total_nanoseconds()
    return new_york(wall.dt.date(), clock)
