"""Trailing deviation against pandas' rolling one."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from indicators.kernels.volatility import trailing_deviation


@given(st.lists(st.floats(-1, 1), max_size=40), st.integers(2, 10))
def test_as_pandas_has_it(returns, window):
    found = trailing_deviation(np.array(returns), window, 2)
    expected = pd.Series(returns, dtype=float).rolling(window, min_periods=2).std().to_numpy()
    assert np.isnan(found[0])
    moving = ~np.isnan(found[1:])
    np.testing.assert_allclose(found[1:][moving], expected[moving], rtol=0, atol=1e-7)
    assert np.all(np.isnan(expected[~moving]) | (expected[~moving] < 1e-7))


def test_what_follows_does_not_change_what_was():
    returns = np.random.default_rng(1).normal(size=200)
    np.testing.assert_array_equal(trailing_deviation(returns[:120], 63, 21), trailing_deviation(returns, 63, 21)[:121])
