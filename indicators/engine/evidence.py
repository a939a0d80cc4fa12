"""Whether a reading knew anything of what came after it: correlation, its p-value, its intervals, a verdict in words.

p-values come from turning the returns against the reading (`kernels/shift.py`), which keeps the persistence of both:
the usual tests do not, and reject far too often (docs/backtest.md has the figures). Intervals from Newey-West and from
the stationary bootstrap stand beside them. INDICATORS 7.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from indicators.kernels.rank import average_ranks
from indicators.kernels.shift import circular_sums, shift_p_value, shifted_spearman

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Verdict = Literal["evidence", "weak evidence", "none", "too short"]

HORIZONS = (1, 5, 21, 63)
SHIFTS = 999
FARTHEST = 63
"""No shift is smaller than this or the horizon: a turned reading must not keep its own outcome."""

LEAST_SHIFTS, LEAST_READINGS, TIMES_HORIZON = 99, 60, 10
"""What a test needs: 99 different shifts, 60 readings with an outcome, and ten times its horizon of them."""

LEVEL, WEAK_LEVEL = 0.05, 0.10


class Interval(BaseModel):
    """The middle 95 per cent."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float


def shifts_for(sessions: int, horizon: int, seed: int = 0, count: int = SHIFTS) -> Ints:
    """0 and then `count` shifts drawn evenly from [max(63, h), n − max(63, h)], the same ones for the same seed."""
    least = max(FARTHEST, horizon)
    drawn = np.random.default_rng([seed, sessions, horizon]).integers(least, sessions - least, count, endpoint=True)
    return np.concatenate([[0], drawn]).astype(np.int64)


def too_short(sessions: int, pairs: int, horizon: int) -> str | None:
    """Why a horizon cannot be tested on so many sessions and readings with an outcome; None where it can."""
    least = max(LEAST_READINGS, TIMES_HORIZON * horizon)
    if pairs < least:
        return f"too short: {pairs} readings with an outcome, needs {least}"
    span = 2 * max(FARTHEST, horizon) + LEAST_SHIFTS - 1
    return None if sessions >= span else f"too short: {sessions} sessions, needs {span}"


def ranks_in_pairs(score: Floats, horizon: int) -> Floats:
    """Ranks of the readings that have a whole outcome ahead, (n − h + 1,); NaN without a reading."""
    return average_ranks(score[: len(score) - horizon + 1])


def information_coefficient(score: Floats, outcomes: Floats, horizon: int, shifts: Ints) -> tuple[float, float]:
    """Spearman's ρ of readings (n,) with circular outcomes (n,), and its p-value from the shifts, of which 0 leads."""
    found = shifted_spearman(ranks_in_pairs(score, horizon), outcomes, shifts)
    return float(found[0]), float(shift_p_value(found))


def outcomes_of(returns: Floats, horizon: int, volatility: Floats | None = None) -> Floats:
    """Circular forward sums (n,), divided by the volatility known before each where one is given."""
    sums = circular_sums(returns, horizon)
    return sums if volatility is None else sums / volatility


def newey_west(ranks: Floats, outcome_ranks: Floats, horizon: int) -> Interval | None:
    """Interval of ρ as the slope of standardised ranks, errors correlated over max(h − 1, 4·(n/100)^(2/9)) lags.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). Econometrica 55(3), 703-708; the rule for lags is that of their 1994 paper.
    """
    from statsmodels.regression.linear_model import OLS

    x, y = _standard(ranks), _standard(outcome_ranks)
    if x is None or y is None:
        return None
    lags = max(horizon - 1, int(4 * (len(x) / 100) ** (2 / 9)))
    fitted = OLS(y, np.column_stack([np.ones(len(x)), x])).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    low, high = fitted.conf_int()[1]
    return Interval(low=float(low), high=float(high))


def bootstrapped(ranks: Floats, outcome_ranks: Floats, horizon: int, draws: int, seed: int = 0) -> Interval | None:
    """Interval of ρ from stationary blocks of pairs, as long as the product of ranks asks for and at least h.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). JASA 89, 1303-1313; block length: Patton, Politis and White (2009).
    """
    from arch.bootstrap import StationaryBootstrap

    x, y = _standard(ranks), _standard(outcome_ranks)
    if x is None or y is None:
        return None
    block = max(_block(x * y), horizon)

    def correlation(a: Floats, b: Floats) -> Floats:
        a, b = a - a.mean(), b - b.mean()
        size = float(np.sqrt((a @ a) * (b @ b)))
        return np.array([float(a @ b) / size if size > 0 else 0.0])

    drawn = StationaryBootstrap(block, x, y, seed=seed).apply(correlation, draws)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(low=float(low), high=float(high))


def sharpe_interval(earned: Floats, draws: int, seed: int = 0) -> Interval | None:
    """Interval of the annual Sharpe ratio from stationary blocks of sessions, their length that of squared returns."""
    from arch.bootstrap import StationaryBootstrap

    if not np.std(earned) > 1e-15:
        return None

    def ratio(x: Floats) -> Floats:
        deviation = float(x.std(ddof=1))
        return np.array([float(x.mean()) / deviation * np.sqrt(252.0) if deviation > 0 else 0.0])

    drawn = StationaryBootstrap(_block(earned * earned), earned, seed=seed).apply(ratio, draws)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(low=float(low), high=float(high))


def _block(x: Floats) -> int:
    """Mean length of a stationary block that the dependence of x asks for, a quarter of its length at most."""
    from arch.bootstrap import optimal_block_length

    asked = float(optimal_block_length(x)["stationary"].iloc[0])
    return int(min(max(np.ceil(asked), 1.0), max(len(x) // 4, 1))) if np.isfinite(asked) else 1


def _standard(x: Floats) -> Floats | None:
    deviation = float(np.std(x)) if len(x) else 0.0
    return (x - x.mean()) / deviation if deviation > 0 else None


def adjusted(p_values: Sequence[float | None]) -> tuple[list[float | None], list[float | None]]:
    """p-values after Benjamini-Hochberg and after Benjamini-Yekutieli over the whole stated family.

    One that could not be computed counts as 1, so that the family stays as large as it was stated.
    """
    from scipy.stats import false_discovery_control

    if not p_values:
        return [], []
    whole = np.array([1.0 if p is None else p for p in p_values])
    both = (false_discovery_control(whole, method=method) for method in ("bh", "by"))
    hochberg, yekutieli = ([None if p is None else float(q) for p, q in zip(p_values, qs, strict=True)] for qs in both)
    return hochberg, yekutieli


def verdict_of(ic: float | None, p: float | None, hochberg: float | None, yekutieli: float | None) -> Verdict:
    """In a word: "evidence" where ρ > 0 survives Benjamini-Yekutieli at 5 %; "weak evidence" where it survives
    Benjamini-Hochberg at 10 %; else "none". One p below 5 % alone is what a family this large shows by luck, and a ρ
    below zero is no evidence for the reading.
    """
    if ic is None or p is None or hochberg is None or yekutieli is None:
        return "too short"
    if ic <= 0:
        return "none"
    if yekutieli < LEVEL:
        return "evidence"
    return "weak evidence" if hochberg < WEAK_LEVEL else "none"
