"""Daily bars as Yahoo's CSV has them: a file a symbol, named after it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.daily import SPX_NAMES

_COLUMNS = {"date": "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "adj_close": "Adj Close"}


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Bars and levels; an index is the S&P 500, and no stock is called like it."""
    found = {name: frame for name, frame in tables.items() if name in ("daily_bars", "index_levels")}
    if "index_levels" in found:
        found["index_levels"] = found["index_levels"].filter(pl.col("index") == "SPX")
    if "daily_bars" in found:
        found["daily_bars"] = found["daily_bars"].filter(~pl.col("symbol").is_in(list(SPX_NAMES)))
    return found


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """AAPL.csv, BRK-B.csv, … and ^GSPC.csv; see `feeds.writers`."""
    written = []
    found = said(tables)
    if "index_levels" in found:
        levels = found["index_levels"].with_columns(adj_close="close", volume=pl.lit(0.0))
        written += _files(levels.with_columns(symbol=pl.lit("^GSPC")), folder)
    if "daily_bars" in found:
        written += _files(found["daily_bars"], folder)
    return written


def _files(bars: pl.DataFrame, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for (symbol,), rows in bars.sort("symbol", "date").group_by("symbol", maintain_order=True):
        written.append(folder / f"{str(symbol).replace('.', '-').replace('/', '-')}.csv")
        rows.select(
            *(pl.col(old).alias(new) for old, new in _COLUMNS.items()), pl.col("volume").cast(pl.Int64).alias("Volume")
        ).write_csv(written[-1])
    return written
