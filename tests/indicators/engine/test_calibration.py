"""In worlds without a signal the test rejects as often as it says; the usual ones do not. A planted link is found.

Figures of a larger run stand in docs/backtest.md.
"""

import numpy as np
import pytest
from scipy.stats import binom

from tests import worlds
from tests.worlds import independent, momentum, persistent, planted, shift_rejections, t_rejections

WORLDS, SHIFTS = 400, 199
LOW, HIGH = (binom.ppf(q, WORLDS, 0.05) / WORLDS for q in (0.0005, 0.9995))
PRICE_DERIVED = 0.12


@pytest.mark.parametrize("horizon", [1, 5, 21, 63])
@pytest.mark.parametrize("make", [independent, persistent])
def test_exogenous_readings_are_rejected_one_time_in_twenty(make, horizon):
    assert LOW <= shift_rejections(make, horizon, WORLDS, SHIFTS, seed=1) <= HIGH


def far(sessions, horizon, seed, count, price_derived):
    """Shifts that leave out the neighbours of 0."""
    least = max(63, horizon)
    drawn = np.random.default_rng([seed, sessions, horizon]).integers(least, sessions - least, count, endpoint=True)
    return np.concatenate([[0], drawn])


@pytest.mark.parametrize("horizon", [21, 63])
def test_small_p_values_are_as_rare_as_they_say(horizon):
    most = binom.ppf(0.9995, WORLDS, 0.01) / WORLDS
    assert shift_rejections(persistent, horizon, WORLDS, 999, seed=3, level=0.01) <= most


def test_shifts_without_the_neighbours_of_0_make_them_too_common(monkeypatch):
    monkeypatch.setattr(worlds, "shifts_for", far)
    assert shift_rejections(persistent, 63, WORLDS, 999, seed=3, level=0.01) > 0.03


@pytest.mark.parametrize("horizon", [1, 5, 21, 63])
@pytest.mark.parametrize("make", [independent, persistent])
def test_so_are_they_on_returns_scaled_by_volatility(make, horizon):
    assert LOW <= shift_rejections(make, horizon, WORLDS, SHIFTS, seed=1, scaled=True) <= HIGH


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("horizon", [1, 5, 21, 63])
def test_readings_made_of_prices_stay_below_what_is_stated(horizon, scaled):
    assert shift_rejections(momentum, horizon, WORLDS, SHIFTS, seed=1, scaled=scaled) <= PRICE_DERIVED


@pytest.mark.parametrize(("horizon", "naive", "newey_west"), [(21, 0.5, HIGH * 0.9), (63, 0.6, HIGH)])
def test_the_usual_t_tests_reject_too_often(horizon, naive, newey_west):
    assert t_rejections(persistent, horizon, WORLDS, seed=1, lags=0) > naive
    assert t_rejections(persistent, horizon, WORLDS, seed=1, lags=horizon - 1) > newey_west


def test_a_shift_of_nothing_would_be_caught(monkeypatch):
    """Shifts so small that a reading keeps its outcome make a test that hardly ever rejects."""

    def near(sessions, horizon, seed, count, price_derived):
        return np.concatenate([[0], np.random.default_rng(seed).integers(0, 2, count)])

    monkeypatch.setattr(worlds, "shifts_for", near)
    assert not LOW <= shift_rejections(persistent, 21, WORLDS, SHIFTS, seed=1) <= HIGH


def test_power_grows_with_the_strength_of_what_is_planted():
    power = [shift_rejections(planted(strength, 1), 1, 200, SHIFTS, seed=2) for strength in (0.0, 0.05, 0.1, 0.2)]
    assert power == sorted(power)
    assert power[0] < 0.1
    assert power[1] > 0.2
    assert power[3] > 0.95
