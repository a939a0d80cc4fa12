"""Dark-pool and block flow: what was bought and sold, beside the price, with the flag of distribution at highs."""

import plotly.graph_objects as go

from indicators.views.plot.paper import BEAR, BEAR_LIGHT, BULL, BULL_LIGHT, INK, Panel, hatched
from indicators.views.plot.reading import Shown, price, scores, value_panel

SIDES = (
    ("dark_buy", "dark bought", 1, BULL, ""),
    ("block_buy", "block bought", 1, BULL_LIGHT, ""),
    ("dark_sell", "dark sold", -1, BEAR, "/"),
    ("block_sell", "block sold", -1, BEAR_LIGHT, "/"),
)
"""Component, name, sign, colour, pattern."""

FLAGS = (("watch", "triangle-down-open"), ("confirmed", "triangle-down"))


def flow_panels(shown: Shown) -> list[Panel]:
    """Price with flags, buys and sells, the imbalance with its band, the score."""
    return [*_flagged(shown), _sides(shown), value_panel(shown, 0.0), *scores(shown)]


def _flagged(shown: Shown) -> list[Panel]:
    """The price with a mark where repeated selling near the high is watched or confirmed."""
    panels = price(shown)
    if not panels:
        return []
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

    whose = "" if shown.key else "; marks: the strongest flag of any symbol"
    return [Panel(f"{panels[0].title}{whose}", panels[0].axis, draw, 1.2)]


def _sides(shown: Shown) -> Panel:
    def draw(figure: go.Figure, row: int) -> None:
        for component, name, sign, colour, pattern in SIDES:
            figure.add_bar(
                x=shown.days, y=[None if v is None else sign * v for v in shown.column(component)], name=name,
                marker={"color": colour, "line": {"width": 0}, "pattern":
                        hatched(pattern, colour)}, row=row, col=1,
            )  # fmt: skip
        figure.update_yaxes(tickprefix="$", row=row, col=1)

    span = "month" if shown.monthly else "session"
    return Panel(f"Notional by {span}: bought above zero, sold below", "dollars", draw, 1.4)
