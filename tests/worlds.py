"""Worlds of readings and returns with a known link between them, and the share of tests that reject in them.

A world is a two-state market: calm and wild, with equal drift, so that its returns are uncorrelated but not alike. A
reading is drawn apart from it (exogenous), or made of its past returns (price-derived); a planted one leans towards
what follows.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm, rankdata

from indicators.engine.evidence import information_coefficient, outcomes_of, shifts_for
from indicators.engine.outcomes import trailing_volatility

Floats = npt.NDArray[np.float64]

SESSIONS = 1_000


def returns_of(random: np.random.Generator, sessions: int = SESSIONS) -> Floats:
    """Log returns of one world: calm sessions of 0.7 %, wild ones of 1.8 %, the same drift in both."""
    stays = random.random(sessions) < 0.98
    wild = np.cumsum(~stays) % 2 == 1
    return 0.0003 + np.where(wild, 0.018, 0.007) * random.normal(size=sessions)


def independent(random: np.random.Generator, returns: Floats) -> Floats:
    """A reading without memory."""
    return random.normal(size=len(returns))


def persistent(random: np.random.Generator, returns: Floats) -> Floats:
    """A reading that remembers: autocorrelation 0.97, half gone in a month."""
    return lfilter([1.0], [1.0, -0.97], random.normal(size=len(returns) + 300))[300:]


def momentum(random: np.random.Generator, returns: Floats) -> Floats:
    """A reading made of prices: the return of the 63 sessions before."""
    level = np.concatenate([np.zeros(64), np.cumsum(returns)])
    return level[63:-1] - level[:-64]


def planted(strength: float, horizon: int):
    """A maker of readings that lean towards the return of the `horizon` sessions that follow."""

    def make(random: np.random.Generator, returns: Floats) -> Floats:
        ahead = outcomes_of(returns, horizon)
        return strength * ahead / ahead.std() + persistent(random, returns) / 4.1

    return make


def shift_rejections(
    make, horizon: int, worlds: int, shifts: int, seed: int, scaled: bool = False, level: float = 0.05
) -> float:
    """Share of worlds in which the circular-shift test of the backtest finds a p below the level."""
    rejected = 0
    for world in range(worlds):
        random = np.random.default_rng([seed, world])
        before = returns_of(random, SESSIONS + 63)
        reading, returns = make(random, before)[63:], before[63:]
        volatility = trailing_volatility(before)[63:-1] if scaled else None
        turns = shifts_for(SESSIONS, horizon, seed=world, count=shifts, price_derived=make is momentum)
        _, p = information_coefficient(reading, outcomes_of(returns, horizon, volatility), horizon, turns)
        rejected += p < level
    return rejected / worlds


def t_rejections(make, horizon: int, worlds: int, seed: int, lags: int) -> float:
    """Share of worlds in which a t-test of the slope of ranks rejects at 5 %: naive with 0 lags, else Newey-West's."""
    rejected = 0
    for world in range(worlds):
        random = np.random.default_rng([seed, world])
        before = returns_of(random, SESSIONS + 63)
        reading, returns = make(random, before)[63:], before[63:]
        pairs = SESSIONS - horizon + 1
        x, y = rankdata(reading[:pairs]), rankdata(outcomes_of(returns, horizon)[:pairs])
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
        slope = x @ y / pairs
        score = x * (y - slope * x)
        variance = score @ score
        for lag in range(1, lags + 1):
            variance += 2.0 * (1.0 - lag / (lags + 1)) * (score[lag:] @ score[:-lag])
        rejected += 2.0 * norm.sf(abs(slope) * pairs / np.sqrt(max(variance, 1e-12))) < 0.05
    return rejected / worlds
