"""Thousands of trading rules on one history, and whether the best of them is the best anywhere else."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def blended_means(scores: Floats, weights: Floats, lookbacks: Ints) -> Floats:
    """Mean of the last scores blended by weights, for each blend and lookback.

    Parameters
    ----------
    scores : float64, shape (p, n); NaN = no score
    weights : float64, shape (w, p), ≥ 0
    lookbacks : int64, shape (l,), each ≥ 1

    Returns
    -------
    float64, shape (w·l, n), the lookback running fastest; NaN where a session of the lookback has no part of weight

    Notes
    -----
    blend_u = Σ w_i·s_iu / Σ w_i over the parts present; mean = Σ_{k<L} blend_{u−k} / L, added from the oldest on: the
    same window has the same mean wherever the history starts. Time O(w·n·(p + Σ L)).

    Examples
    --------
    >>> blended_means(np.array([[10.0, 20.0, np.nan]]), np.array([[1.0]]), np.array([1, 2]))
    array([[10., 20., nan],
           [nan, 15., nan]])
    """
    parts, n = scores.shape
    out = np.full((len(weights) * len(lookbacks), n), np.nan)
    blend = np.empty(n)
    for w in range(len(weights)):
        for u in range(n):
            total = held = 0.0
            for i in range(parts):
                if not np.isnan(scores[i, u]):
                    total += weights[w, i] * scores[i, u]
                    held += weights[w, i]
            blend[u] = total / held if held > 0.0 else np.nan
        for j in range(len(lookbacks)):
            row = out[w * len(lookbacks) + j]
            for u in range(lookbacks[j] - 1, n):
                total = 0.0
                for k in range(u - lookbacks[j] + 1, u + 1):
                    total += blend[k]
                row[u] = total / lookbacks[j]
    return out


@jit
def sweep_rules(
    means: Floats, returns: Floats, thresholds: Floats, cost: float, block: Ints
) -> tuple[Floats, Floats, Floats]:
    """Follow each rule "long where the mean is at least the threshold, else out" and sum what it earned by block.

    Parameters
    ----------
    means : float64, shape (b, n), known before each session; NaN = out of the market
    returns : float64, shape (n,), simple return of each session
    thresholds : float64, shape (q,)
    cost : share of what is traded that trading costs
    block : int64, shape (n,), the block of each session, 0 … B − 1; −1 = purged, counted in no block

    Returns
    -------
    float64 (b·q,) : growth of 1, all sessions counted, the threshold running fastest
    float64 (b·q, B) : sum of session returns by block
    float64 (b·q, B) : sum of their squares by block

    Notes
    -----
    earned_u = e_u·x_u − cost·|e_u − e_{u−1}|, e_{−1} = 0. Time O(b·q·n).

    Examples
    --------
    >>> rules = sweep_rules(np.array([[60.0, 40.0]]), np.array([0.1, 0.2]), np.array([50.0]), 0.0, np.array([0, 0]))
    >>> rules[0].round(3), rules[1].round(3)
    (array([1.1]), array([[0.1]]))
    """
    rows, n = means.shape
    q = len(thresholds)
    blocks = max(block.max() + 1, 1)
    growth = np.ones(rows * q)
    sums = np.zeros((rows * q, blocks))
    squares = np.zeros((rows * q, blocks))
    for b in range(rows):
        for t in range(q):
            rule = b * q + t
            wealth, before = 1.0, 0.0
            for u in range(n):
                now = 1.0 if means[b, u] >= thresholds[t] else 0.0
                if now == 0.0 and before == 0.0:
                    continue
                earned = now * returns[u]
                if now != before:
                    earned -= cost
                before = now
                wealth *= 1.0 + earned
                if block[u] >= 0:
                    sums[rule, block[u]] += earned
                    squares[rule, block[u]] += earned * earned
            growth[rule] = wealth
    return growth, sums, squares


@jit
def overfit_share(sums: Floats, squares: Floats, counts: Ints, halves: npt.NDArray[np.bool_]) -> float:
    """Share of splits in which the rule with the best Sharpe ratio in one half is below the middle in the other.

    Parameters
    ----------
    sums, squares : float64, shape (r, B), r ≥ 2; as `sweep_rules`
    counts : int64, shape (B,), sessions of each block
    halves : bool, shape (s, B), the blocks of the half in which the best rule is chosen

    Returns
    -------
    float in [0, 1]: the probability of backtest overfitting; NaN without a split

    Notes
    -----
    A rule's rank in the other half is (#lower + ½·#equal others) / (r − 1); the split counts where it is ≤ ½, that is
    where its logit is ≤ 0. A rule that never moves has Sharpe 0. Of equally good rules the first is chosen.

    References
    ----------
    Bailey, D. H., Borwein, J., López de Prado, M. and Zhu, Q. J. (2017). The probability of backtest overfitting.
    Journal of Computational Finance 20(4), 39-69, section 2.2 (combinatorially symmetric cross-validation).

    Examples
    --------
    >>> sums = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> overfit_share(sums, sums + 1.0, np.array([5, 5]), np.array([[True, False]]))
    1.0
    """
    rules, blocks = sums.shape
    bad = 0
    outside = np.empty(rules)
    for s in range(len(halves)):
        n_in = n_out = 0
        for b in range(blocks):
            if halves[s, b]:
                n_in += counts[b]
            else:
                n_out += counts[b]
        best, chosen = -np.inf, 0
        for r in range(rules):
            a = aa = c = cc = 0.0
            for b in range(blocks):
                if halves[s, b]:
                    a += sums[r, b]
                    aa += squares[r, b]
                else:
                    c += sums[r, b]
                    cc += squares[r, b]
            outside[r] = _sharpe(c, cc, n_out)
            inside = _sharpe(a, aa, n_in)
            if inside > best:
                best, chosen = inside, r
        lower = equal = 0
        for r in range(rules):
            lower += outside[r] < outside[chosen]
            equal += outside[r] == outside[chosen]
        bad += lower + 0.5 * (equal - 1) <= 0.5 * (rules - 1)
    return bad / len(halves) if len(halves) else np.nan


@jit
def _sharpe(total: float, squares: float, count: int) -> float:
    """Mean over standard deviation of `count` session returns, 0 where they do not vary."""
    if count < 2:
        return 0.0
    spread = (squares - total * total / count) / (count - 1)
    return total / count / np.sqrt(spread) if spread > 1e-18 else 0.0
