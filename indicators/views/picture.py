"""Pictures as commands ask for them: by the ending of `--out`."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feeds.store import Store
    from indicators.engine.gauge import GaugeReading
    from indicators.engine.indicator import Indicator, Reading

ENDINGS = (".html", ".png", ".svg")


def pictured(kind: str, out: Path | None) -> bool:
    """Whether `--out` asks for a picture: its ending says so and `--format` does not ask for anything else."""
    return kind == "text" and out is not None and out.suffix.lower() in ENDINGS


def paged(kind: str, out: Path | None) -> bool:
    """Whether a report is asked for as a page: by `--format html` or by the ending of `--out`.

    Raises
    ------
    BadValue : `--out` ends like an image, which a report is not
    """
    from feeds.errors import BadValue

    ending = "" if out is None or kind != "text" else out.suffix.lower()
    if ending in (".png", ".svg"):
        raise BadValue("--out", out, "a report is text, .json or .html; `bullbear gauge` draws images")
    return kind == "html" or ending == ".html"


def draw_gauge(
    store: "Store",
    market: str,
    start: date | None,
    end: date | None,
    as_of: datetime | None,
    step: "Callable[[str], None]",
    out: Path,
) -> "list[GaugeReading]":
    """The gauge's history as a picture; returns its readings."""
    from feeds.errors import NothingToShow
    from indicators.engine.run import closes_of, day_of
    from indicators.engine.scope import scope, tables_of
    from indicators.views.plot import gauge_figure, save

    day = day_of(store, market, end, as_of, progress=step)
    found = [reading for reading in day.gauge if start is None or reading.session >= start]
    if not found:
        raise NothingToShow(f"no reading of the gauge up to {day.session}")
    index, closes = closes_of(store, market, scope(store, tables_of(market), market, end=end, as_of=as_of))
    save(gauge_figure(market, found, day.regime, index, closes), out)
    return found


def draw_indicator(
    store: "Store",
    indicator: "Indicator",
    found: "Sequence[tuple[Reading, float | None]]",
    key: str | None,
    as_of: datetime | None,
    out: Path,
) -> None:
    """An indicator's readings as a picture, beside the closes of the key or of the index."""
    from feeds.errors import NothingToShow
    from indicators.engine.run import closes_of
    from indicators.engine.scope import scope, tables_of
    from indicators.views.plot import indicator_figure, save

    if not found:
        raise NothingToShow(f"no reading of {indicator.name} in the sessions asked for")
    market = indicator.market
    covered = scope(store, tables_of(market), market, as_of=as_of)
    beside, closes = closes_of(store, market, covered, key)
    save(indicator_figure(indicator, found, beside, closes, key), out)
