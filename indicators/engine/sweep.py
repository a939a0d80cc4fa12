"""Ten thousand trading rules on one history, and what the best of them is worth after so many were tried.

A rule is a blend of the gauge's parts, a lookback over which the blend is averaged, and a threshold: long where the
mean is at least the threshold, else out. Its Sharpe ratio is deflated by all rules tried; the probability of backtest
overfitting says how often the best rule of one half of the time is below the middle in the other. INDICATORS 7.
"""

from collections.abc import Callable
from datetime import date, datetime
from itertools import combinations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from feeds.errors import BadValue, NothingToShow
from feeds.store import Store
from indicators.engine.backtest import scores_of
from indicators.engine.day import day_of
from indicators.engine.outcomes import Market
from indicators.engine.performance import YEAR, deflated_sharpe, earned, expected_best_sharpe, sharpe_of
from indicators.engine.run import index_of
from indicators.engine.scope import scope, tables_of
from indicators.kernels.sweep import blended_means, overfit_share, sweep_rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOOKBACKS = np.arange(1, 21)
THRESHOLDS = np.arange(31.0, 71.0, 2.0)
BLENDS = 25
"""20 lookbacks, 20 thresholds, 25 blends: 10,000 rules."""

BLOCKS, PURGE = 16, 1
"""Blocks of the cross-validation; a rule's reading earns for one session, so that one is purged between blocks."""

LEAST_SESSIONS = 504


class Rule(BaseModel):
    """One rule and its annual Sharpe ratio."""

    model_config = ConfigDict(frozen=True)

    weights: dict[str, float]
    lookback: int
    threshold: float
    sharpe: float
    total_return: float


class Swept(BaseModel):
    """The outcome of a sweep. `overfit` is the probability of backtest overfitting, `luck_sharpe` the annual Sharpe
    ratio that the best of as many worthless rules of this spread is expected to show.
    """

    model_config = ConfigDict(frozen=True)

    market: str
    first: date
    last: date
    sessions: int
    rules: int
    cost_bps: float
    best: Rule
    hold_sharpe: float
    luck_sharpe: float
    deflated_sharpe: float | None
    overfit: float | None
    splits: int
    blocks: int
    purge: int
    words: str


def blends(parts: int, count: int = BLENDS, seed: int = 0) -> Floats:
    """Weights of `count` blends of the parts, (count, parts): each part alone, all alike, then evenly drawn ones."""
    alone = [*np.eye(parts), np.full(parts, 1.0 / parts)]
    drawn = np.random.default_rng(seed).dirichlet(np.ones(parts), max(count - len(alone), 0))
    return np.vstack([*alone, drawn])[:count]


def blocks_of(sessions: int, blocks: int = BLOCKS, purge: int = PURGE) -> Ints:
    """The block of each session, −1 for the last `purge` sessions of every block but the last."""
    edges = np.linspace(0, sessions, blocks + 1).astype(np.int64)
    out = np.repeat(np.arange(blocks), np.diff(edges))
    for edge in edges[1:-1].tolist():
        out[max(edge - purge, 0) : edge] = -1
    return out


def halves_of(blocks: int = BLOCKS) -> npt.NDArray[np.bool_]:
    """Every choice of half of the blocks, (C(B, B/2), B)."""
    chosen = list(combinations(range(blocks), blocks // 2))
    out = np.zeros((len(chosen), blocks), dtype=np.bool_)
    out[np.arange(len(chosen))[:, None], np.array(chosen)] = True
    return out


def sweep(
    market_name: str,
    scores: dict[str, Floats],
    returns: Floats,
    dates: tuple[date, ...],
    cost_bps: float,
    progress: Callable[[str], None] | None = None,
) -> Swept:
    """Try every rule of the grid on scores (n,) known before each session and the log returns (n,) from there."""
    names = list(scores)
    weights = blends(len(names))
    means = blended_means(np.vstack([scores[name] for name in names]), weights, LOOKBACKS)
    block = blocks_of(len(returns))
    simple = np.expm1(returns)
    everything = np.zeros(len(returns), dtype=np.int64)
    growth, total, square = sweep_rules(means, simple, THRESHOLDS, cost_bps * 1e-4, everything)
    n = len(returns)
    spread = np.sqrt(np.maximum(square[:, 0] - total[:, 0] ** 2 / n, 0.0) / (n - 1))
    sharpes = np.divide(total[:, 0] / n, spread, out=np.zeros(len(spread)), where=spread > 1e-12)
    best = int(np.argmax(sharpes))
    row, threshold = divmod(best, len(THRESHOLDS))
    blend, lookback = divmod(row, len(LOOKBACKS))
    mine = earned((means[row] >= THRESHOLDS[threshold]).astype(np.float64), returns, cost_bps)
    if progress is not None:
        progress("splits")
    _, sums, squares = sweep_rules(means, simple, THRESHOLDS, cost_bps * 1e-4, block)
    halves = halves_of()
    overfit = float(overfit_share(sums, squares, np.bincount(block[block >= 0], minlength=BLOCKS), halves))
    deflated = deflated_sharpe(mine, sharpes.tolist())
    sound = deflated is not None and deflated > 0.95 and overfit < 0.5
    return Swept(
        market=market_name,
        first=dates[0],
        last=dates[-1],
        sessions=n,
        rules=len(sharpes),
        cost_bps=cost_bps,
        best=Rule(
            weights={name: float(w) for name, w in zip(names, weights[blend], strict=True) if w > 0},
            lookback=int(LOOKBACKS[lookback]),
            threshold=float(THRESHOLDS[threshold]),
            sharpe=float(sharpes[best]) * np.sqrt(YEAR),
            total_return=float(growth[best]) - 1.0,
        ),
        hold_sharpe=(sharpe_of(simple) or 0.0) * np.sqrt(YEAR),
        luck_sharpe=expected_best_sharpe(sharpes.tolist()) * np.sqrt(YEAR),
        deflated_sharpe=deflated,
        overfit=overfit,
        splits=len(halves),
        blocks=BLOCKS,
        purge=PURGE,
        words="the best rule is more than the luck of trying so many"
        if sound
        else "no evidence: the best rule is no more than the luck of trying so many",
    )


def asked_sweep(
    store: Store,
    market: str = "us",
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
    cost_bps: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Swept:
    """Sweep the parts of a market's gauge from `start` to `end`, from the first session at which one has a score.

    Raises
    ------
    BadValue : a cost below zero or above 1,000 basis points
    NothingToShow : no index, no scores, or fewer than 504 sessions of them
    """
    if not 0 <= cost_bps <= 1000:
        raise BadValue("--cost-bps", cost_bps, "expected basis points from 0 to 1000")
    covered = scope(store, tables_of(market), market, start, end, as_of)
    day = day_of(store, market, end, as_of, progress=progress)
    index = index_of(store, market, covered)
    parts = {name: score for name, score in scores_of(day).items() if name not in ("gauge", "regime")}
    known, dates, returns = on_market(parts, index, day.sessions.days, start)
    if len(returns) < LEAST_SESSIONS:
        raise NothingToShow(f"a sweep needs {LEAST_SESSIONS} sessions with a score, has {len(returns)}")
    if progress is not None:
        progress("rules")
    return sweep(market, known, returns, dates, cost_bps, progress)


def on_market(
    parts: dict[str, Floats], index: Market, days: npt.NDArray[np.datetime64], start: date | None
) -> tuple[dict[str, Floats], tuple[date, ...], Floats]:
    """Scores as known before each session of the index, from the first at which a part has one; empty parts dropped."""
    before = index.before[:-1]
    usable = before >= 0
    if start is not None:
        usable &= days[np.maximum(before, 0)] >= np.datetime64(start)
    laid = {name: np.where(usable, score[np.maximum(before, 0)], np.nan) for name, score in parts.items()}
    laid = {name: score for name, score in laid.items() if not np.isnan(score).all()}
    if not laid:
        return {}, (), index.returns[:0]
    first = int(np.flatnonzero(~np.all([np.isnan(score) for score in laid.values()], axis=0))[0])
    return {name: score[first:] for name, score in laid.items()}, index.dates[first:-1], index.returns[first:]
