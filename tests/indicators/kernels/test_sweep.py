"""The sweep's kernels against one rule at a time, and the overfitting share against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.engine.performance import earned
from indicators.engine.sweep import blends, blocks_of, halves_of
from indicators.kernels.sweep import blended_means, overfit_share, sweep_rules

number = st.integers(0, 100).map(float)


@given(st.data())
def test_means_are_those_of_pandas(data):
    import pandas as pd

    n = data.draw(st.integers(1, 25))
    scores = np.array([data.draw(st.lists(number | st.just(float("nan")), min_size=n, max_size=n)) for _ in range(3)])
    weights = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    found = blended_means(scores, weights, np.array([1, 4]))
    for w, row in enumerate(weights):
        present = ~np.isnan(scores) * row[:, None]
        total = np.nansum(np.nan_to_num(scores) * row[:, None], axis=0)
        held = present.sum(axis=0)
        blend = np.divide(total, held, out=np.full(n, np.nan), where=held > 0)
        for j, lookback in enumerate((1, 4)):
            expected = pd.Series(blend).rolling(lookback).mean().to_numpy()
            np.testing.assert_allclose(found[w * 2 + j], expected, atol=1e-9)


def test_each_rule_earns_what_it_earns_alone():
    random = np.random.default_rng(1)
    means, returns = random.uniform(0, 100, (4, 300)), random.normal(0, 0.01, 300)
    means[2, 40:80] = np.nan
    thresholds, block = np.array([20.0, 50.0, 90.0]), blocks_of(300, 4, 2)
    growth, sums, squares = sweep_rules(means, np.expm1(returns), thresholds, 3e-4, block)
    for rule in range(12):
        row, threshold = divmod(rule, 3)
        alone = earned((means[row] >= thresholds[threshold]).astype(float), returns, 3.0)
        assert growth[rule] == pytest.approx(np.prod(1 + alone))
        for b in range(4):
            assert sums[rule, b] == pytest.approx(alone[block == b].sum())
            assert squares[rule, b] == pytest.approx((alone[block == b] ** 2).sum())


def naive_overfit(earned_by_block: list[np.ndarray], halves: np.ndarray) -> float:
    """(rules, sessions) by block: choose by Sharpe inside, rank outside."""
    bad = 0
    for half in halves:
        inside = np.hstack([e for e, own in zip(earned_by_block, half, strict=True) if own])
        outside = np.hstack([e for e, own in zip(earned_by_block, half, strict=True) if not own])
        best = np.argmax(inside.mean(1) / inside.std(1, ddof=1))
        there = outside.mean(1) / outside.std(1, ddof=1)
        bad += (np.count_nonzero(there < there[best])) / (len(there) - 1) <= 0.5
    return bad / len(halves)


def test_the_overfitting_share_is_its_definition():
    random = np.random.default_rng(2)
    blocks = [random.normal(0.0, 0.01, (30, 20)) for _ in range(6)]
    sums, squares = (np.column_stack([(e**k).sum(1) for e in blocks]) for k in (1, 2))
    halves = halves_of(6)
    assert len(halves) == 20
    assert np.all(halves.sum(1) == 3)
    found = overfit_share(sums, squares, np.full(6, 20), halves)
    assert found == pytest.approx(naive_overfit(blocks, halves))


def test_purged_sessions_lie_before_every_border():
    block = blocks_of(160, 16, 2)
    assert np.count_nonzero(block == -1) == 30
    assert block[8:11].tolist() == [-1, -1, 1]
    assert block[-1] == 15


def test_blends_sum_to_one_and_hold_each_part_alone():
    found = blends(3)
    assert found.shape == (25, 3)
    np.testing.assert_allclose(found.sum(1), 1.0)
    np.testing.assert_array_equal(found[:3], np.eye(3))
