"""The circular-shift kernels against scipy's Spearman, one turned series at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from indicators.kernels.shift import circular_sums, shift_p_value, shifted_spearman


def naive(reading: np.ndarray, returns: np.ndarray, horizon: int, shift: int) -> float:
    """Turn the returns, sum them forward without wrapping, correlate what has a reading."""
    turned = np.roll(returns, -shift)
    outcome = np.array([turned[u : u + horizon].sum() for u in range(len(turned) - horizon + 1)])
    known = ~np.isnan(reading[: len(outcome)])
    a, b = reading[: len(outcome)][known], outcome[known]
    if known.sum() < 2 or len(set(a)) < 2 or len(set(b)) < 2:
        return np.nan
    return spearmanr(a, b).statistic


def ranks_of(reading: np.ndarray) -> np.ndarray:
    known = ~np.isnan(reading)
    out = np.full(len(reading), np.nan)
    out[known] = rankdata(reading[known])
    return out


@given(st.data())
def test_spearman_of_every_shift(data):
    n = data.draw(st.integers(2, 40))
    horizon = data.draw(st.integers(1, n))
    small = st.integers(-3, 3).map(float)
    returns = np.array(data.draw(st.lists(small, min_size=n, max_size=n)))
    reading = np.array(data.draw(st.lists(small | st.just(float("nan")), min_size=n, max_size=n)))
    shifts = np.arange(n)
    found = shifted_spearman(ranks_of(reading[: n - horizon + 1]), circular_sums(returns, horizon), shifts)
    expected = [naive(reading, returns, horizon, int(s)) for s in shifts]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_the_naive_definition_tells_a_shift_from_its_mirror():
    random = np.random.default_rng(0)
    reading, returns = random.normal(size=30), random.normal(size=30)
    found = shifted_spearman(ranks_of(reading[:26]), circular_sums(returns, 5), np.array([7]))
    assert found[0] == pytest.approx(naive(reading, returns, 5, 7))
    assert found[0] != pytest.approx(naive(reading, returns, 5, -7))


def test_the_p_value_counts_the_observed_one_and_what_is_missing():
    assert shift_p_value(np.array([0.5, 0.1, -0.6, np.nan, 0.5])) == pytest.approx(4 / 5)
    assert np.isnan(shift_p_value(np.array([np.nan, 0.1])))
    assert shift_p_value(np.append(0.9, np.zeros(999))) == pytest.approx(1 / 1000)
