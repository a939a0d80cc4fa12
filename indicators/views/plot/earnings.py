"""The index against its forward earnings: both from 100, their slopes, and the state that the slopes make."""

from dataclasses import replace

import plotly.graph_objects as go

from indicators.views.plot.axes import log_axis
from indicators.views.plot.paper import BEAR, BEAR_LIGHT, BULL, BULL_LIGHT, INK, UNKNOWN, Panel, line
from indicators.views.plot.reading import Shown, price, scores, value_panel
from indicators.views.table import number

SOURCE = "index_levels, forward_eps"

STATES = ("earnings-led decline", "multiple compression", "in line", "multiple expansion", "healthy advance")
"""From the bottom of the panel to its top."""


def earnings_panels(shown: Shown) -> list[Panel]:
    """Index and forward EPS from 100, slopes, states, divergence, score."""
    last = [value_panel(shown, 0.0), *scores(shown)]
    return [*_levels(shown), _slopes(shown), _states(shown), *(replace(p, source=SOURCE) for p in last)]


def _levels(shown: Shown) -> list[Panel]:
    """Both on one axis: 100 on the first session that has both; the index alone where there is no such session."""
    eps = dict(zip(shown.sessions, shown.column("forward_eps"), strict=True))
    closes = dict(shown.closes.sort("date").select("date", "close").iter_rows())
    both = [day for day in shown.sessions if eps[day] is not None and closes.get(day) is not None]
    if not both:
        return price(shown)
    start = both[0]
    index = [None if (c := closes.get(day)) is None else 100 * c / closes[start] for day in shown.sessions]
    forward = [None if (e := eps[day]) is None else 100 * e / (eps[start] or 1.0) for day in shown.sessions]

    def draw(figure: go.Figure, row: int) -> None:
        line(figure, row, shown.days, index, shown.beside, INK)
        line(figure, row, shown.days, forward, "forward 12-month EPS", BULL, 2.4)
        log_axis(figure, row, [*index, *forward], ".4~r")

    begin = f"{number(closes[start])} points and ${number(eps[start])} a share"
    title = f"{shown.beside} and its forward EPS: 100 on {start} is {begin}"
    return [Panel(title, f"{start} = 100 (log scale)", draw, 1.5, source=SOURCE)]


def _slopes(shown: Shown) -> Panel:
    def draw(figure: go.Figure, row: int) -> None:
        line(figure, row, shown.days, shown.column("price_slope"), f"{shown.beside}", INK)
        line(figure, row, shown.days, shown.column("eps_slope"), "forward EPS", BULL, 2.4)
        figure.update_yaxes(tickformat=".0%", zeroline=True, row=row, col=1)

    lookback = getattr(shown.indicator, "lookback", None)
    title = f"Slopes of the logarithms over {lookback} sessions, a year" if lookback else "Slopes of the logarithms"
    return Panel(title, "slope per year", draw, source=SOURCE)


def _states(shown: Shown) -> Panel:
    colours = dict(zip(STATES, (BEAR, BULL_LIGHT, UNKNOWN, BEAR_LIGHT, BULL), strict=True))

    def draw(figure: go.Figure, row: int) -> None:
        states = shown.words("state")
        for state in STATES:
            at = [day for day, found in zip(shown.days, states, strict=True) if found == state]
            figure.add_scatter(
                x=at, y=[state] * len(at), mode="markers", name=state, showlegend=False,
                marker={"symbol": "square", "size": 7, "color": colours[state]}, row=row, col=1,
            )  # fmt: skip
        figure.update_yaxes(
            categoryorder="array", categoryarray=list(STATES), type="category", range=[-0.6, len(STATES) - 0.4],
            row=row, col=1,
        )  # fmt: skip

    return Panel(
        "State of each session: the direction of price and which slope is steeper", "state", draw, 0.8, source=SOURCE
    )
