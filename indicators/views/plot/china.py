"""Two rows of the A-share week: the equity-bond spread in its σ bands, rotation strength against its warning level."""

import plotly.graph_objects as go

from indicators.views.plot.paper import BEAR, INK, UNKNOWN, Panel, band, line
from indicators.views.plot.reading import Shown, gaps, price, scores

OUTER, INNER = "rgba(26,26,26,0.09)", "rgba(26,26,26,0.14)"


def spread_panels(shown: Shown) -> list[Panel]:
    """The index, the spread over its mean ± 1 and ± 2 σ, the score."""
    mean, sigma = shown.column("mean"), shown.column("sigma")

    def edge(times: float) -> list[float | None]:
        return [None if m is None or s is None else m + times * s for m, s in zip(mean, sigma, strict=True)]

    def draw(figure: go.Figure, row: int) -> None:
        for times, colour in ((2, OUTER), (1, INNER)):
            band(figure, row, shown.days, edge(-times), edge(times), f"mean ± {times} σ", colour)
        line(figure, row, shown.days, mean, "mean", UNKNOWN, 1.2)
        line(figure, row, shown.days, shown.values(), "spread", INK, 1.8)

    cheap = "low" if getattr(shown.indicator, "sign", "") == "bond_minus_equity" else "high"
    title = f"Spread; {cheap}: shares are cheap{gaps(shown, shown.values())}"
    return [*price(shown), Panel(title, "percentage points", draw, 1.5), *scores(shown)]


def rotation_panels(shown: Shown) -> list[Panel]:
    """The index, the strength by week and over five weeks against the warning level, the score."""
    level: float | None = getattr(shown.indicator, "level", None)

    def draw(figure: go.Figure, row: int) -> None:
        line(figure, row, shown.days, shown.column("raw"), "week", UNKNOWN, 1.0)
        line(figure, row, shown.days, shown.column("ma5"), "mean of 5 weeks", INK, 2.0)
        if level is not None:
            line(figure, row, shown.days, [level] * len(shown.days), f"warning above {level:g}", BEAR, 1.4)

    title = f"How far industries change ranks{gaps(shown, shown.values())}"
    return [*price(shown), Panel(title, shown.indicator.unit, draw, 1.5), *scores(shown)]
