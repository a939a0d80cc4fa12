"""QuantConnect Lean's zips: ticks of stocks, minute bars, minute quotes and open interest of options.

The layouts cannot say: times under a millisecond and, for options, under a minute; sequences; venues, quotes and
conditions of single option prints, of which a bar keeps the last price and the sum of sizes; excluded option prints,
which are in no bar; conditions of stock prints without a bit, cancels among them; a side of a stock's quote that
disappears; prices finer than a hundredth of a cent; parts of a share.
"""

import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from feeds.calendar import ZONES, exchange_sessions
from feeds.check import flags_of
from feeds.lean import MASK
from feeds.schema import EXCLUDED

_CONTRACT = ("underlying", "expiry", "strike", "right")
_STYLE = "american"
_EARLY = 23_400_000
"""Milliseconds from midnight New York at which open interest is stamped."""

_MINUTE = 60_000
_DEFLATED = zipfile.ZIP_DEFLATED


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """A day's zips, one a symbol and kind, and those of open interest of every day; see `feeds.writers`."""
    if session is None:
        return _interest_zips(tables["open_interest"], folder) if "open_interest" in tables else []
    written = []
    for name, lines in (("stock_trades", _trade_ticks), ("stock_quotes", _quote_ticks)):
        if name in tables:
            ticks = lines(_sayable(tables[name], name)).with_columns(symbol=pl.col("symbol").str.to_lowercase())
            for (symbol,), rows in ticks.group_by("symbol", maintain_order=True):
                kind = name.removeprefix("stock_").removesuffix("s")
                place = folder / "equity" / "usa" / "tick" / str(symbol) / f"{session:%Y%m%d}_{kind}.zip"
                member = f"{session:%Y%m%d}_{symbol}_{kind.title()}_Tick.csv"
                written.append(_zipped(place, {member: rows.drop("symbol")}, session))
    for name, bars in (("option_trades", _bars), ("option_quotes", _minutes)):
        if name in tables:
            kind = name.removeprefix("option_").removesuffix("s")
            written += _option_zips(bars(_sayable(tables[name], name)), kind, session, folder)
    return written


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What of some tables the layouts can say."""
    found = {}
    for name in _SAID.keys() & tables.keys():
        frame = _sayable(tables[name], name)
        found[name] = _SAID[name](frame)
    if "open_interest" in tables:
        found["open_interest"] = tables["open_interest"].drop("volume", strict=False)
    return found


def _said_prints(frame: pl.DataFrame) -> pl.DataFrame:
    texts = frame["conditions"].fill_null("")
    bits = set(MASK.values())
    known = {text: ";".join(word for word in text.split(";") if word in bits) for text in texts.unique()}
    exchange = pl.when("off_exchange").then(pl.lit("D")).otherwise("exchange")
    return frame.select(
        pl.col("ts").dt.truncate("1ms"), "symbol", "price", "size", "off_exchange",
        exchange=exchange,
        conditions=texts.replace_strict(known, return_dtype=pl.String),
    )  # fmt: skip


def _said_quotes(frame: pl.DataFrame) -> pl.DataFrame:
    """A side that has no price leaves the one before it standing."""
    standing = [
        pl.when(pl.col(side) > 0).then(pl.col(column)).forward_fill().over("symbol").fill_null(0).alias(column)
        for side in ("bid", "ask")
        for column in (side, f"{side}_size")
    ]
    return frame.select(pl.col("ts").dt.truncate("1ms"), "symbol", *standing)


def _said_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """The last price and the sum of sizes, at the minute's end."""
    bars = frame.group_by(*_CONTRACT, ts=_END, maintain_order=True).agg(pl.col("price").last(), pl.sum("size"))
    return bars.with_columns(conditions=pl.lit("bar"))


def _said_minutes(frame: pl.DataFrame) -> pl.DataFrame:
    """The quote that closes a minute, at its end."""
    sizes = (
        pl.when(pl.col(side).last() > 0).then(pl.col(f"{side}_size").last()).otherwise(0).alias(f"{side}_size")
        for side in ("bid", "ask")
    )
    return frame.group_by(*_CONTRACT, ts=_END, maintain_order=True).agg(pl.col("bid", "ask").last(), *sizes)


_END = pl.col("ts").dt.truncate("1m") + timedelta(minutes=1)
_SAID = {
    "stock_trades": _said_prints,
    "stock_quotes": _said_quotes,
    "option_trades": _said_bars,
    "option_quotes": _said_minutes,
}


def _sayable(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows in order of time that the layout has room for, with `ms` since midnight New York."""
    local = pl.col("ts").dt.convert_time_zone(ZONES["XNYS"])
    ms = (local - local.dt.truncate("1d")).dt.total_milliseconds()
    frame = frame.sort("ts", "sequence").with_columns(ms=ms)
    prices = [column for column in ("price", "bid", "ask", "strike") if column in frame.columns]
    exact = pl.all_horizontal((pl.col(price).round(4) == pl.col(price)).fill_null(True) for price in prices)
    frame = frame.filter(exact)
    if name == "stock_trades":
        return frame.filter(pl.col("size") == pl.col("size").floor())
    if name == "option_trades":
        texts = frame["conditions"].fill_null("")
        standing = {text: not flags_of(text)[0] & EXCLUDED for text in texts.unique()}
        kept = texts.replace_strict(standing, return_dtype=pl.Boolean) & ~frame["cancelled"].fill_null(False)
        return frame.filter(kept)
    return frame


def _tenths(name: str) -> pl.Expr:
    """A price as Lean has it: × 10,000."""
    return (pl.col(name) * 10_000).cast(pl.Int64)


def _trade_ticks(frame: pl.DataFrame) -> pl.DataFrame:
    bits = {word: bit for bit, word in MASK.items()}
    texts = frame["conditions"].fill_null("")
    masks = {text: f"{sum({bits.get(word, 0) for word in text.split(';')}):x}" for text in texts.unique()}
    return frame.select(
        "symbol", "ms", _tenths("price"), pl.col("size").cast(pl.Int64),
        exchange=pl.when("off_exchange").then(pl.lit("D")).otherwise("exchange"),
        mask=texts.replace_strict(masks, return_dtype=pl.String),
        suspicious=pl.lit(0),
    )  # fmt: skip


def _quote_ticks(frame: pl.DataFrame) -> pl.DataFrame:
    """Both sides in a row: what is 0 is untouched."""
    sizes = {f"{side}_size": pl.when(pl.col(side) > 0).then(f"{side}_size").otherwise(0) for side in ("bid", "ask")}
    return frame.select(
        "symbol", "ms", bid=_tenths("bid"), bid_size=sizes["bid_size"], ask=_tenths("ask"), ask_size=sizes["ask_size"],
        exchange=pl.lit("Q"), condition=pl.lit(1), suspicious=pl.lit(0),
    )  # fmt: skip


def _bars(frame: pl.DataFrame) -> pl.DataFrame:
    price = _tenths("price")
    return frame.group_by(*_CONTRACT, ms=pl.col("ms") // _MINUTE * _MINUTE, maintain_order=True).agg(
        price.first().alias("open"), price.max().alias("high"), price.min().alias("low"), price.last().alias("close"),
        pl.sum("size"),
    )  # fmt: skip


def _minutes(frame: pl.DataFrame) -> pl.DataFrame:
    """Each minute's open, high, low and close of either side; blank where the side has no price at the close."""
    columns = []
    for side in ("bid", "ask"):
        price, quoted = _tenths(side), pl.col(side).last() > 0
        given = price.filter(price > 0)
        ohlc = {"open": given.first(), "high": given.max(), "low": given.min(), "close": price.last()}
        columns += [pl.when(quoted).then(value).alias(f"{side}_{name}") for name, value in ohlc.items()]
        columns.append(pl.when(quoted).then(pl.col(f"{side}_size").last()).otherwise(0).alias(f"{side}_size"))
    return frame.group_by(*_CONTRACT, ms=pl.col("ms") // _MINUTE * _MINUTE, maintain_order=True).agg(columns)


def _interest_zips(frame: pl.DataFrame, folder: Path) -> list[Path]:
    """Each day's open interest as the next session has it before its open."""
    dates = frame["date"].unique().sort()
    sessions = exchange_sessions("XNYS", dates[0], dates[-1] + timedelta(days=10))
    written = []
    for day in dates:
        after = next(session for session in sessions.dates if session > day)
        rows = frame.filter(pl.col("date") == day).select(*_CONTRACT, pl.lit(_EARLY), "open_interest")
        written += _option_zips(rows, "openinterest", after, folder)
    return written


def _option_zips(rows: pl.DataFrame, kind: str, day: date, folder: Path) -> list[Path]:
    """One zip an underlying, in it one csv a contract; `rows` are the contract's columns, then those of the csv."""
    written = []
    for (underlying,), of_one in rows.group_by("underlying", maintain_order=True):
        symbol = str(underlying).lower()
        members = {}
        for (_, expiry, strike, right), lines in of_one.group_by(*_CONTRACT, maintain_order=True):
            side = "call" if right == "C" else "put"
            name = f"{day:%Y%m%d}_{symbol}_minute_{kind}_{_STYLE}_{side}_{int(strike * 10_000)}_{expiry:%Y%m%d}.csv"
            members[name] = lines.drop(_CONTRACT)
        place = folder / "option" / "usa" / "minute" / symbol / f"{day:%Y%m%d}_{kind}_{_STYLE}.zip"
        written.append(_zipped(place, members, day))
    return written


def _zipped(path: Path, members: Mapping[str, pl.DataFrame], day: date) -> Path:
    """A zip of headerless csv files that is the same to the byte whenever it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in members.items():
            entry = zipfile.ZipInfo(name, date_time=(day.year, day.month, day.day, 0, 0, 0))
            archive.writestr(entry, rows.write_csv(include_header=False), compress_type=_DEFLATED)
    return path
