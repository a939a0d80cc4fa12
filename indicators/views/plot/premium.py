"""Directional premium: the ratio by month or session beside the index, and the two rings of the last reading."""

from collections.abc import Sequence

import plotly.graph_objects as go

from indicators.views.plot.axes import log_axis
from indicators.views.plot.paper import BEAR, BEAR_LIGHT, BULL, BULL_LIGHT, INK, UNKNOWN, Panel, hatched, signed_bars
from indicators.views.plot.reading import Shown, price, scores, value_panel
from indicators.views.table import money
from indicators.views.table import shown as cell

Slices = Sequence[tuple[str, object, str, str]]
"""Name, dollars, colour, pattern."""


def premium_panels(shown: Shown) -> list[Panel]:
    """The rings, the index, bull ÷ bear premium, the imbalance with its band, the score."""

    def ratio(figure: go.Figure, row: int) -> None:
        names = ("more premium for a rise", "more for a fall")
        signed_bars(figure, row, shown.days, shown.column("ratio"), names, middle=1.0)
        log_axis(figure, row, [1.0, *shown.column("ratio")], ".3~r")

    span = "month" if shown.monthly else "session"
    bars = Panel(f"Directional ratio by {span}: bull ÷ bear premium", "bull ÷ bear (log scale)", ratio)
    return [rings(shown), *price(shown), bars, value_panel(shown, 0.0), *scores(shown)]


def rings(shown: Shown) -> Panel:
    """Two rings of the last reading's premium: bull, bear and unknown; calls and puts; no slice of nothing."""
    parts = shown.last.components
    net, calls = parts.get("net"), parts.get("call_put_net")
    slices: tuple[tuple[Slices, str], ...] = (
        (
            (
                ("bull", parts.get("bull"), BULL, ""),
                ("bear", parts.get("bear"), BEAR, "/"),
                ("unknown side", parts.get("unknown"), UNKNOWN, "."),
            ),
            f"bull − bear<br><b>{_dollars(net)}</b>",
        ),
        (
            (("calls", parts.get("call"), BULL_LIGHT, ""), ("puts", parts.get("put"), BEAR_LIGHT, "/")),
            f"call − put<br><b>{_dollars(calls)}</b>",
        ),
    )

    def draw(figure: go.Figure, row: int) -> None:
        place = figure.get_subplot(row, 1)
        bottom, top = place.y
        low, high = bottom + 0.1 * (top - bottom), top - 0.2 * (top - bottom)
        for (ring, middle), x in zip(slices, ((0.02, 0.46), (0.54, 0.98)), strict=True):
            held = [(name, amount, colour, pattern) for name, amount, colour, pattern in ring if amount]
            figure.add_trace(
                go.Pie(
                    labels=[name for name, *_ in held],
                    values=[float(str(amount)) for _, amount, *_ in held],
                    text=[_dollars(amount) for _, amount, *_ in held],
                    texttemplate="%{label}<br>%{text}<br>%{percent:.1%}",
                    marker={
                        "colors": [colour for *_, colour, _ in held],
                        "line": {"color": "white", "width": 2},
                        "pattern": hatched([pattern for *_, pattern in held], [colour for *_, colour, _ in held]),
                    },
                    domain={"x": list(x), "y": [low, high]},
                    hole=0.62, sort=False, direction="clockwise", textposition="outside", showlegend=False,
                    textfont={"size": 12, "color": INK},
                )
            )  # fmt: skip
            figure.add_annotation(
                text=middle, x=sum(x) / 2, y=(low + high) / 2, xref="paper", yref="paper", showarrow=False,
                xanchor="center", yanchor="middle", font={"size": 13, "color": INK},
            )  # fmt: skip

    when = shown.last.month or shown.last.session
    return Panel(f"Premium of {when}, dollars: left by direction, right by kind of option", "", draw, 1.6, "domain")


def _dollars(amount: object) -> str:
    from decimal import Decimal

    return "none" if not isinstance(amount, Decimal) else cell(money(amount))
