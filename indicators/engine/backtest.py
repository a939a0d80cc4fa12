"""Readings against the history of the index they are about: what each knew, and what following it earned. INDICATORS 7.

A series' span runs from its first score in the sessions asked for to the last session stored. Within it a session
without a score is out of the market. Every series is held against every horizon; all of them are one family of tests,
and all strategies are the trials that the deflated Sharpe ratio counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from feeds.errors import BadValue, NothingToShow
from feeds.schema import Sessions
from feeds.store import Store
from indicators.engine.event_study import Event, event_study
from indicators.engine.evidence import (
    HORIZONS,
    SHIFTS,
    Interval,
    Verdict,
    adjusted,
    bootstrapped,
    information_coefficient,
    newey_west,
    outcomes_of,
    ranks_in_pairs,
    sharpe_interval,
    shifts_for,
    too_short,
    verdict_of,
)
from indicators.engine.outcomes import Market
from indicators.engine.performance import Performance, deflated_sharpe, drawdowns, earned, exposures, performance
from indicators.engine.performance import sharpe_of as per_session_sharpe
from indicators.engine.run import INDEX, Day, day_of, index_of
from indicators.engine.scope import scope, tables_of
from indicators.kernels.rank import average_ranks

Floats = npt.NDArray[np.float64]

DRAWS = 2_000
"""Bootstrap draws behind each interval."""

PRICE_DERIVED = frozenset(
    {"eps_divergence", "sector_rotation", "regime", "gauge"}
    | {"bull_alignment", "equity_bond_spread", "rotation_strength", "sentiment_index", "valuation_dispersion"}
)
"""Series that prices themselves move: on these the test may reject up to 12 % of worthless readings at 5 %."""

ROLLING, ROLLING_STEP = 252, 21
"""Readings behind a rolling correlation, and sessions from one to the next."""

QUINTILES = 5


class Quintile(BaseModel):
    """Outcomes after one fifth of the readings, the lowest readings first; returns are simple, over the horizon."""

    model_config = ConfigDict(frozen=True)

    readings: int
    mean_return: float
    share_up: float


class SeriesBacktest(BaseModel):
    """One series at one horizon. The flat figures of performance are those of long or flat; nulls carry a `reason`.

    `p_bh` and `p_by` are adjusted over the family. `deflated_sharpe` is the probability that the Sharpe ratio is above
    the best that as many worthless trials would show. `hit_rate` is the share of readings on the side of 50 to which
    the index then went, `base_rate` the share of outcomes that rose.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    horizon: int
    first: date | None = None
    last: date | None = None
    sessions: int = 0
    readings: int = 0
    price_derived: bool = False
    information_coefficient: float | None = None
    p_value: float | None = None
    p_bh: float | None = None
    p_by: float | None = None
    scaled_information_coefficient: float | None = None
    scaled_p_value: float | None = None
    newey_west: Interval | None = None
    bootstrap: Interval | None = None
    hit_rate: float | None = None
    base_rate: float | None = None
    quintiles: tuple[Quintile, ...] = ()
    cagr: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sharpe_interval: Interval | None = None
    deflated_sharpe: float | None = None
    sortino: float | None = None
    max_drawdown: float | None = None
    calmar: float | None = None
    turnover: float | None = None
    time_in_market: float | None = None
    long_short: Performance | None = None
    hold: Performance | None = None
    verdict: Verdict = "too short"
    reason: str | None = None


class Curve(BaseModel):
    """What a tear sheet draws of one series; arrays by session run over `sessions`, those by horizon are at step 1."""

    model_config = ConfigDict(frozen=True)

    sessions: tuple[date, ...]
    equity: tuple[float, ...]
    drawdown: tuple[float, ...]
    hold_equity: tuple[float, ...]
    hold_drawdown: tuple[float, ...]
    rolling_ic: dict[int, list[tuple[date, float]]]
    events: tuple[Event, ...]


class SeriesVerdict(BaseModel):
    """The best-supported horizon of a series, in a word and in a sentence with its numbers."""

    model_config = ConfigDict(frozen=True)

    name: str
    verdict: Verdict
    words: str


class Backtest(BaseModel):
    """The whole outcome (INTERFACE: `backtest`); `curves` by series are for pictures."""

    model_config = ConfigDict(frozen=True)

    market: str
    index: str
    start: date
    end: date
    cost_bps: float
    weights: str
    shifts: int
    draws: int
    family: int
    trials: int
    opens_believed: float
    dividends: str
    series: tuple[SeriesBacktest, ...]
    verdicts: tuple[SeriesVerdict, ...]
    input_hash: str
    curves: dict[str, Curve] = Field(default_factory=dict)


DIVIDENDS = "not included: closes are those of a price index, so holding it earned more than is shown, by its dividends"


@dataclass(frozen=True)
class Span:
    """One series over its own span: n scores, each known before session u, and n log returns from there."""

    name: str
    dates: tuple[date, ...]
    score: Floats
    returns: Floats
    volatility: Floats


def scores_of(day: Day) -> dict[str, Floats]:
    """Every series of a market on the day's sessions, 0-100: the parts in force, the gauge, the regime; NaN = null."""
    place = {session: i for i, session in enumerate(day.sessions.dates)}
    names = sorted(name for name, indicator in day.indicators.items() if indicator.weighed)
    out = {name: np.full(len(place), np.nan) for name in (*names, "gauge", "regime")}
    for reading in day.gauge:
        at = place[reading.session]
        for name in names:
            if (score := reading.scores.get(name)) is not None:
                out[name][at] = score
        if reading.level is not None:
            out["gauge"][at] = reading.level
    for regime in day.regime:
        if regime.bull_probability is not None:
            out["regime"][place[regime.session]] = 100.0 * regime.bull_probability
    return out


def span_of(name: str, score: Floats, market: Market, sessions: Sessions, start: date | None) -> Span:
    """Lay a series on the sessions at which it could be acted on, from its first score on or after `start`."""
    before = market.before[:-1]
    usable = before >= 0
    known = np.where(usable, score[np.maximum(before, 0)], np.nan)
    if start is not None:
        known[sessions.days[np.maximum(before, 0)] < np.datetime64(start)] = np.nan
    held = np.flatnonzero(~np.isnan(known))
    first = int(held[0]) if len(held) else len(known)
    return Span(name, market.dates[first:-1], known[first:], market.returns[first:], market.volatility[first:-1])


def backtest(
    series: Mapping[str, Floats],
    market: Market,
    sessions: Sessions,
    start: date | None = None,
    cost_bps: float = 1.0,
    draws: int = DRAWS,
    shifts: int = SHIFTS,
    progress: Callable[[str], None] | None = None,
) -> tuple[list[SeriesBacktest], list[SeriesVerdict], dict[str, Curve]]:
    """Hold every series against every horizon.

    Parameters
    ----------
    series : name → scores on `sessions`, 0-100, NaN = null
    market : the index over the same sessions
    start : readings before it are left out; scores themselves may look back further
    cost_bps : cost of trading, 1e-4 of what is traded
    draws : bootstrap draws of each interval; 0 leaves the intervals out
    """
    rows: list[SeriesBacktest] = []
    followed: list[list[Floats]] = []
    curves: dict[str, Curve] = {}
    for name, score in series.items():
        if progress is not None:
            progress(name)
        span = span_of(name, score, market, sessions, start)
        for horizon in HORIZONS:
            row, strategies = _row(span, horizon, cost_bps, draws, shifts)
            rows.append(row)
            followed.append(strategies)
        if len(span.score) > 1:
            curves[name] = _curve(span, cost_bps)
    trials = [s for strategies in followed for e in strategies if (s := per_session_sharpe(e)) is not None]
    hochberg, yekutieli = adjusted([row.p_value for row in rows])
    judged = [
        row.model_copy(
            update={
                "p_bh": bh,
                "p_by": by,
                "deflated_sharpe": deflated_sharpe(strategies[0], trials) if strategies else None,
                "verdict": verdict_of(row.information_coefficient, row.p_value, bh, by),
            }
        )
        for row, strategies, bh, by in zip(rows, followed, hochberg, yekutieli, strict=True)
    ]
    return judged, [_in_words(name, [row for row in judged if row.name == name]) for name in series], curves


def _row(span: Span, horizon: int, cost_bps: float, draws: int, shifts: int) -> tuple[SeriesBacktest, list[Floats]]:
    """One series at one horizon before it is judged, and what long or flat and long or short earned."""
    n = len(span.score)
    derived = span.name in PRICE_DERIVED
    bare = SeriesBacktest(name=span.name, horizon=horizon, price_derived=derived, reason="no score in these sessions")
    if n < 2:
        return bare, []
    ways = [exposures(span.score, horizon, long_short) for long_short in (False, True)]
    strategies = [earned(way, span.returns, cost_bps) for way in ways]
    flat, short = (performance(way, e) for way, e in zip(ways, strategies, strict=True))
    always = np.ones(n)
    whole = span.score[: max(n - horizon + 1, 0)]
    pairs = int(np.count_nonzero(~np.isnan(whole)))
    found = {
        "first": span.dates[0],
        "last": span.dates[-1],
        "sessions": n,
        "readings": pairs,
        "long_short": short,
        "hold": performance(always, earned(always, span.returns, cost_bps)),
        "sharpe_interval": sharpe_interval(strategies[0], draws) if draws else None,
        "reason": too_short(n, pairs, horizon),
        **flat.model_dump(exclude={"total_return"}),
    }
    if found["reason"] is None:
        found |= _knowledge(span, horizon, draws, shifts)
    return bare.model_copy(update=found), strategies


def _knowledge(span: Span, horizon: int, draws: int, shifts: int) -> dict[str, object]:
    """Correlations, p-values, intervals, hits and quintiles of a series long enough for them."""
    n = len(span.score)
    turns = shifts_for(n, horizon, count=shifts)
    sums = outcomes_of(span.returns, horizon)
    ic, p = information_coefficient(span.score, sums, horizon, turns)
    if np.isnan(ic):
        return {"reason": "the readings, or all that followed them, never change"}
    known = ~np.isnan(span.score[: n - horizon + 1])
    ahead, ranks = sums[: n - horizon + 1][known], ranks_in_pairs(span.score, horizon)[known]
    outcome_ranks = average_ranks(ahead)
    score = span.score[: n - horizon + 1][known]
    found: dict[str, object] = {
        "information_coefficient": ic,
        "p_value": p,
        "newey_west": newey_west(ranks, outcome_ranks, horizon),
        "bootstrap": bootstrapped(ranks, outcome_ranks, horizon, draws) if draws else None,
        "hit_rate": float(np.mean((score >= 50.0) == (ahead > 0))),
        "base_rate": float(np.mean(ahead > 0)),
        "quintiles": quintiles(ranks, ahead),
    }
    if not np.isnan(span.volatility).any():
        scaled = outcomes_of(span.returns, horizon, span.volatility)
        scaled_ic, scaled_p = information_coefficient(span.score, scaled, horizon, turns)
        found |= {"scaled_information_coefficient": scaled_ic, "scaled_p_value": scaled_p}
    return found


def quintiles(ranks: Floats, ahead: Floats) -> tuple[Quintile, ...]:
    """Outcomes (k,), log, by fifths of their readings' ranks (k,), 1 … k; equal readings stay in one fifth."""
    fifth = np.minimum((QUINTILES * (ranks - 0.5) / max(len(ranks), 1)).astype(np.int64), QUINTILES - 1)
    found = []
    for q in range(QUINTILES):
        mine = ahead[fifth == q]
        if not len(mine):
            continue
        found.append(
            Quintile(readings=len(mine), mean_return=float(np.mean(np.expm1(mine))), share_up=float(np.mean(mine > 0)))
        )
    return tuple(found)


def _curve(span: Span, cost_bps: float) -> Curve:
    """Wealth, drawdown, rolling correlations and events of a series, following it for one session at a time."""
    mine = earned(exposures(span.score, 1), span.returns, cost_bps)
    hold = earned(np.ones(len(mine)), span.returns, cost_bps)
    return Curve(
        sessions=span.dates,
        equity=tuple(np.cumprod(1.0 + mine).tolist()),
        drawdown=tuple(drawdowns(mine).tolist()),
        hold_equity=tuple(np.cumprod(1.0 + hold).tolist()),
        hold_drawdown=tuple(drawdowns(hold).tolist()),
        rolling_ic={horizon: _rolling(span, horizon) for horizon in HORIZONS},
        events=event_study(span.score, span.returns),
    )


def _rolling(span: Span, horizon: int) -> list[tuple[date, float]]:
    """ρ over the last 252 readings whose outcome was complete, every 21 sessions, dated by the completing session."""
    n = len(span.score)
    sums = outcomes_of(span.returns, horizon)
    found: list[tuple[date, float]] = []
    for end in range(ROLLING + horizon - 1, n, ROLLING_STEP):
        score = span.score[end - horizon + 1 - ROLLING : end - horizon + 1]
        if np.isnan(score).any():
            continue
        a, b = average_ranks(score), average_ranks(sums[end - horizon + 1 - ROLLING : end - horizon + 1])
        if a.std() > 0 and b.std() > 0:
            found.append((span.dates[end], float(np.corrcoef(a, b)[0, 1])))
    return found


def _in_words(name: str, rows: Sequence[SeriesBacktest]) -> SeriesVerdict:
    """The verdict of a series: that of the horizon with the smallest p among those on the right side of zero."""
    tested = [row for row in rows if row.p_value is not None and row.information_coefficient is not None]
    if not tested:
        return SeriesVerdict(name=name, verdict="too short", words=rows[0].reason or "too short")
    order: tuple[Verdict, ...] = ("evidence", "weak evidence", "none")
    best = min(tested, key=lambda row: (order.index(row.verdict), row.p_value))
    ic, p = best.information_coefficient or 0.0, best.p_value
    numbers = (
        f"rank correlation {ic:+.3f} over {best.horizon} sessions, p = {p:.3f}, {best.p_by:.3f} after all tests;"
        f" Sharpe {_two(best.sharpe)} against {_two(best.hold.sharpe if best.hold else None)} for holding"
    )
    words = {
        "evidence": "evidence that high readings come before rises",
        "weak evidence": "weak evidence that high readings come before rises",
        "none": "no evidence that readings tell what follows",
    }[best.verdict]
    wrong = [row for row in tested if (row.information_coefficient or 0) < 0 and (row.p_value or 1) < 0.05]
    against = f"; at {', '.join(str(r.horizon) for r in wrong)} sessions it pointed the wrong way, p < 0.05 alone"
    caution = "; prices enter this reading: up to 12 % of worthless ones would pass a p of 5 %"
    return SeriesVerdict(
        name=name,
        verdict=best.verdict,
        words=words + ": " + numbers + (against if wrong else "") + (caution if best.price_derived else ""),
    )


def _two(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}"


def asked_backtest(
    store: Store,
    market: str = "us",
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
    cost_bps: float = 1.0,
    weights: str = "equal",
    progress: Callable[[str], None] | None = None,
) -> Backtest:
    """Backtest every series of a market from `start` to `end`, all stored sessions by default.

    Raises
    ------
    BadValue : a cost below zero or above 1,000 basis points, or a range as `scope` refuses it
    NothingToShow : no index, or nothing stored
    """
    if not 0 <= cost_bps <= 1000:
        raise BadValue("--cost-bps", cost_bps, "expected basis points from 0 to 1000")
    covered = scope(store, tables_of(market), market, start, end, as_of)
    day = day_of(store, market, end, as_of, progress=progress, weights=weights)
    index = index_of(store, market, covered)
    rows, verdicts, curves = backtest(scores_of(day), index, day.sessions, start, cost_bps, progress=progress)
    shown = [d for d in index.dates if start is None or d >= start]
    if len(shown) < 2:
        raise NothingToShow(f"{len(shown)} closes of the index from {start}: no return to earn")
    return Backtest(
        market=market,
        index=INDEX[market][1],
        start=shown[0],
        end=shown[-1],
        cost_bps=cost_bps,
        weights=weights,
        shifts=SHIFTS,
        draws=DRAWS,
        family=len(rows),
        trials=2 * sum(row.sessions > 1 for row in rows),
        opens_believed=float(np.mean(index.at_open[-len(shown) :])),
        dividends=DIVIDENDS,
        series=tuple(rows),
        verdicts=tuple(verdicts),
        input_hash=day.input_hash,
        curves=curves,
    )
