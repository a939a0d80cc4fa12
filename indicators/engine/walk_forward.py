"""How much each part's past earned it: weights from rank correlations with outcomes that were complete. INDICATORS 6.

    a_i = max(0, IC_i)·n_i / (n_i + 252)
    w_i ∝ a_i + max(0, 1 − Σ a) / p

IC_i is Spearman's ρ of part i's scores with what the index did over the 21 sessions after each, over the n_i pairs
whose outcome was complete; p parts are present, and what the ICs leave is shared equally. An IC of 0.05 is much, so
these weights lie near the equal ones unless a part stands out over years.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from indicators.engine.outcomes import Market
from indicators.kernels.rank import average_ranks

Floats = npt.NDArray[np.float64]

HORIZON = 21
HALF_WEIGHT = 252
"""Pairs at which half of an IC counts."""


def earned_shares(scores: Floats, positions: range, dates: Sequence[date], market: Market) -> Floats:
    """Each part's a_i at each session, refitted on the first session of each month and held through it.

    Parameters
    ----------
    scores : float64 (T, p), 0-100 at consecutive sessions, NaN = no score
    positions : their positions among all sessions
    dates : their T dates
    market : the index over all sessions; what completed later than a month's first session does not enter its fit

    Returns
    -------
    float64 (T, p), in [0, 1); 0 before two pairs, and for an IC that is not above zero
    """
    length, parts = scores.shape
    acted, completed, outcome = _outcomes(market, positions.start)
    inside = (acted >= 0) & (acted < length)
    acted, completed, outcome = acted[inside], completed[inside], outcome[inside]
    out = np.zeros((length, parts))
    for t in range(length):
        if t and dates[t].replace(day=1) == dates[t - 1].replace(day=1):
            out[t] = out[t - 1]
            continue
        known = completed <= t
        for i in range(parts):
            own = scores[acted[known], i]
            held = ~np.isnan(own)
            out[t, i] = _share(own[held], outcome[known][held])
    return out


def _outcomes(market: Market, start: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Session whose reading is acted on, session by whose close the outcome is complete, and the outcome."""
    level = np.log(market.price)
    outcome = level[HORIZON:] - level[:-HORIZON]
    acted = market.before[: len(outcome)] - start
    completed = market.before[HORIZON:] + 1 - start
    return acted, completed[: len(outcome)], outcome


def _share(score: Floats, outcome: Floats) -> float:
    n = len(score)
    if n < 2:
        return 0.0
    a, b = average_ranks(score) - 0.5 * (n + 1), average_ranks(outcome) - 0.5 * (n + 1)
    size = float(np.sqrt((a @ a) * (b @ b)))
    return max(0.0, float(a @ b) / size) * n / (n + HALF_WEIGHT) if size > 0 else 0.0


def shared_weights(shares: Sequence[float]) -> list[float]:
    """Weights of the parts present from their a_i: they sum to 1.

    >>> [round(w, 3) for w in shared_weights([0.1, 0.0])]
    [0.55, 0.45]
    """
    rest = max(0.0, 1.0 - sum(shares)) / len(shares)
    total = sum(shares) + rest * len(shares)
    return [(share + rest) / total for share in shares]
