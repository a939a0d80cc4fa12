"""The circular-shift test: a reading turned against returns keeps its own persistence and loses its timing."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def circular_sums(returns: Floats, horizon: int) -> Floats:
    """Sum the returns of each session and those after it, the last session followed by the first.

    Parameters
    ----------
    returns : float64, shape (n,), one session each, logarithmic, finite
    horizon : sessions summed, 1 to n

    Returns
    -------
    float64, shape (n,): out[v] = Σ_{k < horizon} returns[(v + k) mod n], added in that order

    Notes
    -----
    Turning the returns by s sessions and summing forward gives out[(u + s) mod n] at u: the sums of every turned series
    are these same n numbers, so that they are computed and sorted once. The first n − horizon + 1 are the sums that do
    not wrap. Time O(n·horizon).

    Examples
    --------
    >>> circular_sums(np.array([1.0, 2.0, 4.0]), 2)
    array([3., 6., 5.])
    """
    n = len(returns)
    out = np.zeros(n)
    for v in range(n):
        total = 0.0
        for k in range(v, v + horizon):
            total += returns[k if k < n else k - n]
        out[v] = total
    return out


@jit
def shifted_spearman(ranks: Floats, outcomes: Floats, shifts: Ints) -> Floats:
    """Spearman's ρ of a reading with outcomes turned by each of several shifts.

    Parameters
    ----------
    ranks : float64, shape (m,), m ≤ n; average ranks of the readings, NaN = no reading
    outcomes : float64, shape (n,), one per session, finite; as `circular_sums`, scaled or not
    shifts : int64, shape (k,), each in [0, n); 0 leaves the outcomes where they are

    Returns
    -------
    float64, shape (k,): ρ over the sessions u < m that have a reading, of ranks[u] with the rank of
        outcomes[(u + shift) mod n] among the outcomes so paired; NaN where either side is constant or fewer than two

    Notes
    -----
    Outcomes are sorted once; each shift walks them in order and counts those paired, which ranks them anew without
    sorting. Equal outcomes share the mean of the ranks they cover. Ranks are halves of whole numbers, so sums are exact
    below n = 100,000 and ρ differs from the definition by rounding in one quotient. Time O(n log n + n·k).

    References
    ----------
    INDICATORS, section 7.
    Lahiri, S. N. (2003). Resampling Methods for Dependent Data, Springer, section 2.7 (circular blocks).

    Examples
    --------
    >>> shifted_spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]), np.array([0, 1]))
    array([ 1. , -0.5])
    """
    n, m = len(outcomes), len(ranks)
    centred, paired = np.zeros(n), np.zeros(n, dtype=np.int64)
    count, total = 0, 0.0
    for u in range(m):
        if not np.isnan(ranks[u]):
            count += 1
            total += ranks[u]
    own = 0.0
    for u in range(m):
        if not np.isnan(ranks[u]):
            centred[u] = ranks[u] - total / count
            paired[u] = 1
            own += centred[u] * centred[u]
    order = np.argsort(outcomes)
    ascending = outcomes[order]
    middle = 0.5 * (count + 1)
    out = np.full(len(shifts), np.nan)
    for j in range(len(shifts)):
        product = squares = 0.0
        place = i = 0
        while i < n:
            value, before, tied = ascending[i], place, 0.0
            while i < n and ascending[i] == value:
                u = order[i] - shifts[j]
                if u < 0:
                    u += n
                place += paired[u]
                tied += centred[u]
                i += 1
            rank = 0.5 * (before + 1 + place) - middle
            product += tied * rank
            squares += (place - before) * rank * rank
        if own > 0.0 and squares > 0.0:
            out[j] = product / np.sqrt(own * squares)
    return out


@jit
def shift_p_value(correlations: Floats) -> float:
    """Two-sided p of the first correlation among the others: (1 + #{|ρ_j| ≥ |ρ_0|}) / (1 + K).

    Parameters
    ----------
    correlations : float64, shape (1 + K,), the observed one first

    Returns
    -------
    float in (0, 1]; NaN where the observed one is NaN. A shift without a correlation counts as one at least as large.

    Examples
    --------
    >>> shift_p_value(np.array([0.3, 0.1, -0.4, 0.2]))
    0.5
    """
    if np.isnan(correlations[0]):
        return np.nan
    beyond = 1
    for j in range(1, len(correlations)):
        beyond += not abs(correlations[j]) < abs(correlations[0])
    return beyond / len(correlations)
