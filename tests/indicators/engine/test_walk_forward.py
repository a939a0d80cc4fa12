"""Weights earned by the past: only by outcomes that were complete, never by what followed."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.calendar import exchange_sessions
from indicators.engine import walk_forward as module
from indicators.engine.outcomes import market_of
from indicators.engine.walk_forward import HORIZON, earned_shares, shared_weights

SESSIONS = exchange_sessions("XNYS", date(2014, 1, 2), date(2017, 12, 29))
N = len(SESSIONS)
RANDOM = np.random.default_rng(9)
MOVES = RANDOM.normal(0.0, 0.01, N)
FRAME = pl.DataFrame({"date": list(SESSIONS.dates), "close": 100 * np.exp(np.cumsum(MOVES))})
AHEAD = np.array([MOVES[t + 2 : t + 2 + HORIZON].sum() for t in range(N)])
SCORES = np.column_stack([50 + 400 * AHEAD, RANDOM.uniform(0, 100, N), 50 - 400 * AHEAD])


def shares(scores=SCORES, upto=N, sessions=SESSIONS, market=None):
    window = sessions.window(None, sessions.dates[upto - 1])
    market = market or market_of(FRAME.filter(pl.col("date") <= window.dates[-1]), window)
    return earned_shares(scores[:upto], range(upto), window.dates, market)


def changes(make, cuts=(300, 511, 800)):
    whole = make(N)
    return [cut for cut in cuts if not np.array_equal(whole[:cut], make(cut))]


def test_a_part_that_knew_earns_weight_and_one_that_was_wrong_none():
    last = shares()[-1]
    assert last[0] > 0.7
    assert last[1] < 0.1
    assert last[2] == 0.0
    assert shared_weights(last.tolist())[0] > 0.7


def test_the_future_does_not_change_the_past():
    assert changes(lambda upto: shares(upto=upto)) == []


def test_an_outcome_used_before_it_is_complete_is_caught(monkeypatch):
    honest = module._outcomes

    def early(market, start):
        acted, _, outcome = honest(market, start)
        return acted, acted, outcome

    monkeypatch.setattr(module, "_outcomes", early)
    assert changes(lambda upto: shares(upto=upto))


def test_weights_change_on_the_first_session_of_a_month_only():
    found = shares()
    months = np.array([day.month for day in SESSIONS.dates])
    moved = np.flatnonzero(np.any(np.diff(found, axis=0) != 0, axis=1)) + 1
    assert len(moved)
    assert np.all(months[moved] != months[moved - 1])


def test_nothing_complete_is_nothing_earned():
    assert not shares()[:HORIZON].any()
    assert shared_weights([0.0, 0.0]) == [0.5, 0.5]
    assert sum(shared_weights([0.9, 0.8])) == pytest.approx(1.0)
