"""Insiders: dollars bought for each dollar sold, beside the index."""

import plotly.graph_objects as go

from indicators.views.plot.axes import log_axis
from indicators.views.plot.paper import BEAR, BULL, INK, Panel, line, rule
from indicators.views.plot.reading import Shown, price, scores


def insider_panels(shown: Shown) -> list[Panel]:
    """The index, the ratio on a log axis, the dollars behind it, the score."""

    def ratio(figure: go.Figure, row: int) -> None:
        line(figure, row, shown.days, shown.values(), "bought ÷ sold", INK)
        figure.update_traces(showlegend=False, selector={"name": "bought ÷ sold"})
        log_axis(figure, row, [1.0, *shown.values()], ".3~r")
        rule(figure, row, 1)

    def dollars(figure: go.Figure, row: int) -> None:
        sold = [None if v is None else -v for v in shown.column("sells")]
        line(figure, row, shown.days, shown.column("buys"), "bought", BULL, 2.2)
        line(figure, row, shown.days, sold, "sold (below zero)", BEAR, 1.2)
        figure.update_yaxes(zeroline=True, row=row, col=1)

    window = "calendar month of filings" if shown.monthly else "21 sessions of filings"
    return [
        *price(shown),
        Panel(f"Dollars bought ÷ sold on the open market, {window}", "bought ÷ sold, ratio (log scale)", ratio),
        Panel(f"Dollars bought and sold, {window}", "US dollars", dollars, source="insider_trades"),
        *scores(shown),
    ]
