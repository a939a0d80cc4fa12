import csv
import doctest
import tomllib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from math import log
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.schema import Part, Sessions
from indicators.engine.indicator import Reading
from indicators.kernels import blend as kernel
from indicators.kernels.slope import rolling_slope
from indicators.us.eps_divergence import EpsDivergence
from tests import naive_daily

SHARED = Path(__file__).parents[4] / "shared" / "data" / "us" / "index"
OURS, MORE = "spx_eps_vintages_2016_2022.csv", "spx_eps_vintages_rwkopcke_2017_2022.csv"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared files are not here")

Vintage = tuple[date, date, float]


def nanoseconds(day: date, hour: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 10**9


def calendar(days: list[date]) -> Sessions:
    return Sessions(
        tuple(days), np.array([nanoseconds(d, 14) for d in days]), np.array([nanoseconds(d, 21) for d in days])
    )


def weekdays(start: date, count: int) -> list[date]:
    days = (start + timedelta(days=i) for i in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def part_of(sessions: Sessions, closes: dict[date, float], vintages: list[Vintage], index: str = "SPX") -> Part:
    """A history part as the store gives it: every row with the time it became known."""
    trace = {"file": pl.Int32, "record": pl.Int64, "assumed": pl.String}
    levels = pl.DataFrame(
        [(d, index, c, d, nanoseconds(d, 21), 1, i, None) for i, (d, c) in enumerate(closes.items())],
        schema={"date": pl.Date, "index": pl.String, "close": pl.Float64, "session": pl.Date, "known_at": pl.Int64}
        | trace,
        orient="row",
    )
    eps = pl.DataFrame(
        [
            (p, index, q, e, p + timedelta(days=1), nanoseconds(p + timedelta(days=1), 5), 2, i, None)
            for i, (p, q, e) in enumerate(vintages)
        ],
        schema={"published": pl.Date, "index": pl.String, "quarter_end": pl.Date, "eps": pl.Float64}
        | {"session": pl.Date, "known_at": pl.Int64}
        | trace,
        orient="row",
    )
    return Part(None, {"index_levels": levels, "forward_eps": eps}, sessions)


def read(sessions: Sessions, closes: dict[date, float], vintages: list[Vintage], **how) -> list[Reading]:
    indicator = EpsDivergence(**{k: how.pop(k) for k in ("index", "lookback", "band") if k in how})
    rows = indicator.combine([indicator.measure(part_of(sessions, closes, vintages))])
    return indicator.value(rows, sessions, **how)


def quarterly(start: date, count: int, growth: float = 0.02, ahead: int = 8) -> list[Vintage]:
    """A vintage on every 20th of a quarter's first month, `ahead` quarters deep and five back."""
    rows = []
    for i in range(count):
        published = naive_daily.quarter_end(start, i - 1) + timedelta(days=20)
        rows += [
            (published, naive_daily.quarter_end(start, i + q), 40.0 * (1 + growth) ** (i + q)) for q in range(-5, ahead)
        ]
    return rows


DAYS = weekdays(date(2019, 1, 2), 420)
WORLD = calendar(DAYS)
CLOSES = {d: 2500.0 * (1 + 0.0005 * i) * (1 + 0.01 * ((i * 7919) % 13 - 6) / 6) for i, d in enumerate(DAYS)}
VINTAGES = quarterly(date(2018, 10, 15), 8)


# -- the kernel and the blend -----------------------------------------------------------------------------------------

VINTAGE = st.tuples(
    st.integers(0, 500).map(lambda i: date(2018, 9, 1) + timedelta(days=i)),
    st.integers(-6, 0),
    st.lists(st.sampled_from([-3.0, 0.0, 10.0, 35.5, 40.25, 41.0]), min_size=6, max_size=12),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(VINTAGE, max_size=6, unique_by=lambda v: v[0]), st.integers(0, 200))
def test_forward_eps_equals_its_definition(tables, first):
    vintages = [
        (published, naive_daily.quarter_end(published, back + i), eps)
        for published, back, table in tables
        for i, eps in enumerate(table)
    ]
    days = DAYS[first : first + 120 : 7]
    found = read(calendar(days), dict.fromkeys(days, 100.0), vintages)
    assert len(found) == len(days)
    for reading in found:
        expected, extended = naive_daily.forward_eps(vintages, reading.session)
        got = reading.components["forward_eps"]
        assert (got is None) == (expected is None)
        if expected is not None:
            assert got == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert reading.components["extended"] == extended
            assert reading.coverage == (5 - extended) / 5
        else:
            assert reading.coverage is None
            assert "forward_eps" in reading.reasons


def test_doctests_of_the_kernel_run():
    assert doctest.testmod(kernel).failed == 0


def test_a_blend_has_no_jump_at_the_turn_of_a_quarter():
    days = weekdays(date(2019, 3, 25), 10)
    one = [v for v in VINTAGES if v[0] == VINTAGES[0][0]]
    eps = [r.components["forward_eps"] for r in read(calendar(days), dict.fromkeys(days, 100.0), one)]
    steps = np.diff(eps)
    assert (steps > 0).all()
    assert steps.max() < 3.2 * steps.min()  # a weekend is three days' worth


@pytest.mark.parametrize("hours_early", [0, 72])
def test_a_vintage_counts_from_the_session_after_it_is_published(hours_early):
    extra = (DAYS[200], naive_daily.quarter_end(DAYS[200]), 4000.0)
    part, indicator = part_of(WORLD, CLOSES, [*VINTAGES, extra]), EpsDivergence()
    early = part.tables["forward_eps"].with_columns(pl.col("known_at") - hours_early * 3600 * 10**9)
    rows = indicator.combine([indicator.measure(Part(None, dict(part.tables) | {"forward_eps": early}, WORLD))])
    found = read(WORLD, CLOSES, VINTAGES), indicator.value(rows, WORLD)
    eps = [[r.components["forward_eps"] for r in readings] for readings in found]
    assert next(i for i, (a, b) in enumerate(zip(*eps, strict=True)) if a != b) == 201


def test_an_older_vintage_that_arrives_late_does_not_replace_a_newer_one():
    sessions, part = WORLD, part_of(WORLD, CLOSES, VINTAGES)
    late = part.tables["forward_eps"].head(1).with_columns(
        published=pl.lit(date(2018, 10, 1)),
        quarter_end=pl.lit(naive_daily.quarter_end(DAYS[300])),
        eps=pl.lit(9999.0),
        known_at=pl.lit(nanoseconds(DAYS[300], 5)),
    )  # fmt: skip
    indicator = EpsDivergence()
    both = Part(None, dict(part.tables) | {"forward_eps": pl.concat([part.tables["forward_eps"], late])}, sessions)
    plain, mixed = (indicator.value(indicator.combine([indicator.measure(p)]), sessions) for p in (part, both))
    assert plain == mixed


# -- slopes, states, components ---------------------------------------------------------------------------------------


def test_readings_equal_their_definition():
    found = read(WORLD, CLOSES, VINTAGES, lookback=126)
    eps = [r.components["forward_eps"] for r in found]
    for t in (125, 126, 200, 333, 419):
        span = slice(t - 125, t + 1)
        d, state, t_rw = naive_daily.divergence(list(CLOSES.values())[span], eps[span], 0.05)
        parts = found[t].components
        assert found[t].value == parts["divergence"] == pytest.approx(d, abs=1e-11)
        assert parts["t_rw"] == pytest.approx(t_rw, rel=1e-9)
        assert parts["state"] == state
        assert parts["forward_pe"] == pytest.approx(CLOSES[DAYS[t]] / eps[t], rel=1e-14)
        assert parts["price_change"] == pytest.approx(parts["eps_change"] + parts["pe_change"], abs=1e-12)
        assert parts["price_change"] == pytest.approx(log(CLOSES[DAYS[t]] / CLOSES[DAYS[t - 125]]), abs=1e-12)


def test_the_slope_of_the_multiple_is_minus_the_divergence():
    found = read(WORLD, CLOSES, VINTAGES)
    eps = np.array([r.components["forward_eps"] for r in found])
    slopes = 252 * rolling_slope(np.log(np.array(list(CLOSES.values())) / eps), 126)
    assert sum(r.value is not None for r in found) == 420 - 125
    for reading, slope in zip(found, slopes, strict=True):
        if reading.value is not None:
            assert abs(slope + reading.value) < 1e-12


@pytest.mark.parametrize(
    ("price", "eps", "state"),
    [
        (0.10, 0.30, "healthy advance"),
        (0.30, 0.10, "multiple expansion"),
        (-0.30, 0.10, "multiple compression"),
        (-0.10, -0.40, "earnings-led decline"),
        (0.12, 0.10, "in line"),
        (-0.12, -0.10, "in line"),
    ],
)
def test_states(price, eps, state):
    closes = {d: 2500.0 * np.exp(price * i / 252) for i, d in enumerate(DAYS)}
    found = read(WORLD, closes, quarterly(date(2018, 10, 15), 8, growth=np.exp(eps / 4) - 1))
    last = found[-1]
    assert last.components["state"] == state
    assert last.components["price_slope"] == pytest.approx(price, abs=1e-9)
    assert last.components["eps_slope"] == pytest.approx(eps, abs=0.02)
    assert f"Price trend {100 * price:+.0f} % a year" in EpsDivergence().meaning(last)


def test_a_bullish_market_scores_above_its_mirror():
    up = read(WORLD, dict.fromkeys(DAYS, 2500.0), quarterly(date(2018, 10, 15), 8, growth=0.05))
    down = read(WORLD, dict.fromkeys(DAYS, 2500.0), quarterly(date(2018, 10, 15), 8, growth=-0.05))
    assert up[-1].value > 0 > down[-1].value
    assert EpsDivergence.direction == 1


def test_the_warm_up_is_as_long_as_declared():
    found = read(WORLD, CLOSES, VINTAGES)
    assert [r.value is None for r in found] == [i < EpsDivergence.warmup for i in range(len(found))]
    assert found[39].reason == "needs 126 sessions of forward EPS, has 40"
    assert found[130].reasons["lookbacks.252"] == "needs 252 sessions of forward EPS, has 131"
    assert found[58].components["forward_pe_percentile"] is None
    assert found[59].components["forward_pe_percentile"] is not None


# -- nulls ------------------------------------------------------------------------------------------------------------


def test_a_vintage_older_than_200_days_is_too_old():
    one = [v for v in VINTAGES if v[0] == VINTAGES[0][0]]
    found = read(WORLD, CLOSES, one)
    age = {r.session: (r.session - one[0][0]).days for r in found}
    fresh = [r for r in found if r.components["forward_eps"] is not None]
    assert max(age[r.session] for r in fresh) <= 200
    first = next(r for r in found if age[r.session] > 200)
    assert first.components["forward_eps"] is None
    assert first.reason == f"the newest EPS vintage is {age[first.session]} days old, more than 200"


def test_at_most_two_quarters_are_extended():
    for ahead, extended in ((5, 0), (4, 1), (3, 2), (2, 3)):
        one = [v for v in quarterly(date(2019, 1, 15), 1, ahead=ahead) if v[0] < date(2019, 1, 25)]
        last = read(calendar(DAYS[:40]), CLOSES, one)[39]
        assert last.components["extended"] == extended
        if extended <= 2:
            assert last.coverage == (5 - extended) / 5
            assert last.components["forward_eps"] is not None
        else:
            assert last.components["forward_eps"] is None
            assert last.reason == "needs EPS for 5 quarters, has 2; at most 2 may be extended"


def test_no_quarter_grows_from_a_loss():
    one = [(p, q, -1.0 if q == date(2018, 12, 31) else e) for p, q, e in quarterly(date(2019, 1, 15), 1, ahead=4)]
    last = read(calendar(DAYS[:40]), CLOSES, one)[39]
    assert last.components["forward_eps"] is None
    assert "at a loss" in last.reason


def test_earnings_at_a_loss_have_no_slope():
    losses = [(p, q, -e if p > date(2019, 7, 1) else e) for p, q, e in VINTAGES if p < date(2020, 4, 1)]
    found = read(WORLD, CLOSES, losses)
    below = [i for i, r in enumerate(found) if (r.components["forward_eps"] or 0) < 0]
    assert below
    reading = found[below[0]]
    assert reading.value is None
    assert reading.reason == "forward EPS was zero or less on 1 of the last 126 sessions: a loss has no logarithm"
    assert reading.components["forward_pe"] is None
    assert reading.reasons["forward_pe"].startswith("forward EPS is -")


def test_a_missing_close_is_not_filled():
    closes = {d: c for d, c in CLOSES.items() if d != DAYS[300]}
    found = read(WORLD, closes, VINTAGES)
    assert found[300].reason == "no SPX close for this session"
    assert found[301].reason == "needs 126 sessions of SPX closes, has 125"
    assert [i for i, r in enumerate(found) if r.value is None and i >= 125] == list(range(300, 420))


def test_a_quarter_end_a_few_days_off_is_taken_as_meant_and_a_far_one_is_named():
    odd = [(p, q - timedelta(days=1) if q.month == 12 else q, e) for p, q, e in VINTAGES]
    assert [r.components["forward_eps"] for r in read(WORLD, CLOSES, odd)] == [
        r.components["forward_eps"] for r in read(WORLD, CLOSES, VINTAGES)
    ]
    far = read(WORLD, CLOSES, [*VINTAGES, (date(2019, 6, 3), date(2019, 11, 30), 1.0)])
    assert far[-1].components == read(WORLD, CLOSES, VINTAGES)[-1].components
    assert "quarter_end" in far[-1].notes[0]
    assert far[0].notes == ()


@pytest.mark.parametrize(
    ("closes", "vintages", "count"),
    [({}, VINTAGES, 0), ({}, [], 0), (CLOSES, [], 420), (dict(list(CLOSES.items())[:1]), VINTAGES[:1], 420)],
)
def test_empty_and_one_row_inputs(closes, vintages, count):
    found = read(WORLD, closes, vintages)
    assert len(found) == count
    assert all(r.value is None and r.reason for r in found)
    assert EpsDivergence().value({}, WORLD) == []


# -- time -------------------------------------------------------------------------------------------------------------


def test_cutting_the_future_changes_nothing():
    whole = read(WORLD, CLOSES, VINTAGES)
    for last in (3, 130, 260, 400):
        sessions = WORLD.window(None, DAYS[last])
        closes = {d: c for d, c in CLOSES.items() if d <= DAYS[last]}
        vintages = [v for v in VINTAGES if v[0] <= DAYS[last]]
        assert read(sessions, closes, vintages) == whole[: last + 1]
        as_of = datetime(*DAYS[last].timetuple()[:3], 21, tzinfo=UTC)
        assert read(WORLD, CLOSES, VINTAGES, as_of=as_of) == whole[: last + 1]
        assert len(read(WORLD, CLOSES, VINTAGES, as_of=as_of - timedelta(microseconds=1))) == last


def test_a_reading_is_known_at_its_close():
    assert all(
        r.known_at == datetime(*r.session.timetuple()[:3], 21, tzinfo=UTC) for r in read(WORLD, CLOSES, VINTAGES)
    )


def test_months_take_their_last_session():
    sessions = WORLD.window(None, date(2020, 2, 12))
    found = read(sessions, CLOSES, VINTAGES, period="month")
    by_day = {r.session: r for r in read(sessions, CLOSES, VINTAGES)}
    assert [r.month for r in found][:2] == ["2019-01", "2019-02"]
    for reading in found:
        assert reading.value == by_day[reading.session].value
    assert "month-to-date" in found[-1].notes
    assert [r.month for r in found if "month-to-date" in r.notes] == ["2020-02"]
    assert read(WORLD.window(None, date(2020, 1, 31)), CLOSES, VINTAGES, period="month")[-1].notes == ()


def test_another_index_is_a_key():
    assert read(WORLD, CLOSES, VINTAGES, key="NDX") == []
    indicator = EpsDivergence(index="NDX")
    rows = indicator.combine([indicator.measure(part_of(WORLD, CLOSES, VINTAGES))])
    assert indicator.value(rows, WORLD) == []
    assert indicator.value(rows, WORLD, key="SPX") == read(WORLD, CLOSES, VINTAGES)


# -- real vintages ----------------------------------------------------------------------------------------------------


def real(*names: str) -> list[Reading]:
    with (SHARED / "GSPC_daily_1990_2022.csv").open() as file:
        closes = {date.fromisoformat(r["Date"]): float(r["Close"]) for r in csv.DictReader(file)}
    closes = {d: c for d, c in closes.items() if d.year >= 2016}
    rows: dict[tuple[date, date], float] = {}
    for name in names:
        with (SHARED / name).open() as file:
            for r in csv.DictReader(file):
                if r["op_eps"]:
                    key = date.fromisoformat(r["asof"]), date.fromisoformat(r["quarter_end"])
                    rows.setdefault(key, float(r["op_eps"]))
    return read(calendar(list(closes)), closes, [(p, q, e) for (p, q), e in rows.items()])


@needs_shared
def test_goldens_of_the_published_vintages():
    goldens = tomllib.loads(files("seeds").joinpath("spx_forward_eps_golden.toml").read_text("utf-8"))["golden"]
    found = {r.session: r.components for r in real(OURS)}
    assert len(goldens) == 6
    for golden in goldens:
        parts = found[golden["session"]]
        assert round(parts["forward_eps"], 3) == golden["forward_eps"]
        assert parts["extended"] == golden["extended"]


@needs_shared
def test_what_the_real_vintages_say():
    """2H2020 and 2022 read as published; no vintage of the last 200 days covers 2017, and the closes end with 2022."""
    spans = defaultdict(list)
    for r in real(OURS, MORE):
        if r.value is not None:
            spans[f"{r.session.year}Q{(r.session.month + 2) // 3}"].append(r)
    assert fmean(r.value for r in spans["2020Q3"]) == pytest.approx(-0.84, abs=0.005)
    assert fmean(r.value for r in spans["2020Q4"]) == pytest.approx(-0.20, abs=0.005)
    fall = [r for r in spans["2020Q3"] + spans["2020Q4"] if r.components["state"] == "multiple expansion"]
    assert len(fall) == 87
    year = [r for q in range(1, 5) for r in spans[f"2022Q{q}"]]
    compressed = [r for r in year if r.components["state"] == "multiple compression"]
    assert len(compressed) / len(year) > 0.7
    assert {len(spans[f"2017Q{q}"]) for q in range(1, 5)} == {0}


def test_contributions_and_what_they_leave_stand_in_readings_from_the_first_weights_on(small_store):
    indicator = EpsDivergence()
    from indicators.engine.run import rows_of
    from indicators.engine.scope import scope

    covered = scope(small_store, ["index_levels", "forward_eps"])
    rows = rows_of(small_store, indicator, covered)
    told = indicator.value(rows, covered.sessions)
    begun = ["contributions" in r.components for r in told]
    assert begun == sorted(begun)
    found = [r for r in told if r.components.get("contributions", {}).get("members")]
    assert found
    for reading in found:
        parts = reading.components["contributions"]
        assert parts["seven_largest"] + parts["rest"] + parts["residual"] == pytest.approx(
            parts["index_return"], abs=1e-12
        )
        assert abs(parts["residual"]) < 1e-4  # the small market's index is its members, rounded to cents
        assert parts["weights_of"] < str(reading.session)
    (row, *_) = indicator.per_key(rows, covered.sessions, found[-1].session, found[-1].session).iter_rows(named=True)
    assert row["contribution"] == row["weight"] * row["return"]
