"""The sweep's returns are those of each rule followed by hand, and vectorbt's where it is installed."""

import numpy as np
import pytest

from indicators.engine.bench.rules import backtest_p9, drawn, ours_p9, signals_of, vectorbt_p9
from indicators.engine.bench.tape import Tapes


def test_returns_are_those_of_the_signals():
    scores, prices = drawn(60)
    found = ours_p9(scores, prices)["total_return"].to_numpy()
    signals = signals_of(scores)
    assert sum(entries.shape[1] for entries, _ in signals) == len(found) == 10_000
    entries, exits = signals[3]
    for rule in range(0, 1000, 97):
        wealth, bought = 1.0, 0.0
        for at in range(61):
            if entries[at, rule]:
                bought = prices[at]
            if exits[at, rule]:
                wealth, bought = wealth * prices[at] / bought, 0.0
        wealth *= prices[-1] / bought if bought else 1.0
        assert found[3000 + rule] == pytest.approx(wealth - 1.0, abs=2e-9)
    assert len(np.unique(found)) > 100


def test_vectorbt_agrees():
    pytest.importorskip("vectorbt", exc_type=ImportError)
    scores, prices = drawn(60)
    some = [(entries[:, :50], exits[:, :50]) for entries, exits in signals_of(scores)[:1]]
    assert vectorbt_p9(some, prices).equals(ours_p9(scores, prices)[:50])


def test_without_vectorbt_the_job_says_so(monkeypatch, tmp_path):
    from indicators.engine.bench import rules

    monkeypatch.setattr(rules, "find_spec", lambda _name: None)
    result = rules.p9(Tapes(tmp_path, scale=0.02, rounds=1))
    assert result.met is None
    assert "not installed" in result.notes[0]


def test_the_backtest_is_of_every_series_at_every_horizon_and_repeats():
    found = backtest_p9(700, 20)
    assert found.height == 28
    assert found["p"].drop_nulls().is_between(0.001, 1.0).all()
    assert found["p"].drop_nulls().len() == 28
    assert found.equals(backtest_p9(700, 20))
    assert not found.equals(backtest_p9(720, 20))
