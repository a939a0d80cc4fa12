"""Rolling trend and rolling spread of a series, stable at any level of the series."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit


@jit
def rolling_slope(y: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Fit a straight line to each trailing window and return its slope per step.

    Parameters
    ----------
    y : float64, shape (n,), oldest first; NaN = missing
    window : number of values w in a fit; at least 2

    Returns
    -------
    float64, shape (n,), units of y per step.

    Notes
    -----
    Ordinary least squares of y on t = 0 … w-1, pivoted on the window's first value y₀ so that a large level of y costs
    no digits (the weights sum to zero, the pivot drops out):

        slope = Σ (t - t̄)·(y_t - y₀) / Σ (t - t̄)²,    t̄ = (w-1)/2,    Σ (t - t̄)² = w(w²-1)/12

    NaN for the first w-1 values and wherever the window holds a NaN or an infinity. Each window is summed afresh and in
    one order: nothing is carried, so a gap leaves no trace once it has left the window. Time O(n·w).

    References
    ----------
    INDICATORS, section 3. Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample
    variance. The American Statistician 37(3), 242-247 (shifted data).

    Examples
    --------
    >>> rolling_slope(np.array([1e9, 1e9 + 1, 1e9 + 3, np.nan]), 3)
    array([nan, nan, 1.5, nan])
    """
    if window < 2:
        raise ValueError("`window` of a slope must be at least 2")
    n = len(y)
    out = np.full(n, np.nan)
    centre = 0.5 * (window - 1)
    spread = window * (window * window - 1.0) / 12.0
    run = 0
    for i in range(n):
        run = run + 1 if np.isfinite(y[i]) else 0
        if run < window:
            continue
        first = i - window + 1
        total = 0.0
        for t in range(window):
            total += (t - centre) * (y[first + t] - y[first])
        out[i] = total / spread
    return out


@jit
def rolling_std(y: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Sample standard deviation of each trailing window.

    Parameters
    ----------
    y : float64, shape (n,), oldest first; NaN = missing
    window : number of values w; at least 2

    Returns
    -------
    float64, shape (n,), units of y, zero or more.

    Notes
    -----
    Two passes over each window, pivoted on its first value y₀: the mean first, then the squared deviations from it:

        s = √( Σ (y_t - ȳ)² / (w-1) )

    NaN for the first w-1 values and wherever the window holds a NaN or an infinity. A constant window gives exactly 0.
    Each window is summed afresh: running sums of squares lose every digit at a level of 1e8. Time O(n·w).

    References
    ----------
    Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample variance. The American
    Statistician 37(3), 242-247 (the two-pass algorithm).

    Examples
    --------
    >>> rolling_std(np.array([1e9, 1e9 + 1, 1e9 + 2, np.nan]), 3)
    array([nan, nan,  1., nan])
    """
    if window < 2:
        raise ValueError("`window` of a standard deviation must be at least 2")
    n = len(y)
    out = np.full(n, np.nan)
    run = 0
    for i in range(n):
        run = run + 1 if np.isfinite(y[i]) else 0
        if run < window:
            continue
        first = i - window + 1
        mean = 0.0
        for t in range(first, i + 1):
            mean += y[t] - y[first]
        mean /= window
        squares = 0.0
        for t in range(first, i + 1):
            squares += (y[t] - y[first] - mean) ** 2
        out[i] = np.sqrt(squares / (window - 1))
    return out
