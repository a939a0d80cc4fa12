"""Net premium by minute: what each minute added, and the sum so far."""

from collections.abc import Sequence

import plotly.graph_objects as go

from indicators.engine.indicator import Indicator
from indicators.engine.splits import BEFORE, Bucket
from indicators.views.plot.paper import BEAR, BULL, INK, Panel, line, sheet, signed_bars


def minute_figure(indicator: Indicator, buckets: Sequence[Bucket], key: str | None = None) -> go.Figure:
    """Premium by minute of one session or several.

    Parameters
    ----------
    buckets : minutes of each session in order, as `asked_split(…, "minute")` returns them; at least one
    key : the underlying that they are of; None: the market
    """
    clock = [bucket for bucket in buckets if bucket.bucket != BEFORE]
    when = [f"{bucket.session} {bucket.bucket}" for bucket in clock]

    def column(name: str) -> list[float | None]:
        return [None if (v := bucket.components.get(name)) is None else float(v) for bucket in clock]

    def drawn(figure: go.Figure, row: int, component: str, name: str, colour: str, **look: str) -> None:
        ends = [i for i in range(1, len(clock)) if clock[i].session != clock[i - 1].session]
        xs, ys = list(when), column(component)
        for i in reversed(ends):  # the night between two sessions is a gap
            xs.insert(i, xs[i])
            ys.insert(i, None)
        line(figure, row, xs, ys, name, colour, **look)

    def so_far(figure: go.Figure, row: int) -> None:
        drawn(figure, row, "net_so_far", "net so far", INK)
        figure.update_traces(showlegend=False, selector={"name": "net so far"})
        figure.update_yaxes(tickprefix="$", zeroline=True, row=row, col=1)

    def net(figure: go.Figure, row: int) -> None:
        signed_bars(figure, row, when, column("net"), ("more bull", "more bear"))
        figure.update_yaxes(tickprefix="$", row=row, col=1)

    def kinds(figure: go.Figure, row: int) -> None:
        drawn(figure, row, "net_call", "calls, bought less sold", BULL)
        drawn(figure, row, "net_put", "puts, bought less sold", BEAR, dash="dash")
        figure.update_yaxes(tickprefix="$", zeroline=True, row=row, col=1)

    first, last = buckets[0].session, buckets[-1].session
    span = f"{first}" if first == last else f"{first} to {last}"
    return sheet(
        f"Net option premium by minute{f', {key}' if key else ''}, {span}",
        [
            Panel("Bull less bear premium, the sum so far in the session", "dollars", so_far, 1.4),
            Panel("Bull less bear premium of each minute", "dollars", net, 1.2),
            Panel("Net premium of calls and of puts, each minute", "dollars", kinds, 1.2),
        ],
        f"Prints of the evening before are in the sum so far and have no minute. Source: stored "
        f"{', '.join(need.table for need in indicator.inputs)}, by bullbear.",
        axis="Exchange time (New York)",
    )
