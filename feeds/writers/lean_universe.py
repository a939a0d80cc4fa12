"""QuantConnect Lean's option universes: volume and open interest at a session's end, and nothing else of a chain."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

_COLUMNS = (
    *("open", "high", "low", "close", "volume", "open_interest"),
    *("implied_volatility", "delta", "gamma", "vega", "theta", "rho"),
)


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """A csv for each underlying and session, the underlying's own row first; see `feeds.writers`."""
    if session is not None or "open_interest" not in tables:
        return []
    written = []
    chains = tables["open_interest"].sort("underlying", "date", "expiry", "strike", "right")
    for (symbol, day), rows in chains.group_by("underlying", "date", maintain_order=True):
        path = folder / "option" / "usa" / "universes" / str(symbol).lower() / f"{day:%Y%m%d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        blank = dict.fromkeys(_COLUMNS, pl.lit(""))
        lines = rows.select(
            pl.col("expiry").dt.to_string("%Y%m%d").alias("#expiry"),
            pl.col("strike").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end("."),
            "right",
            **blank
            | {name: pl.col(name).cast(pl.String) for name in ("volume", "open_interest") if name in rows.columns},
        )
        bar = "," * (lines.width - 1)
        header, _, contracts = lines.write_csv(quote_style="never").partition("\n")
        path.write_text(f"{header}\n{bar}\n{contracts}")
        written.append(path)
    return written


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Open interest alone."""
    return {name: frame for name, frame in tables.items() if name == "open_interest"}
