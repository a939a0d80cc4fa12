import doctest

import numpy as np

from indicators.kernels import blocks as kernel
from indicators.kernels.blocks import block_starts


def test_an_empty_tape_has_no_block():
    assert block_starts(np.empty(0, np.int32)).tolist() == [0]


def test_examples():
    assert doctest.testmod(kernel) == (0, 1)
