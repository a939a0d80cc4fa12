import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.kernels import regime
from indicators.kernels.regime import expect, fit_switching, hamilton_filter

PARAMETERS = st.tuples(
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.floats(0.05, 4),
    st.floats(0.05, 4),
    st.floats(0.05, 0.99),
    st.floats(0.05, 0.99),
)
RETURNS = st.lists(st.one_of(st.floats(-6, 6), st.just(math.nan)), min_size=1, max_size=40)


def arrays(mean0, mean1, variance0, variance1, stay0, stay1):
    return np.array([mean0, mean1], float), np.array([variance0, variance1], float), np.array([stay0, stay1], float)


def naive_filter(y, mean, variance, stay):
    """Bayes' rule over both states, one observation after the other."""
    transition = [[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]]
    away = (1 - stay[0]) + (1 - stay[1])
    prior = [(1 - stay[1]) / away, (1 - stay[0]) / away]
    out = []
    for value in y:
        if not math.isnan(value):
            joint = [
                prior[i]
                * math.exp(-((value - mean[i]) ** 2) / (2 * variance[i]))
                / math.sqrt(2 * math.pi * variance[i])
                for i in (0, 1)
            ]
            prior = [p / sum(joint) for p in joint]
        out.append(prior[1])
        prior = [sum(prior[i] * transition[i][j] for i in (0, 1)) for j in (0, 1)]
    return out


def simulated(n, seed=3):
    """Returns of a chain with known parameters."""
    random = np.random.default_rng(seed)
    state, out = 0, []
    for _ in range(n):
        state = state if random.random() < (0.98, 0.95)[state] else 1 - state
        out.append(random.normal((0.08, -0.1)[state], (0.6, 1.8)[state]))
    return np.array(out)


@given(y=RETURNS, parameters=PARAMETERS)
def test_filter_is_bayes_rule(y, parameters):
    found, _ = hamilton_filter(np.array(y), *arrays(*parameters))
    np.testing.assert_allclose(found, naive_filter(y, *arrays(*parameters)), atol=1e-9)


@given(y=RETURNS, parameters=PARAMETERS, cut=st.integers(1, 40))
def test_a_longer_series_begins_the_same(y, parameters, cut):
    whole, _ = hamilton_filter(np.array(y), *arrays(*parameters))
    part, _ = hamilton_filter(np.array(y[:cut]), *arrays(*parameters))
    np.testing.assert_array_equal(part, whole[:cut])


def test_filtered_probabilities_and_likelihood_are_those_of_statsmodels():
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    y = simulated(1500)
    mean, variance, stay = arrays(0.07, -0.12, 0.4, 3.1, 0.985, 0.96)
    model = MarkovRegression(y, k_regimes=2, trend="c", switching_variance=True)
    theirs = model.filter(np.array([stay[0], 1 - stay[1], *mean, *variance]))
    ours, likelihood = hamilton_filter(y, mean, variance, stay)
    np.testing.assert_allclose(ours, theirs.filtered_marginal_probabilities[:, 1], atol=1e-8, rtol=0)
    assert likelihood == pytest.approx(theirs.llf, abs=1e-6)


def test_an_outlier_that_underflows_both_densities_is_still_judged():
    found, likelihood = hamilton_filter(np.array([0.0, 500.0]), *arrays(0, 0, 1, 4, 0.9, 0.9))
    assert found[1] == pytest.approx(1.0)
    assert np.isfinite(likelihood)


@pytest.mark.parametrize("seed", range(10))
def test_no_step_lowers_the_likelihood(seed):
    y = simulated(1200, seed)
    parameters = arrays(0.0, 0.0, 0.5, 4.0, 0.95, 0.9)
    likelihoods = []
    for _ in range(15):
        *parameters, likelihood = expect(y, *parameters)
        likelihoods.append(likelihood)
    # the starting distribution follows the transitions, which may cost the step a trifle
    assert min(np.diff(likelihoods)) > -0.001


def test_a_climb_ends_as_high_as_statsmodels_own():
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    y = simulated(2000)
    *_, likelihood, reached = fit_switching(y, *arrays(0.0, 0.0, 0.5, 3.0, 0.98, 0.95), 2000, 1e-6)
    theirs = MarkovRegression(y, k_regimes=2, trend="c", switching_variance=True).fit(disp=False)
    assert reached
    assert likelihood > theirs.llf - 0.05


def test_a_climb_finds_the_parameters_that_made_the_returns():
    mean, variance, stay, _, reached = fit_switching(simulated(20_000), *arrays(0, 0, 0.5, 4, 0.9, 0.9), 2000, 1e-6)
    assert reached
    np.testing.assert_allclose(mean, [0.08, -0.1], atol=0.05)
    np.testing.assert_allclose(np.sqrt(variance), [0.6, 1.8], rtol=0.05)
    np.testing.assert_allclose(stay, [0.98, 0.95], atol=0.01)


@pytest.mark.parametrize("y", [np.zeros(50), np.append(np.zeros(49), 5.0), np.full(50, np.nan)])
def test_a_state_that_collapses_is_no_fit(y):
    assert not fit_switching(y, *arrays(0, 0, 0.5, 2, 0.9, 0.9), 500, 1e-6)[-1]


def test_examples():
    assert doctest.testmod(regime).failed == 0
