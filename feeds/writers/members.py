"""Dated snapshots of the index's members with sectors, in the layout since 2023: one for each month's first session."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.members import INDEX

_HEADER = "Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded"


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The members on each snapshot's day without weights, and their sectors until the day before the next one."""
    if not {"index_members", "sectors"} <= set(tables):
        return {}
    members = tables["index_members"].filter(pl.col("index") == INDEX)
    days = members["date"].unique().sort()
    firsts = pl.DataFrame({"date": days}).group_by(pl.col("date").dt.truncate("1mo").alias("month")).agg(pl.min("date"))
    taken = firsts.select(pl.col("date").sort()).with_columns(to_date=pl.col("date").shift(-1).dt.offset_by("-1d"))
    groups = tables["sectors"].filter(pl.col("scheme") == "gics").select("symbol", "group")
    rows = members.select("date", "index", "symbol").join(taken, on="date").join(groups, on="symbol")
    rows = rows.sort("date", "symbol")
    return {
        "index_members": rows.select("date", "index", "symbol"),
        "sectors": rows.select(
            pl.lit("gics").alias("scheme"), "group", "symbol", pl.col("date").alias("from_date"), "to_date"
        ),
    }


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """constituents_YYYY-MM-DD.csv, one a snapshot; see `feeds.writers`."""
    found = said(tables)
    if not found:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for (day,), rows in found["sectors"].group_by("from_date", maintain_order=True):
        written.append(folder / f"constituents_{day}.csv")
        lines = [f'{symbol},{symbol},{group},,"Springfield, Illinois",,,' for symbol, group in
                 zip(rows["symbol"], rows["group"], strict=True)]  # fmt: skip
        written[-1].write_text("\n".join([_HEADER, *lines]) + "\n")
    return written
