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

    def drawn(figure: go.Figure, row: int, component: str, name: str, colour: str, width: float) -> None:
        ends = [i for i in range(1, len(clock)) if clock[i].session != clock[i - 1].session]
        xs, ys = list(when), column(component)
        for i in reversed(ends):  # the night between two sessions is a gap
            xs.insert(i, xs[i])
            ys.insert(i, None)
        line(figure, row, xs, ys, name, colour, width)

    def so_far(figure: go.Figure, row: int) -> None:
        drawn(figure, row, "net_so_far", "net so far", INK, 1.6)
        figure.update_traces(showlegend=False, selector={"name": "net so far"})
        figure.update_yaxes(zeroline=True, row=row, col=1)

    def net(figure: go.Figure, row: int) -> None:
        signed_bars(figure, row, when, column("net"), ("more bull", "more bear"))

    def kinds(figure: go.Figure, row: int) -> None:
        drawn(figure, row, "net_call", "calls, bought less sold", BULL, 2.2)
        drawn(figure, row, "net_put", "puts, bought less sold", BEAR, 1.2)
        figure.update_yaxes(zeroline=True, row=row, col=1)

    first, last = buckets[0].session, buckets[-1].session
    span = f"{first}" if first == last else f"{first} to {last}"
    tables = ", ".join(need.table for need in indicator.inputs)
    made = sheet(
        f"Net option premium by minute{f', {key}' if key else ''}, {span}",
        [
            Panel("Bull less bear premium, the sum so far in the session", "US dollars", so_far, 1.4, source=tables),
            Panel("Bull less bear premium of each minute", "US dollars", net, 1.2, source=tables),
            Panel("Net premium of calls and of puts, each minute", "US dollars", kinds, 1.2, source=tables),
        ],
        f"Prints of the evening before are in the sum so far and have no minute. Source: stored {tables}, by bullbear.",
        axis="Exchange time (New York)",
    )
    if first != last:
        made.update_xaxes(rangebreaks=_nights(when))
    return made


def _nights(when: Sequence[str]) -> list[dict[str, object]]:
    """What lies between sessions, taken out of the axis: days without one, and hours outside all of them."""
    from datetime import date, timedelta

    days = sorted({date.fromisoformat(text[:10]) for text in when})
    none = [days[0] + timedelta(n) for n in range((days[-1] - days[0]).days)]
    starts, ends = min(text[11:] for text in when), max(text[11:] for text in when)
    opens, closes = (int(text[:2]) + int(text[3:]) / 60 for text in (starts, ends))
    return [
        {"values": [day for day in none if day not in days]},
        {"pattern": "hour", "bounds": [closes + 0.25, opens]},
    ]
