"""Unusual Whales' end-of-day export: bot-eod-report-YYYY-MM-DD.zip with one CSV.

The layout has microseconds, no sequence, no sizes at the quote and no contract multiplier.
"""

import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from seeds.option_venues import opra_letters
from seeds.underlyings import asset_classes

_HEADER = (
    "executed_at,underlying_symbol,option_chain_id,side,strike,option_type,expiry,underlying_price,nbbo_bid,nbbo_ask,"
    "ewma_nbbo_bid,ewma_nbbo_ask,price,size,premium,volume,open_interest,implied_volatility,delta,theta,gamma,vega,rho,"
    "theo,sector,exchange,report_flags,canceled,upstream_condition_detail,equity_type"
)
_DETAILS = {
    "": "auto", "sweep": "isoi", "multi_leg": "mlet", "late": "late", "floor": "slft", "cross": "slcn",
    "average_price": "bnmt", "cancelled": "auto", "sweep;cancelled": "isoi",
}  # fmt: skip
"""OPRA has no message for the other kinds of the synthetic market: such prints are written as what they also are."""

_KINDS = {"equity": "Common Stock", "etf": "ETF", "index": "Index", None: ""}
_EPOCH = zipfile.ZipInfo().date_time


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """The session's option trades; see `feeds.writers`."""
    if session is None or "option_trades" not in tables:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    name = f"bot-eod-report-{session.isoformat()}"
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(f"{name}.csv", _EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, "\n".join([_HEADER, *_lines(tables["option_trades"]), ""]))
    return [folder / f"{name}.zip"]


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Option trades to the microsecond, with the kinds of print that OPRA has a message for."""
    if "option_trades" not in tables:
        return {}
    trades = tables["option_trades"].with_columns(
        pl.col("ts").dt.truncate("1us"),
        asset_class=pl.coalesce(
            "asset_class", pl.col("underlying").replace_strict(asset_classes(), default=None, return_dtype=pl.String)
        ),
        conditions=pl.when(pl.col("conditions").is_in(list(_DETAILS))).then("conditions"),
    )
    return {"option_trades": trades.drop("sequence", "multiplier", "bid_size", "ask_size", "aggressor")}


def _lines(frame: pl.DataFrame) -> list[str]:
    mics = {letter: mic for mic, letter in opra_letters("mic").items()}
    rows = frame.select(
        pl.col("ts").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00").alias("at"), "underlying", "expiry", "strike", "right",
        "price", "size", "exchange", pl.col("conditions").fill_null(""), "bid", "ask", "underlying_price",
        "asset_class", "cancelled",
    )  # fmt: skip
    lines = []
    for at, root, expiry, strike, right, price, size, venue, words, bid, ask, spot, kind, off in rows.rows():
        osi = f"{root}{expiry:%y%m%d}{right}{int(strike * 1000):08d}"
        side = "no_side" if bid is None else "ask" if price >= ask else "bid" if price <= bid else "mid"
        quote = "," if bid is None else f"{bid.normalize():f},{ask.normalize():f}"
        lines.append(
            f"{at},{root},{osi},{side},{strike.normalize():f},{'call' if right == 'C' else 'put'},{expiry},"
            f"{'' if spot is None else f'{spot:.4f}'},{quote},{quote},{price.normalize():f},{size},"
            f"{price * size * 100:.2f},,,,,,,,,,,{mics[venue]},{{}},{'t' if off else 'f'},"
            f"{_DETAILS.get(words, 'auto')},{_KINDS[kind]}"
        )
    return lines
