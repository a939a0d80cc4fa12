"""The regime: parameters from earlier months only, switches with hysteresis, nulls that say why."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.calendar import exchange_sessions
from indicators.engine import regime as module
from indicators.engine.regime import MINIMUM, RegimeReading, Switching, regime, switches
from indicators.engine.regime import _with_states as with_states

SESSIONS = exchange_sessions("XNYS", date(2015, 1, 1), date(2019, 12, 31))


def closes(seed: int = 4, bull: float = 0.12, bear: float = -0.15) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    state, returns = 0, []
    for _ in SESSIONS.dates:
        state = state if random.random() < (0.985, 0.96)[state] else 1 - state
        returns.append(random.normal((bull, bear)[state], (0.6, 2.0)[state]))
    return pl.DataFrame({"date": list(SESSIONS.dates), "close": 100 * np.exp(np.cumsum(returns) / 100)})


def looks_ahead(frame: pl.DataFrame) -> list[date]:
    """Sessions whose reading changes when what follows is taken away."""
    whole = regime(frame, SESSIONS)
    changed = []
    for last in (SESSIONS.dates[900], SESSIONS.dates[1011], SESSIONS.dates[-30]):
        cut = regime(frame.filter(pl.col("date") <= last), SESSIONS.window(None, last))
        changed += [a.session for a, b in zip(whole, cut, strict=False) if a != b]
    return changed


def test_the_future_does_not_change_the_past():
    assert looks_ahead(closes()) == []


def test_parameters_fitted_to_the_whole_sample_are_caught(monkeypatch):
    honest, sound, whole = module._fitted, module.regime, {}

    def knowing_all(frame, sessions):
        whole["returns"] = np.diff(np.log(frame["close"].to_numpy())) * 100
        return sound(frame, sessions)

    monkeypatch.setattr(module, "_fitted", lambda _past, held, anew: honest(whole["returns"], held, anew))
    monkeypatch.setitem(globals(), "regime", knowing_all)
    assert looks_ahead(closes())


def test_the_first_probability_needs_three_years_by_a_months_end():
    found = regime(closes(), SESSIONS)
    first = next(r for r in found if r.bull_probability is not None)
    at = SESSIONS.position(first.session)
    assert SESSIONS.dates[at - 1].month != first.session.month
    assert at - 1 >= MINIMUM
    assert all(r.reason for r in found[:at])
    assert f"needs {MINIMUM} returns" in (found[at - 1].reason or "")
    assert first.known_at is not None


def test_a_missing_close_is_null_and_the_next_return_spans_it():
    frame = closes()
    gone = SESSIONS.dates[1000]
    found = {r.session: r for r in regime(frame.filter(pl.col("date") != gone), SESSIONS)}
    assert found[gone].bull_probability is None
    assert "no close" in (found[gone].reason or "")
    assert found[SESSIONS.dates[1001]].bull_probability is not None


def test_calm_that_does_not_rise_is_not_bull():
    found = regime(closes(bull=-0.2, bear=0.3), SESSIONS)
    told = [r for r in found if r.reason and r.reason.startswith("not identified")]
    assert told
    assert all(r.bull_probability is None and r.state is None for r in told)


def test_a_failed_fit_keeps_the_parameters_and_says_so(monkeypatch):
    honest, calls = module._fitted, []

    def failing(past, held, anew):
        calls.append(len(past))
        return honest(past, held, anew) if len(calls) < 3 else None

    monkeypatch.setattr(module, "_fitted", failing)
    found = regime(closes(), SESSIONS)
    assert found[-1].bull_probability is not None
    assert "failed" in found[-1].notes[0]


@pytest.mark.parametrize(
    ("probabilities", "states"),
    [
        ([0.5, 0.7, 0.5, 0.41, 0.39, 0.5, 0.6, 0.61], [None, "bull", "bull", "bull", "bear", "bear", "bear", "bull"]),
        ([0.3, None, 0.5], ["bear", None, "bear"]),
    ],
)
def test_a_switch_needs_more_than_a_half(probabilities, states):
    readings = [
        RegimeReading(session=day, bull_probability=p, reason=None if p else "no close")
        for day, p in zip(SESSIONS.dates, probabilities, strict=False)
    ]
    told = with_states(readings)
    assert [r.state for r in told] == states
    starts = [i for i, s in enumerate(states) if s and s != next((x for x in states[:i][::-1] if x), None)]
    assert [r.session for r in switches(told)] == [SESSIONS.dates[i] for i in starts]


def test_a_fresh_start_has_a_calm_and_a_wild_state():
    start = Switching.start(np.array([0.0, 1.0, np.nan, -1.0]))
    assert start.variance[0] < start.variance[1]
    assert not start.identified
