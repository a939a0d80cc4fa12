"""The core's own layout: one Parquet file a table, those of a tape in a folder named after their session."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """Every table, whole; see `feeds.writers`."""
    place = folder if session is None else folder / session.isoformat()
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in tables.items():
        written.append(place / f"{name}.parquet")
        frame.write_parquet(written[-1])
    return written
