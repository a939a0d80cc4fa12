import doctest

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels import alignment
from indicators.kernels.alignment import bull_aligned
from tests import naive_china as naive


@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.sampled_from([0.0, 0.05, 0.4]), st.sampled_from([0.0, 0.004]))
@settings(deadline=None, max_examples=60)
def test_equals_its_definition(seed, n, missing, drift):
    random = np.random.default_rng(seed)
    # quarters: sums of them are exact, so the reference's exact order is the kernel's
    close = np.round(400 * np.exp(np.cumsum(drift + 0.02 * random.standard_normal((n, 12)), axis=0))) / 4
    close[random.random(close.shape) < missing] = np.nan
    at = np.array(sorted({0, n // 2, n - 1}))
    assert bull_aligned(close, at).tolist() == naive.bull_aligned(close.tolist(), at.tolist())


def test_a_flat_stock_is_not_in_order_and_a_suspended_one_is_not_counted():
    close = np.full((60, 2), 5.0)
    close[-1, 1] = np.nan
    assert bull_aligned(close, np.array([59])).tolist() == [[0, -1]]


def test_examples():
    assert doctest.testmod(alignment).failed == 0
