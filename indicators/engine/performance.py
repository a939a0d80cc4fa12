"""What an exposure to an index earned, and what a Sharpe ratio is worth after many were tried. INDICATORS 7.

    earned_u   = e_u·(exp(x_u) − 1) − cost·|e_u − e_{u−1}|      e_{−1} = 0, no charge for leaving at the end
    cagr       = Π(1 + earned)^(252/n) − 1
    volatility = s·√252,  sharpe = mean/s·√252                  s with n − 1; no riskless rate is taken off
    sortino    = mean·252 / (√mean(min(earned, 0)²)·√252)
    drawdown_u = wealth_u / max(1, wealth up to u) − 1,  calmar = cagr / |max_drawdown|
    turnover   = mean |Δe|·252 a year,  time_in_market = mean |e|

A ratio whose divisor is zero is null.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]

YEAR = 252
EULER = 0.5772156649015329


class Performance(BaseModel):
    """Figures of one exposure over one span; rates are fractions a year, `max_drawdown` is ≤ 0."""

    model_config = ConfigDict(frozen=True)

    total_return: float
    cagr: float | None
    volatility: float
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    calmar: float | None
    turnover: float
    time_in_market: float


def exposures(score: Floats, horizon: int, long_short: bool = False) -> Floats:
    """Exposure at each session when every reading is held for `horizon` sessions in equal slices.

    Parameters
    ----------
    score : float64 (n,), 0-100, the reading known before each session; NaN = none
    long_short : 1 from 50 up and −1 below, instead of 1 and 0; no reading is no exposure in both

    Notes
    -----
    e_u = (1/h) Σ_{k<h} d(score_{u−k}): at each session one h-th of the money follows the newest reading until it is
    h sessions old. Before the first reading the slices are empty.

    >>> exposures(np.array([80.0, 20.0, np.nan]), 2).tolist()
    [0.5, 0.5, 0.0]
    """
    known = ~np.isnan(score)
    low = -1.0 if long_short else 0.0
    decided = np.where(known, np.where(np.nan_to_num(score) >= 50.0, 1.0, low), 0.0)
    total = np.concatenate([np.zeros(horizon), np.cumsum(decided)])
    return np.asarray((total[horizon:] - total[:-horizon]) / horizon)


def earned(exposure: Floats, returns: Floats, cost_bps: float) -> Floats:
    """Simple return of each session: exposure (n,), log returns (n,) of the index, cost in 1e-4 of what is traded."""
    traded = np.abs(np.diff(exposure, prepend=0.0))
    return np.asarray(exposure * np.expm1(returns) - cost_bps * 1e-4 * traded)


def drawdowns(earned_: Floats) -> Floats:
    """Wealth against its highest so far, the start included: (n,), ≤ 0."""
    wealth = np.cumprod(1.0 + earned_)
    return np.asarray(wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1.0)


def sharpe_of(earned_: Floats) -> float | None:
    """Sharpe ratio of one session (not annual); null for a constant series."""
    deviation = float(np.std(earned_, ddof=1)) if len(earned_) > 1 else 0.0
    return float(np.mean(earned_)) / deviation if deviation > 1e-15 else None


def performance(exposure: Floats, earned_: Floats) -> Performance:
    """All figures of an exposure (n,) and what it earned (n,); n ≥ 2."""
    n = len(earned_)
    growth = float(np.prod(1.0 + earned_))
    cagr = growth ** (YEAR / n) - 1.0 if growth > 0 else None
    per_session = sharpe_of(earned_)
    below = float(np.sqrt(np.mean(np.minimum(earned_, 0.0) ** 2)))
    deepest = float(np.min(drawdowns(earned_)))
    return Performance(
        total_return=growth - 1.0,
        cagr=cagr,
        volatility=float(np.std(earned_, ddof=1)) * np.sqrt(YEAR),
        sharpe=None if per_session is None else per_session * np.sqrt(YEAR),
        sortino=float(np.mean(earned_)) / below * np.sqrt(YEAR) if below > 0 else None,
        max_drawdown=min(deepest, 0.0),
        calmar=None if cagr is None or deepest >= 0 else cagr / -deepest,
        turnover=float(np.mean(np.abs(np.diff(exposure, prepend=0.0)))) * YEAR,
        time_in_market=float(np.mean(np.abs(exposure))),
    )


def expected_best_sharpe(trials: Sequence[float]) -> float:
    """SR₀: the best per-session Sharpe that N worthless trials of this spread are expected to show; 0 for one trial."""
    from scipy.stats import norm

    n = len(trials)
    if n < 2:
        return 0.0
    best = (1.0 - EULER) * norm.ppf(1.0 - 1.0 / n) + EULER * norm.ppf(1.0 - 1.0 / (n * np.e))
    return float(np.std(np.asarray(trials), ddof=1) * best)


def deflated_sharpe(earned_: Floats, trials: Sequence[float]) -> float | None:
    """Probability that the true Sharpe ratio is above what luck among all trials would have shown.

    Φ((SR − SR₀)·√(T − 1) / √(1 − γ₃·SR + (γ₄ − 1)·SR²/4)), SR of one session, γ₃ skewness, γ₄ raw kurtosis.

    Parameters
    ----------
    earned_ : float64 (T,), simple returns of the strategy judged
    trials : per-session Sharpe ratios of everything tried, it among them

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014). The deflated Sharpe ratio. Journal of Portfolio Management 40(5),
    94-107, equations 1 and 2.
    """
    from scipy.stats import kurtosis, norm, skew

    own = sharpe_of(earned_)
    if own is None:
        return None
    spread = 1.0 - float(skew(earned_)) * own + (float(kurtosis(earned_, fisher=False)) - 1.0) * own * own / 4.0
    if spread <= 0:
        return None
    return float(norm.cdf((own - expected_best_sharpe(trials)) * np.sqrt(len(earned_) - 1) / np.sqrt(spread)))
