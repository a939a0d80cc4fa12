"""The error band of a signed imbalance: what it may truly be when sides are often wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

WEAKEST = 0.52
"""A rule right no more often than this says nothing that could be corrected."""

TOLERATED = 0.05
"""Share of the signed premium that such rules may hold before there is no band."""

LEAST_ERROR = 0.02
"""The smallest standard error of an accuracy."""

QUANTILE = 1.96
"""Standard normal quantile of a two-sided 95 % band."""


@dataclass(frozen=True)
class Stratum:
    """Signed dollars of one asset class × venue × rule.

    Attributes
    ----------
    bought, sold : dollars signed +1 and −1 (for options: bull and bear premium)
    squares : Σ over parent orders of (net signed dollars of the parent)²
    p : accuracy of a signed print
    se : standard error of p; raised to 0.02 where smaller
    """

    bought: float
    sold: float
    squares: int
    p: float
    se: float


@dataclass(frozen=True)
class Band:
    """95 % bounds of the true imbalance, None with a reason where none can be given; `signal_kept` = mean 2p − 1."""

    low: float | None
    high: float | None
    signal_kept: float | None
    reason: str = ""


def _clip(x: float) -> float:
    return min(1.0, max(-1.0, x))


def error_band(strata: Sequence[Stratum]) -> Band:
    """Bound the true imbalance of flows whose sides are wrong with known odds.

    Parameters
    ----------
    strata : in a fixed order (floats are summed in it)

    Returns
    -------
    Band: `low` ≤ `high`, both in [−1, 1]; `signal_kept` the share of a true imbalance that survives wrong sides.

    Notes
    -----
    With N_k = bought − sold of stratum k, G = Σ (bought + sold), P the parent orders of k:

        N̂   = Σ N_k/(2p_k−1)
        var = Σ [ 4p_k(1−p_k)·Σ_P net_P² + (2N_k/(2p_k−1))²·se_k² ] / (2p_k−1)²
        low, high = (N̂ ∓ 1.96·√var) / G, clipped to ±1
        signal_kept = Σ (bought_k + sold_k)·(2p_k−1) / G

    Nothing signed (G = 0): no band and no `signal_kept`. A stratum with p_k ≤ 0.52 cannot be corrected: no band where
    such strata hold more than 5 % of G; up to that share the band is widened by all of their dollars, the worst case.
    The band knows nothing of buys and sells being signed with different accuracy: that biases the level, by more than
    any realistic signal; a change against the own history is free of it.

    Departures: the page has no band at all once p_k ≤ 0.52 for any k; on a real tape a handful of prints without a
    quote would then take the band from every reading.

    References
    ----------
    INDICATORS, section 0 (error).

    Examples
    --------
    One stratum, 150 dollars bought and 50 sold in four parents of 50: N̂ = 100/0.5 = 200,
    var = (0.75·10,000 + 400²·0.02²)/0.25 = 30,256.

    >>> band = error_band([Stratum(150.0, 50.0, 10_000, 0.75, 0.02)])
    >>> round(band.low, 4), band.high, band.signal_kept
    (-0.7046, 1.0, 0.5)
    """
    gross = sum(s.bought + s.sold for s in strata)
    if gross <= 0:
        return Band(None, None, None, "nothing was signed, so there is no error band")
    kept = sum((s.bought + s.sold) * (2 * s.p - 1) for s in strata) / gross
    weak = sum(s.bought + s.sold for s in strata if s.p <= WEAKEST)
    if weak > TOLERATED * gross:
        reason = (
            f"{100 * weak / gross:.0f} % of what is signed was signed by rules right in at most "
            f"{100 * WEAKEST:.0f} % of prints, so there is no error band"
        )
        return Band(None, None, kept, reason)
    estimate = variance = 0.0
    for s in strata:
        if s.p <= WEAKEST:
            continue
        edge = 2 * s.p - 1
        net = s.bought - s.sold
        se = max(s.se, LEAST_ERROR)
        estimate += net / edge
        variance += 4 * s.p * (1 - s.p) * float(s.squares) / edge**2 + (2 * net / edge**2) ** 2 * se**2
    half = QUANTILE * sqrt(variance) + weak
    return Band(_clip((estimate - half) / gross), _clip((estimate + half) / gross), kept)
