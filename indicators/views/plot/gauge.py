"""The gauge: its dial with zones, what each part adds, and its history over the index with the regime behind it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import plotly.graph_objects as go
import polars as pl

from indicators.engine.gauge import GaugeReading
from indicators.engine.regime import RegimeReading
from indicators.views.plot.paper import (
    BEAR,
    BULL,
    INK,
    ZONES,
    Panel,
    band,
    closes_panel,
    hatched,
    line,
    sheet,
    washes,
    words,
    zones,
)

MARKETS = {"us": "US", "china": "A shares"}


def gauge_figure(
    market: str,
    gauge: Sequence[GaugeReading],
    regime: Sequence[RegimeReading] = (),
    index: str = "",
    closes: pl.DataFrame | None = None,
) -> go.Figure:
    """The last of some gauge readings as a dial, its contributions, and all of them over the index.

    Parameters
    ----------
    gauge : one reading per session, ascending, at least one; drawn from the first one with a level
    regime : readings of the index's regime; shown for the sessions of `gauge`
    index, closes : the index's name and closes, as `closes_of` returns them; without them the history stands alone
    """
    today = gauge[-1]
    gauge = gauge[next((i for i, reading in enumerate(gauge) if reading.level is not None), 0) :]
    panels = [_dial(today), _contributions(today), _history(gauge)]
    if closes is not None and len(closes):
        panels.append(_index(gauge, regime, index, closes))
    level = "no level" if today.level is None else f"{today.level:.1f} of 100"
    said = [f"{today.parts_present} of {today.parts_total} parts", f"confidence {today.confidence or 'none'}"]
    said += [text for text in (today.reason, *today.notes) if text]
    return sheet(
        f"Bull/bear gauge, {MARKETS.get(market, market)}, {today.session}: {level}, {today.zone}",
        panels,
        "Level = 50 + contributions. Scores are percentiles of each part's own past. Source: the stored tapes and"
        " series, by bullbear.",
        " · ".join(said),
    )


def _dial(today: GaugeReading) -> Panel:
    marks = [mark for name, low, high, _ in ZONES for mark in ((low, str(low)), ((low + high) / 2, name))]
    marks.append((100, "100"))

    def draw(figure: go.Figure, row: int) -> None:
        needle = {} if today.level is None else {"threshold": _needle(today.level)}
        figure.add_trace(
            go.Indicator(
                mode="gauge" if today.level is None else "gauge+number",
                value=today.level,
                number={"font": {"size": 54, "color": INK}, "valueformat": ".1f"},
                gauge={
                    "shape": "angular",
                    "axis": {
                        "range": [0, 100], "tickvals": [at for at, _ in marks], "ticktext": [text for _, text in marks],
                        "tickfont": {"size": 13}, "tickcolor": INK,
                    },
                    "bar": {"thickness": 0},
                    "borderwidth": 1,
                    "bordercolor": INK,
                    "steps": [{"range": [low, high], "color": colour} for _, low, high, colour in ZONES],
                    **needle,
                },
            ),
            row=row,
            col=1,
        )  # fmt: skip
        if today.level is None:
            place = figure.get_subplot(row, 1)
            figure.add_annotation(
                text="insufficient:<br>no level", x=0.5, y=place.y[0], xref="paper", yref="paper", showarrow=False,
                yanchor="bottom", font={"size": 26, "color": INK},
            )  # fmt: skip

    return Panel("The gauge, 0 deep bear to 100 strong bull", "", draw, 1.7, "domain")


def _needle(level: float) -> dict[str, object]:
    return {"line": {"color": INK, "width": 7}, "thickness": 1.0, "value": level}


def _contributions(today: GaugeReading) -> Panel:
    pulls = sorted(today.contributions.items(), key=lambda item: (abs(item[1]), item[0]))
    absent = [(name, 0.0) for name in sorted(today.missing, reverse=True)]
    bars = [*absent, *pulls]

    def draw(figure: go.Figure, row: int) -> None:
        for colour, pattern, sign in ((BULL, "", 1), (BEAR, "/", -1)):
            side = [(name, points) for name, points in bars if (points >= 0) == (sign > 0)]
            figure.add_bar(
                x=[points for _, points in side],
                y=[name for name, _ in side],
                orientation="h",
                text=["missing" if name in today.missing else f"{points:+.2f}" for name, points in side],
                textposition="outside",
                cliponaxis=False,
                hovertext=[words(today.missing.get(name, name)) for name, _ in side],
                marker={"color": colour, "pattern": hatched(pattern, colour)},
                showlegend=False,
                row=row,
                col=1,
            )
        figure.update_yaxes(categoryorder="array", categoryarray=[name for name, _ in bars], row=row, col=1)
        widest = max([abs(points) for _, points in bars], default=0.0) or 1.0
        figure.update_xaxes(range=[-1.25 * widest, 1.25 * widest], title={"text": "points added to 50"}, row=row, col=1)

    title = "What each part adds to 50, in points: right of the middle bullish, left (hatched) bearish"
    return Panel(title, "part of the gauge", draw, 0.22 * max(len(bars), 2), "xy")


def _history(gauge: Sequence[GaugeReading]) -> Panel:
    days = [reading.session for reading in gauge]
    levels = [reading.level for reading in gauge]
    half = [None if r.level is None or r.width is None else r.width / 2 for r in gauge]
    low = [None if v is None or h is None else max(v - h, 0.0) for v, h in zip(levels, half, strict=True)]
    high = [None if v is None or h is None else min(v + h, 100.0) for v, h in zip(levels, half, strict=True)]

    def draw(figure: go.Figure, row: int) -> None:
        zones(figure, row)
        band(figure, row, days, low, high, "width of the parts' error bands, laid around the level")
        line(figure, row, days, levels, "gauge")

    return Panel(
        "The gauge by session; a gap is a session without a level",
        "gauge (0-100)",
        draw,
        1.5,
        source="the scores of its parts",
    )


def _index(gauge: Sequence[GaugeReading], regime: Sequence[RegimeReading], index: str, closes: pl.DataFrame) -> Panel:
    first, last = gauge[0].session, gauge[-1].session
    shown = closes.filter(pl.col("date").is_between(first, last)).sort("date")
    days: list[date] = [r.session for r in regime if first <= r.session <= last]
    states = [r.state for r in regime if first <= r.session <= last]
    plain = closes_panel(index, shown, 1.3)

    def draw(figure: go.Figure, row: int) -> None:
        plain.draw(figure, row)
        if days:
            washes(figure, row, days, states)

    title = f"{plain.title}, with the regime of its returns behind it"
    return replace(plain, title=title, draw=draw)
