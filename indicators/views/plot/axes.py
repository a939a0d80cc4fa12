"""Ticks that plotly does not choose well by itself: logarithms over decades, and a few sessions on one axis."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import floor, log10

import plotly.graph_objects as go

STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
"""Mantissas of ticks, the densest first."""

NARROW, MOST = 4.0, 7
"""Ends this far apart or nearer keep plotly's ticks; ticks at most."""

FEW = timedelta(days=14)
"""Sessions over so little time get a tick each, and no tick at noon."""


def log_axis(figure: go.Figure, row: int, values: Sequence[float | None], tickformat: str) -> None:
    """A logarithmic axis with ticks that do not run into each other, and none where every value is null."""
    held = [value for value in values if value is not None and value > 0]
    figure.update_yaxes(type="log", nticks=6, tickformat=tickformat, row=row, col=1)
    if held and max(held) > NARROW * min(held):
        figure.update_yaxes(tickvals=log_ticks(min(held), max(held)), row=row, col=1)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, both above zero: as many as fit.

    >>> log_ticks(0.15, 40), log_ticks(260, 4_700)
    ([0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [300.0, 500.0, 700.0, 1000.0, 1500.0, 2000.0, 3000.0])
    """
    decades = range(floor(log10(low)), floor(log10(high)) + 1)
    ticks: list[float] = []
    for mantissas in STEPS:
        marks = (float(f"{mantissa}e{decade}") for decade in decades for mantissa in mantissas)
        ticks = [mark for mark in marks if low <= mark <= high]
        if len(ticks) <= MOST:
            return ticks
    return ticks[:: -(-len(ticks) // MOST)]


def day_ticks(figure: go.Figure) -> dict[str, object]:
    """A tick a day where a figure spans few."""
    days = [x for trace in figure.data for x in (getattr(trace, "x", None) or ()) if isinstance(x, date)]
    if not days or max(days) - min(days) > FEW:
        return {}
    return {"dtick": 24 * 60 * 60 * 1000, "tickformat": "%b %-d\n%Y"}
