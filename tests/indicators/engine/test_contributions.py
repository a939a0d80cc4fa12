"""Members' contributions: weights of the close before, the residual to the index, the seven largest and the rest."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.engine.contributions import LARGEST, member_contributions

DAYS = [date(2025, 11, day) for day in (3, 4, 5)]


def frames(levels, bars, members):
    return (
        pl.DataFrame(levels, schema={"date": pl.Date, "close": pl.Float64}, orient="row"),
        pl.DataFrame(
            bars,
            schema={"date": pl.Date, "symbol": pl.String, "close": pl.Float64, "adj_close": pl.Float64},
            orient="row",
        ),
        pl.DataFrame(
            [(day, symbol, weight, day) for day, symbol, weight in members],
            schema={"date": pl.Date, "symbol": pl.String, "weight": pl.Float64, "session": pl.Date},
            orient="row",
        ),
    )


def test_seven_per_cent_times_one_per_cent():
    levels = [(DAYS[0], 1000.0), (DAYS[1], 1003.0)]
    bars = [(DAYS[0], "AAA", 100.0, None), (DAYS[1], "AAA", 101.0, None)]
    bars += [(day, "BBB", 50.0, None) for day in DAYS[:2]]
    found = member_contributions(*frames(levels, bars, [(DAYS[0], "AAA", 0.07), (DAYS[0], "BBB", 0.93)]), DAYS)
    assert found["session"].to_list() == [DAYS[1]] * 2
    assert found.filter(symbol="AAA")["contribution"].item() == pytest.approx(0.0007, rel=1e-12)
    assert found["index_return"][0] == pytest.approx(0.003)


def test_weights_are_those_of_the_close_before():
    levels = [(day, 1000.0) for day in DAYS]
    bars = [
        (day, symbol, close, None) for day, close in zip(DAYS, (100.0, 110.0, 121.0), strict=True) for symbol in "AB"
    ]
    members = [(DAYS[0], "A", 0.3), (DAYS[0], "B", 0.7), (DAYS[1], "A", 0.6), (DAYS[1], "B", 0.4)]
    found = member_contributions(*frames(levels, bars, members), DAYS).filter(symbol="A")
    assert found["contribution"].to_list() == pytest.approx([0.03, 0.06])
    assert found["weights_of"].to_list() == DAYS[:2]


def test_a_split_is_no_return_and_percent_is_read_as_percent():
    levels = [(day, 1000.0) for day in DAYS[:2]]
    bars = [(DAYS[0], "A", 100.0, 25.0), (DAYS[1], "A", 26.0, 26.0)]
    found = member_contributions(*frames(levels, bars, [(DAYS[0], "A", 100.0)]), DAYS)
    assert found["return"].item() == pytest.approx(0.04)
    assert found["weight"].item() == 1.0


@pytest.mark.parametrize("weights", [(0.3, 0.3), (0.3, None)])
def test_part_of_an_index_is_not_the_index(weights):
    levels = [(day, 1000.0) for day in DAYS[:2]]
    bars = [(day, symbol, 1.0, None) for day in DAYS for symbol in "AB"]
    members = [(DAYS[0], symbol, weight) for symbol, weight in zip("AB", weights, strict=True)]
    assert member_contributions(*frames(levels, bars, members), DAYS).is_empty()


def test_a_member_without_a_bar_stays_null():
    levels = [(day, 1000.0) for day in DAYS[:2]]
    bars = [(DAYS[0], "A", 1.0, None), (DAYS[1], "A", 1.1, None), (DAYS[1], "B", 1.0, None)]
    found = member_contributions(*frames(levels, bars, [(DAYS[0], "A", 0.5), (DAYS[0], "B", 0.5)]), DAYS)
    assert found["contribution"].null_count() == 1
    assert found["contribution"].sum() == pytest.approx(0.05)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(10, 1000), st.floats(-0.5, 0.5)), min_size=1, max_size=15))
def test_an_index_built_of_its_members_leaves_no_residual(members):
    """Against the plain definition: the index is the capitalisation, so contributions add up to its return."""
    shares, closes, returns = zip(*members, strict=True)
    caps = [n * close for n, close in zip(shares, closes, strict=True)]
    after = [cap * (1 + r) for cap, r in zip(caps, returns, strict=True)]
    names = [f"S{i:02d}" for i in range(len(members))]
    days = [date(2025, 1, 2), date(2025, 1, 2) + timedelta(days=1)]
    bars = [(days[0], name, close, None) for name, close in zip(names, closes, strict=True)]
    bars += [(days[1], name, close * (1 + r), None) for name, close, r in zip(names, closes, returns, strict=True)]
    held = [(days[0], name, cap / sum(caps)) for name, cap in zip(names, caps, strict=True)]
    found = member_contributions(*frames([(days[0], sum(caps)), (days[1], sum(after))], bars, held), days)
    assert found["contribution"].sum() == pytest.approx(sum(after) / sum(caps) - 1, abs=1e-9)
    largest = set(found.filter("largest")["symbol"])
    assert len(largest) == min(LARGEST, len(members))
    assert min(caps[names.index(s)] for s in largest) >= max(
        (cap for name, cap in zip(names, caps, strict=True) if name not in largest), default=0
    ) * (1 - 1e-12)
