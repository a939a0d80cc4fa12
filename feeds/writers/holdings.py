"""An index fund's holdings as iShares publishes them: one CSV for each month's first session, as of the day before."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

_BANNER = """iShares Core S&P 500 ETF
Fund Holdings as of,"{as_of:%b %d, %Y}"
Inception Date,"May 15, 2000"
Shares Outstanding,"900,000,000.00"
Stock,"-"
Bond,"-"
Cash,"-"
Other,"-"
\u00a0
Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity,Price,Location,Exchange,Currency,\
FX Rate,Market Currency,Accrual Date
"""
_CASH = '"USD","USD CASH","Cash and/or Derivatives","Cash","1.00","0.00","1.00","1.00","100.00","United States","-",'


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Members at each month's first session but the first, weights to five places of a per cent."""
    if "index_members" not in tables:
        return {}
    members = tables["index_members"].filter(pl.col("index") == "SPX")
    firsts = members.group_by(pl.col("date").dt.truncate("1mo").alias("month")).agg(pl.min("date")).sort("date")[1:]
    weights = (pl.col("weight") * 100).round(5) / 100
    return {
        "index_members": members.join(firsts, on="date", how="semi")
        .with_columns(weights)
        .select("date", "index", "symbol", "weight")
        .sort("date", "symbol")
    }


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """YYYY-MM-DD/IVV_holdings.csv; see `feeds.writers`."""
    found = said(tables).get("index_members")
    if found is None:
        return []
    days = tables["index_members"]["date"].unique().sort()
    written = []
    for (day,), rows in found.group_by("date", maintain_order=True):
        as_of = days.filter(days < day).max()
        if not isinstance(as_of, date):
            continue
        place = folder / as_of.isoformat()
        place.mkdir(parents=True, exist_ok=True)
        written.append(place / "IVV_holdings.csv")
        lines = [
            f'"{symbol}","{symbol} INC","-","Equity","1.00","{weight * 100:.5f}","1.00","1.00","1.00",'
            '"United States","NYSE","USD","1.00","USD","-"'
            for symbol, weight in zip(rows["symbol"], rows["weight"], strict=True)
        ]
        text = _BANNER.format(as_of=as_of) + "\n".join([*lines, f'{_CASH}"USD","1.00","USD","-"', "\u00a0"]) + "\n"
        written[-1].write_text(text, encoding="utf-8")
    return written
