"""Sector rotation: the strength table of the last reading, and groups on their relative-rotation coordinates."""

from typing import Any

import plotly.graph_objects as go

from indicators.views.plot.paper import BEAR, BEAR_WASH, BULL, BULL_WASH, FAINT, INK, UNKNOWN, Panel, rule, words
from indicators.views.plot.reading import Shown, price, scores, value_panel
from indicators.views.table import number

TAIL, STEP = 5, 5
"""Points of a tail, and sessions between them: a week."""

COLUMNS = (
    ("group", "group"), ("state", "state"), ("strength", "strength"), ("return", "return"),
    ("return_20", "20 sessions"), ("surge", "volume surge"), ("breadth_up", "share up"), ("members", "members"),
)  # fmt: skip
"""Component of a group, and the table's heading."""

SHARES = {"return", "return_20", "breadth_up"}
COLOURS = {"up-trend": BULL, "down-trend": BEAR}
SYMBOLS = {"up-trend": "triangle-up", "down-trend": "triangle-down", "spike": "star", "fading": "diamond-open"}


def sector_panels(shown: Shown) -> list[Panel]:
    """The strength table, the rotation graph, the index, the value, the score."""
    groups = _groups(shown.last.components)
    tables = [_table(groups), _rotation(shown)] if groups else []
    return [*tables, *price(shown), value_panel(shown, 0.0), *scores(shown)]


def _groups(components: dict[str, Any]) -> list[dict[str, Any]]:
    found = components.get("groups")
    return [group for group in found if isinstance(group, dict)] if isinstance(found, list | tuple) else []


def _cell(name: str, cell: Any) -> str:
    if isinstance(cell, float) and name in SHARES:
        return f"{100 * cell:+.1f} %" if name != "breadth_up" else f"{100 * cell:.0f} %"
    if isinstance(cell, int | float):
        return number(float(cell), places=2) if isinstance(cell, float) else f"{cell:,}"
    return "–" if cell is None else words(cell, 40)


def _table(groups: list[dict[str, Any]]) -> Panel:
    washes = {"up-trend": BULL_WASH, "down-trend": BEAR_WASH}
    fills = [washes.get(str(group.get("state")), "white") for group in groups]

    def draw(figure: go.Figure, row: int) -> None:
        figure.add_trace(
            go.Table(
                columnwidth=[2.4, 1.4, 1, 1, 1.2, 1.3, 1, 1],
                header={"values": [f"<b>{name}</b>" for _, name in COLUMNS], "align": "left", "fill_color": FAINT,
                        "font": {"color": INK, "size": 12}, "height": 24},
                cells={
                    "values": [[_cell(name, group.get(name)) for group in groups] for name, _ in COLUMNS],
                    "align": ["left", "left", *["right"] * (len(COLUMNS) - 2)], "fill_color": [fills] * len(COLUMNS),
                    "line_color": FAINT, "font": {"color": INK, "size": 12}, "height": 22,
                },
            ),
            row=row, col=1,
        )  # fmt: skip

    return Panel("Strength by group, strongest first", "", draw, (24 + 23 * len(groups)) / 190 + 0.1, "domain")


def _rotation(shown: Shown) -> Panel:
    """Each group's tail of weekly points: coordinates of a session never move afterwards."""
    tail = [_groups(shown.readings[i].components) for i in range(len(shown.readings) - 1, -1, -STEP)][:TAIL]
    points: dict[str, list[tuple[float, float]]] = {}
    for groups in reversed(tail):
        for group in groups:
            ratio, momentum = group.get("rs_ratio"), group.get("rs_momentum")
            if ratio is not None and momentum is not None:
                points.setdefault(str(group["group"]), []).append((ratio, momentum))
    states = {str(group["group"]): str(group.get("state")) for group in tail[0]}

    def draw(figure: go.Figure, row: int) -> None:
        for group, way in sorted(points.items()):
            state = states.get(group, "")
            colour = COLOURS.get(state, UNKNOWN)
            figure.add_scatter(
                x=[x for x, _ in way], y=[y for _, y in way], mode="lines+markers+text", name=words(group, 40),
                text=[*[""] * (len(way) - 1), words(group, 40)], textposition="top center", textfont={"size": 11},
                line={"color": colour, "width": 1.6 if state in COLOURS else 0.6}, showlegend=False,
                marker={"color": colour, "size": [*[4] * (len(way) - 1), 12],
                        "symbol": [*["circle"] * (len(way) - 1), SYMBOLS.get(state, "circle")]},
                row=row, col=1,
            )  # fmt: skip
        _quadrants(figure, row, [p for way in points.values() for p in way])

    title = f"Relative rotation, last {TAIL} weeks: ▲ up-trend, ▼ down-trend, ★ spike, ◇ fading, ● neutral"
    return Panel(title, "momentum of relative strength (100 = none)", draw, 2.4, "xy")


def _quadrants(figure: go.Figure, row: int, points: list[tuple[float, float]]) -> None:
    """The four quadrants around (100, 100), named in their corners."""
    reach = max([1.0, *(abs(n - 100) for point in points for n in point)]) * 1.15
    figure.update_xaxes(
        range=[100 - reach, 100 + reach],
        title={"text": "relative strength against all groups (100 = par)"},
        row=row,
        col=1,
    )
    figure.update_yaxes(range=[100 - reach, 100 + reach], row=row, col=1)
    rule(figure, row, 100)
    rule(figure, row, 100, upright=True)
    place = figure.get_subplot(row, 1)
    x, y = place.yaxis.anchor, place.xaxis.anchor
    for name, across, up in (("leading", 1, 1), ("weakening", 1, 0), ("lagging", 0, 0), ("improving", 0, 1)):
        figure.add_annotation(
            text=name, x=across, y=up, xref=f"{x} domain", yref=f"{y} domain", showarrow=False,
            xanchor="right" if across else "left", yanchor="top" if up else "bottom",
            font={"size": 13, "color": "#595959"},
        )  # fmt: skip
