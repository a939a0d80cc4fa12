"""Exact money in 64-bit integers: squares for error bands, and prices times fractional shares."""

import numpy as np

from indicators.kernels._jit import jit

MICRO = 1_000_000
LOW_32 = (1 << 32) - 1


@jit
def square_of_dollars(micros: np.int64) -> tuple[np.int64, np.int64]:
    """Square an amount, rounded to whole dollars, as (high, low) 32 bits: square = high·2³² + low, low < 2³².

    The amount is rounded half away from zero, so that an amount and its mirror image have one square.

    >>> [int(part) for part in square_of_dollars(np.int64(-70_000_400_000))]
    [1, 605032704]
    """
    dollars = (abs(micros) + MICRO // 2) // MICRO
    upper = dollars >> 32
    lower = np.uint64(dollars & LOW_32)
    square = lower * lower
    high = (upper * upper << 32) + 2 * upper * np.int64(lower) + np.int64(square >> np.uint64(32))
    return high, np.int64(square & np.uint64(LOW_32))


@jit
def notional(price: int, size: int) -> int:
    """Multiply micro-dollars by micro-shares, in micro-dollars, the last half rounded to even.

    >>> int(notional(np.int64(10_000_001), np.int64(1_500_000)))
    15000002
    """
    shares = size // MICRO
    remainder = size - shares * MICRO
    if remainder == 0:
        return price * shares
    part = price * remainder
    fraction = part // MICRO
    rest = part - fraction * MICRO
    down = price * shares + fraction
    return down + int(2 * rest > MICRO or (2 * rest == MICRO and down % 2 == 1))
