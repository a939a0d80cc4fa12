"""Cboe DataShop option trades: UnderlyingOptionsTrades_YYYY-MM-DD.csv, with each exchange's own quote after the trade.

The layout has milliseconds, no sizes at the national best and no contract multiplier; a cancelled trade stands in two
lines, itself and its cancel.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.calendar import ZONES
from seeds.option_venues import opra_letters
from seeds.underlyings import asset_classes, underlyings

_HEADER = (
    "underlying_symbol,quote_datetime,sequence_number,root,expiration,strike,option_type,exchange_id,trade_size,"
    "trade_price,trade_condition_id,canceled_trade_condition_id,best_bid,best_ask,trade_iv,trade_delta,underlying_bid,"
    "underlying_ask,number_of_exchanges,exchange,bid_size,bid,ask_size,ask"
)
_CONDITIONS = {
    "": 18, "sweep": 95, "multi_leg": 119, "late": 13, "average_price": 3, "prior_reference": 8, "contingent": 105,
    "auction_open": 62, "auction_close": 63, "floor": 118, "cross": 116, "cancelled": 18, "sweep;cancelled": 95,
}  # fmt: skip
_CANCEL = 40
_LATER = pl.duration(milliseconds=1, time_unit="ns")
"""How long after a trade its cancel is written."""


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """The session's option trades; see `feeds.writers`."""
    if session is None or "option_trades" not in tables:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"UnderlyingOptionsTrades_{session.isoformat()}.csv"
    path.write_text("\n".join([_HEADER, *_lines(tables["option_trades"]), ""]), encoding="utf-8")
    return [path]


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Option trades, each cancelled one with its cancel behind it."""
    if "option_trades" not in tables:
        return {}
    trades = tables["option_trades"].with_columns(pl.col("ts").dt.truncate("1ms"))
    cancels = trades.filter("cancelled").with_columns(pl.col("ts") + _LATER)
    both = pl.concat([trades, cancels]).with_columns(
        asset_class=pl.col("underlying").replace_strict(asset_classes(), default=None, return_dtype=pl.String)
    )
    return {"option_trades": both.drop("multiplier", "bid_size", "ask_size", "aggressor")}


def _lines(frame: pl.DataFrame) -> list[str]:
    numbers = {letter: number for number, letter in opra_letters("cboe").items()}
    wall = "%Y-%m-%d %H:%M:%S%.3f"
    local = pl.col("ts").dt.convert_time_zone(ZONES["XNYS"])
    rows = frame.select(
        pl.col("underlying"), local.dt.strftime(wall).alias("when"), (local + _LATER).dt.strftime(wall).alias("later"),
        "sequence", "expiry", "strike", "right", "exchange", "size", "price", pl.col("conditions").fill_null(""),
        pl.col("bid").fill_null(0), pl.col("ask").fill_null(0), pl.col("underlying_price").fill_null(0), "cancelled",
    )  # fmt: skip
    lines = []
    written_on, kinds = underlyings(), asset_classes()
    for (
        root,
        when,
        later,
        sequence,
        expiry,
        strike,
        right,
        venue,
        size,
        price,
        words,
        bid,
        ask,
        spot,
        off,
    ) in rows.rows():
        symbol = f"^{written_on[root]}" if root in written_on and kinds[root] == "index" else root
        condition = _CONDITIONS[words]
        contract = f"{root},{expiry},{strike:.3f},{right},{numbers[venue]},{size},{price:.4f}"
        rest = f"{bid:.4f},{ask:.4f},0.0000,0.0000,{spot:.4f},{spot:.4f},1,{numbers[venue]},10,{bid:.4f},10,{ask:.4f}"
        lines.append(f"{symbol},{when},{sequence},{contract},{condition},0,{rest}")
        if off:
            lines.append(f"{symbol},{later},{sequence},{contract},{_CANCEL},{condition},{rest}")
    return lines
