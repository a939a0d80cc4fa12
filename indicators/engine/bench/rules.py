"""Ten thousand gauge rules on ten years of sessions (P9), beside vectorbt's `Portfolio.from_signals`; and a backtest.

Both get the same scores and prices and give each rule's total return. vectorbt is handed the rules' exposures ready
made, since it has no blends; ours computes them. It takes 1,000 rules at a time: at once they do not fit in memory.
"""

from datetime import date
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.calendar import exchange_sessions
from indicators.engine.backtest import DRAWS, backtest
from indicators.engine.bench.clock import Contender, JobResult, Target, timed
from indicators.engine.bench.tape import SEED, Tapes
from indicators.engine.outcomes import market_of
from indicators.engine.sweep import BLENDS, LOOKBACKS, THRESHOLDS, blends
from indicators.kernels.sweep import blended_means, sweep_rules

Floats = npt.NDArray[np.float64]

SESSIONS, PARTS, SERIES = 2_520, 5, 7
AT_ONCE = 1_000
DIGITS = 9
"""Decimals of a total return in which all must agree: products of 2,520 factors round differently beyond."""


def drawn(sessions: int) -> tuple[Floats, Floats]:
    """Scores (parts, sessions) that remember, and prices (sessions + 1,)."""
    random = np.random.default_rng(SEED)
    steps = random.normal(0, 6, (PARTS, sessions))
    scores = np.abs((np.cumsum(steps, axis=1) + 50.0) % 200.0 - 100.0)
    return scores, 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(random.normal(0.0003, 0.01, sessions))]))


def ours_p9(scores: Floats, prices: Floats) -> pl.DataFrame:
    """Total return of every rule: blends, lookbacks, thresholds and what was earned."""
    means = blended_means(scores, blends(PARTS, BLENDS), LOOKBACKS)
    returns = prices[1:] / prices[:-1] - 1.0
    growth, _, _ = sweep_rules(means, returns, THRESHOLDS, 0.0, np.zeros(len(returns), dtype=np.int64))
    return pl.DataFrame({"total_return": np.round(growth - 1.0, DIGITS) + 0.0})


def vectorbt_p9(signals: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]], prices: Floats) -> pl.DataFrame:
    """The same from entries and exits that stand ready, a slice of rules at a time."""
    import pandas as pd
    import vectorbt

    close = pd.Series(prices)
    found = [
        vectorbt.Portfolio.from_signals(close, entries, exits, init_cash=1.0, freq="1D").total_return().to_numpy()
        for entries, exits in signals
    ]
    return pl.DataFrame({"total_return": np.round(np.concatenate(found), DIGITS) + 0.0})


def signals_of(scores: Floats) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """Entries and exits (sessions + 1, rules) of every rule, 1,000 rules at a time; the last price is not traded at."""
    means = blended_means(scores, blends(PARTS, BLENDS), LOOKBACKS)
    held = means[:, None, :] >= THRESHOLDS[None, :, None]
    exposure = held.reshape(-1, means.shape[1])
    slices = []
    for start in range(0, len(exposure), AT_ONCE):
        now = exposure[start : start + AT_ONCE].T
        before = np.vstack([np.zeros((1, now.shape[1]), dtype=np.bool_), now[:-1]])
        last = np.zeros((1, now.shape[1]), dtype=np.bool_)
        slices.append((np.vstack([now & ~before, last]), np.vstack([~now & before, last])))
    return slices


def backtest_p9(sessions: int, draws: int) -> pl.DataFrame:
    """Rows of the whole backtest of seven series that remember, at every horizon: p, intervals, performance, verdicts.

    Parameters
    ----------
    sessions : of the index and the series, XNYS sessions from 2012 on; 2,562 at most
    draws : bootstrap draws of every interval
    """
    every = exchange_sessions("XNYS", date(2012, 1, 3), date(2022, 3, 8))
    days = every.window(None, every.dates[sessions - 1])
    random = np.random.default_rng(SEED)
    scores = np.abs((np.cumsum(random.normal(0, 6, (SERIES, len(days))), axis=1) + 50.0) % 200.0 - 100.0)
    closes = 100.0 * np.exp(np.cumsum(random.normal(0.0003, 0.01, len(days))))
    index = market_of(pl.DataFrame({"date": list(days.dates), "close": closes}), days)
    rows, _, _ = backtest({f"series {n}": score for n, score in enumerate(scores)}, {"index": index}, days, draws=draws)
    return pl.DataFrame({"p": [row.p_value for row in rows], "sharpe": [row.sharpe for row in rows]})


def p9b(tapes: Tapes) -> JobResult:
    """The full backtest of ten years; sessions and draws by the scale."""
    sessions, draws = min(SESSIONS, max(700, round(SESSIONS * tapes.scale))), max(20, round(DRAWS * tapes.scale))
    return timed(
        f"a full backtest of {SERIES} series at 4 horizons on {sessions:,} sessions, {draws:,} bootstrap draws",
        {"ours": lambda: backtest_p9(sessions, draws)},
        Target("none: no peer does the whole of it"),
        tapes.rounds,
        ("999 circular shifts a test, intervals of ρ, of every fifth and of the Sharpe ratio; arch draws the blocks",),
    )


def p9(tapes: Tapes) -> JobResult:
    """The sweep of rules; sessions by the scale, never fewer than 50."""
    sessions = max(50, round(SESSIONS * tapes.scale))
    scores, prices = drawn(sessions)
    contenders: dict[str, Contender] = {"ours": lambda: ours_p9(scores, prices)}
    notes = (f"equal total returns to {DIGITS} decimals; vectorbt is given its signals ready made",)
    if find_spec("vectorbt") is None:
        notes = ("vectorbt is not installed: pip install 'bullbear[peers]' to be timed beside it",)
    else:
        signals = signals_of(scores)
        contenders["vectorbt"] = lambda: vectorbt_p9(signals, prices)
    rules = BLENDS * len(LOOKBACKS) * len(THRESHOLDS)
    return timed(
        f"{rules:,} rules (25 blends × 20 lookbacks × 20 thresholds) on {sessions:,} sessions: total return of each",
        contenders,
        Target("≥ 20× vectorbt", {"vectorbt": 20} if "vectorbt" in contenders else {}),
        tapes.rounds,
        notes,
    )
