"""What every figure is drawn on: panels below one another, colours, lines with gaps, bands, and the file it goes to.

Blue is bullish and orange bearish: told apart with any colour vision, and by their lightness in grey print. Words,
signs and positions say the same as the colours do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from indicators.views.plot.axes import day_ticks, log_axis
from indicators.views.table import clean

BULL, BEAR, UNKNOWN, INK, FAINT = "#0072B2", "#D55E00", "#8C8C8C", "#1A1A1A", "#D9D9D9"
BULL_LIGHT, BEAR_LIGHT = "#7FBCE0", "#F2B48A"
BULL_WASH, BEAR_WASH = "rgba(0,114,178,0.12)", "rgba(213,94,0,0.34)"
"""The second is darker, so that grey print tells them apart."""

BAND = "rgba(26,26,26,0.13)"
WIDTH, ROW, GAP, MARGIN, FOOT, HEAD = 1000, 190, 64, 84, 24, 90

ZONES = (
    ("deep bear", 0, 20, "#D55E00"),
    ("bear", 20, 40, "#F2B48A"),
    ("neutral", 40, 60, "#E6E6E6"),
    ("bull", 60, 80, "#7FBCE0"),
    ("strong bull", 80, 100, "#0072B2"),
)
"""Name, from, to, colour."""


@dataclass(frozen=True)
class Panel:
    """One part of a figure: `draw(figure, row)` adds its traces.

    Attributes
    ----------
    title : what is drawn, in words
    axis : the vertical axis: quantity and unit
    source : the tables that it is drawn from, below the axis's title
    height : in rows of `ROW` pixels
    kind : "dated" panels share one axis of sessions; "xy" has its own; "domain" holds dials, rings and tables
    """

    title: str
    axis: str
    draw: Callable[[go.Figure, int], None]
    height: float = 1.0
    kind: Literal["dated", "xy", "domain"] = "dated"
    source: str = ""


def words(text: object, limit: int = 200) -> str:
    """Foreign text for a figure: cleaned, cut, without the tags that plotly would obey and the $…$ it takes for maths.

    >>> words("<b>A</b>\\n=1")
    '&lt;b&gt;A&lt;/b&gt; =1'
    """
    return escape(clean(str(text), limit), quote=False).replace("$", "&#36;")


def sheet(
    title: str, panels: Sequence[Panel], foot: str, said: str = "", axis: str = "Session (exchange date)"
) -> go.Figure:
    """Draw panels below one another, with a heading and, below it, a sentence on what they say.

    Parameters
    ----------
    foot : where the numbers come from, printed below the panels
    axis : what dated panels are laid along
    """
    tall = sum(panel.height for panel in panels)
    notes = _wrapped(said)
    head = HEAD + 18 * len(notes)
    height = round(ROW * tall + GAP * (len(panels) - 1) + head + MARGIN + FOOT)
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        specs=[[{"type": "domain" if panel.kind == "domain" else "xy"}] for panel in panels],
        row_heights=[panel.height for panel in panels],
        vertical_spacing=GAP / (height - head - MARGIN - FOOT) if len(panels) > 1 else 0,
        subplot_titles=[f"<b>{words(panel.title)}</b>" for panel in panels],
    )
    figure.update_annotations(x=0, xanchor="left", align="left", font={"size": 13, "color": INK})
    for row, panel in enumerate(panels, start=1):
        panel.draw(figure, row)
    _axes(figure, panels, axis)
    figure.update_layout(
        template="none", width=WIDTH, height=height, paper_bgcolor="white", plot_bgcolor="white", hovermode="x unified",
        font={"family": "Helvetica, Arial, 'Noto Sans', sans-serif", "size": 12, "color": INK}, barmode="relative",
        margin={"l": 90, "r": 30, "t": head, "b": MARGIN + FOOT}, bargap=0.15,
        meta={"title": clean(title, 200)},
    )  # fmt: skip
    heading = f'<span style="font-size:20px"><b>{words(title)}</b></span>'
    figure.add_annotation(
        text="<br>".join([heading, *notes]), xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom",
        yshift=34, showarrow=False, font={"size": 13, "color": INK}, align="left",
    )  # fmt: skip
    figure.add_annotation(
        text=words(foot, 400), xref="paper", yref="paper", x=0, y=0, xanchor="left", yanchor="top",
        yshift=-MARGIN + 16, showarrow=False, font={"size": 11, "color": "#595959"}, align="left",
    )  # fmt: skip
    return figure


def _wrapped(text: str, width: int = 120) -> list[str]:
    """A sentence in lines that fit below the heading."""
    from textwrap import wrap

    return [words(line) for line in wrap(clean(text, 600), width)]


def _axes(figure: go.Figure, panels: Sequence[Panel], axis: str) -> None:
    """Title every axis, lay dated panels on one axis, and put each panel's legend above its right end."""
    dated, days = [row for row, panel in enumerate(panels, start=1) if panel.kind == "dated"], day_ticks(figure)
    for row, panel in enumerate(panels, start=1):
        if panel.kind == "domain":
            continue
        figure.update_yaxes(
            title={"text": _axis_title(panel), "font": {"size": 12}, "standoff": 8}, gridcolor=FAINT,
            zerolinecolor=UNKNOWN, linecolor=INK, automargin=True, row=row, col=1,
        )  # fmt: skip
        figure.update_xaxes(
            gridcolor=FAINT, linecolor=INK, ticks="outside", title={"font": {"size": 12}, "standoff": 3}, row=row, col=1
        )
        places = figure.get_subplot(row, 1)
        figure.update_traces(legend=f"legend{row}", row=row, col=1)
        top = places.yaxis.domain[1]
        legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": top, "yanchor": "bottom", "font": {"size": 11}}
        figure.update_layout({f"legend{row}": legend})
        if panel.kind == "dated":
            last = row == dated[-1]
            figure.update_xaxes(type="date", showticklabels=last, **days, row=row, col=1)
            if row != dated[0]:
                figure.update_xaxes(matches=figure.get_subplot(dated[0], 1).yaxis.anchor, row=row, col=1)
            if last:
                figure.update_xaxes(title={"text": axis}, row=row, col=1)


def _axis_title(panel: Panel) -> str:
    """What an axis measures and, smaller, the tables that it comes from: in lines that a panel is tall enough for."""
    from textwrap import wrap

    lines = wrap(f"from {panel.source}", round(ROW * panel.height / 5) + 6) if panel.source else []
    small = [f'<span style="font-size:10px">{words(text)}</span>' for text in lines]
    return "<br>".join([words(panel.axis), *small])


def line(
    figure: go.Figure,
    row: int,
    when: Sequence[Any],
    values: Sequence[float | None],
    name: str,
    colour: str = INK,
    width: float | None = None,
) -> None:
    """A line that breaks where a value is null, and only there: never dashed; a lone value between nulls is a dot."""
    alone = [
        v is not None and (i == 0 or values[i - 1] is None) and (i == len(values) - 1 or values[i + 1] is None)
        for i, v in enumerate(values)
    ]
    figure.add_scatter(
        x=list(when),
        y=list(values),
        name=words(name),
        mode="lines+markers",  # without markers the first and last session would stand on the panel's edges
        connectgaps=False,
        line={"color": colour, "width": width or (1.6 if len(values) < 700 else 1.0)},
        marker={"size": [5 if dot else 0 for dot in alone], "color": colour, "line": {"width": 0}},
        row=row,
        col=1,
    )


def band(
    figure: go.Figure,
    row: int,
    when: Sequence[Any],
    low: Sequence[float | None],
    high: Sequence[float | None],
    name: str,
    colour: str = BAND,
) -> None:
    """The area between two bounds, in pieces: none where either is null."""
    xs: list[Any] = []
    ys: list[float | None] = []
    ends = [None if a is None or b is None else (a, b) for a, b in zip(low, high, strict=True)]
    for whole, piece in groupby(range(len(ends)), key=lambda i: ends[i] is not None):
        if not whole:
            continue
        at = list(piece)
        xs += [*([None] if xs else []), *(when[i] for i in at), *(when[i] for i in reversed(at))]
        ys += [*([None] if ys else []), *(ends[i][0] for i in at), *(ends[i][1] for i in reversed(at))]  # type: ignore[index]
    if xs:
        figure.add_scatter(
            x=xs, y=ys, name=words(name), mode="lines", fill="toself", fillcolor=colour, hoverinfo="skip",
            line={"width": 0}, row=row, col=1,
        )  # fmt: skip


def hatched(shape: str | Sequence[str], colour: str | Sequence[str]) -> dict[str, Any]:
    """White lines or dots over the colour of bars and slices; "" leaves it plain."""
    return {"shape": shape, "bgcolor": colour, "fgcolor": "white", "size": 6, "solidity": 0.3}


def bar_look(count: int, pattern: str, colour: str) -> dict[str, Any]:
    """The look of one of so many bars: hatched while they are wide enough for it, with an edge where they are thin."""
    wide = count < 150
    edge = {"width": 0 if wide else 0.8, "color": colour}
    return {"color": colour, "line": edge, "pattern": hatched(pattern if wide else "", colour)}


def signed_bars(
    figure: go.Figure,
    row: int,
    when: Sequence[Any],
    values: Sequence[float | None],
    names: tuple[str, str],
    middle: float = 0.0,
) -> None:
    """Bars from a middle: blue above it, orange and hatched below; none where a value is null."""
    for sign, name, colour, pattern in ((1, names[0], BULL, ""), (-1, names[1], BEAR, "/")):
        heights = [v - middle if v is not None and (v - middle) * sign > 0 else None for v in values]
        figure.add_bar(
            x=list(when), y=heights, base=middle, name=words(name), customdata=list(values),
            hovertemplate="%{customdata:.3g}", marker=bar_look(len(values), pattern, colour), row=row, col=1,
        )  # fmt: skip


def behind(
    figure: go.Figure, row: int, across: tuple[Any, Any] | None, up: tuple[float, float] | None, **look: Any
) -> None:
    """A rectangle, or a line where its ends are one, behind a panel; None stands for the panel's whole extent."""
    place = figure.get_subplot(row, 1)
    x, y = place.yaxis.anchor, place.xaxis.anchor
    (x0, x1), (y0, y1) = across or (0, 1), up or (0, 1)
    shape = {
        "type": "line" if x0 == x1 or y0 == y1 else "rect", "layer": "below", "x0": x0, "x1": x1, "y0": y0, "y1": y1,
        "xref": x if across else f"{x} domain", "yref": y if up else f"{y} domain",
    }  # fmt: skip
    figure.layout.shapes = (*figure.layout.shapes, shape | look)


def rule(figure: go.Figure, row: int, at: float, upright: bool = False) -> None:
    """A dotted line at a value that divides bullish from bearish."""
    across, up = ((at, at), None) if upright else (None, (at, at))
    behind(figure, row, across, up, line={"color": UNKNOWN, "width": 1, "dash": "dot"})


def washes(figure: go.Figure, row: int, when: Sequence[date], states: Sequence[str | None]) -> None:
    """Shade the background by state: blue "bull", orange "bear", white where there is none; named in the legend."""
    for state, piece in groupby(range(len(states)), key=lambda i: states[i]):
        at = list(piece)
        if state is not None:
            ends = (when[at[0]], when[min(at[-1] + 1, len(when) - 1)])
            colour = BULL_WASH if state == "bull" else BEAR_WASH
            behind(figure, row, ends, None, fillcolor=colour, line={"width": 0})
    for state, colour in (("bull", BULL_WASH), ("bear", BEAR_WASH)):
        if state in states:
            figure.add_scatter(
                x=[None], y=[None], mode="markers", name=f"regime {state}", showlegend=True,
                marker={"symbol": "square", "size": 12, "color": colour, "line": {"color": UNKNOWN, "width": 1}},
                row=row, col=1,
            )  # fmt: skip


def closes_panel(name: str, closes: pl.DataFrame, height: float = 1.0) -> Panel:
    """The index or the symbol that readings are set beside, on a log axis; `closes` as `closes_of` returns them."""
    source = closes["source"][0]
    unit = "dollars" if source == "daily_bars" else "points"

    def draw(figure: go.Figure, row: int) -> None:
        line(figure, row, closes["date"].to_list(), closes["close"].to_list(), name)
        figure.update_traces(showlegend=False, selector={"name": words(name)})
        log_axis(figure, row, closes["close"].to_list(), ",.5~r")

    return Panel(f"{name}, daily close", f"{name}, {unit} (log scale)", draw, height, source=source)


def zones(figure: go.Figure, row: int) -> None:
    """The gauge's zones behind a panel from 0 to 100."""
    for _, low, high, colour in ZONES:
        behind(figure, row, None, (low, high), fillcolor=colour, opacity=0.22, line={"width": 0})
    figure.update_yaxes(range=[0, 100], tickvals=[0, 20, 40, 60, 80, 100], row=row, col=1)
