"""Dark-pool and block flow: what was bought and sold, beside the price, with the flag of distribution at highs."""

from dataclasses import replace

import plotly.graph_objects as go

from indicators.views.plot.paper import BEAR, BEAR_LIGHT, BULL, BULL_LIGHT, INK, Panel, bar_look
from indicators.views.plot.reading import Shown, price, scores, value_panel

SIDES = (
    ("dark_buy", "dark bought", 1, BULL, ""),
    ("block_buy", "block bought", 1, BULL_LIGHT, ""),
    ("dark_sell", "dark sold", -1, BEAR, "/"),
    ("block_sell", "block sold", -1, BEAR_LIGHT, "/"),
)
"""Component, name, sign, colour, pattern."""

TAPE = "stock_trades, stock_quotes"

FLAGS = (("watch", "triangle-down-open"), ("confirmed", "triangle-down"))


def flow_panels(shown: Shown) -> list[Panel]:
    """Price with flags, buys and sells, the imbalance with its band, the score."""
    flags = [] if shown.key else [_selling(shown)]
    return [*_flagged(shown), *flags, _sides(shown), value_panel(shown, 0.0), *scores(shown)]


def _flagged(shown: Shown) -> list[Panel]:
    """A symbol's price with a mark where repeated selling near the high is watched or confirmed; the market's plain."""
    panels = price(shown)
    if not panels or not shown.key:
        return panels
    closes = dict(shown.closes.select("date", "close").iter_rows())
    flags = shown.words("distribution_at_highs")

    def draw(figure: go.Figure, row: int) -> None:
        panels[0].draw(figure, row)
        for flag, symbol in FLAGS:
            at = [day for day, found in zip(shown.sessions, flags, strict=True) if found == flag and closes.get(day)]
            if at:
                figure.add_scatter(
                    x=at, y=[1.01 * closes[day] for day in at], mode="markers", name=f"distribution at highs: {flag}",
                    marker={"symbol": symbol, "size": 9, "color": BEAR, "line": {"color": INK, "width": 1}},
                    row=row, col=1,
                )  # fmt: skip

    return [replace(panels[0], draw=draw, height=1.2)]


def _selling(shown: Shown) -> Panel:
    """How many symbols stand near their high and are sold."""

    def counts(flag: str) -> list[int | None]:
        found = [reading.components.get("distribution_symbols") for reading in shown.readings]
        known = [state is not None for state in shown.words("distribution_at_highs")]
        return [len(f.get(flag, ())) if k and f is not None else None for f, k in zip(found, known, strict=True)]

    def draw(figure: go.Figure, row: int) -> None:
        for flag, colour in (("confirmed", BEAR), ("watch", BEAR_LIGHT)):
            figure.add_bar(
                x=shown.days, y=counts(flag), name=flag, marker=bar_look(len(shown.days), "", colour), row=row, col=1
            )
        figure.update_yaxes(nticks=5, tickformat="d", rangemode="tozero", row=row, col=1)

    return Panel("Distribution at highs: symbols near their high that are sold", "symbols", draw, 0.7)


def _sides(shown: Shown) -> Panel:
    def draw(figure: go.Figure, row: int) -> None:
        for component, name, sign, colour, pattern in SIDES:
            figure.add_bar(
                x=shown.days, y=[None if v is None else sign * v for v in shown.column(component)], name=name,
                marker=bar_look(len(shown.days), pattern, colour), row=row, col=1,
            )  # fmt: skip

    span = "month" if shown.monthly else "session"
    return Panel(f"Notional by {span}: bought above zero, sold below", "US dollars", draw, 1.4, source=TAPE)
