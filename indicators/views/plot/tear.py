"""A tear sheet's figures: wealth and drawdown, quintiles, events, rolling correlations; as wide as their place."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from indicators.engine.findings import Curve, SeriesBacktest
from indicators.views.plot.paper import BEAR, BULL, FAINT, INK, UNKNOWN, words

DARK = {INK: "#ECECEC", BULL: "#56A8DC", BEAR: "#F08A3C", UNKNOWN: "#9A9FA4", FAINT: "#33383D"}
"""What each colour becomes on a dark ground."""

LOOKS = ((BULL, "solid"), (BEAR, "dash"), (INK, "dot"), (UNKNOWN, "dashdot"))
"""Colours and dashes of up to four lines: told apart without any colour."""

Words = Mapping[str, str]
"""What the figures say, in the page's language, by what it is called here."""

TALL, SHORT = 420, 320
"""Pixels."""


def wealth_figure(curve: Curve, said: Words) -> go.Figure:
    """Wealth after cost on a log axis beside holding, and both drawdowns; broken where the series had no score."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.64, 0.36], vertical_spacing=0.07)
    gone = np.array([score is None for score in curve.score])
    for row, mine, held in ((1, curve.equity, curve.hold_equity), (2, curve.drawdown, curve.hold_drawdown)):
        lines = ((said["hold"], UNKNOWN, "dot", np.array(held)), (said["strategy"], BULL, "solid", _gaps(mine, gone)))
        for name, colour, dash, values in lines:
            figure.add_scatter(
                x=list(curve.sessions), y=values, name=words(name), mode="lines", connectgaps=False, row=row, col=1,
                line={"color": colour, "width": 1.4, "dash": dash}, legendgroup=name, showlegend=row == 1,
                hovertemplate="%{y:.3f}" if row == 1 else "%{y:.1%}",
            )  # fmt: skip
    _laid(figure, TALL, hovermode="x unified")
    figure.update_yaxes(type="log", title=words(said["wealth"]), tickformat=".3~g", nticks=6, row=1, col=1)
    figure.update_yaxes(title=words(said["drawdown"]), tickformat=".0%", row=2, col=1)
    figure.update_xaxes(type="date")
    return figure


def quintile_figure(rows: Sequence[SeriesBacktest], said: Words) -> go.Figure:
    """Mean return that followed each fifth of the readings, with its 95 % interval: one panel a horizon."""
    figure = make_subplots(
        rows=2, cols=2, vertical_spacing=0.22, horizontal_spacing=0.13,
        subplot_titles=[words(said[f"ahead {row.horizon}"]) for row in rows],
    )  # fmt: skip
    figure.update_annotations(font={"size": 12, "color": INK})
    for n, row in enumerate(rows):
        place = {"row": n // 2 + 1, "col": n % 2 + 1}
        means = [part.mean_return for part in row.quintiles]
        bounds = [part.bootstrap for part in row.quintiles]
        reach = {
            "array": [None if b is None else b.high - m for b, m in zip(bounds, means, strict=True)],
            "arrayminus": [None if b is None else m - b.low for b, m in zip(bounds, means, strict=True)],
        }
        figure.add_bar(
            x=[part.fifth for part in row.quintiles], y=means, showlegend=False,
            marker={"color": BULL, "line": {"width": 0}}, customdata=[part.readings for part in row.quintiles],
            hovertemplate="%{y:.2%} · %{customdata:,}<extra></extra>",
            error_y={"type": "data", "symmetric": False, "color": INK, "thickness": 1.2, "width": 4, **reach}, **place,
        )  # fmt: skip
        if not row.quintiles:
            figure.update_yaxes(showticklabels=False, showgrid=False, range=[-1, 1], **place)
            at = figure.get_subplot(place["row"], place["col"])
            figure.add_annotation(
                text=words(said["too_short"]), showarrow=False, x=0.5, y=0.5, xref=f"{at.yaxis.anchor} domain",
                yref=f"{at.xaxis.anchor} domain", font={"size": 12, "color": UNKNOWN},
            )  # fmt: skip
    _laid(figure, TALL)
    figure.update_xaxes(range=[0.4, 5.6], tickvals=[1, 2, 3, 4, 5], showgrid=False)
    figure.update_yaxes(tickformat=".2~%", nticks=6, zeroline=True)
    return figure


def event_figure(curve: Curve, said: Words) -> go.Figure:
    """The index around the sessions at which a score enters an extreme or changes zone."""
    figure = go.Figure()
    for event, (colour, dash) in zip(curve.events, LOOKS, strict=True):
        figure.add_scatter(
            x=list(event.offsets), y=np.array(event.path, dtype=float), mode="lines", customdata=list(event.counts),
            name=words(f"{said[event.kind]} ({event.events})"), line={"color": colour, "dash": dash, "width": 1.8},
            hovertemplate="%{y:.2%} · %{customdata}",
        )  # fmt: skip
    _laid(figure, SHORT, hovermode="x unified")
    figure.update_yaxes(title=words(said["path"]), tickformat=".1~%", zeroline=True)
    figure.update_xaxes(title=words(said["around"]), zeroline=True, dtick=21, tick0=0)
    return figure


def rolling_figure(curve: Curve, said: Words) -> go.Figure:
    """ρ over the last 252 readings with an outcome, by horizon; broken where a score was missing among them."""
    figure = go.Figure()
    for (horizon, found), (colour, dash) in zip(curve.rolling_ic.items(), LOOKS, strict=True):
        figure.add_scatter(
            x=[day for day, _ in found], y=np.array([told for _, told in found], dtype=float), mode="lines",
            name=words(said[f"ahead {horizon}"]), line={"color": colour, "dash": dash, "width": 1.6},
            connectgaps=False, hovertemplate="%{y:+.3f}",
        )  # fmt: skip
    _laid(figure, SHORT, hovermode="x unified")
    figure.update_yaxes(title=words(said["rolling"]), zeroline=True)
    if all(told is None for found in curve.rolling_ic.values() for _, told in found):
        figure.add_annotation(
            text=words(said["no_rolling"]), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper",
            font={"size": 12, "color": UNKNOWN},
        )  # fmt: skip
        figure.update_yaxes(range=[-1, 1])
    figure.update_xaxes(type="date")
    return figure


def drawn(figure: go.Figure) -> dict[str, Any]:
    """What plotly.js draws a figure from, as JSON holds it."""
    from json import loads

    return dict(loads(figure.to_json()))


def script() -> str:
    """plotly.js itself."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _gaps(values: Sequence[float], gone: Any) -> Any:
    return np.where(gone, np.nan, np.array(values, dtype=float))


def _laid(figure: go.Figure, height: int, **look: Any) -> None:
    """A transparent ground, axes in the page's ink, the legend above."""
    figure.update_layout(
        template="none", height=height, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", autosize=True,
        font={"family": "system-ui, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif", "size": 12, "color": INK},
        margin={"l": 62, "r": 12, "t": 44, "b": 44}, bargap=0.25, dragmode=False,
        hoverlabel={"font": {"color": "#1A1A1B"}, "bgcolor": "#FFFFFE"},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        **look,
    )  # fmt: skip
    figure.update_xaxes(gridcolor=FAINT, linecolor=INK, ticks="outside", tickcolor=UNKNOWN, zerolinecolor=UNKNOWN)
    figure.update_yaxes(gridcolor=FAINT, linecolor=INK, zerolinecolor=UNKNOWN, automargin=True)
