"""Two-state Markov switching in mean and variance: Hamilton's filter, and its parameters by maximum likelihood."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

Floats = npt.NDArray[np.float64]

_SMALLEST = 1e-300


@jit
def hamilton_filter(y: Floats, mean: Floats, variance: Floats, stay: Floats) -> tuple[Floats, float]:
    """Filter the probability of state 1 given observations up to each one.

    Parameters
    ----------
    y : float64, shape (n,), observations; NaN is one that was not made
    mean, variance : float64, shape (2,), of the observations in states 0 and 1
    stay : float64, shape (2,), probability of staying in states 0 and 1

    Returns
    -------
    float64 (n,) : P(s_t = 1 | y_1..y_t)
    float64 : log likelihood of y

    Notes
    -----
    With f_j the normal density in state j and p_ij the transition from i to j, starting from the chain's stationary
    distribution:

        P(s_t = j | y_1..y_{t−1}) = Σ_i p_ij·P(s_{t−1} = i | y_1..y_{t−1})
        P(s_t = j | y_1..y_t) ∝ f_j(y_t)·P(s_t = j | y_1..y_{t−1})

    A NaN observation leaves the prediction as it is. An observation so far out that both densities underflow is judged
    by the difference of their logarithms. Time O(n).

    References
    ----------
    Hamilton (1989), "A new approach to the economic analysis of nonstationary time series and the business cycle",
    Econometrica 57, section 4; Hamilton (1994), "Time series analysis", eqs. 22.4.5-22.4.8. INDICATORS, section 6.

    Examples
    --------
    >>> calm, wild = np.array([0.0, 0.0]), np.array([1.0, 100.0])
    >>> hamilton_filter(np.array([0.0, 30.0]), calm, wild, np.array([0.9, 0.9]))[0].round(2)
    array([0.09, 1.  ])
    """
    n = len(y)
    out = np.empty(n)
    away = (1.0 - stay[0]) + (1.0 - stay[1])
    one = (1.0 - stay[0]) / away if away > 0.0 else 0.5
    likelihood = 0.0
    scale0, scale1 = 0.5 * np.log(2.0 * np.pi * variance[0]), 0.5 * np.log(2.0 * np.pi * variance[1])
    half0, half1 = 0.5 / variance[0], 0.5 / variance[1]
    for t in range(n):
        if t > 0:
            one = stay[1] * one + (1.0 - stay[0]) * (1.0 - one)
        if not np.isnan(y[t]):
            log0 = -scale0 - half0 * (y[t] - mean[0]) ** 2
            log1 = -scale1 - half1 * (y[t] - mean[1]) ** 2
            # relative to the likelier state, so that one of the two exponentials is 1 and neither overflows
            if log0 >= log1:
                top, f0, f1 = log0, 1.0 - one, one * np.exp(log1 - log0)
            else:
                top, f0, f1 = log1, (1.0 - one) * np.exp(log0 - log1), one
            total = max(f0 + f1, _SMALLEST)
            one = f1 / total
            likelihood += top + np.log(total)
        out[t] = one
    return out, likelihood


@jit
def expect(y: Floats, mean: Floats, variance: Floats, stay: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Take one step of expectation-maximisation: the parameters that the smoothed states of the old ones ask for.

    Parameters
    ----------
    y, mean, variance, stay : as in `hamilton_filter`

    Returns
    -------
    mean, variance, stay : float64 (2,) each, the new parameters; NaN where a state has no weight
    float64 : log likelihood of y under the old parameters

    Notes
    -----
    Kim's smoother runs backward over the filtered probabilities ξ:

        P(s_t = i | Y) = ξ_t(i)·Σ_j p_ij·P(s_{t+1} = j | Y)/P(s_{t+1} = j | y_1..y_t)

    Means, variances and transitions are the smoothed weights' own (Hamilton 1990, eqs. 4.1-4.3); the likelihood never
    falls but for the starting distribution, which the transitions fix.

    References
    ----------
    Hamilton (1990), "Analysis of time series subject to changes in regime", Journal of Econometrics 45; Kim (1994),
    "Dynamic linear models with Markov-switching", Journal of Econometrics 60.
    """
    n = len(y)
    filtered, likelihood = hamilton_filter(y, mean, variance, stay)
    weight, first = np.zeros(2), np.zeros(2)
    leaving, moved = np.zeros(2), np.zeros(2)
    smooth = np.empty(n)
    smooth[n - 1] = filtered[n - 1]
    for t in range(n - 2, -1, -1):
        one = filtered[t]
        ahead1 = stay[1] * one + (1.0 - stay[0]) * (1.0 - one)
        ratio1 = smooth[t + 1] / max(ahead1, _SMALLEST)
        ratio0 = (1.0 - smooth[t + 1]) / max(1.0 - ahead1, _SMALLEST)
        from0, from1 = (1.0 - one) * (1.0 - stay[0]) * ratio1, one * (1.0 - stay[1]) * ratio0
        smooth[t] = min(max(from1 + one * stay[1] * ratio1, 0.0), 1.0)
        leaving[0] += 1.0 - smooth[t]
        leaving[1] += smooth[t]
        moved[0] += from0
        moved[1] += from1
    for t in range(n):
        if not np.isnan(y[t]):
            weight[0] += 1.0 - smooth[t]
            weight[1] += smooth[t]
            first[0] += (1.0 - smooth[t]) * y[t]
            first[1] += smooth[t] * y[t]
    new_mean, new_variance, new_stay = np.full(2, np.nan), np.full(2, np.nan), np.full(2, np.nan)
    for i in range(2):
        if weight[i] > 0.0 and leaving[i] > 0.0:
            new_mean[i] = first[i] / weight[i]
            new_stay[i] = min(max(1.0 - moved[i] / leaving[i], 0.0), 1.0)
    second = np.zeros(2)
    for t in range(n):
        if not np.isnan(y[t]):
            second[0] += (1.0 - smooth[t]) * (y[t] - new_mean[0]) ** 2
            second[1] += smooth[t] * (y[t] - new_mean[1]) ** 2
    for i in range(2):
        if weight[i] > 0.0:
            new_variance[i] = second[i] / weight[i]
    return new_mean, new_variance, new_stay, likelihood


@jit
def fit_switching(
    y: Floats, mean: Floats, variance: Floats, stay: Floats, steps: int, tolerance: float
) -> tuple[Floats, Floats, Floats, float, bool]:
    """Climb to the nearest maximum of the likelihood from some starting parameters.

    Parameters
    ----------
    y, mean, variance, stay : as in `hamilton_filter`
    steps : at most this many steps of `expect`
    tolerance : done when a step raises the log likelihood by less

    Returns
    -------
    mean, variance, stay : float64 (2,) each
    float64 : log likelihood of y under them
    bool : whether it got there; False too where a state lost its weight or its variance

    Examples
    --------
    >>> calm, wild = np.tile([1.0, -1.0], 50), np.tile([9.0, -9.0], 50)
    >>> start = np.zeros(2), np.array([1.0, 50.0]), np.array([0.9, 0.9])
    >>> fit_switching(np.concatenate((calm, wild)), *start, 200, 1e-9)[1].round(3)
    array([ 1.   , 80.815])
    """
    made = y[~np.isnan(y)]
    spread = made.var() if len(made) else 0.0
    before = -np.inf
    for _ in range(steps):
        new_mean, new_variance, new_stay, likelihood = expect(y, mean, variance, stay)
        if not np.isfinite(likelihood + new_mean.sum() + new_variance.sum() + new_stay.sum()):
            return mean, variance, stay, likelihood, False
        if new_variance.min() <= 1e-6 * spread:
            return mean, variance, stay, likelihood, False
        if likelihood - before < tolerance and before > -np.inf:
            return mean, variance, stay, likelihood, True
        before = likelihood
        mean, variance, stay = new_mean, new_variance, new_stay
    return mean, variance, stay, before, False
