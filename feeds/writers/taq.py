"""NYSE Daily TAQ: EQY_US_ALL_TRADE_YYYYMMDD.gz and EQY_US_ALL_NBBO_YYYYMMDD.gz, each with its END line.

The layout says no quote beside a trade and no fraction of a share: FINRA has fractions cut, and less than one share
reported as one (Trade Reporting FAQ 101.14).
"""

import gzip
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.calendar import ZONES

_TRADES = (
    "Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade Price|Trade Stop Stock Indicator|"
    "Trade Correction Indicator|Sequence Number|Trade Id|Source of Trade|Trade Reporting Facility|"
    "Participant Timestamp|Trade Reporting Facility TRF Timestamp|Trade Through Exempt Indicator"
)
_QUOTES = (
    "Time|Exchange|Symbol|Bid_Price|Bid_Size|Offer_Price|Offer_Size|Quote_Condition|Sequence_Number|National_BBO_Ind|"
    "FINRA_BBO_Indicator|FINRA_ADF_MPID_Indicator|Quote_Cancel_Correction|Source_Of_Quote|Best_Bid_Quote_Condition|"
    "Best_Bid_Exchange|Best_Bid_Price|Best_Bid_Size|Best_Bid_FINRA_Market_Maker_ID|Best_Offer_Quote_Condition|"
    "Best_Offer_Exchange|Best_Offer_Price|Best_Offer_Size|Best_Offer_FINRA_Market_Maker_ID|LULD_Indicator|"
    "LULD_NBBO_Indicator|SIP_Generated_Message_Identifier|Participant_Timestamp|FINRA_ADF_Timestamp|"
    "Security_Status_Indicator"
)
_SALE = {
    "": "@   ", "sweep": "@F  ", "late": "@ Z ", "average_price": "@  B", "prior_reference": "@ P ",
    "contingent": "@  V", "cross": "@  X", "form_t;extended_hours": "@ T ", "auction_open": "@  O",
    "auction_close": "@  6", "cancelled": "@   ", "sweep;cancelled": "@F  ",
}  # fmt: skip
"""Sale conditions stand in four places: settlement, sweep and the like, time and order, the market's own detail."""


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """The session's trades and quotes; see `feeds.writers`."""
    if session is None:
        return []
    written = []
    for table, name, lines in (("stock_trades", "TRADE", _trade_lines), ("stock_quotes", "NBBO", _quote_lines)):
        if table in tables:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"EQY_US_ALL_{name}_{session:%Y%m%d}.gz"
            header = _TRADES if table == "stock_trades" else _QUOTES
            rows = lines(tables[table])
            end = f"END|{session:%Y%m%d}|{len(rows)}" + "|" * (header.count("|") - 1)
            path.write_bytes(gzip.compress("\n".join([header, *rows, end, ""]).encode(), mtime=0))
            written.append(path)
    return written


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Trades without their quotes and in whole shares; quotes as they are."""
    found = {name: tables[name] for name in ("stock_trades", "stock_quotes") if name in tables}
    if "stock_trades" in found:
        found["stock_trades"] = found["stock_trades"].drop("bid", "ask").with_columns(size=_whole_shares())
    return found


def _whole_shares() -> pl.Expr:
    return pl.max_horizontal(pl.col("size").cast(pl.Float64).floor().cast(pl.Int64), 1)


def _columns(frame: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("ts").dt.convert_time_zone(ZONES["XNYS"])
    return frame.with_columns(
        time=local.dt.strftime("%H%M%S%9f"), symbol=pl.col("symbol").str.replace(".", " ", literal=True)
    )


def _trade_lines(frame: pl.DataFrame) -> list[str]:
    rows = _columns(frame).with_columns(size=_whole_shares(), conditions=pl.col("conditions").fill_null(""))
    wanted = ("time", "exchange", "symbol", "conditions", "size", "price", "cancelled", "sequence")
    return [
        f"{time}|{venue}|{symbol}|{_SALE[words]}|{size}|{price}||{'08' if cancelled else '00'}|{sequence}|{sequence}|"
        f"{'N' if venue == 'Q' else 'C'}|{'Q' if venue == 'D' else ' '}|{time}|{time if venue == 'D' else ''}|0"
        for time, venue, symbol, words, size, price, cancelled, sequence in rows.select(wanted).iter_rows()
    ]


def _quote_lines(frame: pl.DataFrame) -> list[str]:
    wanted = ("time", "symbol", "bid", "bid_size", "ask", "ask_size", "sequence")
    return [
        f"{time}|P|{symbol}|{bid}|{bid_size}|{ask}|{ask_size}|R|{sequence}|4|||A|C|R|P|{bid}|{bid_size}||R|P|{ask}|"
        f"{ask_size}|||||{time}||"
        for time, symbol, bid, bid_size, ask, ask_size, sequence in _columns(frame).select(wanted).iter_rows()
    ]
