"""Pictures as commands ask for them: by the ending of `--out`, in place of the text."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from feeds.errors import BadValue, NothingToShow
from indicators.views.command import DRAWN, say

if TYPE_CHECKING:
    from feeds.store import Store
    from indicators.engine.gauge import GaugeReading
    from indicators.engine.indicator import Indicator, Reading
    from indicators.engine.splits import Bucket
    from indicators.views.language import Language
    from indicators.views.report import Report


def pictured(kind: str, out: Path | None) -> Path | None:
    """`--out` where it asks for a picture: its ending says so, and `--format` does not ask for anything else."""
    return out if kind == "text" and out is not None and out.suffix.lower() in DRAWN else None


def paged(kind: str, out: Path | None) -> bool:
    """Whether a report is asked for as a page: by `--format html` or by the ending of `--out`."""
    return kind == "html" or pictured(kind, out) is not None


def draw_gauge(
    store: "Store",
    market: str,
    start: date | None,
    end: date | None,
    as_of: datetime | None,
    step: Callable[[str], None],
    out: Path,
    weights: str = "equal",
) -> "list[GaugeReading]":
    """The gauge's history as a picture; returns its readings."""
    from indicators.engine.day import day_of
    from indicators.engine.run import closes_of
    from indicators.engine.scope import scope, tables_of
    from indicators.views.plot import gauge_figure, save

    day = day_of(store, market, end, as_of, progress=step, weights=weights)
    found = [reading for reading in day.gauge if start is None or reading.session >= start]
    if not found:
        raise NothingToShow(f"no reading of the gauge up to {day.session}")
    index, closes = closes_of(store, market, scope(store, tables_of(market), market, end=end, as_of=as_of))
    save(gauge_figure(market, found, day.regime, index, closes), out)
    return found


def drew_indicator(
    store: "Store",
    indicator: "Indicator",
    found: "Sequence[tuple[Reading, float | None]]",
    key: str | None,
    as_of: datetime | None,
    out: Path | None,
) -> bool:
    """Draw an indicator's readings beside the closes of the key or of the index, if there is where to.

    Raises
    ------
    NothingToShow : no reading, or none with a value: the picture then says why
    """
    if out is None:
        return False
    from indicators.engine.run import closes_of
    from indicators.engine.scope import scope, tables_of
    from indicators.views.plot import indicator_figure, save

    if not found:
        raise NothingToShow(f"no reading of {indicator.name} in the sessions asked for")
    market = indicator.market
    beside, closes = closes_of(store, market, scope(store, tables_of(market), market, as_of=as_of), key)
    save(indicator_figure(indicator, found, beside, closes, key), out)
    if all(reading.value is None for reading, _ in found):
        raise NothingToShow(f"{out} holds no value of {indicator.name}: {found[-1][0].reason}")
    return True


def drew_split(
    indicator: "Indicator", split: str, buckets: "Sequence[Bucket]", key: str | None, out: Path | None
) -> bool:
    """Draw premium by minute, if there is where to.

    Raises
    ------
    BadValue : another split, which has no picture
    """
    if out is None:
        return False
    from indicators.engine.splits import MINUTE
    from indicators.views.plot import minute_figure, save

    if split != MINUTE:
        raise BadValue("--out", out, "a split is text, JSON or CSV; `--by minute` has a picture")
    save(minute_figure(indicator, buckets, key), out)
    return True


def show_report(report: "Report", kind: str, out: Path | None, language: "Language") -> None:
    """The report as a page, as JSON or as text, on the terminal or in `--out`."""
    if kind == "html":
        from indicators.views.page import page_text

        say(page_text(report, language), out)
    elif kind == "json":
        say(report.to_json(), out)
    else:
        from indicators.views.printed import print_report

        print_report(report, out, language)
