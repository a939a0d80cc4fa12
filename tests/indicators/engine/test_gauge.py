from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from feeds.errors import UnknownName
from feeds.schema import Part, Sessions
from indicators.engine import gauge, zones
from indicators.engine.correlation import past_spearman
from indicators.engine.gauge import GaugeReading, fuse, part_weights, spread
from indicators.engine.indicator import Indicator, Reading, Rows
from indicators.engine.outcomes import market_of
from indicators.engine.zones import next_zone, quantise

NAMES = ("alpha", "beta", "delta", "gamma", "omega")


class Stub(Indicator):
    name: ClassVar[str] = "stub"
    title: ClassVar[str] = "Stub"
    unit: ClassVar[str] = "points"
    inputs: ClassVar[tuple[Any, ...]] = ()
    keys: ClassVar[dict[str, tuple[str, ...]]] = {}

    def measure(self, part: Part) -> Rows:
        return {}

    def value(self, *args: Any, **kwargs: Any) -> list[Reading]:
        return []


class Weekly(Stub):
    cadence: ClassVar[Literal["session", "week"]] = "week"


class Bearish(Stub):
    direction: ClassVar[Literal[1, -1]] = -1


class Given(Stub):
    """Scores are the values themselves: what the gauge does with scores can be seen without a year of history."""

    def score(self, readings: Sequence[Reading], sessions: Sessions) -> list[float | None]:
        return [reading.value for reading in readings]


class OwnNumber(Stub):
    def gauge_value(self, reading: Reading) -> float | None:
        return reading.components.get("other")


def sessions_of(count: int) -> Sessions:
    days = [date(2018, 1, 1) + timedelta(days=i) for i in range(count)]
    ns = np.array([int(datetime(d.year, d.month, d.day, 21, tzinfo=UTC).timestamp()) * 10**9 for d in days], np.int64)
    return Sessions(tuple(days), ns - 6 * 3600 * 10**9, ns)


def series(
    values: Sequence[float | None], sessions: Sessions, band: float | None = None, start: int = 0
) -> list[Reading]:
    return [
        Reading(
            session=sessions.dates[start + i],
            value=v,
            low=None if v is None or band is None else v - band,
            high=None if v is None or band is None else v + band,
            reason="the tape is missing" if v is None else None,
            known_at=datetime.fromtimestamp(int(sessions.closes[start + i]) / 1e9, UTC),
        )
        for i, v in enumerate(values)
    ]


def random_parts(count: int, seed: int = 1, band: float | None = 0.1, holes: float = 0.0) -> dict[str, list[Reading]]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=count)
    sessions = sessions_of(count)
    out = {}
    for name in NAMES:
        values = 0.5 * common + rng.normal(size=count)
        out[name] = series([None if rng.random() < holes else round(float(v), 1) for v in values], sessions, band)
    return out


def exact(number: float) -> Fraction:
    return Fraction(Decimal(repr(number)))


def stubs(kind: type[Indicator] = Stub) -> dict[str, Indicator]:
    return {name: kind() for name in NAMES}


def given_levels(*per_session: Sequence[float | None]) -> list[GaugeReading]:
    sessions = sessions_of(len(per_session))
    parts = {name: series([row[i] for row in per_session], sessions) for i, name in enumerate(NAMES)}
    return fuse(parts, stubs(Given), sessions)


# --- sums --------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(-100, 100, allow_nan=False), max_size=5))
def test_contributions_and_level_sum_exactly(pulls: dict[str, float]) -> None:
    level, units = quantise(pulls)
    assert 50 * zones.UNIT + sum(units.values()) == level
    assert 0 <= level <= 100 * zones.UNIT
    unclipped = level - units.get("clip", 0)
    assert abs(Fraction(unclipped - 50 * zones.UNIT, zones.UNIT) - sum(map(Fraction, pulls.values()))) <= Fraction(
        1, 10**6
    )
    for name, pull in pulls.items():
        assert abs(Fraction(units[name], zones.UNIT) - Fraction(pull)) <= Fraction(4, 10**6)


def test_the_remainder_goes_to_the_largest() -> None:
    _, units = quantise({"a": -3.0000004, "b": 2.0000004, "c": 1.0000004})
    # the level's own rounding keeps +0.4e-6 → 0; parts round to 0 as well
    assert units == {"a": -3_000_000, "b": 2_000_000, "c": 1_000_000}
    _, units = quantise({"a": 3.0000004, "b": 2.0000004, "c": 1.0000004})
    assert units == {"a": 3_000_001, "b": 2_000_000, "c": 1_000_000}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_every_reading_sums_exactly_as_printed_decimals(seed: int) -> None:
    fused = fuse(random_parts(150, seed), stubs(), sessions_of(150))
    levels = [reading for reading in fused if reading.level is not None]
    assert len(levels) == 150 - 59
    for reading in levels:
        assert sum(map(exact, reading.contributions.values())) + 50 == exact(reading.level)
        assert exact(reading.level) * 10**6 % 1 == 0


def test_clipping_is_a_contribution() -> None:
    rising = [[float(i)] * 5 for i in range(80)]
    sessions = sessions_of(80)
    parts = {name: series([row[i] for row in rising], sessions) for i, name in enumerate(NAMES[:3])}
    rng = np.random.default_rng(0)
    for name in NAMES[3:]:
        parts[name] = series([*map(float, rng.normal(size=79)), 9.0], sessions)
    last = fuse(parts, stubs(), sessions)[-1]
    assert last.level == 100
    assert last.contributions["clip"] < 0
    assert sum(map(exact, last.contributions.values())) == 50
    low = fuse(
        {n: [r.model_copy(update={"value": -r.value}) for r in rs] for n, rs in parts.items()}, stubs(), sessions
    )[-1]
    assert low.level == 0
    assert low.contributions["clip"] > 0


def test_the_formula_with_no_past_correlation() -> None:
    (reading,) = given_levels((60.0, 40.0, 70.0, 55.0, 50.0))
    # R = I: wᵀRw = 1/5, κ = min(2, √5) = 2; each part moves the level by 2/5 of its distance from 50
    assert reading.kappa == 2.0
    assert reading.contributions == {"alpha": 4.0, "beta": -4.0, "delta": 8.0, "gamma": 2.0, "omega": 0.0}
    assert reading.level == 60.0
    three = given_levels((60.0, 40.0, 70.0, None, None))[0]
    assert three.kappa == pytest.approx(3**0.5, abs=1e-15)
    assert three.weights == {"alpha": 1 / 3, "beta": 1 / 3, "delta": 1 / 3}


# --- correlation, weights, spread ----------------------------------------------------------------------------------


def naive_rho(scores: np.ndarray, t: int) -> np.ndarray:
    p = scores.shape[1]
    out = np.eye(p)
    past = scores[max(t - 504, 0) : t]
    for i in range(p):
        for j in range(i):
            both = ~np.isnan(past[:, i]) & ~np.isnan(past[:, j])
            x, y = past[both, i], past[both, j]
            if len(x) >= 60 and len(set(x)) > 1 and len(set(y)) > 1:
                out[i, j] = out[j, i] = spearmanr(x, y).statistic
    return out


def test_spearman_of_the_past_equals_the_reference() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=700)
    scores = np.round(common[:, None] * [1, 0.5, -0.8, 0, 1] + rng.normal(size=(700, 5)), 1)
    scores[rng.random(scores.shape) < 0.2] = np.nan
    scores[:640, 3] = np.nan
    scores[:, 4] = 7.0
    found = past_spearman(scores)
    for t in (0, 59, 60, 61, 90, 503, 504, 505, 506, 650, 699):
        np.testing.assert_allclose(found[t], naive_rho(scores, t), atol=1e-12)
    assert found[699, 0, 1] > 0.2
    assert found[699, 3, 0] == 0  # 59 sessions at most
    assert found[699, 4, 0] == 0  # constant


@pytest.mark.parametrize("steps", [3, 1000])
def test_spearman_from_a_session_on_is_the_end_of_the_whole(steps: int) -> None:
    """Whichever session it begins with, to the last bit: ties, gaps, a constant side, fewer than 60 in common."""
    rng = np.random.default_rng(steps)
    scores = np.floor(rng.random((620, 4)) * steps)
    scores[rng.random(scores.shape) < 0.1] = np.nan
    scores[:590, 2] = np.nan
    scores[:, 3] = 7.0
    whole = past_spearman(scores)
    for begin in (0, 1, 60, 61, 503, 504, 505, 506, 619, 620):
        assert past_spearman(scores, begin).tobytes() == whole[begin:].tobytes()


def test_fewer_than_sixty_common_sessions_count_as_unrelated() -> None:
    scores = np.arange(62.0)[:, None].repeat(2, axis=1)
    found = past_spearman(scores)
    assert found[59, 0, 1] == 0
    assert found[60, 0, 1] == pytest.approx(1, abs=1e-12)


def test_today_is_not_among_its_own_past() -> None:
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(100, 2))
    other = scores.copy()
    other[99] = 1e9
    np.testing.assert_array_equal(past_spearman(scores)[99], past_spearman(other)[99])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_spread_and_weights_equal_the_reference(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    rho = np.corrcoef(rng.normal(size=(p, 4)))
    for method in ("equal", "inverse_correlation"):
        w = np.array(part_weights(rho.tolist(), method))
        assert w.sum() == pytest.approx(1, abs=1e-12)
        wanted = np.ones(p) if method == "equal" else 1 / np.abs(rho).mean(axis=1)
        np.testing.assert_allclose(w, wanted / wanted.sum(), rtol=1e-12)
        shrunk = 0.5 * rho + 0.5 * np.eye(p)
        assert spread(w.tolist(), rho.tolist()) == pytest.approx(min(2, 1 / np.sqrt(w @ shrunk @ w)), rel=1e-12)


def test_spread_is_two_where_pairwise_estimates_leave_no_variance() -> None:
    rho = np.full((5, 5), -1.0)
    np.fill_diagonal(rho, 1.0)
    assert spread([0.2] * 5, rho.tolist()) == 2.0


def test_a_level_is_the_formula_on_scores_and_their_past() -> None:
    count = 400
    parts, sessions = random_parts(count, holes=0.02), sessions_of(count)
    fused = fuse(parts, stubs(), sessions, method="inverse_correlation")
    scores = np.array([[np.nan if (s := g.scores[n]) is None else s for n in NAMES] for g in fused])
    own = np.column_stack([[np.nan if s is None else s for s in Stub().score(parts[n], sessions)] for n in NAMES])
    np.testing.assert_array_equal(scores, own)
    checked = 0
    for t in range(60, count, 7):
        here = np.flatnonzero(~np.isnan(scores[t]))
        if len(here) < 3:
            continue
        rho = naive_rho(scores, t)[np.ix_(here, here)]
        w = 1 / np.abs(rho).mean(axis=1)
        w /= w.sum()
        kappa = min(2, 1 / np.sqrt(w @ (0.5 * rho + 0.5 * np.eye(len(here))) @ w))
        wanted = np.clip(50 + kappa * (w * (scores[t, here] - 50)).sum(), 0, 100)
        assert fused[t].level == pytest.approx(wanted, abs=1e-6)
        checked += 1
    assert checked > 40


# --- missing, stale, insufficient -----------------------------------------------------------------------------------


def test_below_three_of_five_there_is_no_level_and_the_missing_are_named() -> None:
    (two,) = given_levels((60.0, None, 70.0, None, None))
    assert (two.level, two.zone, two.confidence, two.kappa) == (None, "insufficient", None, None)
    assert (two.parts_present, two.parts_total) == (2, 5)
    assert two.contributions == {}
    assert two.weights == {}
    assert two.scores == {"alpha": 60.0, "beta": None, "delta": 70.0, "gamma": None, "omega": None}
    assert two.reason is not None
    assert two.reason.startswith("insufficient: 2 of 5 parts, needs 3")
    for name in ("beta", "gamma", "omega"):
        assert f"{name} (the tape is missing)" in two.reason
    assert "alpha" not in two.reason
    (three,) = given_levels((60.0, 40.0, 70.0, None, None))
    assert three.level is not None
    assert three.reason is not None
    assert "missing: gamma (the tape is missing); omega" in three.reason


def test_a_missing_part_is_not_a_neutral_part() -> None:
    missing = given_levels((70.0, 70.0, 70.0, None, None))[0]
    neutral = given_levels((70.0, 70.0, 70.0, 50.0, 50.0))[0]
    assert missing.level is not None
    assert neutral.level is not None
    assert missing.level > neutral.level + 5


def test_an_indicator_without_readings_is_a_missing_part() -> None:
    sessions = sessions_of(1)
    parts = {name: series([60.0], sessions) for name in NAMES[:4]}
    (reading,) = fuse(parts, stubs(Given), sessions)
    assert (reading.parts_present, reading.parts_total) == (4, 5)
    assert reading.missing == {"omega": "no reading yet"}
    assert fuse({}, stubs(Given), sessions) == []
    assert fuse({"alpha": []}, stubs(Given), sessions) == []


def test_warming_up_says_how_many_readings_there_are() -> None:
    fused = fuse(random_parts(60), stubs(), sessions_of(60))
    assert fused[58].missing["alpha"] == "a score needs 60 readings, has 59"
    assert fused[58].level is None
    assert fused[59].level is not None


@pytest.mark.parametrize(("kind", "in_time", "longest"), [(Given, 0, 1), (type("W", (Weekly, Given), {}), 4, 5)])
def test_a_reading_stands_in_one_session_past_its_cadence_then_it_is_stale(
    kind: type[Indicator], in_time: int, longest: int
) -> None:
    sessions = sessions_of(9)
    parts = {name: series([60.0] * 9, sessions) for name in NAMES[:4]} | {"omega": series([70.0], sessions)}
    indicators = {**stubs(Given), "omega": kind()}
    fused = fuse(parts, indicators, sessions)
    assert [g.parts_present for g in fused] == [5] * (longest + 1) + [4] * (8 - longest)
    assert [g.ages["omega"] for g in fused] == list(range(9))
    assert [g.confidence for g in fused] == ["high"] * (in_time + 1) + ["medium"] * (8 - in_time)
    stale = fused[longest + 1]
    assert stale.missing["omega"] == f"last reading 2018-01-01, {longest + 1} sessions old, at most {longest} allowed"
    assert stale.scores["omega"] is None


def test_a_null_reading_is_not_hidden_by_the_one_before() -> None:
    fused = given_levels((60.0,) * 5, (60.0, 60.0, 60.0, 60.0, None))
    assert [g.parts_present for g in fused] == [5, 4]


# --- zones -----------------------------------------------------------------------------------------------------------


def test_zones_have_hysteresis() -> None:
    levels = [50, 61, 61.999999, 62, 60, 58, 57.999999, 59, 81, 82, 78, 77.9, 0, 21.9, 22]
    zone, seen = None, []
    for level in levels:
        zone = next_zone(round(level * zones.UNIT), zone)
        seen.append(zones.ZONES[zone])
    assert seen == [
        *("neutral", "neutral", "neutral", "bull", "bull", "bull", "neutral", "neutral", "bull", "strong bull"),
        *("strong bull", "bull", "deep bear", "deep bear", "bear"),
    ]


@given(st.lists(st.integers(0, 100 * zones.UNIT), min_size=1, max_size=40))
def test_a_zone_never_lies_more_than_two_points_from_its_level(levels: list[int]) -> None:
    zone = None
    for level in levels:
        zone = next_zone(level, zone)
        edges = (0, *zones.BOUNDS, 100 * zones.UNIT)
        assert edges[zone] - zones.HYSTERESIS <= level <= edges[zone + 1] + zones.HYSTERESIS


def test_the_zone_depends_on_the_path_and_survives_a_gap() -> None:
    high, mid, none = (80.0,) * 5, (54.5,) * 5, (None,) * 5  # levels 100 and 59
    assert [g.zone for g in given_levels(high, mid)] == ["strong bull", "bull"]
    assert [g.zone for g in given_levels(mid)] == ["neutral"]
    assert [g.zone for g in given_levels(high, none, mid)] == ["strong bull", "insufficient", "bull"]


# --- confidence -------------------------------------------------------------------------------------------------------


def test_width_is_the_band_seen_through_the_past() -> None:
    sessions = sessions_of(161)
    values = [*map(float, np.random.default_rng(2).permutation(160)), 79.2]
    for kind in (Stub, Bearish):
        parts = {name: series(values, sessions, band=5.0) for name in NAMES}
        last = fuse(parts, stubs(kind), sessions)[-1]
        # 74.2 and 84.2 among 0 … 159 and itself: 75 and 85 of 161 below; all parts alike, shrunk halfway
        assert last.kappa == pytest.approx(1 / np.sqrt(0.2 + 0.8 * 0.5), abs=1e-12)
        assert last.width == pytest.approx(last.kappa * 1000 / 161, abs=1e-9)


def test_confidence_by_width_and_whole() -> None:
    assert [gauge.confidence_of(w, True) for w in (0, 9.99, 10, 24.99, 25)] == [
        "high",
        "high",
        "medium",
        "medium",
        "low",
    ]
    assert [gauge.confidence_of(w, False) for w in (0, 9.99, 10, 25)] == ["medium", "medium", "medium", "low"]


def test_never_high_with_a_part_missing() -> None:
    assert given_levels((60.0,) * 5)[0].confidence == "high"
    assert given_levels((60.0, 60.0, 60.0, 60.0, None))[0].confidence == "medium"


def test_a_part_without_a_band_is_named() -> None:
    count = 80
    parts, sessions = random_parts(count), sessions_of(count)
    parts["beta"] = series([*(r.value for r in parts["beta"][:-1]), 0.0], sessions, band=0.5)
    full = fuse(parts, stubs(), sessions)[-1]
    parts["beta"] = [r.model_copy(update={"low": None, "high": None}) for r in parts["beta"]]
    last = fuse(parts, stubs(), sessions)[-1]
    assert last.notes == ("no error band, counted as exact: beta",)
    assert full.notes == ()
    assert full.width is not None
    assert last.width is not None
    assert full.width > last.width > 0


def test_a_number_that_ignores_the_value_has_no_band() -> None:
    sessions = sessions_of(70)
    parts = random_parts(70)
    parts["beta"] = [r.model_copy(update={"components": {"other": r.value}}) for r in parts["beta"]]
    last = fuse(parts, {**stubs(), "beta": OwnNumber()}, sessions)[-1]
    assert last.scores["beta"] is not None
    assert last.notes == ("no error band, counted as exact: beta",)


def test_a_band_of_the_true_imbalance_is_brought_to_the_measured_scale() -> None:
    count = 80
    plain, sessions = random_parts(count), sessions_of(count)
    kept = 0.3
    scaled = {
        name: [
            r.model_copy(update={"low": r.low / kept, "high": r.high / kept, "components": {"signal_kept": kept}})
            for r in readings
        ]
        for name, readings in plain.items()
    }
    wanted, found = fuse(plain, stubs(), sessions)[-1], fuse(scaled, stubs(), sessions)[-1]
    assert wanted.width is not None
    assert found.width == pytest.approx(wanted.width, abs=2.0)
    assert found.width > 0


# --- time ----------------------------------------------------------------------------------------------------------


def test_the_future_does_not_change_the_past() -> None:
    count = 260
    parts = random_parts(count, holes=0.05)
    whole = fuse(parts, stubs(), sessions_of(count))
    for cut in (70, 151, 259):
        early = {name: readings[:cut] for name, readings in parts.items()}
        assert fuse(early, stubs(), sessions_of(cut)) == whole[:cut]


def test_known_when_its_last_part_is_known() -> None:
    sessions = sessions_of(1)
    parts = {name: series([60.0], sessions) for name in NAMES}
    late = datetime(2018, 1, 1, 23, tzinfo=UTC)
    parts["gamma"] = [parts["gamma"][0].model_copy(update={"known_at": late})]
    assert fuse(parts, stubs(Given), sessions)[0].known_at == late


def test_readings_start_with_the_first_reading_and_end_with_the_calendar() -> None:
    sessions = sessions_of(13)
    parts = {name: series([60.0] * 3, sessions, start=4 + i) for i, name in enumerate(NAMES)}
    fused = fuse(parts, stubs(Given), sessions)
    assert [g.session for g in fused] == list(sessions.dates[4:])
    assert [g.parts_present for g in fused] == [1, 2, 3, 4, 4, 3, 2, 1, 0]


def test_weights_earned_by_the_past_lean_to_the_part_that_knew_and_to_nothing_that_followed() -> None:
    count = 400
    sessions, rng = sessions_of(count), np.random.default_rng(2)
    moves = rng.normal(0, 0.01, count)
    ahead = np.array([moves[t + 2 : t + 23].sum() for t in range(count)])
    values = {name: rng.uniform(20, 80, count) for name in NAMES}
    values["alpha"] = 50 + 200 * ahead
    parts = {name: series([float(v) for v in found], sessions) for name, found in values.items()}
    closes = pl.DataFrame({"date": list(sessions.dates), "close": 100 * np.exp(np.cumsum(moves))})

    def weighed(upto: int) -> list[GaugeReading]:
        window = sessions_of(upto)
        cut = {name: readings[:upto] for name, readings in parts.items()}
        return fuse(cut, stubs(Given), window, "walk_forward_ic", market_of(closes.head(upto), window))

    whole = weighed(count)
    assert whole[10].weights == dict.fromkeys(NAMES, 0.2)
    assert whole[-1].weights["alpha"] > 0.5
    assert sum(whole[-1].weights.values()) == pytest.approx(1)
    assert weighed(200) == whole[:200]


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(UnknownName, match="did you mean inverse_correlation"):
        fuse({}, stubs(), sessions_of(1), method="inverse_corelation")
