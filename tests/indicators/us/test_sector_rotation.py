import doctest
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feeds.schema import Part, Sessions
from indicators.engine.indicator import Reading
from indicators.engine.screen import rank
from indicators.kernels import rotation as kernel
from indicators.us.sector_rotation import SectorRotation
from tests import naive_daily

BARS = Path(__file__).parents[4] / "shared" / "data" / "us" / "daily" / "sp500_stocks_ohlcv_2018_2022_gics.parquet"
needs_shared = pytest.mark.skipif(not BARS.is_file(), reason="the shared files are not here")

Member = tuple[str, str, int, int | None, float | None]
"""group, symbol, first and last session number of membership (both included), weight"""

WINDOW = 10


def nanoseconds(day: date, hour: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 10**9


def calendar(days: list[date]) -> Sessions:
    return Sessions(
        tuple(days), np.array([nanoseconds(d, 14) for d in days]), np.array([nanoseconds(d, 21) for d in days])
    )


DAYS = [d for d in (date(2024, 1, 2) + timedelta(days=i) for i in range(120)) if d.weekday() < 5][:70]
WORLD = calendar(DAYS)


def part_of(bars: list[dict[str, naive_daily.Bar]], members: list[Member], scheme: str = "gics") -> Part:
    """A history part as the store gives it: every row with the time it became known."""
    daily = pl.DataFrame(
        [
            (DAYS[t], s, close, adjusted, volume, DAYS[t], nanoseconds(DAYS[t], 21), 1, 1, None)
            for t, today in enumerate(bars)
            for s, (close, adjusted, volume) in today.items()
        ],
        schema={"date": pl.Date, "symbol": pl.String, "close": pl.Float64, "adj_close": pl.Float64}
        | {"volume": pl.Float64, "session": pl.Date, "known_at": pl.Int64}
        | {"file": pl.Int32, "record": pl.Int64, "assumed": pl.String},
        orient="row",
    )
    sectors = pl.DataFrame(
        [
            (scheme, g, s, DAYS[a], None if b is None else DAYS[b], w, DAYS[a], nanoseconds(DAYS[a], 5), None)
            for g, s, a, b, w in members
        ],
        schema={"scheme": pl.String, "group": pl.String, "symbol": pl.String, "from_date": pl.Date}
        | {"to_date": pl.Date, "weight": pl.Float64, "session": pl.Date, "known_at": pl.Int64, "assumed": pl.String},
        orient="row",
    )
    return Part(None, {"daily_bars": daily, "sectors": sectors}, WORLD)


def read(part: Part, sessions: Sessions = WORLD, **how) -> list[Reading]:
    indicator = SectorRotation(rrg_window=WINDOW)
    return indicator.value(indicator.combine([indicator.measure(part)]), sessions, **how)


def walk(seed: int, symbols: int, sessions: int = 70, gaps: float = 0.01) -> list[dict[str, naive_daily.Bar]]:
    """Random walks on a penny grid with lasting drifts, a few bars missing, adjusted closes for every third symbol."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 0.004, symbols)
    out = []
    price = rng.uniform(20, 200, symbols)
    for t in range(sessions):
        if t % 25 == 12:
            drift = rng.normal(0, 0.006, symbols)
        price = np.round(price * np.exp(drift + rng.normal(0, 0.008, symbols)), 2)
        volume = np.round(rng.lognormal(10, 0.5, symbols))
        out.append(
            {
                f"S{j:02d}": (
                    float(price[j]),
                    float(price[j]) * (0.9 + 0.001 * t) if j % 3 == 0 else None,
                    float(volume[j]),
                )
                for j in range(symbols)
                if rng.random() > gaps
            }
        )
    return out


GROUPS = ("alpha", "beta", "gamma", "delta", "epsilon")
MEMBERS: list[Member] = [
    *((GROUPS[j % 5], f"S{j:02d}", 0, None, None) for j in range(15)),
    ("zeta", "S00", 0, 40, 3.0),
    ("zeta", "S07", 0, None, 1.0),
    ("zeta", "S15", 0, None, 2.0),
    ("zeta", "S15", 30, None, 5.0),
    ("eta", "S16", 18, None, 1.5),
    ("eta", "S17", 18, None, None),
]


def by_day(members: list[Member], sessions: int = 70) -> list[dict[str, dict[str, float | None]]]:
    """Members of every session; a later row of the same symbol and group takes over."""
    out: list[dict[str, dict[str, float | None]]] = []
    for t in range(sessions):
        today: dict[str, dict[str, float | None]] = {}
        for group, symbol, first, last, weight in sorted(members, key=lambda m: m[2]):
            if first <= t <= (t if last is None else last):
                today.setdefault(group, {})[symbol] = weight
        out.append(today)
    return out


def same(value: object) -> object:
    """A number to rounding, anything else as it is."""
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value


# -- the definition ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_readings_equal_their_definition(seed):
    bars = walk(seed, 18)
    found, naive = read(part_of(bars, MEMBERS)), naive_daily.Rotation(bars, by_day(MEMBERS))
    states = naive.states()
    said: set[str | None] = set()
    for t, reading in enumerate(found):
        items = {item["group"]: item for item in reading.components["groups"]}
        assert set(items) == set(naive.members[t])
        for g, item in items.items():
            ratio, momentum = naive.coordinates(t, g, WINDOW)
            expected = {
                "state": states[t][g],
                "strength": naive.ranked(t)[0].get(g),
                "return": naive.group_return(t, g),
                "return_20": naive.total(t, g),
                "surge": naive.surge(t, g),
                "vol": naive.vol(t, g),
                "breadth_up": naive.share_up(t, g),
                "breadth_above_mean": naive.share_above(t, g),
                "dispersion": naive.dispersion(t, g),
                "rs_ratio": ratio,
                "rs_momentum": momentum,
                "members": len(naive.members[t][g]),
                "with_bar": sum(s in bars[t] for s in naive.members[t][g]),
            }
            for name, value in expected.items():
                assert item[name] == same(value), (t, g, name)
            assert item["leaders"] == naive.leaders(t, g)
            said.add(item["state"])
        assert reading.components["intensity"] == same(naive.intensity(t))
        everyone = {s for members in naive.members[t].values() for s in members}
        assert reading.coverage == sum(s in bars[t] for s in everyone) / len(everyone)
    assert said >= {None, "neutral", "up-trend", "down-trend", "spike", "fading"}


def test_the_value_is_what_the_states_make_it():
    found = read(part_of(walk(4, 18, gaps=0.0), MEMBERS))
    for reading in found[25:]:
        parts = reading.components
        state = {item["group"]: item["state"] for item in parts["groups"]}
        ranked = [s for s in state.values() if s]
        assert reading.value == (ranked.count("up-trend") - ranked.count("down-trend")) / len(ranked)
        order = [item["group"] for item in parts["groups"] if item["strength"] is not None]
        strength = [item["strength"] for item in parts["groups"] if item["strength"] is not None]
        assert strength == sorted(strength, reverse=True)
        for name, text in (("up", "up-trend"), ("down", "down-trend"), ("spiking", "spike"), ("fading", "fading")):
            assert parts[name] == [g for g in order if state[g] == text]
        returns = [item["return"] for item in parts["groups"] if item["return"] is not None]
        assert parts["dispersion"] == pytest.approx(np.std(returns, ddof=1), rel=1e-12)


def test_equal_strength_goes_by_code():
    same = np.zeros((1, 4))
    strength, top = kernel.strengths(same, same, same)
    assert strength[0].tolist() == [[50.0] * 4]
    assert top.tolist() == [[[1, 1, 0, 0]], [[1, 1, 0, 0]]]


def test_m_is_a_third_rounded_up():
    for groups, m in ((3, 1), (4, 2), (6, 2), (7, 3), (11, 4)):
        x = np.arange(groups, dtype=float)[None, :]
        assert kernel.strengths(x, x, x)[1][0].sum() == m
    assert (kernel.strengths(x[:, :2], x[:, :2], x[:, :2])[1] == -1).all()


@pytest.mark.parametrize(
    ("up", "down", "total", "market", "state"),
    [
        ("00111", "00000", 0.02, 0.01, kernel.UP),
        ("10101", "00000", 0.02, 0.01, kernel.UP),
        ("11100", "00000", 0.02, 0.01, kernel.UP),
        ("00011", "00000", 0.02, 0.01, kernel.NEUTRAL),
        ("11111", "00000", 0.02, 0.03, kernel.NEUTRAL),
        ("11111", "00000", -0.01, -0.02, kernel.NEUTRAL),
        ("00000", "01110", -0.02, -0.01, kernel.DOWN),
        ("00000", "01110", -0.02, -0.03, kernel.NEUTRAL),
        ("00000", "01110", 0.01, 0.02, kernel.NEUTRAL),
        ("00001", "11111", -0.02, -0.01, kernel.DOWN),
        ("00001", "00000", 0.02, 0.01, kernel.SPIKE),
        ("01001", "00000", 0.02, 0.01, kernel.NEUTRAL),
        ("11101", "00000", np.nan, 0.01, kernel.UNKNOWN),
        ("111x1", "00000", 0.02, 0.01, kernel.UNKNOWN),
    ],
)
def test_states(up, down, total, market, state):
    top = np.array([[[-1 if c == "x" else int(c)] for c in days] for days in (up, down)])
    assert kernel.states(top, np.full((5, 1), total), np.full(5, market))[:, 0].tolist() == [-1, -1, -1, -1, state]


def test_an_up_trend_fades_for_four_sessions():
    top = np.zeros((2, 12, 1), dtype=np.int64)
    top[0, 2:5] = 1
    found = kernel.states(top, np.full((12, 1), 0.02), np.full(12, 0.01))[4:, 0]
    assert found.tolist() == [kernel.UP] * 3 + [kernel.FADING] * 4 + [kernel.NEUTRAL]


def test_doctests_of_the_kernels_run():
    assert doctest.testmod(kernel).failed == 0


def test_a_rising_market_scores_above_its_mirror():
    """A few groups lead and the rest rise less; in the mirror the same groups fall, on the same dollars."""
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 0.001, (70, 15))
    values = []
    for way in (1, -1):
        price = 100 * np.exp(np.cumsum(way * (np.array([0.01 * (j % 5 == 0) for j in range(15)]) + noise), axis=0))
        bars = [
            {f"S{j:02d}": (float(price[t, j]), None, 1e6 * (1 + 2 * (j % 5 == 0) * t) / price[t, j]) for j in range(15)}
            for t in range(70)
        ]
        values.append([r.value for r in read(part_of(bars, MEMBERS[:15]))[25:]])
    assert np.mean(values[0]) > 0.1 > -0.1 > np.mean(values[1])
    assert SectorRotation.direction == 1


# -- members ----------------------------------------------------------------------------------------------------------


def test_a_member_without_a_bar_leaves_the_group_and_lowers_the_coverage():
    bars = walk(5, 15, gaps=0.0)
    del bars[40]["S05"]
    found = read(part_of(bars, MEMBERS[:15]))
    alpha = next(i for i in found[40].components["groups"] if i["group"] == "alpha")
    r = [bars[40][s][column] / bars[39][s][column] - 1 for s, column in (("S00", 1), ("S10", 0))]
    assert alpha["return"] == pytest.approx(np.mean(r), rel=1e-12)
    assert (alpha["members"], alpha["with_bar"]) == (3, 2)
    assert found[40].coverage == 14 / 15
    assert found[39].coverage == 1.0
    after = next(i for i in found[41].components["groups"] if i["group"] == "alpha")
    assert after["with_bar"] == 3
    assert "S05" not in after["leaders"], "a return does not bridge a missing session"


def test_adjusted_closes_make_the_return():
    bars = walk(6, 15, gaps=0.0)
    close, _, volume = bars[30]["S01"]
    bars[30]["S01"] = (close * 0.18, None, volume)
    part = part_of(bars, MEMBERS[:15])
    fell = read(part)[30]
    beta = next(i for i in fell.components["groups"] if i["group"] == "beta")
    assert beta["return"] < -0.2
    assert fell.notes[0].startswith("kept as reported: S01 -8")
    for today in bars:
        close, _, volume = today["S01"]
        today["S01"] = (close, 100.0, volume)
    kept = read(part_of(bars, MEMBERS[:15]))[30]
    assert next(i for i in kept.components["groups"] if i["group"] == "beta")["return"] > -0.05
    assert kept.notes == ()


def test_another_scheme_is_not_read():
    part = part_of(walk(1, 15), MEMBERS[:15], scheme="theme")
    found = read(part)
    assert len(found) == 70
    assert {r.reason for r in found} == {"no members of scheme 'gics' on this session"}
    assert {r.coverage for r in found} == {None}
    themed = SectorRotation(scheme="theme")
    assert themed.value(themed.combine([themed.measure(part)]), WORLD)[-1].value is not None


# -- nulls, time, keys ------------------------------------------------------------------------------------------------


def test_the_warm_up_is_as_long_as_declared():
    found = read(part_of(walk(2, 15, gaps=0.0), MEMBERS[:15]))
    assert [r.value is None for r in found] == [t < SectorRotation.warmup for t in range(70)]
    assert found[9].reason == "needs 26 sessions of daily bars, has 10"
    assert found[9].components["up"] is None


def test_fewer_than_three_groups_have_no_reading():
    found = read(part_of(walk(2, 15, gaps=0.0), [m for m in MEMBERS[:15] if m[0] in ("alpha", "beta")]))
    assert {r.value for r in found} == {None}
    assert found[-1].reason == "needs 3 groups ranked on each of the last 5 sessions, has 0"
    assert found[-1].components["dispersion"] is None
    assert found[-1].reasons["intensity"].startswith("needs 3 groups")


def test_a_session_without_bars_is_null():
    bars = walk(2, 15, gaps=0.0)
    bars[50] = {}
    found = read(part_of(bars, MEMBERS[:15]))
    assert found[50].reason == "no daily bars for this session"
    assert found[50].coverage == 0.0
    assert found[51].value is None
    short = read(part_of(bars[:60], MEMBERS[:15]))
    assert [r.session for r in short] == DAYS
    assert short[-1].reason == "no daily bars for this session"


@pytest.mark.parametrize(
    ("bars", "members", "count"),
    [
        ([], [], 0),
        ([], MEMBERS, 0),
        (walk(1, 15), [], 70),
        ([{"S00": (10.0, None, 5.0)}], MEMBERS, 70),
        ([{"S00": (10.0, None, 5.0)}] * 70, MEMBERS, 70),
        ([{f"S{j:02d}": (10.0, None, 0.0) for j in range(15)}] * 70, MEMBERS, 70),
    ],
    ids=["nothing", "no bars", "no members", "one row", "one symbol", "nothing moves"],
)
def test_empty_and_one_row_inputs(bars, members, count):
    found = read(part_of(bars, members))
    assert len(found) == count
    assert all(r.value is None and r.reason for r in found)
    assert SectorRotation().value({}, WORLD) == []


def test_cutting_the_future_changes_nothing():
    bars = walk(3, 18)
    whole = read(part_of(bars, MEMBERS))
    for last in (10, 27, 41, 60):
        sessions = WORLD.window(None, DAYS[last])
        members = [m for m in MEMBERS if m[2] <= last]
        assert read(part_of(bars[: last + 1], members), sessions) == whole[: last + 1]
        as_of = datetime(*DAYS[last].timetuple()[:3], 21, tzinfo=UTC)
        assert read(part_of(bars, MEMBERS), as_of=as_of) == whole[: last + 1]
        assert len(read(part_of(bars, MEMBERS), as_of=as_of - timedelta(microseconds=1))) == last
    assert all(r.known_at == datetime(*r.session.timetuple()[:3], 21, tzinfo=UTC) for r in whole)


def test_parts_by_symbol_in_any_order_leave_no_trace():
    part = part_of(walk(3, 18), MEMBERS)
    bars, sectors = part.tables["daily_bars"], part.tables["sectors"]
    indicator = SectorRotation(rrg_window=WINDOW)
    shards = [
        Part(None, {"daily_bars": bars.filter(pl.col("symbol") == s), "sectors": sectors}, WORLD)
        for s in sorted(set(bars["symbol"]), reverse=True)
    ]
    assert indicator.value(indicator.combine(map(indicator.measure, shards)), WORLD) == read(part)


def test_a_group_is_a_key():
    part = part_of(walk(1, 18), MEMBERS)
    market, beta = read(part), read(part, key="beta")
    assert read(part, key="no such group") == []
    for whole, own in zip(market, beta, strict=True):
        item = next(i for i in whole.components["groups"] if i["group"] == "beta")
        assert own.components["state"] == item["state"]
        assert own.components["strength"] == item["strength"]
        assert own.value == {"up-trend": 1.0, "down-trend": -1.0, None: None}.get(item["state"], 0.0)
        assert all(name in own.reasons for name, number in own.components.items() if number is None)
        assert (own.reason is None) == (None not in own.components.values())
    assert {r.value for r in beta} >= {None, 0.0}


def test_months_take_their_last_session():
    part = part_of(walk(1, 18), MEMBERS)
    sessions = WORLD.window(None, date(2024, 3, 12))
    by_session = {r.session: r for r in read(part, sessions)}
    found = read(part, sessions, period="month")
    assert [r.month for r in found] == ["2024-01", "2024-02", "2024-03"]
    assert [r.value for r in found] == [by_session[r.session].value for r in found]
    assert ["month-to-date" in r.notes for r in found] == [False, False, True]


def test_groups_are_ranked_by_strength():
    part = part_of(walk(1, 18, gaps=0.0), MEMBERS)
    indicator = SectorRotation(rrg_window=WINDOW)
    rows = indicator.combine([indicator.measure(part)])
    ranked = rank(indicator, rows, WORLD, DAYS[60], "strength")
    items = read(part)[60].components["groups"]
    assert [(r["group"], r["strength"]) for r in ranked] == [(i["group"], i["strength"]) for i in items]
    assert indicator.per_key({}, WORLD, DAYS[0], DAYS[-1]).is_empty()


def test_it_says_who_leads():
    found = read(part_of(walk(1, 18, gaps=0.0), MEMBERS))
    reading = next(r for r in found if r.components["up"] and r.components["down"])
    text = SectorRotation().meaning(reading)
    assert text.startswith(f"In an up-trend: {reading.components['up'][0]}")
    assert reading.components["down"][-1] in text
    assert SectorRotation().meaning(found[0]) == found[0].reason


# -- real bars --------------------------------------------------------------------------------------------------------


@needs_shared
def test_real_bars_by_sector():
    """501 stocks, 11 sectors, 1,260 sessions; a special dividend stands as the fall that the closes show."""
    daily = pl.read_parquet(BARS)
    days = sorted(set(daily["date"]))
    sessions = calendar(days)
    close = sessions.frame().select(date="session", known_at="close")
    bars = daily.join(close, on="date").with_columns(session="date", assumed=pl.lit(None, pl.String))
    sectors = daily.select(
        scheme=pl.lit("gics"),
        group="gics_sector",
        symbol="symbol",
        from_date=pl.lit(days[0]),
        known_at=pl.lit(int(sessions.opens[0])),
        assumed=pl.lit(None, pl.String),
    ).unique()
    found = {r.session: r for r in read(Part(None, {"daily_bars": bars, "sectors": sectors}, sessions), sessions)}
    assert "KDP -82" in found[date(2018, 7, 10)].notes[0]
    quarter_end = found[date(2022, 9, 30)]
    assert quarter_end.coverage == 500 / 501
    assert {item["group"]: item["members"] for item in quarter_end.components["groups"]}["Energy"] == 23
    values = [r.value for r in found.values() if r.value is not None]
    assert len(values) == len(days) - SectorRotation.warmup
    assert min(values) < 0 < max(values)
    intensity = [r.components["intensity"] for r in found.values() if r.components["intensity"] is not None]
    assert 30 < np.mean(intensity) < 40, "11 groups in random order average 36.4"
