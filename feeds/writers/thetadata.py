"""ThetaData's flat file of a day: OPTION-TRADE_QUOTE-YYYYMMDD.csv.

The layout has milliseconds, no price of the underlying and no contract multiplier.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.calendar import ZONES
from seeds.option_venues import opra_letters
from seeds.underlyings import asset_classes

_HEADER = (
    "root,expiration,strike,right,ms_of_day,sequence,ext_condition1,ext_condition2,ext_condition3,ext_condition4,"
    "condition,size,exchange,price,condition_flags,price_flags,volume_type,records_back,quote_ms_of_day,bid_size,"
    "bid_exchange,bid,bid_condition,ask_size,ask_exchange,ask,ask_condition,date"
)
_CONDITIONS = {
    "": (18, 255), "sweep": (95, 255), "multi_leg": (130, 255), "late": (13, 255), "average_price": (3, 255),
    "prior_reference": (8, 255), "contingent": (105, 255), "auction_open": (62, 255), "auction_close": (63, 255),
    "floor": (129, 255), "cross": (127, 255), "cancelled": (40, 255), "sweep;cancelled": (40, 95),
}  # fmt: skip
"""Words → condition and first extended condition."""


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """The session's option trades; see `feeds.writers`."""
    if session is None or "option_trades" not in tables:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"OPTION-TRADE_QUOTE-{session:%Y%m%d}.csv"
    path.write_text("\n".join([_HEADER, *_lines(tables["option_trades"], session), ""]), encoding="utf-8")
    return [path]


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Option trades to the millisecond."""
    if "option_trades" not in tables:
        return {}
    kind = pl.col("underlying").replace_strict(asset_classes(), default=None, return_dtype=pl.String)
    trades = tables["option_trades"].with_columns(pl.col("ts").dt.truncate("1ms"), asset_class=kind)
    return {"option_trades": trades.drop("multiplier", "underlying_price", "aggressor")}


def _lines(frame: pl.DataFrame, session: date) -> list[str]:
    numbers = {letter: number for number, letter in opra_letters("thetadata").items()}
    local = pl.col("ts").dt.convert_time_zone(ZONES["XNYS"])
    rows = frame.select(
        "underlying", pl.col("expiry").dt.strftime("%Y%m%d"), (pl.col("strike") * 1000).cast(pl.Int64), "right",
        (local - local.dt.truncate("1d")).dt.total_milliseconds().alias("ms"), "sequence",
        pl.col("conditions").fill_null(""), "size", "exchange", "price",
        *(pl.col(name).fill_null(0) for name in ("bid", "ask", "bid_size", "ask_size")),
    )  # fmt: skip
    lines = []
    for root, expiry, strike, right, ms, sequence, words, size, letter, price, bid, ask, bids, asks in rows.rows():
        condition, extended = _CONDITIONS[words]
        exchange = numbers[letter]
        lines.append(
            f"{root},{expiry},{strike},{right},{ms},{sequence},{extended},255,255,255,{condition},{size},{exchange},"
            f"{price:.4f},0,0,0,0,{max(ms - 1, 0)},{bids},{exchange},{bid:.4f},50,{asks},{exchange},{ask:.4f},50,"
            f"{session:%Y%m%d}"
        )
    return lines
