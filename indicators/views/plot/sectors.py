"""Sector rotation: the strength table of the last reading, and groups on their relative-rotation coordinates."""

from typing import Any

import plotly.graph_objects as go

from indicators.views.plot.paper import (
    BEAR,
    BEAR_WASH,
    BULL,
    BULL_WASH,
    FAINT,
    INK,
    ROW,
    UNKNOWN,
    WIDTH,
    Panel,
    rule,
    words,
)
from indicators.views.plot.reading import Shown, price, scores, value_panel
from indicators.views.table import number

TAIL, STEP = 5, 5
"""Points of a tail, and sessions between them: a week."""

TALL = 2.4
"""Rows of the rotation graph."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in pixels."""

COLUMNS = (
    ("group", "group"), ("state", "state"), ("strength", "strength"), ("return", "return"),
    ("return_20", "20 sessions"), ("surge", "volume surge"), ("breadth_up", "share up"), ("members", "members"),
)  # fmt: skip
"""Component of a group, and the table's heading."""

ALIGN = ["left", "left", *["right"] * (len(COLUMNS) - 2)]

SHARES = {"return", "return_20", "breadth_up"}
COLOURS = {"up-trend": BULL, "down-trend": BEAR}
SYMBOLS = {"up-trend": "triangle-up", "down-trend": "triangle-down", "spike": "star", "fading": "diamond-open"}


def sector_panels(shown: Shown) -> list[Panel]:
    """The strength table, the rotation graph, the index, the value, the score."""
    groups = _groups(shown.last.components)
    tables = [_table(groups)] if groups else []
    return [*tables, *_rotation(shown), *price(shown), value_panel(shown, 0.0), *scores(shown)]


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
                header={"values": [f"<b>{name}</b>" for _, name in COLUMNS], "align": ALIGN, "fill_color": FAINT,
                        "font": {"color": INK, "size": 12}, "height": 24},
                cells={
                    "values": [[_cell(name, group.get(name)) for group in groups] for name, _ in COLUMNS],
                    "align": ALIGN, "fill_color": [fills] * len(COLUMNS),
                    "line_color": FAINT, "font": {"color": INK, "size": 12}, "height": 22,
                },
            ),
            row=row, col=1,
        )  # fmt: skip

    return Panel("Strength by group, strongest first", "", draw, (24 + 23 * len(groups)) / 190 + 0.1, "domain")


def _rotation(shown: Shown) -> list[Panel]:
    """Each group's tail of weekly points: coordinates of a session never move afterwards. None without any."""
    tail = [_groups(shown.readings[i].components) for i in range(len(shown.readings) - 1, -1, -STEP)][:TAIL]
    points: dict[str, list[tuple[float, float]]] = {}
    for groups in reversed(tail):
        for group in groups:
            ratio, momentum = group.get("rs_ratio"), group.get("rs_momentum")
            if ratio is not None and momentum is not None:
                points.setdefault(str(group["group"]), []).append((ratio, momentum))
    if not points:
        return []
    states = {str(group["group"]): str(group.get("state")) for group in tail[0]}

    reach = max([1.0, *(abs(n - 100) for way in points.values() for point in way for n in point)]) * 1.15
    sides = _sides({words(group, 40): way[-1] for group, way in sorted(points.items())}, reach)

    def draw(figure: go.Figure, row: int) -> None:
        for group, way in sorted(points.items()):
            state = states.get(group, "")
            colour = COLOURS.get(state, UNKNOWN)
            figure.add_scatter(
                x=[x for x, _ in way], y=[y for _, y in way], mode="lines+markers+text", name=words(group, 40),
                text=[*[""] * (len(way) - 1), words(group, 40)], textposition=sides[words(group, 40)],
                textfont={"size": 11},
                line={"color": colour, "width": 1.6 if state in COLOURS else 0.6}, showlegend=False,
                marker={"color": colour, "size": [*[4] * (len(way) - 1), 12],
                        "symbol": [*["circle"] * (len(way) - 1), SYMBOLS.get(state, "circle")]},
                row=row, col=1,
            )  # fmt: skip
        _quadrants(figure, row, reach)

    title = f"Relative rotation, last {TAIL} weeks: ▲ up-trend, ▼ down-trend, ★ spike, ◇ fading, ● neutral"
    return [Panel(title, "momentum of relative strength (100 = none)", draw, TALL, "xy")]


def _sides(places: dict[str, tuple[float, float]], reach: float) -> dict[str, str]:
    """On which side of its point each name is written, so that it covers least of other names and points."""
    across, up = 0.85 * WIDTH / (2 * reach), TALL * ROW / (2 * reach)
    dots = {name: (x * across, y * up) for name, (x, y) in places.items()}
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in dots.values()]
    sides: dict[str, str] = {}
    for name, (x, y) in dots.items():
        wide, high = 3.2 * len(name), 7.0
        boxes = {
            side: (x + dx * (wide + 9) - wide, y + dy * (high + 8) - high, x + dx * (wide + 9) + wide,
                   y + dy * (high + 8) + high)
            for side, dx, dy in (("top center", 0, 1), ("bottom center", 0, -1), ("middle right", 1, 0),
                                 ("middle left", -1, 0))
        }  # fmt: skip
        sides[name] = min(boxes, key=lambda side: sum(_shared(boxes[side], other) for other in taken))
        taken.append(boxes[sides[name]])
    return sides


def _shared(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)


def _quadrants(figure: go.Figure, row: int, reach: float) -> None:
    """The four quadrants around (100, 100), named in their corners."""
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
