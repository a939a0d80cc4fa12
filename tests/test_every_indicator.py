"""The contract: whatever stands in us/ or china/ passes it unnamed, and each check catches a planted fault."""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from feeds.calendar import ZONES
from feeds.schema import Part, Sessions, utc
from feeds.store import Store
from indicators.engine import keeping
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.run import compute, registry, rows_of
from indicators.engine.scope import EXCHANGES, Scope, scope

NAMES = sorted(registry())
CUTS = 5
LAST_KNOWN = time(20)
"""Local time after which nothing enters a session's reading: extended-hours prints, curves of the evening."""


@dataclass(frozen=True)
class World:
    """A store and what an indicator covers in it."""

    store: Store
    covered: Scope

    @classmethod
    def of(cls, store: Store, indicator: Indicator) -> "World":
        return cls(
            store, scope(store, [need.table for need in indicator.inputs if not need.optional], indicator.market)
        )


def readings(indicator: Indicator, world: World, last: date | None = None) -> list[Reading]:
    """The indicator's readings as if `last` were the newest session stored."""
    covered = world.covered.sessions.window(None, last)
    rows = rows_of(world.store, indicator, Scope(covered, covered, None))
    return indicator.value(rows, covered)


def parts_of(indicator: Indicator, world: World, shard_rows: int = 4_000_000) -> list[Part]:
    tables = {need.table: need.split for need in indicator.inputs}
    return list(world.store.parts(tables, world.covered.sessions, EXCHANGES[indicator.market], shard_rows=shard_rows))


def texts(found: Iterable[Reading]) -> list[str]:
    return [reading.model_dump_json() for reading in found]


# -- the checks: each returns what is wrong, an empty list when nothing is ------------------------------------


def sees_the_future(indicator: Indicator, world: World) -> list[str]:
    """Readings that change when everything after a date is taken away."""
    whole = readings(indicator, world)
    dates = world.covered.sessions.dates
    rng = random.Random(5)
    wrong = []
    for last in [*sorted(rng.sample(dates[len(dates) // 3 : -1], CUTS)), dates[-2]]:
        cut = readings(indicator, world, last)
        before = [r for r in whole if r.session <= last]
        wrong += [f"{a.session} seen from {last}" for a, b in zip(before, cut, strict=False) if a != b]
        if len(before) != len(cut):
            wrong.append(f"{len(before)} readings up to {last}, {len(cut)} when it is the last day")
        scores = indicator.score(whole, world.covered.sessions)[: len(before)]
        if scores != indicator.score(cut, world.covered.sessions)[: len(before)]:
            wrong.append(f"scores up to {last}")
    return wrong


def depends_on_partitions(indicator: Indicator, world: World) -> list[str]:
    """Ways of cutting, ordering and running the parts that leave a trace in the readings."""
    expected = texts(indicator.value(compute(indicator, parts_of(indicator, world)), world.covered.sessions))
    wrong = []
    shards = parts_of(indicator, world, shard_rows=2_000)
    for name in indicator.in_key_order:
        found = [measured[name] for measured in map(indicator.measure, shards) if name in measured]
        if any(not frame.equals(frame.sort(indicator.keys[name])) for frame in found):
            wrong.append(f"`{name}` is not in the order of its keys")
    for seed in (1, 2):
        shuffled = random.Random(seed).sample(shards, len(shards))
        if texts(indicator.value(compute(indicator, shuffled), world.covered.sessions)) != expected:
            wrong.append(f"shards in order {seed}")
    with ThreadPoolExecutor(2) as pool:
        if texts(indicator.value(compute(indicator, shards, map=pool.map), world.covered.sessions)) != expected:
            wrong.append("two threads")
    return wrong


def forgets_the_past(indicator: Indicator, world: World) -> list[str]:
    """Readings that differ when those before a session are not asked for."""
    sessions = world.covered.sessions
    rows = rows_of(world.store, indicator, world.covered)
    whole = indicator.value(rows, sessions)
    days = [*random.Random(6).sample(sessions.dates, CUTS), sessions.dates[0], sessions.dates[-1]]
    wrong = [
        f"since {day}"
        for day in days
        if indicator.value(rows, sessions, since=day) != [reading for reading in whole if reading.session >= day]
    ]
    every = indicator.value(rows, sessions, period="month")
    asked = [month for month in every if month.session >= days[0]]
    if indicator.value(rows, sessions, period="month", since=days[0]) != asked:
        wrong.append(f"months since {days[0]}")
    return wrong


def knows_of_late_inputs(indicator: Indicator, world: World) -> list[str]:
    """Readings before an optional input's first row that are not those of a store which never has any."""
    sessions = world.covered.sessions
    parts, wrong = parts_of(indicator, world), []
    for need in indicator.inputs:
        if not need.optional or need.split != "history":
            continue
        held = [part.tables[need.table]["session"].unique().sort() for part in parts if need.table in part.tables]
        days = [day for days in held for day in days if day in sessions]
        for first in days[len(days) // 2 :: max(len(days) // 4, 1)]:

            def told(keep: pl.Expr, table: str = need.table) -> list[Reading]:
                changed = [
                    replace(part, tables={**part.tables, table: part.tables[table].filter(keep)})
                    if table in part.tables
                    else part
                    for part in parts
                ]
                return indicator.value(compute(indicator, changed), sessions)

            late, never = told(pl.col("session") >= first), told(pl.lit(False))
            before = [[r for r in found if r.session < first] for found in (late, never)]
            if before[0] != before[1]:
                wrong.append(f"`{need.table}` from {first} on")
    return wrong


def comes_back_otherwise(indicator: Indicator, found: Iterable[Reading]) -> list[str]:
    """Readings that are not what they were once a store has kept them: its JSON knows no tuples, dates or NaN."""
    wrong = []
    for reading, money in zip(found, keeping.money_of(found), strict=True):
        again = keeping.read_again({"reading": reading.model_dump_json(), "money": money})
        if again != reading or repr(again.components) != repr(reading.components):
            wrong.append(f"{reading.session}")
        if indicator.gauge_value(again) != indicator.gauge_value(reading):
            wrong.append(f"{reading.session}: the number that is ranked")
    return wrong


def known_too_late(indicator: Indicator, world: World) -> list[str]:
    """Readings that rest on what was not public by their session's end, or that break the declared warm-up."""
    wrong = []
    found = readings(indicator, world)
    for reading in found:
        if reading.value is None:
            continue
        end = datetime.combine(reading.session, LAST_KNOWN, ZoneInfo(ZONES[EXCHANGES[indicator.market]]))
        if reading.known_at is None or reading.known_at > end:
            wrong.append(f"{reading.session} known at {reading.known_at}")
    early = [reading.session for reading in found[: indicator.warmup] if reading.value is not None]
    return wrong + [f"{session} lies in the warm-up of {indicator.warmup} and has a value" for session in early]


def unexplained_nulls(found: Iterable[Reading]) -> list[str]:
    """Nulls, of the value or of a component, that do not say why; and values that stand in for nothing."""
    wrong = []
    for reading in found:
        nulls = [name for name, component in reading.components.items() if component is None]
        if (reading.value is None or nulls) and not reading.reason:
            wrong.append(f"{reading.session}: null {['value'] if reading.value is None else nulls} without a reason")
        unsaid = [name for name in nulls if name not in reading.reasons]
        if reading.value is not None and unsaid:
            wrong.append(f"{reading.session}: no reason for {unsaid}")
        for name, number in (("value", reading.value), ("low", reading.low), ("high", reading.high)):
            if number is not None and not np.isfinite(number):
                wrong.append(f"{reading.session}: {name} is {number}")
    return wrong


def empty_parts(indicator: Indicator, world: World, keep: int = 0) -> list[Part]:
    """The indicator's parts with no rows, or with only the first `keep` rows of each table."""
    return [
        Part(part.session, {name: frame.head(keep) if name not in ("contracts", "symbols", "venues") else frame
                            for name, frame in part.tables.items()}, part.sessions)
        for part in parts_of(indicator, world)
    ]  # fmt: skip


# -- every indicator passes -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worlds(small_db):
    with Store.open(small_db, read_only=True) as store:
        yield {name: World.of(store, registry()[name]()) for name in NAMES}


@pytest.fixture(params=NAMES)
def member(request, worlds) -> tuple[Indicator, World]:
    return registry()[request.param](), worlds[request.param]


def test_the_future_does_not_change_the_past(member):
    assert sees_the_future(*member) == []


def test_what_is_not_asked_for_is_not_told(member):
    assert forgets_the_past(*member) == []


def test_an_input_that_comes_late_changes_nothing_before_it(member):
    assert knows_of_late_inputs(*member) == []


def test_a_kept_reading_comes_back_as_it_was(member):
    indicator, world = member
    assert comes_back_otherwise(indicator, readings(indicator, world)) == []


def test_partitions_and_threads_leave_no_trace(member):
    assert depends_on_partitions(*member) == []


def test_nothing_is_read_before_it_is_public(member):
    assert known_too_late(*member) == []


def test_nulls_say_why(member):
    indicator, world = member
    found = readings(indicator, world)
    assert [r for r in found if r.value is not None], "an indicator without a value proves nothing"
    assert unexplained_nulls(found) == []


@pytest.mark.parametrize("keep", [0, 1])
def test_empty_and_one_row_inputs_are_never_neutral(member, keep):
    indicator, world = member
    found = indicator.value(compute(indicator, empty_parts(indicator, world, keep)), world.covered.sessions)
    assert unexplained_nulls(found) == []
    if keep == 0:
        assert [r for r in found if r.value is not None] == []


def test_one_symbol_reads(member):
    indicator, world = member
    keys = {"directional_premium": "underlying", "dark_pool_imbalance": "symbol", "insider_ratio": "symbol"}
    if indicator.name not in keys:
        pytest.skip("its key is no symbol")
    rows = rows_of(world.store, indicator, world.covered)
    table = next(need.table for need in indicator.inputs if need.split == "session" or need.table == "insider_trades")
    part = next(p for p in parts_of(indicator, world) if table in p.tables)
    dim = part.tables.get("contracts", part.tables.get("symbols", part.tables[table]))
    symbol = sorted(set(dim[keys[indicator.name]]))[0]
    found = indicator.value(rows, world.covered.sessions, key=symbol)
    assert unexplained_nulls(found) == []
    assert texts(found) != texts(indicator.value(rows, world.covered.sessions))


def test_months_stand_on_sessions(member):
    indicator, world = member
    rows = rows_of(world.store, indicator, world.covered)
    found = indicator.value(rows, world.covered.sessions, period="month")
    assert found
    assert [r.month for r in found] == sorted({r.month for r in found})
    assert unexplained_nulls(found) == []


WHOLE: dict[str, Callable[[dict], Decimal]] = {
    "directional_premium": lambda c: c["bull"] + c["bear"] + c["unknown"] + c["excluded"],
    "dark_pool_imbalance": lambda c: sum(
        (c[name] for name in ("dark_buy", "dark_sell", "dark_unknown", "block_buy", "block_sell", "block_unknown",
                              "auction", "excluded")), Decimal(0)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_parts_sum_to_the_whole(name, worlds):
    found = readings(registry()[name](), worlds[name])
    assert found
    for reading in found:
        assert WHOLE[name](reading.components) == reading.components["total"]


def test_docstring_states_formula_units_nulls_and_source(member):
    text = (type(member[0]).__doc__ or "") + (__import__(type(member[0]).__module__, fromlist=["_"]).__doc__ or "")
    assert len(text) > 300
    assert "=" in text, "no formula"
    assert "INDICATORS" in text or "CHINA" in text, "no source"
    assert "null" in text.lower(), "no rule for nulls"
    assert member[0].unit


# -- each check catches its planted fault ---------------------------------------------------------------------


class Planted(Indicator):
    """Close of an index against its past; `fault` plants one."""

    name: ClassVar[str] = "planted"
    title: ClassVar[str] = "Planted"
    unit: ClassVar[str] = "σ"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("index_levels", "history"),
        Input("index_members", "history", optional=True),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {"closes": ("session",), "members": ("session", "symbol")}
    warmup: ClassVar[int] = 1
    fault: str = "none"

    def measure(self, part: Part) -> Rows:
        return {
            "closes": part.tables["index_levels"].select("session", "close", "known_at"),
            "members": part.tables["index_members"].select("session", "symbol"),
        }

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        frame = rows["closes"].filter(pl.col("session").is_in(sessions.dates))
        if since is not None and self.fault == "no past":
            frame = frame.filter(pl.col("session") >= since)
        x = frame["close"].to_numpy()
        mean = np.array([x[: i + 1].mean() for i in range(len(x))])
        if self.fault == "full-sample z-score":
            mean = np.full(len(x), x.mean())
        z = x - mean
        if self.fault == "lag of -1":
            z = np.append(z[1:], np.nan)
        known = frame["known_at"].to_list()
        if self.fault == "unlagged filing":
            known = [k + 3 * 86_400_000_000_000 for k in known]
        late = 0 if self.fault == "no warm-up" else 1
        components: dict[str, dict[str, object]] = {"a tuple": {"pair": (1.0, 2.0)}, "an infinity": {"x": np.inf}}
        if self.fault == "members at all":
            components[self.fault] = {"members": not rows["members"].is_empty()}
        return [
            Reading(
                session=day,
                value=None if i < late or np.isnan(z[i]) else float(z[i]),
                reason=None if self.fault == "silent null" else "too early" if i < late or np.isnan(z[i]) else None,
                known_at=utc(known[i]),
                components=components.get(self.fault, {}),
            )
            for i, day in enumerate(frame["session"])
            if since is None or day >= since
        ]


class MeanOfParts(Indicator):
    """Mean print size, taken inside each part: a fault that sharding must show."""

    name: ClassVar[str] = "mean_of_parts"
    title: ClassVar[str] = "Mean of parts"
    unit: ClassVar[str] = "shares"
    inputs: ClassVar[tuple[Input, ...]] = (Input("stock_trades", "session"),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = {"means": ("session",)}

    def measure(self, part: Part) -> Rows:
        mean = part.tables["stock_trades"].select(session=pl.lit(part.session), mean=pl.col("size").mean())
        return {"means": mean}

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        means = rows["means"].group_by("session", maintain_order=True).agg(pl.col("mean").mean())
        return [Reading(session=day, value=mean) for day, mean in means.iter_rows()]


@pytest.fixture(scope="module")
def planted_world(small_db):
    with Store.open(small_db, read_only=True) as store:
        yield World.of(store, Planted())


def test_a_sound_indicator_passes_every_check(planted_world):
    sound = Planted()
    assert sees_the_future(sound, planted_world) == []
    assert known_too_late(sound, planted_world) == []
    assert forgets_the_past(sound, planted_world) == []
    assert knows_of_late_inputs(sound, planted_world) == []
    assert comes_back_otherwise(sound, readings(sound, planted_world)) == []
    assert unexplained_nulls(readings(sound, planted_world)) == []


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("full-sample z-score", sees_the_future),
        ("lag of -1", sees_the_future),
        ("unlagged filing", known_too_late),
        ("no warm-up", known_too_late),
        ("no past", forgets_the_past),
        ("members at all", knows_of_late_inputs),
        ("a tuple", lambda indicator, world: comes_back_otherwise(indicator, readings(indicator, world))),
        ("an infinity", lambda indicator, world: comes_back_otherwise(indicator, readings(indicator, world))),
        ("silent null", lambda indicator, world: unexplained_nulls(readings(indicator, world))),
    ],
)
def test_a_planted_fault_is_caught(planted_world, fault, check):
    assert check(Planted(fault=fault), planted_world)


def test_a_mean_inside_a_partition_is_caught(small_store):
    indicator = MeanOfParts()
    assert depends_on_partitions(indicator, World.of(small_store, indicator))
