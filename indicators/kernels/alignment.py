"""Moving averages in order: the shape of a stock in a steady advance."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

LONGEST = 60
"""Bars of the longest average: a stock with fewer is not counted."""

NOT_COUNTED = -1


@jit
def bull_aligned(close: npt.NDArray[np.float64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Tell for each stock whether its moving averages stand in bullish order.

    Parameters
    ----------
    close : float64, shape (n, stocks), back-adjusted closes by session; NaN = no bar, the stock was suspended
    at : int64, shape (k,), rows of `close` to look at

    Returns
    -------
    int8, shape (k, stocks): 1 where MA5 > MA10 > MA20 > MA60, 0 where not, NOT_COUNTED where the stock has no bar at
    that row or fewer than 60 up to it.

    Notes
    -----
    MA_m is the mean of the stock's last m bars, the row's own included, suspensions skipped. Sums run from the newest
    bar backwards. Equal averages are not in order.

    References
    ----------
    CHINA, row 7: the share is ours, the order of the four averages is the trade's usual 多头排列.

    Examples
    --------
    >>> bull_aligned(np.arange(1.0, 61.0).reshape(-1, 1), np.array([58, 59]))
    array([[-1],
           [ 1]], dtype=int8)
    """
    k, stocks = len(at), close.shape[1]
    out = np.full((k, stocks), NOT_COUNTED, dtype=np.int8)
    for i in range(k):
        for j in range(stocks):
            if np.isnan(close[at[i], j]):
                continue
            five = ten = twenty = total = 0.0
            seen, row = 0, at[i]
            while row >= 0 and seen < LONGEST:
                price = close[row, j]
                if not np.isnan(price):
                    total += price
                    seen += 1
                    if seen == 5:
                        five = total / 5
                    elif seen == 10:
                        ten = total / 10
                    elif seen == 20:
                        twenty = total / 20
                row -= 1
            if seen == LONGEST:
                out[i, j] = five > ten and ten > twenty and twenty > total / LONGEST
    return out
