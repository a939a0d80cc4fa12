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
MADE_OF = 63
"""Sessions of returns that a reading made of prices is taken to be made of, or its horizon where that is longer."""

LEAST_SHIFTS, LEAST_READINGS, TIMES_HORIZON = 99, 60, 10
"""What a test needs: 99 different shifts, 60 readings with an outcome, and ten times its horizon of them."""

LEVEL, WEAK_LEVEL = 0.05, 0.10

QUINTILES = 5


class Interval(BaseModel):
    """The middle 95 per cent."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float


def shifts_for(sessions: int, horizon: int, seed: int = 0, count: int = SHIFTS, price_derived: bool = False) -> Ints:
    """0 and then `count` shifts drawn evenly from those that count, the same ones for the same seed.

    Notes
    -----
    All of 1 to n − 1 count: the turned series are then a group of which the reading as it stands is one member, and
    only so does the test reject as often as it says. Without the neighbours of 0 it rejects too often wherever a
    reading and its outcomes remember, most of all at small p: they are high whenever the correlation observed is high
    by luck.

    Of a reading made of prices, those above n − max(63, h) do not count: they set it against the very returns that it
    was made of, and no link to what follows could be seen beside that. docs/backtest.md has the figures of both.
    """
    most = sessions - max(MADE_OF, horizon) if price_derived else sessions - 1
    drawn = np.random.default_rng([seed, sessions, horizon]).integers(1, most, count, endpoint=True)
    return np.concatenate([[0], drawn]).astype(np.int64)


def too_short(sessions: int, pairs: int, horizon: int) -> str | None:
    """Why a horizon cannot be tested on so many sessions and readings with an outcome; None where it can."""
    least = max(LEAST_READINGS, TIMES_HORIZON * horizon)
    if pairs < least:
        return f"too short: {pairs} readings with an outcome, needs {least}"
    span = max(MADE_OF, horizon) + LEAST_SHIFTS
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


def bootstrapped(
    ranks: Floats,
    outcome_ranks: Floats,
    horizon: int,
    draws: int,
    fifth: Ints,
    ahead: Floats,
    seed: int = 0,
) -> list[Interval | None]:
    """Intervals of ρ and of the mean outcome of each fifth, from stationary blocks of pairs.

    Parameters
    ----------
    ranks, outcome_ranks : (k,), of readings and of what followed them
    fifth : (k,), 0 to 4, of each reading
    ahead : (k,), simple return that followed it

    Returns
    -------
    that of ρ first, then the five; None where a side is constant or a fifth is empty

    Notes
    -----
    Blocks are as long as the product of ranks asks for and at least h. A reading keeps its fifth in every draw; a draw
    without one of a fifth's readings says nothing about that fifth.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). JASA 89, 1303-1313; block length: Patton, Politis and White (2009).
    """
    from arch.bootstrap import StationaryBootstrap

    x, y = _standard(ranks), _standard(outcome_ranks)
    if x is None or y is None:
        return [None] * (1 + QUINTILES)
    block = max(_block(x * y), horizon)

    def drawn_once(at: Ints) -> Floats:
        a, b, mine = x[at], y[at], fifth[at]
        a, b = a - a.mean(), b - b.mean()
        size = float(np.sqrt((a @ a) * (b @ b)))
        counts = np.bincount(mine, minlength=QUINTILES)
        sums = np.bincount(mine, ahead[at], QUINTILES)
        means = np.divide(sums, counts, out=np.full(QUINTILES, np.nan), where=counts > 0)
        return np.concatenate([[float(a @ b) / size if size > 0 else 0.0], means])

    drawn = StationaryBootstrap(block, np.arange(len(x)), seed=seed).apply(drawn_once, draws)
    return [_middle(column[~np.isnan(column)]) for column in drawn.T]


def _middle(drawn: Floats) -> Interval | None:
    if not len(drawn):
        return None
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

    return _middle(StationaryBootstrap(_block(earned * earned), earned, seed=seed).apply(ratio, draws)[:, 0])


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
