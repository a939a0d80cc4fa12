"""What every indicator's figure is made of: its readings laid out as columns, and panels that any indicator has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import polars as pl

from indicators.engine.indicator import Indicator, Reading
from indicators.views.plot.paper import Panel, band, closes_panel, line, rule, zones
from indicators.views.table import plain


@dataclass(frozen=True)
class Shown:
    """An indicator's readings, ascending and at least one, with what they are set beside.

    Attributes
    ----------
    scores : one for each reading; all null by month
    key : the symbol, group or class asked for, else None: the market
    beside : name of the closes
    closes : as `closes_of` returns them, may be empty
    """

    indicator: Indicator
    readings: Sequence[Reading]
    scores: Sequence[float | None]
    key: str | None
    beside: str
    closes: pl.DataFrame

    @property
    def days(self) -> list[date]:
        """Where each reading is drawn: a month in its middle."""
        if not self.monthly:
            return self.sessions
        return [date.fromisoformat(f"{reading.month}-15") for reading in self.readings]

    @property
    def sessions(self) -> list[date]:
        """The session of each reading, a month's last one."""
        return [reading.session for reading in self.readings]

    @property
    def last(self) -> Reading:
        """The newest reading."""
        return self.readings[-1]

    @property
    def monthly(self) -> bool:
        """Whether the readings are of months."""
        return self.last.month is not None

    def values(self) -> list[float | None]:
        """The readings' values."""
        return [plain(reading.value) for reading in self.readings]

    def column(self, *path: str) -> list[float | None]:
        """A component of every reading as a number to be drawn; null where it is missing."""
        found: list[float | None] = []
        for reading in self.readings:
            cell: Any = reading.components
            for name in path:
                cell = cell.get(name) if isinstance(cell, dict) else None
            found.append(None if cell is None else plain(float(cell) if isinstance(cell, Decimal) else cell))
        return found

    def words(self, name: str) -> list[str | None]:
        """A component of every reading that is a word."""
        return [reading.components.get(name) for reading in self.readings]


def price(shown: Shown) -> list[Panel]:
    """The index or symbol beside the readings; no panel where no closes are stored."""
    span = pl.col("date").is_between(_month_start(shown), shown.last.session)
    closes = shown.closes.filter(span).sort("date")
    if not len(closes):
        return []
    return [closes_panel(shown.beside, closes)]


def _month_start(shown: Shown) -> date:
    first = shown.readings[0].session
    return first.replace(day=1) if shown.monthly else first


def value_panel(shown: Shown, middle: float | None = None) -> Panel:
    """The value with its error band."""
    banded = any(reading.low is not None and reading.high is not None for reading in shown.readings)

    def draw(figure: go.Figure, row: int) -> None:
        band(
            figure, row, shown.days, [plain(r.low) for r in shown.readings], [plain(r.high) for r in shown.readings],
            "95 % band of the true value",
        )  # fmt: skip
        line(figure, row, shown.days, shown.values(), "value")
        if not banded:
            figure.update_traces(showlegend=False, selector={"name": "value"})
        if middle is not None:
            rule(figure, row, middle)

    unit = shown.indicator.unit
    return Panel(f"Value, {unit}{gaps(shown, shown.values())}", f"value ({unit})", draw)


def gaps(shown: Shown, values: Sequence[float | None]) -> str:
    """What a gap stands for, where there is one."""
    span = "month" if shown.monthly else "week" if shown.indicator.cadence == "week" else "session"
    return f"; a gap is a {span} without a value" if any(value is None for value in values) else ""


def scores(shown: Shown) -> list[Panel]:
    """The score over the zones, where there is one."""
    if all(score is None for score in shown.scores):
        return []

    def draw(figure: go.Figure, row: int) -> None:
        zones(figure, row)
        line(figure, row, shown.days, shown.scores, "score")
        figure.update_traces(showlegend=False, selector={"name": "score"})

    window = "260 weeks" if shown.indicator.cadence == "week" else "252 readings"
    return [Panel(f"Score: percentile among its own last {window}; high is bullish", "score (0-100)", draw)]


def reading_panels(shown: Shown) -> list[Panel]:
    """Any indicator: what it is set beside, its value with the band, its score."""
    return [*price(shown), value_panel(shown), *scores(shown)]
