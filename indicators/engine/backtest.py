"""Readings against the history of the index they are about: what each knew, and what following it earned. INDICATORS 7.

A series' span runs from its first score in the sessions asked for to the last session stored. Within it a session
without a score is out of the market. Every series is held against every horizon and every index. The tests on one index
are one family: a second index of the same market moves with the first and shows whether what was found there stands. It
is no further search. All strategies on all indices are the trials that the deflated Sharpe ratio counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from feeds.errors import BadValue, NothingToShow
from feeds.schema import Sessions
from feeds.store import Store
from indicators.engine.day import Day, day_of
from indicators.engine.event_study import event_study
from indicators.engine.evidence import (
    HORIZONS,
    LEVEL,
    QUINTILES,
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
from indicators.engine.findings import Backtest, Curve, IndexHistory, Quintile, SeriesBacktest, SeriesVerdict
from indicators.engine.outcomes import Market
from indicators.engine.performance import deflated_sharpe, drawdowns, earned, exposures, performance
from indicators.engine.performance import sharpe_of as per_session_sharpe
from indicators.engine.run import INDICES, indices_of
from indicators.engine.scope import scope, tables_of
from indicators.kernels.rank import average_ranks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DRAWS = 2_000
"""Bootstrap draws behind each interval."""

PRICE_DERIVED = frozenset(
    {"eps_divergence", "sector_rotation", "regime", "gauge"}
    | {"bull_alignment", "equity_bond_spread", "rotation_strength", "sentiment_index", "valuation_dispersion"}
)
"""Series that prices themselves move: on these the test may reject up to 12 % of worthless readings at 5 %."""

ROLLING, ROLLING_STEP = 252, 21
"""Readings behind a rolling correlation, and sessions from one to the next."""

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
    indices: Mapping[str, Market],
    sessions: Sessions,
    start: date | None = None,
    cost_bps: float = 1.0,
    draws: int = DRAWS,
    shifts: int = SHIFTS,
    progress: Callable[[str], None] | None = None,
) -> tuple[list[SeriesBacktest], list[SeriesVerdict], dict[str, dict[str, Curve]]]:
    """Hold every series against every horizon on every index.

    Parameters
    ----------
    series : name → scores on `sessions`, 0-100, NaN = null
    indices : name → an index over the same sessions
    start : readings before it are left out; scores themselves may look back further
    cost_bps : cost of trading, 1e-4 of what is traded
    draws : bootstrap draws of each interval; 0 leaves the intervals out

    Returns
    -------
    rows by index, series and horizon; verdicts by index and series; index → series → curve
    """
    rows: list[SeriesBacktest] = []
    followed: list[list[Floats]] = []
    curves: dict[str, dict[str, Curve]] = {}
    for index, market in indices.items():
        curves[index] = {}
        for name, score in series.items():
            if progress is not None:
                progress(f"{name}, {index}" if len(indices) > 1 else name)
            span = span_of(name, score, market, sessions, start)
            for horizon in HORIZONS:
                row, strategies = _row(span, horizon, cost_bps, draws, shifts)
                rows.append(row.model_copy(update={"index": index}))
                followed.append(strategies)
            if len(span.score) > 1:
                curves[index][name] = _curve(span, cost_bps)
    judged = _judged(rows, followed)
    pairs = [(index, name) for index in indices for name in series]
    return judged, [_in_words([row for row in judged if (row.index, row.name) == pair]) for pair in pairs], curves


def _judged(rows: Sequence[SeriesBacktest], followed: Sequence[Sequence[Floats]]) -> list[SeriesBacktest]:
    """Rows with what depends on the other ones: p-values adjusted over their index, Sharpe ratios deflated over all."""
    trials = [s for strategies in followed for e in strategies if (s := per_session_sharpe(e)) is not None]
    judged = []
    for index in dict.fromkeys(row.index for row in rows):
        family = [(row, strategies) for row, strategies in zip(rows, followed, strict=True) if row.index == index]
        hochberg, yekutieli = adjusted([row.p_value for row, _ in family])
        for (row, strategies), bh, by in zip(family, hochberg, yekutieli, strict=True):
            found = {
                "p_bh": bh,
                "p_by": by,
                "deflated_sharpe": deflated_sharpe(strategies[0], trials) if strategies else None,
                "verdict": verdict_of(row.information_coefficient, row.p_value, bh, by),
            }
            judged.append(row.model_copy(update=found))
    return judged


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
    turns = shifts_for(n, horizon, count=shifts, price_derived=span.name in PRICE_DERIVED)
    sums = outcomes_of(span.returns, horizon)
    ic, p = information_coefficient(span.score, sums, horizon, turns)
    if np.isnan(ic):
        return {"reason": "the readings, or all that followed them, never change"}
    known = ~np.isnan(span.score[: n - horizon + 1])
    ahead, ranks = sums[: n - horizon + 1][known], ranks_in_pairs(span.score, horizon)[known]
    outcome_ranks = average_ranks(ahead)
    score = span.score[: n - horizon + 1][known]
    fifth = fifths(ranks)
    bounds = bootstrapped(ranks, outcome_ranks, horizon, draws, fifth, np.expm1(ahead)) if draws else None
    found: dict[str, object] = {
        "information_coefficient": ic,
        "p_value": p,
        "newey_west": newey_west(ranks, outcome_ranks, horizon),
        "bootstrap": bounds[0] if bounds else None,
        "hit_rate": float(np.mean((score >= 50.0) == (ahead > 0))),
        "base_rate": float(np.mean(ahead > 0)),
        "quintiles": quintiles(fifth, ahead, bounds[1:] if bounds else ()),
    }
    if not np.isnan(span.volatility).any():
        scaled = outcomes_of(span.returns, horizon, span.volatility)
        scaled_ic, scaled_p = information_coefficient(span.score, scaled, horizon, turns)
        found |= {"scaled_information_coefficient": scaled_ic, "scaled_p_value": scaled_p}
    return found


def fifths(ranks: Floats) -> Ints:
    """The fifth of each of k readings from its rank, 1 … k: 0 the lowest to 4; equal readings stay in one fifth."""
    return np.minimum((QUINTILES * (ranks - 0.5) / max(len(ranks), 1)).astype(np.int64), QUINTILES - 1)


def quintiles(fifth: Ints, ahead: Floats, bounds: Sequence[Interval | None] = ()) -> tuple[Quintile, ...]:
    """Outcomes (k,), log, by the fifths (k,) of their readings, with the intervals of their mean returns."""
    found = []
    for q in range(QUINTILES):
        mine = ahead[fifth == q]
        if not len(mine):
            continue
        found.append(
            Quintile(
                fifth=q + 1,
                readings=len(mine),
                mean_return=float(np.mean(np.expm1(mine))),
                share_up=float(np.mean(mine > 0)),
                bootstrap=bounds[q] if bounds else None,
            )
        )
    return tuple(found)


def _curve(span: Span, cost_bps: float) -> Curve:
    """Wealth, drawdown, rolling correlations and events of a series, following it for one session at a time."""
    mine = earned(exposures(span.score, 1), span.returns, cost_bps)
    hold = earned(np.ones(len(mine)), span.returns, cost_bps)
    return Curve(
        sessions=span.dates,
        score=tuple(None if np.isnan(x) else x for x in span.score.tolist()),
        equity=tuple(np.cumprod(1.0 + mine).tolist()),
        drawdown=tuple(drawdowns(mine).tolist()),
        hold_equity=tuple(np.cumprod(1.0 + hold).tolist()),
        hold_drawdown=tuple(drawdowns(hold).tolist()),
        rolling_ic={horizon: _rolling(span, horizon) for horizon in HORIZONS},
        events=event_study(span.score, span.returns),
    )


def _rolling(span: Span, horizon: int) -> list[tuple[date, float | None]]:
    """ρ over the last 252 readings whose outcome was complete, every 21 sessions, dated by the completing session.

    None where one of the 252 is missing, or where all readings or all outcomes are equal.
    """
    n = len(span.score)
    sums = outcomes_of(span.returns, horizon)
    found: list[tuple[date, float | None]] = []
    for end in range(ROLLING + horizon - 1, n, ROLLING_STEP):
        score = span.score[end - horizon + 1 - ROLLING : end - horizon + 1]
        whole = not np.isnan(score).any()
        a, b = average_ranks(score), average_ranks(sums[end - horizon + 1 - ROLLING : end - horizon + 1])
        told = float(np.corrcoef(a, b)[0, 1]) if whole and a.std() > 0 and b.std() > 0 else None
        found.append((span.dates[end], told))
    return found


def _in_words(rows: Sequence[SeriesBacktest]) -> SeriesVerdict:
    """The verdict of a series on an index: that of the horizon whose verdict is best, the smallest p first."""
    name, index = rows[0].name, rows[0].index
    tested = [row for row in rows if row.p_value is not None and row.information_coefficient is not None]
    if not tested:
        return SeriesVerdict(name=name, index=index, verdict="too short", words=rows[0].reason or "too short")
    order: tuple[Verdict, ...] = ("evidence", "weak evidence", "none")
    best = min(tested, key=lambda row: (order.index(row.verdict), row.p_value))
    numbers = (
        f"at {_sessions(best.horizon)} rank correlation {best.information_coefficient:+.3f}, p = {best.p_value:.3f},"
        f" after all tests {best.p_by:.3f}; Sharpe {_two(best.sharpe)} against"
        f" {_two(best.hold.sharpe if best.hold else None)} for holding"
    )
    words = {
        "evidence": "evidence that high readings come before rises",
        "weak evidence": "weak evidence that high readings come before rises",
        "none": "no evidence that readings tell what follows",
    }[best.verdict]
    wrong = [row for row in tested if (row.information_coefficient or 0) < 0 and (row.p_value or 1) < LEVEL]
    at = ", ".join(str(row.horizon) for row in wrong)
    against = f"; at {at} sessions the correlation was negative, p below 5 % alone" if wrong else ""
    untested = [str(row.horizon) for row in rows if row.p_value is None]
    short = f"; not tested at {', '.join(untested)} sessions: too short" if untested else ""
    caution = "; prices enter this reading: up to 12 % of worthless ones pass a p of 5 %" if best.price_derived else ""
    return SeriesVerdict(
        name=name, index=index, verdict=best.verdict, words=f"{words}: {numbers}{against}{short}{caution}"
    )


def _sessions(horizon: int) -> str:
    return f"{horizon} session{'' if horizon == 1 else 's'}"


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
    indices: Sequence[str] = (),
) -> Backtest:
    """Backtest every series of a market from `start` to `end`, all stored sessions by default, on `indices`.

    Without `indices`, on those of the market that are stored. Fitted weights and the regime are always those of the
    market's own index, as on the report.

    Raises
    ------
    BadValue : a cost below zero or above 1,000 basis points, or a range as `scope` refuses it
    UnknownName : an index that is not stored
    NothingToShow : no index, or nothing stored
    """
    if not 0 <= cost_bps <= 1000:
        raise BadValue("--cost-bps", cost_bps, "expected basis points from 0 to 1000")
    covered = scope(store, tables_of(market), market, start, end, as_of)
    day = day_of(store, market, end, as_of, progress=progress, weights=weights)
    held = indices_of(store, market, covered, indices)
    rows, verdicts, curves = backtest(scores_of(day), held, day.sessions, start, cost_bps, progress=progress)
    rows, verdicts = _with_absent(day, rows, verdicts)
    shown = tuple(_history(name, index, start) for name, index in held.items())
    return Backtest(
        market=market,
        index=shown[0].name,
        indices=shown,
        not_stored=() if indices else tuple(name for name in INDICES[market] if name not in held),
        cadence="week"
        if any(kind.weighed and kind.cadence == "week" for kind in day.indicators.values())
        else "session",
        start=shown[0].first,
        end=shown[0].last,
        cost_bps=cost_bps,
        weights=weights,
        shifts=SHIFTS,
        draws=DRAWS,
        family=len(rows) // len(held),
        trials=2 * sum(row.sessions > 1 for row in rows),
        opens_believed=shown[0].opens_believed,
        dividends=DIVIDENDS,
        series=tuple(rows),
        verdicts=tuple(verdicts),
        input_hash=day.input_hash,
        curves=curves,
    )


def _with_absent(
    day: Day, rows: Sequence[SeriesBacktest], verdicts: Sequence[SeriesVerdict]
) -> tuple[list[SeriesBacktest], list[SeriesVerdict]]:
    """Rows and verdicts of series without any score, which tables are empty behind them said."""
    why = {name: f"no score: {', '.join(tables)} holds nothing" for name, tables in day.missing_inputs.items()}
    gone = {row.name for row in rows if not row.sessions} & set(why)
    return (
        [row.model_copy(update={"reason": why[row.name]}) if row.name in gone else row for row in rows],
        [told.model_copy(update={"words": why[told.name]}) if told.name in gone else told for told in verdicts],
    )


def _history(name: str, index: Market, start: date | None) -> IndexHistory:
    shown = [d for d in index.dates if start is None or d >= start]
    if len(shown) < 2:
        raise NothingToShow(f"{len(shown)} closes of {name} from {start}: no return to earn")
    believed = float(np.mean(index.at_open[-len(shown) :]))
    return IndexHistory(name=name, first=shown[0], last=shown[-1], sessions=len(shown), opens_believed=believed)
