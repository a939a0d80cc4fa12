"""Figures: the one importer of plotly. They take what the library returns, never the store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import plotly.graph_objects as go
import polars as pl

from feeds.errors import BadValue
from indicators.engine.indicator import Indicator, Reading
from indicators.views.plot.china import rotation_panels, spread_panels
from indicators.views.plot.earnings import earnings_panels
from indicators.views.plot.flow import flow_panels
from indicators.views.plot.gauge import gauge_figure
from indicators.views.plot.insiders import insider_panels
from indicators.views.plot.minutes import minute_figure
from indicators.views.plot.paper import Panel, sheet
from indicators.views.plot.premium import premium_panels
from indicators.views.plot.reading import Shown, reading_panels
from indicators.views.plot.sectors import sector_panels

__all__ = ["gauge_figure", "indicator_figure", "minute_figure", "page_of", "save"]

PANELS: dict[str, Callable[[Shown], list[Panel]]] = {
    "directional_premium": premium_panels,
    "insider_ratio": insider_panels,
    "eps_divergence": earnings_panels,
    "dark_pool_imbalance": flow_panels,
    "sector_rotation": sector_panels,
    "equity_bond_spread": spread_panels,
    "rotation_strength": rotation_panels,
}
"""Indicators with a chart of their own; every other one gets its value, band and score."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{margin:0;background:#fff}}main{{overflow-x:auto}}</style></head>
<body><main aria-label="{title}">{figure}</main></body></html>
"""


def indicator_figure(
    indicator: Indicator,
    found: Sequence[tuple[Reading, float | None]],
    beside: str = "",
    closes: pl.DataFrame | None = None,
    key: str | None = None,
) -> go.Figure:
    """An indicator's readings, at least one, beside the index or the symbol's price.

    Parameters
    ----------
    found : readings with their scores, ascending; drawn from the first one with a value
    beside, closes : the name and closes of what they are set beside, as `closes_of` returns them
    key : the symbol, group or class that the readings are of; None: the market
    """
    if closes is None:
        closes = pl.DataFrame(schema={"date": pl.Date, "close": pl.Float64, "source": pl.String})
    begun = next((i for i, (reading, _) in enumerate(found) if reading.value is not None), 0)
    found = found[begun:]  # warm-up and empty years need no room
    shown = Shown(indicator, [reading for reading, _ in found], [score for _, score in found], key, beside, closes)
    last = shown.last
    coverage = "no coverage is defined" if last.coverage is None else f"coverage {100 * last.coverage:.0f} %"
    whose = f", {key}" if key else ""
    tables = ", ".join(need.table for need in indicator.inputs)
    drawn = PANELS.get(indicator.name, reading_panels)(shown)
    return sheet(
        f"{indicator.title}{' ' + indicator.chinese if indicator.chinese else ''}{whose}, {last.month or last.session}",
        [replace(panel, source=panel.source or tables) for panel in drawn],
        f"Newest reading: {coverage}. Source: stored {tables}, by bullbear.",
        indicator.meaning(last) or last.reason or "",
    )


def page_of(figure: go.Figure) -> str:
    """A figure as one HTML page that holds plotly.js itself: opened without any network."""
    from html import escape

    title = escape(figure.layout.meta["title"])
    drawn = figure.to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False})
    return PAGE.format(title=title, figure=drawn)


def save(figure: go.Figure, out: Path) -> None:
    """Write a figure as what the file's ending says: .html, .png or .svg.

    Raises
    ------
    BadValue : the file cannot be written; or .png or .svg without the extra `pictures` or without a Chromium
    """
    kind = out.suffix.lower().removeprefix(".")
    content = page_of(figure).encode() if kind == "html" else _image(figure, kind, out)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BadValue("--out", out, f"cannot be written: {error.strerror}") from None


def _image(figure: go.Figure, kind: str, out: Path) -> bytes:
    import logging
    from importlib.util import find_spec
    from os import environ

    if find_spec("kaleido") is None:
        raise BadValue("--out", out, "a .png or .svg needs `pip install 'bullbear[pictures]'`; .html needs nothing")
    # What the browser's driver logs of its own retries is no message to the user: a failure is told in one line below.
    for library in ("choreographer", "kaleido"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    try:
        return bytes(figure.to_image(format=kind, scale=2 if kind == "png" else 1))
    except RuntimeError:  # kaleido's words for a browser that is missing, broken or gone run over many lines
        named = environ.get("BROWSER_PATH")
        mend = f"`$BROWSER_PATH` is {named}, name another" if named else "install one, name one in `$BROWSER_PATH`"
        needs = f"a .png or .svg needs a Chromium or Chrome that starts: {mend}, or write .html"
        raise BadValue("--out", out, needs) from None
