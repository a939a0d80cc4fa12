import doctest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indicators.kernels import money as kernel
from indicators.kernels.money import MICRO, notional, square_of_dollars
from tests import naive_flow


@given(st.integers(-(2**63) + MICRO, 2**63 - MICRO))
def test_square_of_dollars_is_exact_for_every_amount(micros):
    high, low = square_of_dollars(np.int64(micros))
    assert (int(high), int(low)) == naive_flow.square_of_dollars(micros)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_notional_is_the_exact_product_rounded_once(price, size):
    assert int(notional(np.int64(price), np.int64(size))) == naive_flow.notional(price, size)


def test_examples():
    assert doctest.testmod(kernel) == (0, 2)
