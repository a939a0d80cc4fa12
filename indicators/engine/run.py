"""The one way to run indicators: from a store through measure and combine to readings, and a day of all of them."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import polars as pl
from pydantic import ValidationError

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.schema import Part
from feeds.store import Store
from indicators.engine.indicator import Indicator, Period, Reading, Rows
from indicators.engine.outcomes import Market, market_of
from indicators.engine.recipe import recipe_of
from indicators.engine.scope import EXCHANGES, PILLARS, Scope, exchange_of, in_capitals, on_session, scope
from indicators.engine.screen import ranked_rows, ranked_table
from indicators.engine.threads import in_threads

Map = Callable[[Callable[[Part], Rows], Iterable[Part]], Iterable[Rows]]
"""Python's `map`, a thread pool's, or a cluster's: indicators never know."""

Progress = Callable[[str], None]

INDEX = {"us": ("index_levels", "SPX"), "china": ("cn_index_bars", "000985")}
"""The table and name of the index whose regime a market's report tells."""

INDICES = {"us": ("SPX",), "china": ("000985", "000300")}
"""The indices that a market's readings are held against, the report's own first."""


@lru_cache(maxsize=1)
def registry() -> dict[str, type[Indicator]]:
    """Every indicator by name: one class in one file of `us/` or `china/`, found without anyone naming it."""
    found: dict[str, type[Indicator]] = {}
    for market in EXCHANGES:
        package = importlib.import_module(f"indicators.{market}")
        for module in pkgutil.iter_modules(package.__path__):
            members = vars(importlib.import_module(f"indicators.{market}.{module.name}")).values()
            for member in members:
                if not (isinstance(member, type) and issubclass(member, Indicator)):
                    continue
                if member.__module__.endswith(f".{module.name}"):
                    found[member.name] = member
    return found


def chosen(name: str, parameters: Sequence[str] = ()) -> Indicator:
    """An indicator with `key=value` parameters set.

    Raises
    ------
    UnknownName : no such indicator, or it has no such parameter
    BadValue : a value that the parameter does not allow
    """
    known = registry()
    if name not in known:
        raise UnknownName("indicator", name, known)
    given: dict[str, Any] = {}
    for text in parameters:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadValue("-p", text, "expected key=value")
        if key not in known[name].model_fields:
            raise UnknownName("-p", key, known[name].model_fields)
        given[key] = value
    try:
        return known[name](**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadValue("-p " + ".".join(str(part) for part in first["loc"]), first.get("input"), first["msg"]) from None


def of_market(market: str) -> dict[str, Indicator]:
    """Every indicator of a market with its default parameters, pillar by pillar in the order of the page."""
    exchange_of(market)
    mine = [kind for kind in registry().values() if kind.market == market]
    place = {pillar: n for n, pillar in enumerate(PILLARS)}
    return {kind.name: kind() for kind in sorted(mine, key=lambda k: (place.get(k.pillar, -1), k.row, k.name))}


def compute(indicator: Indicator, parts: Iterable[Part], map: Map = map) -> Rows:
    """An indicator's rows from any parts, in any order, by any `map`."""
    return indicator.combine(map(indicator.measure, parts))


@dataclass
class Kept:
    """What a run computed and a store may keep: measured rows and readings, by indicator, with their recipe."""

    rows: dict[str, tuple[str, dict[date, tuple[str, Rows]]]] = field(default_factory=dict)
    readings: dict[str, tuple[str, pl.DataFrame]] = field(default_factory=dict)

    def save(self, store: Store) -> dict[str, list[date]]:
        """Write it all; returns, by indicator, the sessions whose published reading a correction superseded."""
        for name, (recipe, fresh) in self.rows.items():
            if fresh:
                store.keep_rows(name, recipe, fresh)
        corrected = {}
        for name, (recipe, readings) in self.readings.items():
            if readings.height and (days := store.keep_readings(name, recipe, readings)):
                corrected[name] = days
        return corrected


def rows_of(
    store: Store, indicator: Indicator, covered: Scope, map: Map | None = None, kept: Kept | None = None
) -> Rows:
    """An indicator's rows over the sessions covered: held ones as they are, the rest measured from the store.

    A session's rows are held by what its tapes rest on and by the recipe, so that a corrected session is measured again
    and no other. With `as_of` nothing is held: the tapes are cut.
    """
    map = map or in_threads()
    tables = {need.table: need.split for need in indicator.inputs}
    tapes = [table for table, split in tables.items() if split == "session"]
    exchange = EXCHANGES[indicator.market]
    columns = {need.table: need.columns for need in indicator.inputs}
    if not tapes or covered.as_of is not None:
        known = store.parts(tables, covered.sessions, exchange, covered.as_of, columns=columns, streamed=True)
        return compute(indicator, known, map)
    recipe = recipe_of(indicator)
    rest_on = store.tape_hashes(tapes, covered.sessions)
    held = {day for day, found in store.measured(indicator.name, recipe).items() if rest_on.get(day) == found}
    days: list[date | None] = []

    def parts() -> Iterator[Part]:
        for part in store.parts(tables, covered.sessions, exchange, columns=columns, without=held, streamed=True):
            days.append(part.session)
            yield part

    measured: dict[date | None, list[Rows]] = {}
    for n, rows in enumerate(map(indicator.measure, parts())):
        measured.setdefault(days[n], []).append(rows)
    fresh = {day: indicator.combine(found) for day, found in measured.items()}
    if kept is not None:
        kept.rows[indicator.name] = (recipe, {day: (rest_on[day], rows) for day, rows in fresh.items() if day})
    old = store.measured_rows(indicator.name, recipe, held)
    return indicator.combine([*fresh.values(), old] if old else fresh.values())


def lacking(store: Store, indicator: Indicator) -> list[str]:
    """The tables that an indicator needs and that hold nothing."""
    needed = [need.table for need in indicator.inputs if not need.optional]
    held = store.held_spans(needed)
    return [table for table in needed if table not in held]


def readings_of(
    store: Store,
    indicator: Indicator,
    covered: Scope,
    key: str | None = None,
    period: Period = "session",
    map: Map | None = None,
    rows: Rows | None = None,
) -> list[Reading]:
    """An indicator's readings from the first stored session on; an input that is not there leaves none."""
    if lacking(store, indicator):
        return []
    measured = rows_of(store, indicator, covered, map) if rows is None else rows
    return indicator.value(measured, covered.sessions, covered.as_of_time, key, period)


def index_of(store: Store, market: str, covered: Scope) -> Market:
    """The index of a market as it could be traded over the sessions covered; NothingToShow where none is stored."""
    bars = index_bars(store, market, covered)
    if bars is None:
        raise NothingToShow(f"no closes of the index of `--market` {market} are stored: readings have nothing to earn")
    return market_of(bars, covered.sessions)


def indices_of(store: Store, market: str, covered: Scope, asked: Sequence[str] = ()) -> dict[str, Market]:
    """The indices asked for, else those of `INDICES` that are stored, as they could be traded over some sessions.

    Raises
    ------
    UnknownName : an index asked for has no closes; the stored ones are named
    NothingToShow : no index is stored, or one has fewer than two closes
    """
    every = _bars_of_indices(store, market, covered)
    held = set() if every is None else set(every.filter(pl.col("close") > 0)["index"].unique())
    for name in asked:
        if held and name not in held:
            raise UnknownName("--index", name, sorted(held))
    names = [name for name in dict.fromkeys(asked or INDICES[market]) if name in held]
    if every is None or not names:
        raise NothingToShow(f"no closes of the index of `--market` {market} are stored: readings have nothing to earn")
    return {name: market_of(every.filter(pl.col("index") == name), covered.sessions) for name in names}


def index_bars(store: Store, market: str, covered: Scope) -> pl.DataFrame | None:
    """The rows of a market's index that were known on their own day; None where its table holds nothing."""
    every = _bars_of_indices(store, market, covered)
    return None if every is None else every.filter(pl.col("index") == INDEX[market][1])


def _bars_of_indices(store: Store, market: str, covered: Scope) -> pl.DataFrame | None:
    table, _ = INDEX.get(market, ("", ""))
    if not table or not store.held_spans([table]):
        return None
    (part,) = store.parts({table: "history"}, covered.sessions, EXCHANGES[market], covered.as_of)
    return part.tables[table].filter(pl.col("date") == pl.col("session"))


def closes_of(store: Store, market: str, covered: Scope, key: str | None = None) -> tuple[str, pl.DataFrame]:
    """What readings are set beside: a key's daily closes, else the market's index, with its name.

    Returns
    -------
    name, frame of `date`, `close` and `source`, the table they come from : the key's, if bars or an index of that name
        are stored; the frame may be empty
    """
    table, index = INDEX.get(market, ("", ""))
    wanted = [(table, "index", index)]
    if key is not None:
        wanted = [("daily_bars", "symbol", key), (table, "index", key), *wanted]
    for source, column, name in wanted:
        if not source or not store.held_spans([source]):
            continue
        (part,) = store.parts({source: "history"}, covered.sessions, EXCHANGES[market], covered.as_of)
        named = part.tables[source].filter(pl.col(column) == name, pl.col("date") == pl.col("session"))
        if len(named):
            return name, named.select("date", "close", source=pl.lit(source))
    return index, pl.DataFrame(schema={"date": pl.Date, "close": pl.Float64, "source": pl.String})


def asked_readings(
    store: Store,
    indicator: Indicator,
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
    key: str | None = None,
    by: str = "session",
) -> list[tuple[Reading, float | None]]:
    """Readings from `start` to `end` with their scores; scores look back over everything stored, whatever `start`.

    A month has no score: the gauge ranks sessions.
    """
    period: Period
    if by == "session":
        period = "session"
    elif by == "month":
        period = "month"
    else:
        raise UnknownName("--by", by, ("session", "month", "minute"))
    needed = [need.table for need in indicator.inputs if not need.optional]
    covered = scope(store, needed, indicator.market, start, end, as_of)
    found = readings_of(store, indicator, covered, key, period)
    if not found:
        whose, said = (f" of {key}", in_capitals(key)) if key else ("", "")
        raise NothingToShow(f"no reading{whose} from {covered.sessions.dates[0]} to {covered.sessions.dates[-1]}{said}")
    scores = indicator.score(found, covered.sessions) if period == "session" else [None] * len(found)
    first = covered.shown.dates[0] if len(covered.shown) else covered.sessions.dates[-1]
    month = f"{first:%Y-%m}"
    return [
        (reading, score)
        for reading, score in zip(found, scores, strict=True)
        if (reading.month >= month if reading.month else reading.session >= first)
    ]


def asked_ranking(
    store: Store,
    indicator: Indicator,
    by: str,
    session: date | None = None,
    as_of: datetime | None = None,
    top: int = 20,
    floor: str = "100000",
) -> tuple[date, list[str], list[dict[str, Any]]]:
    """A session, the latest stored one by default, and its ranking: the columns and the rows."""
    try:
        least = Decimal(floor)
    except InvalidOperation:
        raise BadValue("--floor", floor, "expected dollars, like 100000") from None
    if session is not None:
        on_session(store, indicator.market, session)
    needed = [need.table for need in indicator.inputs if not need.optional]
    covered = scope(store, needed, indicator.market, end=session, as_of=as_of)
    rows = rows_of(store, indicator, covered)
    last = covered.sessions.dates[-1]
    ranked = ranked_table(indicator, rows, covered.sessions, last, by, top, least)
    return last, ranked.columns, ranked_rows(ranked)
