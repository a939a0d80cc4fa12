"""Figures of an exposure against empyrical, deflation against the paper's own example."""

import empyrical
import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew

from indicators.engine.performance import (
    EULER,
    deflated_sharpe,
    drawdowns,
    earned,
    expected_best_sharpe,
    exposures,
    performance,
    sharpe_of,
)

RETURNS = np.random.default_rng(3).normal(0.0004, 0.012, 700)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_figures_are_empyricals(sign):
    ours = performance(np.ones(700), sign * RETURNS)
    theirs = {
        "total_return": empyrical.cum_returns_final(sign * RETURNS),
        "cagr": empyrical.annual_return(sign * RETURNS),
        "volatility": empyrical.annual_volatility(sign * RETURNS),
        "sharpe": empyrical.sharpe_ratio(sign * RETURNS),
        "sortino": empyrical.sortino_ratio(sign * RETURNS),
        "max_drawdown": empyrical.max_drawdown(sign * RETURNS),
        "calmar": empyrical.calmar_ratio(sign * RETURNS) if sign > 0 else None,
    }
    for name, expected in theirs.items():
        if expected is not None and np.isfinite(expected):
            assert getattr(ours, name) == pytest.approx(expected, rel=1e-10), name


def test_nothing_held_has_no_ratio():
    none = performance(np.zeros(50), np.zeros(50))
    assert (none.sharpe, none.sortino, none.calmar, none.max_drawdown, none.time_in_market) == (None, None, None, 0, 0)


def test_drawdown_counts_a_loss_from_the_start():
    assert drawdowns(np.array([-0.1, 0.05])) == pytest.approx([-0.1, -0.055])


def test_slices_follow_readings_and_nulls_are_out():
    score = np.array([50.0, 49.9, np.nan, 90.0])
    assert exposures(score, 1).tolist() == [1, 0, 0, 1]
    assert exposures(score, 1, long_short=True).tolist() == [1, -1, 0, 1]
    assert exposures(score, 2, long_short=True).tolist() == [0.5, 0, -0.5, 0.5]


def test_cost_is_paid_on_what_is_traded():
    exposure = np.array([1.0, 1.0, 0.0, -1.0])
    assert earned(exposure, np.zeros(4), 10.0) == pytest.approx([-0.001, 0, -0.001, -0.001])


def test_deflation_has_the_papers_formula():
    trials = [0.0, 0.02, 0.05, -0.03]
    best = np.std(trials, ddof=1) * ((1 - EULER) * norm.ppf(1 - 1 / 4) + EULER * norm.ppf(1 - 1 / (4 * np.e)))
    assert expected_best_sharpe(trials) == pytest.approx(best)
    assert expected_best_sharpe([0.1]) == 0.0
    own = sharpe_of(RETURNS)
    spread = 1 - skew(RETURNS) * own + (kurtosis(RETURNS) + 2) * own**2 / 4
    assert deflated_sharpe(RETURNS, trials) == pytest.approx(norm.cdf((own - best) * np.sqrt(699 / spread)))


def test_the_best_of_the_papers_example():
    """100 trials of variance ½ a year of 250 days: a Sharpe ratio of 0.1132 a day is expected of the best (p. 100)."""
    variance = 0.5 / 250
    best = np.sqrt(variance) * ((1 - EULER) * norm.ppf(1 - 1 / 100) + EULER * norm.ppf(1 - 1 / (100 * np.e)))
    assert best == pytest.approx(0.1132, abs=2e-4)
    spread = np.random.default_rng(0).normal(size=100)
    trials = (spread - spread.mean()) / spread.std(ddof=1) * np.sqrt(variance)
    assert expected_best_sharpe(trials.tolist()) == pytest.approx(best)


def test_more_trials_deflate_more():
    few, many = (list(np.random.default_rng(1).normal(0, 0.04, n)) for n in (5, 500))
    assert (
        deflated_sharpe(RETURNS, many) < deflated_sharpe(RETURNS, few) < deflated_sharpe(RETURNS, [sharpe_of(RETURNS)])
    )
