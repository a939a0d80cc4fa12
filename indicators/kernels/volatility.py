"""How much returns moved of late."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit


@jit
def trailing_deviation(returns: npt.NDArray[np.float64], window: int, minimum: int) -> npt.NDArray[np.float64]:
    """Standard deviation of the returns completed before each session.

    Parameters
    ----------
    returns : float64, shape (n,), finite, oldest first
    window : the most returns looked at, at least `minimum`
    minimum : fewer returns than this give none, at least 2

    Returns
    -------
    float64, shape (n + 1,): out[u] over returns[max(0, u − window) : u], divisor count − 1; NaN below `minimum` returns
        and where they do not vary

    Notes
    -----
    Two passes over each window, mean first: no running sums that drift. Time O(n·window).

    References
    ----------
    INDICATORS, section 7.

    Examples
    --------
    >>> trailing_deviation(np.array([1.0, 2.0, 4.0]), 2, 2).round(3)
    array([  nan,   nan, 0.707, 1.414])
    """
    n = len(returns)
    out = np.full(n + 1, np.nan)
    for u in range(minimum, n + 1):
        first = max(0, u - window)
        total = 0.0
        for k in range(first, u):
            total += returns[k]
        mean = total / (u - first)
        squares = 0.0
        for k in range(first, u):
            squares += (returns[k] - mean) ** 2
        if squares > 0.0:
            out[u] = np.sqrt(squares / (u - first - 1))
    return out
