"""Shiller's monthly CSV: the averages of the index's daily closes, and zeros for what the market has none of."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.shiller import INDEX

_HEADER = (
    "Date,SP500,Dividend,Earnings,Consumer Price Index,Long Interest Rate,Real Price,Real Dividend,Real Earnings,PE10"
)


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The index's monthly averages; the last month is left out, as it may not have ended."""
    if "index_levels" not in tables:
        return {}
    closes = tables["index_levels"].filter(pl.col("index") == "SPX").sort("date")
    months = (
        closes.group_by(pl.col("date").dt.truncate("1mo").alias("month"), maintain_order=True)
        .agg(pl.col("date").last(), pl.col("close").mean().round(2))
        .sort("month")
    )
    return {"index_levels": months[:-1].select("date", index=pl.lit(INDEX), close="close")}


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """One file, the months that have ended; see `feeds.writers`."""
    months = said(tables).get("index_levels")
    if months is None or months.is_empty():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sp500_shiller_monthly.csv"
    lines = [
        f"{day:%Y-%m}-01,{close},{','.join(['0.0'] * 8)}"
        for day, close in zip(months["date"], months["close"], strict=True)
    ]
    path.write_text("\n".join([_HEADER, *lines]) + "\n")
    return [path]
