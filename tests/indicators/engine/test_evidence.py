"""Intervals, multiple testing and verdicts against other libraries and against known links."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from statsmodels.stats.multitest import multipletests

from indicators.engine.evidence import (
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
from indicators.kernels.rank import average_ranks


def test_adjusted_p_values_are_statsmodels():
    p = [0.001, 0.02, 0.04, 0.3, 0.9, 0.011]
    hochberg, yekutieli = adjusted(p)
    assert hochberg == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert yekutieli == pytest.approx(multipletests(p, method="fdr_by")[1])


def test_what_was_not_tested_stays_in_the_family():
    hochberg, _ = adjusted([0.01, None, None, None])
    assert hochberg == [pytest.approx(0.04), None, None, None]
    assert adjusted([]) == ([], [])


def test_shifts_keep_away_from_both_ends_and_repeat():
    turns = shifts_for(700, 63)
    assert turns[0] == 0
    assert len(turns) == 1000
    assert turns[1:].min() >= 63
    assert turns[1:].max() <= 700 - 63
    np.testing.assert_array_equal(turns, shifts_for(700, 63))


@pytest.mark.parametrize(
    ("sessions", "pairs", "horizon", "why"),
    [
        (2000, 629, 63, "629 readings with an outcome, needs 630"),
        (2000, 630, 63, None),
        (2000, 59, 1, "59 readings"),
        (223, 223, 1, "223 sessions, needs 224"),
        (224, 224, 1, None),
    ],
)
def test_too_short_says_what_is_needed(sessions, pairs, horizon, why):
    found = too_short(sessions, pairs, horizon)
    assert found is None if why is None else why in found


def test_the_coefficient_is_scipys_and_nulls_are_left_out():
    random = np.random.default_rng(4)
    score, returns = random.normal(size=400), random.normal(size=400)
    score[[3, 77, 300]] = np.nan
    ic, p = information_coefficient(score, outcomes_of(returns, 5), 5, shifts_for(400, 5))
    ahead = np.array([returns[u : u + 5].sum() for u in range(396)])
    known = ~np.isnan(score[:396])
    assert ic == pytest.approx(spearmanr(score[:396][known], ahead[known]).statistic)
    assert round(p * 1000, 9) in range(1, 1001)


def test_intervals_hold_the_coefficient_and_widen_with_persistence():
    random = np.random.default_rng(5)
    noise = random.normal(size=1500)
    slow = np.convolve(random.normal(size=1600), np.ones(60), "same")[:1500]
    widths = []
    for score in (random.normal(size=1500), slow):
        ranks = ranks_in_pairs(score, 21)
        outcome = average_ranks(outcomes_of(noise, 21)[: len(ranks)])
        ic = spearmanr(ranks, outcome).statistic
        intervals = newey_west(ranks, outcome, 21), bootstrapped(ranks, outcome, 21, 300)
        assert all(i.low < ic < i.high for i in intervals)
        widths.append([i.high - i.low for i in intervals])
    assert widths[1][0] > 1.5 * widths[0][0]
    assert widths[1][1] > 1.5 * widths[0][1]


def test_a_constant_side_has_no_interval():
    assert newey_west(np.ones(50), np.arange(50.0), 1) is None
    assert bootstrapped(np.ones(50), np.arange(50.0), 1, 10) is None
    assert sharpe_interval(np.zeros(50), 10) is None


def test_the_sharpe_interval_covers_what_made_it():
    earned = np.random.default_rng(6).normal(0.001, 0.01, 2000)
    interval = sharpe_interval(earned, 500)
    assert interval.low < 0.1 * np.sqrt(252) < interval.high
    assert interval == sharpe_interval(earned, 500)


@pytest.mark.parametrize(
    ("ic", "p", "bh", "by", "word"),
    [
        (0.1, 0.001, 0.01, 0.04, "evidence"),
        (0.1, 0.001, 0.01, 0.06, "weak evidence"),
        (0.1, 0.01, 0.09, 0.4, "weak evidence"),
        (0.1, 0.04, 0.5, 1.0, "none"),
        (-0.1, 0.001, 0.01, 0.04, "none"),
        (None, None, None, None, "too short"),
    ],
)
def test_verdicts(ic, p, bh, by, word):
    assert verdict_of(ic, p, bh, by) == word
