import doctest

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from indicators.kernels import parents as kernel
from indicators.kernels.parents import REPEATED, SINGLE, SWEEP, parent_orders, parent_sides
from tests import naive

KINDS = {"single": SINGLE, "sweep": SWEEP, "repeated": REPEATED}
DTYPES = (np.int32, np.int64, np.int32, np.bool_, np.bool_)
PRINTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 12),
        st.sampled_from([1, 1, 1, 1, 1, 1, 2]),
        st.sampled_from([False] * 12 + [True]),
        st.sampled_from([True] * 6 + [False]),
    ),
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda row: row[:2]))


def columns(rows):
    return [np.array([row[k] for row in rows], dtype) for k, dtype in enumerate(DTYPES)]


def gather(rows, window):
    parent, kind = parent_orders(*columns(rows), window)
    return list(zip(parent.tolist(), kind.tolist(), strict=True))


@given(PRINTS, st.integers(0, 8))
@settings(deadline=None, max_examples=500)
def test_parent_orders_equal_their_definition(rows, window):
    want = naive.parent_orders(*([row[k] for row in rows] for k in range(5)), window)
    assert gather(rows, window) == [(first, KINDS[kind]) for first, kind in want]


@given(PRINTS, st.lists(st.integers(-1, 1), min_size=40, max_size=40))
@settings(deadline=None, max_examples=300)
def test_parent_sides_equal_their_definition(rows, sides):
    parent, _ = parent_orders(*columns(rows), 4)
    side = np.array(sides[: len(rows)], np.int8)
    assert parent_sides(parent, side).tolist() == naive.parent_sides(parent.tolist(), side.tolist())


def test_two_venues_make_a_sweep_and_the_last_moment_belongs_to_it():
    assert gather([(0, 0, 1, False, True), (0, 100, 2, False, True), (0, 101, 1, False, True)], 100) == [
        (0, SWEEP),
        (0, SWEEP),
        (2, SINGLE),
    ]


def test_the_window_runs_from_the_first_print():
    rows = [(0, at, venue, False, True) for at, venue in [(0, 1), (60, 2), (120, 1), (180, 2)]]
    assert gather(rows, 100) == [(0, SWEEP), (0, SWEEP), (2, SWEEP), (2, SWEEP)]


def test_more_than_five_prints_are_a_repeated_hit():
    rows = [(0, k, 1, False, True) for k in range(6)]
    assert gather(rows[:5], 100) == [(k, SINGLE) for k in range(5)]
    assert gather(rows, 100) == [(0, REPEATED)] * 6


def test_a_flagged_print_alone_is_a_sweep():
    assert gather([(0, 0, 1, True, True)], 100) == [(0, SWEEP)]


def test_prints_left_alone_start_no_other_parent():
    rows = [(0, 0, 1, False, True), (0, 90, 1, False, True), (0, 110, 2, False, True)]
    assert gather(rows, 100) == [(0, SINGLE), (1, SINGLE), (2, SINGLE)]


def test_an_ineligible_print_neither_joins_nor_ends_a_parent():
    rows = [(0, 0, 1, False, True), (0, 1, 3, True, False), (0, 2, 2, False, True)]
    assert gather(rows, 100) == [(0, SWEEP), (1, SINGLE), (0, SWEEP)]


def test_another_contract_is_another_parent():
    assert gather([(0, 0, 1, False, True), (1, 0, 2, False, True)], 100) == [(0, SINGLE), (1, SINGLE)]


def test_a_parent_with_both_sides_has_none():
    parent = np.array([0, 0, 2, 2, 4], np.int64)
    assert parent_sides(parent, np.array([1, -1, 0, -1, 0], np.int8)).tolist() == [0, 0, -1, -1, 0]


def test_read_only_columns_are_served_by_the_same_code():
    own = columns([(0, 0, 1, False, True), (0, 1, 2, False, True)])
    lent = [pl.Series(column).to_numpy() for column in own]
    assert not lent[1].flags.writeable
    for args in (own, lent, [*own[:2], *lent[2:]]):
        parent, kind = parent_orders(*args, 100)
        assert (parent.tolist(), kind.tolist()) == ([0, 0], [SWEEP, SWEEP])
        assert parent_sides(parent, pl.Series([0, 1], dtype=pl.Int8).to_numpy()).tolist() == [1, 1]
    if not config.DISABLE_JIT:
        assert len(kernel._parents.signatures) == len(kernel._sides.signatures) == 1


def test_what_does_not_fit_is_refused():
    own = columns([(0, 0, 1, False, True)])
    with pytest.raises(ValueError, match="equally long, were \\[0, 1\\]"):
        parent_orders(*own[:4], np.zeros(0, np.bool_), 100)
    with pytest.raises(ValueError, match="`window_ns`, was -1"):
        parent_orders(*own, -1)
    with pytest.raises(ValueError, match="equally long, were 1, 2"):
        parent_sides(np.zeros(1, np.int64), np.zeros(2, np.int8))
    with pytest.raises(ValueError, match="row numbers of the same tape"):
        parent_sides(np.array([1]), np.array([1], np.int8))


def test_examples():
    assert doctest.testmod(kernel) == (0, 3)
