import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels import slope
from indicators.kernels.slope import rolling_slope, rolling_std
from tests import naive

EIGHTHS = st.one_of(st.integers(-80, 80).map(lambda k: k / 8), st.sampled_from([float("nan"), float("inf")]))
MOSTLY_PRESENT = st.one_of(*[st.integers(-80, 80).map(lambda k: k / 8)] * 9, EIGHTHS)
LEVELS = st.sampled_from([0.0, 1e8, -1e15])


@pytest.mark.parametrize(
    ("kernel", "reference"), [(rolling_slope, naive.rolling_slope), (rolling_std, naive.rolling_std)]
)
@given(y=st.lists(MOSTLY_PRESENT, max_size=30), level=LEVELS, window=st.integers(2, 9))
@settings(deadline=None, max_examples=300)
def test_kernel_equals_its_definition_at_any_level(kernel, reference, y, level, window):
    shifted = np.array(y, np.float64) + level
    np.testing.assert_allclose(kernel(shifted, window), reference(shifted.tolist(), window), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kernel", [rolling_slope, rolling_std])
@given(y=st.lists(MOSTLY_PRESENT, max_size=30), cut=st.integers(0, 30))
@settings(deadline=None)
def test_a_longer_series_begins_the_same(kernel, y, cut):
    series = np.array(y, np.float64)
    np.testing.assert_array_equal(kernel(series[:cut], 4), kernel(series, 4)[:cut])


@pytest.mark.parametrize("kernel", [rolling_slope, rolling_std])
def test_a_gap_empties_every_window_that_holds_it(kernel):
    y = np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0])
    np.testing.assert_array_equal(np.isnan(kernel(y, 3)), [True] * 5 + [False] * 2)


def test_a_straight_line_at_a_high_level():
    y = 1e9 + 0.25 * np.arange(300)
    np.testing.assert_array_equal(rolling_slope(y, 126)[125:], np.full(175, 0.25))


def test_spread_at_a_high_level():
    y = 1e8 + np.tile([0.0, 0.125], 60)
    np.testing.assert_allclose(rolling_std(y, 20)[19:], 0.0625 * np.sqrt(20 / 19), rtol=1e-12)


@pytest.mark.parametrize("kernel", [rolling_slope, rolling_std])
def test_a_constant_has_neither_slope_nor_spread(kernel):
    np.testing.assert_array_equal(kernel(np.full(6, 0.1), 3)[2:], np.zeros(4))


@pytest.mark.parametrize("kernel", [rolling_slope, rolling_std])
def test_a_window_of_one_is_refused(kernel):
    with pytest.raises(ValueError, match="at least 2"):
        kernel(np.arange(3.0), 1)


def test_examples():
    assert doctest.testmod(slope) == (0, 2)
