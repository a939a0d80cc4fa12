"""The whole sweep: ten thousand rules over luck, and over a part that knows something."""

from datetime import date, timedelta

import numpy as np

from indicators.engine.sweep import sweep


def planted_and_worthless(strength: float):
    random = np.random.default_rng(12)
    returns = random.normal(0.0, 0.01, 1600)
    scores = {name: random.uniform(0, 100, 1600) for name in ("a", "b")}
    scores["a"] = np.clip(scores["a"] + strength * returns / 0.01, 0, 100)
    dates = tuple(date(2015, 1, 1) + timedelta(days=i) for i in range(1600))
    return sweep("us", scores, returns, dates, 0.0)


def test_luck_is_told_from_a_planted_rule():
    luck, planted = planted_and_worthless(0.0), planted_and_worthless(10.0)
    assert luck.rules == planted.rules == 10_000
    assert luck.best.sharpe > 0.5
    assert luck.deflated_sharpe < 0.95
    assert "no evidence" in luck.words
    assert planted.deflated_sharpe > 0.95
    assert planted.overfit < 0.1 < luck.overfit
    assert "a" in planted.best.weights
    assert "more than the luck" in planted.words
