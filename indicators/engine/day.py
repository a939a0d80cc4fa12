"""A day of a market: the readings of all its indicators, the gauge that they make, the regime of its index."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from feeds.errors import UnknownName
from feeds.schema import Sessions, utc
from feeds.store import Store
from indicators.engine.gauge import METHODS, GaugeReading, fuse
from indicators.engine.indicator import Indicator, Reading, Rows
from indicators.engine.keeping import Earlier
from indicators.engine.regime import RegimeReading, regime
from indicators.engine.run import Kept, Map, Progress, index_bars, index_of, lacking, of_market, rows_of
from indicators.engine.scope import Scope, on_session, scope, tables_of


@dataclass(frozen=True)
class Day:
    """Everything a report on one session stands on.

    Attributes
    ----------
    session : the session reported on
    as_of : what the report may know: the session's close, or the last extended-hours print that belongs to it
    gauge : one gauge reading per session, ascending, the last one `session`'s
    readings : indicator name → its readings by session, ascending, none later than `session`
    scores : indicator name → the score of each of those readings
    regime : the index's regime by session, ascending; empty without its closes
    rows : indicator name → its combined rows, for rankings
    missing_inputs : indicator name → the tables it needs that hold nothing
    input_hash : sha256 over the files behind everything read
    """

    market: str
    session: date
    as_of: datetime
    sessions: Sessions
    indicators: dict[str, Indicator]
    gauge: Sequence[GaugeReading]
    readings: dict[str, Sequence[Reading]]
    scores: dict[str, list[float | None]]
    regime: list[RegimeReading]
    rows: dict[str, Rows]
    missing_inputs: dict[str, list[str]]
    input_hash: str


def day_of(
    store: Store,
    market: str = "us",
    session: date | None = None,
    as_of: datetime | None = None,
    map: Map | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
    weights: str = "equal",
) -> Day:
    """Readings of every indicator of a market up to a session, and the gauge that they make, weighed as `fuse` says.

    Parameters
    ----------
    kept : where to note what is computed, for the store to keep. With it, what the store has kept of earlier sessions
        is taken from there as far as nothing that it rests on has changed; without it all is told anew

    Raises
    ------
    NothingToShow, BadValue : as `scope`
    UnknownName : no such weights
    """
    if weights not in METHODS:
        raise UnknownName("--weights", weights, METHODS)
    indicators = of_market(market)
    tables = tables_of(market)
    if session is not None:
        on_session(store, market, session)
    covered = scope(store, tables, market, end=session, as_of=as_of)
    last = covered.sessions.dates[-1]
    earlier = None if kept is None or as_of is not None else Earlier.of(store, tables, covered.sessions)
    readings: dict[str, Sequence[Reading]] = {}
    anew: dict[str, int] = {}
    rows: dict[str, Rows] = {}
    missing = {name: absent for name, indicator in indicators.items() if (absent := lacking(store, indicator))}
    told = [indicator for name, indicator in indicators.items() if name not in missing]
    with store.histories_once(Counter(n.table for one in told for n in one.inputs if n.split == "history")):
        for name, indicator in indicators.items():
            if progress is not None:
                progress(name)
            if name in missing:
                readings[name] = []
                continue
            rows[name] = rows_of(store, indicator, covered, map, kept)
            if kept is None or earlier is None:
                readings[name] = indicator.value(rows[name], covered.sessions, covered.as_of_time)
            else:
                readings[name], anew[name], kept.readings[name] = earlier.readings(indicator, rows[name])
    gauge: Sequence[GaugeReading]
    if kept is None or earlier is None or weights != "equal":
        traded = index_of(store, market, covered) if weights == "walk_forward_ic" else None
        gauge = fuse(readings, indicators, covered.sessions, weights, traded)
    else:
        gauge, kept.readings[f"gauge_{market}"] = earlier.gauge(market, indicators, readings, anew)
    scores = {name: indicators[name].score(found, covered.sessions) for name, found in readings.items()}
    close = utc(int(covered.sessions.closes[-1]))
    known = [r.known_at for found in readings.values() for r in found[-1:] if r.session == last and r.known_at]
    return Day(
        market, last, as_of or max([close, *known]), covered.sessions, indicators, gauge, readings, scores,
        regime_of(store, market, covered), rows, missing, store.partition_hash(tables, last),
    )  # fmt: skip


def regime_of(store: Store, market: str, covered: Scope) -> list[RegimeReading]:
    """The regime of a market's index over the sessions covered; none where its closes are not stored."""
    bars = index_bars(store, market, covered)
    return [] if bars is None else regime(bars.select("date", "close"), covered.sessions)


def asked_gauge(
    store: Store,
    market: str,
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
    progress: Progress | None = None,
    weights: str = "equal",
) -> list[GaugeReading]:
    """The gauge from `start` to `end`; states that depend on their path start with the first stored session."""
    if end is not None:
        on_session(store, market, end)
    day = day_of(store, market, end, as_of, progress=progress, weights=weights)
    return [reading for reading in day.gauge if start is None or reading.session >= start]
