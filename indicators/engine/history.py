"""What readings of whole histories share: the last one of each month, and notes on what a mapping assumed."""

from datetime import timedelta

import polars as pl

from feeds.schema import Sessions
from indicators.engine.indicator import Reading

Since = tuple[int, str]
"""A note and the position of the first session whose reading it belongs to."""


def assumed_notes(frame: pl.DataFrame, table: str) -> list[Since]:
    """One note per set of columns that a mapping assumed, from the first session it entered.

    Parameters
    ----------
    frame : rows with `n`, the position of the session that each entered, and `assumed`
    """
    sets = frame.drop_nulls("assumed").group_by("assumed").agg(pl.col("n").min()).sort("n", "assumed")
    return [(n, f"{table}: assumed {columns}") for columns, n in sets.iter_rows()]


def month_ends(readings: list[Reading], sessions: Sessions) -> list[Reading]:
    """The last reading of each month; noted month-to-date where the month may have a later session."""
    last = {f"{r.session:%Y-%m}": r for r in readings}
    final = {f"{day:%Y-%m}": day for day in sessions.dates}
    out = []
    for month, r in last.items():
        ahead = (r.session + timedelta(days=i) for i in range(1, 31))
        running = r.session != final[month] or (
            r.session == sessions.dates[-1] and any(d.month == r.session.month and d.weekday() < 5 for d in ahead)
        )
        notes = (*r.notes, "month-to-date") if running else r.notes
        out.append(r.model_copy(update={"month": month, "notes": notes}))
    return out
