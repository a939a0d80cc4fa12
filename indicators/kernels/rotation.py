"""Rotation between groups of stocks: members to groups, groups to ranks, ranks to states.

Matrices are (sessions, symbols) or (sessions, groups), oldest session first, groups and symbols in code order, so that
a tie goes to the earlier column. Every sum runs in one order, and nothing at row t reads a later row.
"""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.rank import average_ranks, rank_moves

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNKNOWN, NEUTRAL, UP, DOWN, SPIKE, FADING = -1, 0, 1, 2, 3, 4
LEADERS = 3
FEWEST = 3
RECENT = 5


@jit
def member_statistics(close: Floats, adjusted: Floats, dollars: Floats, window: int) -> tuple[Floats, Floats, Floats]:
    """Return, usual dollar volume and place against the own mean, for each symbol and session.

    Parameters
    ----------
    close, adjusted : float64, shape (n, s), dollars; NaN = no bar, or no adjusted close
    dollars : float64, shape (n, s), close × shares; NaN = no bar
    window : sessions w of the means

    Returns
    -------
    returns : adjusted_t/adjusted_{t−1} − 1 where both are given, else the same of close; NaN without both bars
    usual : mean dollar volume of the w sessions before t; NaN where one of them has no bar
    above : 1 where the close is above its mean over the last w sessions, t included, else 0; NaN where one has no bar.
        Adjusted closes are compared where all w are given.

    Notes
    -----
    A missing bar is never bridged: a return spans one session or is NaN.

    Examples
    --------
    >>> c = np.array([[10.0], [11.0], [np.nan]])
    >>> member_statistics(c, np.full((3, 1), np.nan), c, 2)[0].ravel()
    array([nan, 0.1, nan])
    """
    n, s = close.shape
    returns, usual, above = np.full((n, s), np.nan), np.full((n, s), np.nan), np.full((n, s), np.nan)
    for j in range(s):
        bars = fits = 0
        for t in range(n):
            if t > 0:
                returns[t, j] = adjusted[t, j] / adjusted[t - 1, j] - 1.0
                if np.isnan(returns[t, j]):
                    returns[t, j] = close[t, j] / close[t - 1, j] - 1.0
            if bars >= window:
                total = 0.0
                for k in range(t - window, t):
                    total += dollars[k, j]
                usual[t, j] = total / window
            bars = 0 if np.isnan(close[t, j]) else bars + 1
            fits = 0 if np.isnan(adjusted[t, j]) else fits + 1
            if bars >= window:
                total = 0.0
                price = adjusted if fits >= window else close
                for k in range(t - window + 1, t + 1):
                    total += price[k, j] - price[t, j]
                above[t, j] = 1.0 if total < 0.0 else 0.0
    return returns, usual, above


@jit
def group_statistics(
    start: Ints,
    member: Ints,
    first: Ints,
    last: Ints,
    weight: Floats,
    dollars: Floats,
    returns: Floats,
    usual: Floats,
    above: Floats,
) -> tuple[Floats, Ints, Ints]:
    """Gather the members of each group on each session.

    Parameters
    ----------
    start : int64, shape (g + 1,); rows start[i] … start[i+1]−1 of the next four arrays belong to group i
    member, first, last : int64, shape (r,); symbol column, first and last session of membership (both included)
    weight : float64, shape (r,); NaN = none given
    dollars, returns, usual, above : float64, shape (n, s), as `member_statistics` takes and gives them

    Returns
    -------
    float64 (5, n, g) : return, surge, share up, share above the mean, dispersion
    int64 (2, n, g) : members, members with a bar
    int64 (3, n, g) : the symbol columns with the highest returns, best first, -1 where there are fewer

    Notes
    -----
    Over the members of the session that have what is needed (others leave numerator and denominator):

        return = Σ w·r / Σ w, or the plain mean unless every weight is given and above zero
        surge = Σ dollars / Σ usual         share up = mean(r > 0)         dispersion = std of r (n−1)

    NaN where no member qualifies, where Σ usual is 0, and for the dispersion of fewer than two. A symbol listed
    twice in a group counts once, by its first row.

    References
    ----------
    INDICATORS, section 5.
    """
    n, s = returns.shape
    g = len(start) - 1
    out, counts = np.full((5, n, g), np.nan), np.zeros((2, n, g), dtype=np.int64)
    leaders = np.full((LEADERS, n, g), -1, dtype=np.int64)
    seen = np.full(s, -1, dtype=np.int64)
    for t in range(n):
        for i in range(g):
            weighted, weights, weighted_sum = True, 0.0, 0.0
            total = squares = volume = volume_usual = 0.0
            moved = rose = placed = higher = 0
            pivot = 0.0
            for row in range(start[i], start[i + 1]):
                j = member[row]
                if t < first[row] or t > last[row] or seen[j] == t * g + i:
                    continue
                seen[j] = t * g + i
                counts[0, t, i] += 1
                counts[1, t, i] += not np.isnan(dollars[t, j])
                if not np.isnan(usual[t, j]) and not np.isnan(dollars[t, j]):
                    volume += dollars[t, j]
                    volume_usual += usual[t, j]
                if not np.isnan(above[t, j]):
                    placed += 1
                    higher += above[t, j] > 0.0
                r = returns[t, j]
                if np.isnan(r):
                    continue
                if moved == 0:
                    pivot = r
                moved += 1
                rose += r > 0.0
                total += r - pivot
                squares += (r - pivot) ** 2
                weighted = weighted and weight[row] > 0.0
                weights += weight[row]
                weighted_sum += weight[row] * r
                place = LEADERS
                while place > 0 and (leaders[place - 1, t, i] < 0 or returns[t, leaders[place - 1, t, i]] < r):
                    place -= 1
                for k in range(LEADERS - 1, place, -1):
                    leaders[k, t, i] = leaders[k - 1, t, i]
                if place < LEADERS:
                    leaders[place, t, i] = j
            if moved > 0:
                out[0, t, i] = weighted_sum / weights if weighted else pivot + total / moved
                out[2, t, i] = rose / moved
            if volume_usual > 0.0:
                out[1, t, i] = volume / volume_usual
            if placed > 0:
                out[3, t, i] = higher / placed
            if moved > 1:
                out[4, t, i] = np.sqrt(max(squares - total * total / moved, 0.0) / (moved - 1))
    return out, counts, leaders


@jit
def compounded(returns: Floats, window: int) -> Floats:
    """Compound each column over the last `window` rows: Π(1 + r) − 1; NaN where one of them is.

    Parameters
    ----------
    returns : float64, shape (n, g), fractions
    window : rows, at least 1

    Examples
    --------
    >>> compounded(np.array([[0.5], [1.0], [0.0]]), 2).ravel()
    array([nan,  2.,  1.])
    """
    n, g = returns.shape
    out = np.full((n, g), np.nan)
    for t in range(window - 1, n):
        for i in range(g):
            product = 1.0
            for k in range(t - window + 1, t + 1):
                product *= 1.0 + returns[k, i]
            out[t, i] = product - 1.0
    return out


@jit
def strengths(returns: Floats, surge: Floats, vol: Floats) -> tuple[Floats, Ints]:
    """Rank the groups of each session, for strength upward and downward.

    Parameters
    ----------
    returns, surge, vol : float64, shape (n, g); a group lacking one of the three is not ranked that session

    Returns
    -------
    float64 (2, n, g) : S↑ and S↓, per cent; NaN where not ranked
    int64 (2, n, g) : 1 in the top m of S↑ (S↓), 0 below, -1 not ranked

    Notes
    -----
    Over the m₀ groups ranked in a session, with P = 100·(rank − ½)/m₀ (equal values share the mean rank):

        S↑ = mean of P(r), P(surge), P(vol)        S↓ = mean of P(−r), P(surge), P(vol)        m = ceil(m₀/3)

    Equal strengths go by column order. Fewer than 3 groups are not ranked.

    References
    ----------
    INDICATORS, section 5.
    """
    n, g = returns.shape
    strength, top = np.full((2, n, g), np.nan), np.full((2, n, g), -1, dtype=np.int64)
    for t in range(n):
        ranked = np.flatnonzero(np.isfinite(returns[t]) & np.isfinite(surge[t]) & np.isfinite(vol[t]))
        count = len(ranked)
        if count < FEWEST:
            continue
        shared = average_ranks(surge[t][ranked]) + average_ranks(vol[t][ranked])
        own = average_ranks(returns[t][ranked])
        for way in range(2):
            ranks = shared + (own if way == 0 else count + 1 - own)
            for a in range(count):
                ahead = 0
                for b in range(count):
                    ahead += ranks[b] > ranks[a] or (ranks[b] == ranks[a] and b < a)
                strength[way, t, ranked[a]] = 100.0 * (ranks[a] - 1.5) / (3.0 * count)
                top[way, t, ranked[a]] = ahead < (count + 2) // 3
    return strength, top


@jit
def states(top: Ints, total: Floats, market: Floats) -> Ints:
    """Name the state of each group on each session.

    Parameters
    ----------
    top : int64, shape (2, n, g), as `strengths` gives it
    total : float64, shape (n, g), return over the lookback
    market : float64, shape (n,), the market's over the same

    Returns
    -------
    int64, shape (n, g). First match wins:

        UP      top m of S↑ on ≥ 3 of the last 5 sessions, t included; total > 0 and total > market
        DOWN    top m of S↓ on ≥ 3 of the last 5; total < 0 and total < market
        SPIKE   top m of S↑ at t and on none of the 4 sessions before
        FADING  UP on one of the 4 sessions before, not at t
        NEUTRAL otherwise;  UNKNOWN unless ranked on all of the last 5 and both totals are known

    References
    ----------
    INDICATORS, section 5.
    """
    n, g = total.shape
    out = np.full((n, g), UNKNOWN, dtype=np.int64)
    for t in range(RECENT - 1, n):
        for i in range(g):
            gained = lost = 0
            ranked, was_up = True, False
            for k in range(t - RECENT + 1, t + 1):
                ranked = ranked and top[0, k, i] >= 0
                gained += top[0, k, i] == 1
                lost += top[1, k, i] == 1
                was_up = was_up or out[k, i] == UP
            if not ranked or np.isnan(total[t, i]) or np.isnan(market[t]):
                continue
            if gained >= 3 and total[t, i] > 0.0 and total[t, i] > market[t]:
                out[t, i] = UP
            elif lost >= 3 and total[t, i] < 0.0 and total[t, i] < market[t]:
                out[t, i] = DOWN
            elif top[0, t, i] == 1 and gained == 1:
                out[t, i] = SPIKE
            elif was_up:
                out[t, i] = FADING
            else:
                out[t, i] = NEUTRAL
    return out


@jit
def rank_change(returns: Floats) -> Floats:
    """Measure how much the order of the groups changed since the session before.

    Parameters
    ----------
    returns : float64, shape (n, g); NaN = no return

    Returns
    -------
    float64, shape (n,), per cent: 0 = the same order; a random order gives about 100/3.

    Notes
    -----
    With K the ranks of the m groups that have a return on both sessions (equal values share the mean rank):

        R_t = 100 · mean|K_t − K_{t−1}| / (m − 1)

    NaN where m < 3. References: CHINA, row 2 (rotation strength).

    Examples
    --------
    >>> rank_change(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    array([        nan, 66.66666667])
    """
    total, common = rank_moves(returns, 1)
    out = np.full(len(returns), np.nan)
    for t in range(len(returns)):
        if common[t] >= FEWEST:
            out[t] = 100.0 * total[t] / common[t] / (common[t] - 1)
    return out


@jit
def spread_of(returns: Floats) -> Floats:
    """Sample standard deviation across the groups of each session; NaN below 3 groups with a return."""
    n, g = returns.shape
    out = np.full(n, np.nan)
    for t in range(n):
        count, total, squares = 0, 0.0, 0.0
        for i in range(g):
            if not np.isnan(returns[t, i]):
                count += 1
                total += returns[t, i]
        if count < FEWEST:
            continue
        for i in range(g):
            if not np.isnan(returns[t, i]):
                squares += (returns[t, i] - total / count) ** 2
        out[t] = np.sqrt(squares / (count - 1))
    return out


@jit
def standing(y: Floats, window: int) -> Floats:
    """Distance of each value from the mean of its trailing window, in sample standard deviations.

    Parameters
    ----------
    y : float64, shape (n,); NaN = missing
    window : values in the mean, y_t included; at least 2

    Notes
    -----
    NaN where the window holds a NaN or does not vary. Two passes over each window, pivoted on y_t.
    """
    n = len(y)
    out = np.full(n, np.nan)
    run = 0
    for t in range(n):
        run = 0 if np.isnan(y[t]) else run + 1
        if run < window:
            continue
        mean = squares = 0.0
        for k in range(t - window + 1, t + 1):
            mean += y[k] - y[t]
        mean /= window
        for k in range(t - window + 1, t + 1):
            squares += (y[k] - y[t] - mean) ** 2
        if squares > 0.0:
            out[t] = -mean / np.sqrt(squares / (window - 1))
    return out


@jit
def relative_rotation(returns: Floats, market: Floats, window: int, step: int) -> Floats:
    """Place each group on a relative-rotation graph, from trailing data only.

    Parameters
    ----------
    returns : float64, shape (n, g); market : float64, shape (n,), fractions per session
    window : sessions w of both standardisations; step : sessions over which the ratio's change is taken

    Returns
    -------
    float64, shape (2, n, g): RS-Ratio and RS-Momentum, both around 100.

    Notes
    -----
        RS = Π (1 + r)/(1 + r_market)
        RS-Ratio = 100 + z_w(RS)        RS-Momentum = 100 + z_w(RS-Ratio_t − RS-Ratio_{t−step})

    z_w uses the last w sessions up to t, so a point never moves once drawn. RS has a gap where a return is missing, and
    no window holding a gap has a coordinate. Departure: de Kempenaer's own smoothing is unpublished; this is the common
    reconstruction. A constant factor in RS leaves z_w unchanged, so the start of the history does not matter.

    References
    ----------
    de Kempenaer, J. (2011), Relative Rotation Graphs.
    """
    n, g = returns.shape
    out = np.full((2, n, g), np.nan)
    for i in range(g):
        rs, change = np.full(n, np.nan), np.full(n, np.nan)
        level = 1.0
        for t in range(n):
            growth = (1.0 + returns[t, i]) / (1.0 + market[t])
            if not np.isnan(growth):
                level *= growth
                rs[t] = level
        ratio = standing(rs, window)
        for t in range(step, n):
            change[t] = ratio[t] - ratio[t - step]
        out[0, :, i] = 100.0 + ratio
        out[1, :, i] = 100.0 + standing(change, window)
    return out
