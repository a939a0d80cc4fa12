"""Readings of known worth against an index: what is found, what is not, and nothing earned before it could be."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.calendar import exchange_sessions
from indicators.engine.backtest import backtest, fifths, quintiles, span_of
from indicators.engine.event_study import event_study
from indicators.engine.outcomes import market_of

SESSIONS = exchange_sessions("XNYS", date(2012, 1, 3), date(2017, 12, 29))
N = len(SESSIONS)
RANDOM = np.random.default_rng(8)
MOVES = RANDOM.normal(0.0002, 0.01, N)
CLOSES = 1000 * np.exp(np.cumsum(MOVES))
MARKET = market_of(pl.DataFrame({"date": list(SESSIONS.dates), "close": CLOSES}), SESSIONS)


def score_of(x: np.ndarray) -> np.ndarray:
    return 100.0 * (np.argsort(np.argsort(x)) + 0.5) / len(x)


def following(strength: float) -> np.ndarray:
    """A score that leans towards what can be earned after it: closes of t + 1 to t + 2."""
    ahead = np.concatenate([MOVES[2:], [0, 0]]) / 0.01
    return score_of(strength * ahead + RANDOM.normal(size=N))


def run(series, **given):
    return backtest(series, {"": MARKET}, SESSIONS, draws=0, **given)


def test_a_planted_link_is_evidence_and_noise_is_not():
    rows, verdicts, curves = run({"planted": following(0.3), "noise": score_of(RANDOM.normal(size=N))})
    told = {v.name: v for v in verdicts}
    assert told["planted"].verdict == "evidence"
    assert told["noise"].verdict == "none"
    assert "no evidence" in told["noise"].words
    assert [(r.name, r.horizon) for r in rows] == [(n, h) for n in ("planted", "noise") for h in (1, 5, 21, 63)]
    first = rows[0]
    assert first.information_coefficient > 0.2
    assert first.p_value == pytest.approx(1 / 1000)
    assert first.sharpe > first.hold.sharpe
    assert first.quintiles[4].mean_return > first.quintiles[0].mean_return
    assert len(curves[""]["planted"].equity) == first.sessions


def test_each_index_is_a_family_of_its_own_and_all_strategies_are_trials():
    other = market_of(pl.DataFrame({"date": list(SESSIONS.dates), "close": 2 * CLOSES**0.9}), SESSIONS)
    series = {"planted": following(0.3), "noise": score_of(RANDOM.normal(size=N))}
    alone = run(series)[0]
    rows, verdicts, curves = backtest(series, {"A": MARKET, "B": other}, SESSIONS, draws=0)
    assert [row.index for row in rows] == ["A"] * 8 + ["B"] * 8
    assert [(v.index, v.name) for v in verdicts] == [(i, n) for i in ("A", "B") for n in ("planted", "noise")]
    for one, both in zip(alone, rows[:8], strict=True):
        assert (one.p_value, one.p_bh, one.p_by, one.verdict) == (both.p_value, both.p_bh, both.p_by, both.verdict)
        assert both.deflated_sharpe != one.deflated_sharpe
    assert curves["A"]["planted"].hold_equity != curves["B"]["planted"].hold_equity


def test_curves_tell_where_a_score_was_missing():
    score = np.full(N, 80.0) + RANDOM.normal(size=N)
    score[600:640] = np.nan
    _, _, curves = run({"x": score})
    curve = curves[""]["x"]
    assert [s is None for s in curve.score] == [600 <= u < 640 for u in range(N - 2)]
    assert curve.equity[601] == curve.equity[638]
    gone = [day for day, told in curve.rolling_ic[1] if told is None]
    assert gone
    assert all(curve.sessions[600] <= day <= curve.sessions[639 + 252] for day in gone)


def test_the_move_that_made_a_reading_is_not_earned_by_it():
    rows, *_ = run({"own": score_of(MOVES), "next": score_of(np.append(MOVES[1:], 0))})
    found = {r.name: r for r in rows if r.horizon == 1}
    assert abs(found["own"].information_coefficient) < 0.1
    assert abs(found["next"].information_coefficient) < 0.1  # the move to the close that is acted on
    assert found["own"].sharpe < 3


def test_a_fill_at_the_close_that_made_the_signal_would_be_caught():
    early = replace(MARKET, before=MARKET.before + 1)
    rows, *_ = backtest({"next": score_of(np.append(MOVES[1:], 0))}, {"": early}, SESSIONS, draws=0)
    assert rows[0].information_coefficient > 0.9


def test_what_points_the_wrong_way_is_no_evidence_and_is_told():
    _, (verdict,), _ = run({"wrong": 100.0 - following(0.3)})
    assert verdict.verdict == "none"
    assert "correlation was negative" in verdict.words


def test_a_series_without_scores_or_too_few_is_too_short():
    few = np.full(N, np.nan)
    few[100:180] = 60.0
    rows, verdicts, curves = run({"absent": np.full(N, np.nan), "few": few})
    assert {v.verdict for v in verdicts} == {"too short"}
    assert all(r.reason for r in rows)
    assert rows[0].sessions == 0
    assert rows[4].readings == 80
    assert "absent" not in curves[""]


def test_a_span_starts_with_the_first_score_asked_for():
    score = np.full(N, np.nan)
    score[500:] = 55.0
    span = span_of("x", score, MARKET, SESSIONS, None)
    assert span.dates[0] == SESSIONS.dates[501]
    later = span_of("x", score, MARKET, SESSIONS, SESSIONS.dates[700])
    assert later.dates[0] == SESSIONS.dates[701]
    assert len(later.score) == len(later.returns) == len(later.volatility) == N - 702
    assert later.dates[-1] == SESSIONS.dates[-2]


def test_null_is_out_of_the_market():
    score = np.full(N, 80.0)
    score[600:] = np.nan
    row = run({"x": score})[0][0]
    assert row.time_in_market == pytest.approx(600 / (N - 2), abs=2e-3)


def test_quintiles_hold_every_reading_once():
    parts = quintiles(fifths(np.arange(1.0, 104.0)), np.linspace(-0.1, 0.1, 103))
    assert [q.fifth for q in parts] == [1, 2, 3, 4, 5]
    assert sum(q.readings for q in parts) == 103
    assert [q.mean_return for q in parts] == sorted(q.mean_return for q in parts)
    (middle,) = quintiles(fifths(np.full(10, 5.5)), np.ones(10))
    assert middle.fifth == 3


def test_events_are_entries_and_paths_start_at_the_price_acted_on():
    score = np.array([50, 92, 95, 50, np.nan, 91, 9, 50], dtype=float)
    found = {e.kind: e for e in event_study(score, np.full(8, 0.01))}
    assert found["rises to 90"].events == 2
    assert found["falls to 10"].events == 1
    at = found["rises to 90"].offsets.index(0)
    assert found["rises to 90"].path[at] == 0.0
    assert found["rises to 90"].path[at + 3] == pytest.approx(0.03)
    assert found["rises to 90"].counts[at + 3] == 2
    assert found["rises to 90"].counts[at + 4] == 1
    assert found["zone down"].events == 2
    assert found["rises to 90"].path[0] is None
