import doctest
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels import rank
from indicators.kernels.rank import average_ranks, rank_moves, trailing_percentile
from tests import naive, naive_china

VALUES = st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, -1.5, float("inf"), float("nan")]), max_size=40)


@st.composite
def histories(draw):
    values = draw(VALUES)
    steps = draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values)))
    return np.array(values, np.float64), np.cumsum(np.array(steps, np.int64), dtype=np.int64)


@given(histories(), st.integers(1, 12), st.integers(1, 30), st.integers(0, 8))
@settings(deadline=None, max_examples=300)
def test_trailing_percentile_equals_its_definition(history, window, span, minimum):
    values, positions = history
    got = trailing_percentile(values, positions, window, span, minimum)
    want = naive.trailing_percentile(values.tolist(), positions.tolist(), window, span, minimum)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=0)


@given(histories(), st.integers(0, 40))
@settings(deadline=None)
def test_a_longer_history_begins_with_the_same_percentiles(history, cut):
    values, positions = history
    whole = trailing_percentile(values, positions, 5, 12, 2)
    np.testing.assert_array_equal(trailing_percentile(values[:cut], positions[:cut], 5, 12, 2), whole[:cut])


def test_percentile_of_the_gauge():
    values, positions = np.arange(300.0), np.arange(300)
    got = trailing_percentile(values, positions, 252, 504, 60)
    assert np.isnan(got[:59]).all()
    assert got[59] == 100 * 59.5 / 60
    assert got[299] == 100 * 251.5 / 252


def test_span_counts_sessions_not_readings():
    values = np.array([1.0, 5.0, 3.0])
    assert trailing_percentile(values, np.array([0, 503, 504]), 252, 504, 1)[2] == 25.0
    assert trailing_percentile(values, np.array([0, 502, 503]), 252, 504, 1)[2] == 50.0


def test_a_constant_history_stands_in_the_middle():
    got = trailing_percentile(np.full(5, 7.0), np.arange(5), 3, 10, 1)
    np.testing.assert_array_equal(got, np.full(5, 50.0))


@given(VALUES)
@settings(deadline=None, max_examples=300)
def test_average_ranks_equal_their_definition(values):
    np.testing.assert_array_equal(average_ranks(np.array(values, np.float64)), naive.average_ranks(values))


def test_read_only_arrays_are_taken():
    values = np.array([2.0, 1.0, 2.0])
    values.flags.writeable = False
    np.testing.assert_array_equal(average_ranks(values), [2.5, 1.0, 2.5])


def test_examples():
    assert doctest.testmod(rank) == (0, 3)


NAMES = st.integers(1, 7)


@st.composite
def tables(draw):
    width = draw(NAMES)
    cell = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.5, float("inf"), float("nan")])
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=12))
    return np.array(rows, np.float64).reshape(len(rows), width)


@given(tables(), st.integers(1, 5))
@settings(deadline=None, max_examples=300)
def test_rank_moves_equal_their_definition(values, back):
    total, common = rank_moves(values, back)
    want, counts = naive_china.rank_moves(values.tolist(), back)
    assert common.tolist() == counts
    assert [None if np.isnan(x) else Fraction(x) for x in total.tolist()] == want


def test_a_name_that_enters_moves_nobody():
    before, after = [0.3, 0.1, float("nan"), 0.2], [0.3, 0.1, 9.0, 0.2]
    total, common = rank_moves(np.array([before, after]), 1)
    assert (total[1], common[1]) == (0.0, 3)


@pytest.mark.parametrize(("n", "expected"), [(28, 9.32), (31, 10.32), (124, 41.33), (131, 43.66)])
def test_a_random_permutation_moves_a_name_by_a_third_of_n(n, expected):
    assert round((n * n - 1) / (3 * n), 2) == expected
    random = np.random.default_rng(n)
    rows = np.array([random.permutation(n) for _ in range(4001)], np.float64)
    total, _ = rank_moves(rows, 1)
    # neighbouring moves share a ranking and are nearly uncorrelated: four standard errors
    each = total[1:] / n
    assert abs(each.mean() - (n * n - 1) / (3 * n)) < 4 * each.std() / np.sqrt(len(each))


def test_the_most_that_31_names_can_move_is_480():
    order = np.arange(31.0)
    total, _ = rank_moves(np.array([order, -order]), 1)
    assert total[1] == 31 * 31 // 2 == 480
    random = np.random.default_rng(31)
    assert max(rank_moves(np.array([order, random.permutation(order)]), 1)[0][1] for _ in range(500)) <= 480
