"""What readings of whole histories share: sums of floats, the last one of each month, notes on assumed columns."""

from datetime import timedelta
from math import fsum

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


def added(groups: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Columns that hold each group's floats as a list, as the sums of them; nulls are left out.

    Rounded once, whatever the order: Polars adds a group's floats in one order or another by what other groups hold,
    and a later session would change the last digit of an earlier one.

    >>> added(pl.DataFrame({"x": [[0.1, 0.2, 0.3], [None]]}), "x")["x"].to_list()
    [0.6, 0.0]
    """
    return groups.with_columns(
        pl.Series(name, [fsum(x for x in own if x is not None) for own in groups[name].to_list()], pl.Float64)
        for name in names
    )


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
