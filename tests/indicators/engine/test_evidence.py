"""Intervals, multiple testing and verdicts against other libraries and against known links."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from statsmodels.stats.multitest import multipletests

from indicators.engine.backtest import fifths
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


def test_every_shift_may_be_drawn_and_draws_repeat():
    turns = shifts_for(400, 63, count=20_000)
    assert turns[0] == 0
    assert len(turns) == 20_001
    assert set(turns[1:].tolist()) == set(range(1, 400))
    np.testing.assert_array_equal(shifts_for(700, 63), shifts_for(700, 63))
    assert len(shifts_for(700, 63)) == 1_000


@pytest.mark.parametrize(("horizon", "most"), [(1, 337), (63, 337), (100, 300)])
def test_a_reading_made_of_prices_never_meets_the_returns_it_is_made_of(horizon, most):
    turns = shifts_for(400, horizon, count=20_000, price_derived=True)
    assert set(turns[1:].tolist()) == set(range(1, most + 1))


@pytest.mark.parametrize(
    ("sessions", "pairs", "horizon", "why"),
    [
        (2000, 629, 63, "629 readings with an outcome, needs 630"),
        (2000, 630, 63, None),
        (2000, 59, 1, "59 readings"),
        (161, 161, 1, "161 sessions, needs 162"),
        (162, 162, 1, None),
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
        drawn = bootstrapped(ranks, outcome, 21, 300, fifths(ranks), noise[: len(ranks)])
        intervals = newey_west(ranks, outcome, 21), drawn[0]
        assert all(i.low < ic < i.high for i in intervals)
        widths.append([i.high - i.low for i in intervals])
    assert widths[1][0] > 1.5 * widths[0][0]
    assert widths[1][1] > 1.5 * widths[0][1]


def test_a_constant_side_has_no_interval():
    assert newey_west(np.ones(50), np.arange(50.0), 1) is None
    nothing = bootstrapped(np.ones(50), np.arange(50.0), 1, 10, np.zeros(50, dtype=np.int64), np.ones(50))
    assert nothing == [None] * 6
    assert sharpe_interval(np.zeros(50), 10) is None


def test_each_fifth_has_the_interval_of_its_own_mean():
    random = np.random.default_rng(9)
    ranks, ahead = average_ranks(random.normal(size=2000)), random.normal(0.002, 0.01, 2000)
    found = bootstrapped(ranks, average_ranks(ahead), 1, 1000, fifths(ranks), ahead)
    assert len(found) == 6
    for q, interval in enumerate(found[1:]):
        mine = ahead[fifths(ranks) == q]
        half = 1.96 * mine.std() / np.sqrt(len(mine))
        assert interval.low == pytest.approx(mine.mean() - half, abs=0.2 * half)
        assert interval.high == pytest.approx(mine.mean() + half, abs=0.2 * half)
    none_in_the_middle = np.where(fifths(ranks) == 2, 1, fifths(ranks))
    assert [i is None for i in bootstrapped(ranks, ranks, 1, 20, none_in_the_middle, ahead)] == [
        *[False] * 3,
        True,
        *[False] * 2,
    ]


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
