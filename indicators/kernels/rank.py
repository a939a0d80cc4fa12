"""Ranks: where a value stands among others, with ties sharing their place."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit


@jit
def trailing_percentile(
    values: npt.NDArray[np.float64], positions: npt.NDArray[np.int64], window: int, span: int, minimum: int
) -> npt.NDArray[np.float64]:
    """Rank each value among the latest ones up to and including itself, in per cent.

    Parameters
    ----------
    values : float64, shape (n,), oldest first; NaN = no reading
    positions : int64, shape (n,), strictly ascending session numbers of the values
    window : the most values compared, the value itself included; at least 1
    span : values are compared while their position > positions[i] - span; at least 1
    minimum : fewer values than this give no percentile

    Returns
    -------
    float64, shape (n,), above 0 and below 100.

    Notes
    -----
    Of the last `window` values inside the span, m in number, `less` are below values[i] and `equal` equal it (itself
    included):

        percentile_i = 100·(less + ½·equal) / m

    Ties count one half, so a constant history gives 50. NaN values take no place in the window. The result is NaN where
    values[i] is NaN or m < `minimum`. Only the past is used: a longer array begins with the same percentiles.
    Time O(n·window).

    References
    ----------
    INDICATORS, section 6.

    Examples
    --------
    >>> trailing_percentile(np.array([1.0, 2.0, np.nan, 2.0]), np.array([0, 1, 2, 3]), 3, 100, 2)
    array([        nan, 75.        ,         nan, 66.66666667])
    """
    n = len(values)
    out = np.full(n, np.nan)
    for i in range(n):
        value = values[i]
        if np.isnan(value):
            continue
        seen = less = equal = 0
        j = i
        while j >= 0 and seen < window and positions[i] - positions[j] < span:
            other = values[j]
            if not np.isnan(other):
                seen += 1
                less += other < value
                equal += other == value
            j -= 1
        if seen >= max(minimum, 1):
            out[i] = 100.0 * (less + 0.5 * equal) / seen
    return out


@jit
def average_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rank values from 1 (smallest), equal values sharing the mean of the ranks they cover.

    Parameters
    ----------
    values : float64, shape (n,), any order; NaN = missing

    Returns
    -------
    float64, shape (n,): 1 … m over the m values that are not NaN; NaN stays NaN and is not counted.

    Notes
    -----
    A value with `less` values below it and `equal` equal to it (itself included) has

        rank = less + (equal + 1) / 2

    Ranks are whole or half numbers, hence exact.

    References
    ----------
    Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika 33(3), 239-251, the mid-rank method.

    Examples
    --------
    >>> average_ranks(np.array([3.0, np.nan, 1.0, 3.0]))
    array([2.5, nan, 1. , 2.5])
    """
    out = np.full(len(values), np.nan)
    places = np.flatnonzero(~np.isnan(values))
    order = places[np.argsort(values[places])]
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for k in range(start, end):
            out[order[k]] = 0.5 * (start + 1 + end)
        start = end
    return out


@jit
def rank_moves(values: npt.NDArray[np.float64], back: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Add up how far each name moved in the ranking since `back` rows ago, over the names ranked in both rows.

    Parameters
    ----------
    values : float64, shape (n, g): one row per date, one column per name; NaN or infinite = not ranked
    back : rows between the two rankings; at least 1

    Returns
    -------
    total : float64, shape (n,): Σ|K_t − K_{t−back}|; NaN where fewer than 2 names are ranked in both rows
    common : int64, shape (n,): names ranked in both rows

    Notes
    -----
    Both rankings are taken among the common names alone, equal values sharing the mean rank: a name that enters between
    the two dates moves nobody. Ranks are whole or half numbers, hence the sum is exact. total ≤ ⌊m²/2⌋ for m names, and
    a random permutation moves each name by (m² − 1)/(3m) on average.

    References
    ----------
    CHINA, row 2. Diaconis, P. & Graham, R. L. (1977). Spearman's footrule as a measure of disarray. JRSS B 39(2), 262.

    Examples
    --------
    >>> rank_moves(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]), 1)
    (array([nan,  4.]), array([0, 3]))
    """
    n = len(values)
    total, common = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    for t in range(back, n):
        both = np.flatnonzero(np.isfinite(values[t]) & np.isfinite(values[t - back]))
        common[t] = len(both)
        if len(both) < 2:
            continue
        moved = np.abs(average_ranks(values[t][both]) - average_ranks(values[t - back][both]))
        whole = 0.0
        for change in moved:
            whole += change
        total[t] = whole
    return total, common
