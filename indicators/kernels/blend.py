"""Forward earnings: five quarters of the newest estimates, weighted by the days already gone."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def forward_blend(
    since: Ints, published: Ints, quarter: Ints, eps: Floats, own: Ints, gone: Floats, most: int
) -> tuple[Floats, Ints, Ints]:
    """Walk the sessions once, learning each estimate when it is due, and blend five quarters at each session.

    Parameters
    ----------
    since : int64, shape (r,), ascending; first session that may use the row
    published : int64, shape (r,), days since 1970 of the row's vintage
    quarter : int64, shape (r,), calendar quarters since 1970 of the row's quarter end
    eps : float64, shape (r,), dollars per index unit, finite
    own : int64, shape (n,), the quarter each session lies in
    gone : float64, shape (n,), the share f of that quarter's days gone by, in (0, 1]
    most : quarters that may be extended at one session

    Returns
    -------
    float64 (n,) : E_t in dollars per index unit, NaN where it is not defined
    int64 (n,) : how many of the five quarters have no estimate
    int64 (n,) : published day of the newest vintage, -1 before the first

    Notes
    -----
    With k(q) the known eps of the latest vintage for q (of equal vintages the later row; a vintage that comes late
    does not replace a newer one):

        E_t = (1−f)·k(q0) + k(q1) + k(q2) + k(q3) + f·k(q4)

    A quarter without an estimate is extended, nearest first, by k(q−4)·k(q−1)/k(q−5), which may itself use an extended
    k(q−1). E_t is NaN where more than `most` are missing, where the three it grows from are not all known, or where
    k(q−5) ≤ 0 (growth from a loss has no meaning). Time O(r + n).

    References
    ----------
    INDICATORS, section 3.

    Examples
    --------
    >>> zeros = np.zeros(5, dtype=np.int64)
    >>> forward_blend(zeros, zeros, np.arange(5), np.array([1.0, 2, 3, 4, 5]), zeros[:1], np.array([0.25]), 2)[0]
    array([11.])
    """
    n = len(own)
    out = np.full(n, np.nan)
    missing = np.zeros(n, dtype=np.int64)
    newest = np.full(n, -1, dtype=np.int64)
    if n == 0:
        return out, missing, newest
    low = own[0] - 5
    known = np.full(own[-1] + 5 - low, np.nan)
    vintage = np.full(len(known), np.iinfo(np.int64).min)
    k = np.empty(10)
    row, latest = 0, -1
    for t in range(n):
        while row < len(since) and since[row] <= t:
            place = quarter[row] - low
            if 0 <= place < len(known) and published[row] >= vintage[place]:
                known[place] = eps[row]
                vintage[place] = published[row]
            latest = max(latest, published[row])
            row += 1
        newest[t] = latest
        k[:] = known[own[t] - 5 - low : own[t] + 5 - low]
        for q in range(5, 10):
            if np.isnan(k[q]):
                missing[t] += 1
                if k[q - 5] > 0.0:
                    k[q] = k[q - 4] * k[q - 1] / k[q - 5]
        if missing[t] <= most:
            out[t] = (1.0 - gone[t]) * k[5] + k[6] + k[7] + k[8] + gone[t] * k[9]
    return out, missing, newest
