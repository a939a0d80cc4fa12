"""How often the screen of unusual orders was right, as the next open interest shows, with its interval."""

from math import sqrt
from typing import Any

import polars as pl

CONFIDENCE = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""


def precision_of(flagged: pl.DataFrame, sessions: int) -> dict[str, Any]:
    """How many of the orders flagged in so many sessions the next open interest shows to have opened a position.

    precision = opened / (opened + closed), with Wilson's 95 % interval (Wilson 1927; Brown, Cai & DasGupta 2001);
    undecided orders are counted and in neither. `by_opening` is the same for the orders marked "certain" and "likely".
    """
    return _counted(flagged) | {
        "sessions": sessions,
        "first": flagged["session"].min(),
        "last": flagged["session"].max(),
        "by_opening": {mark: _counted(flagged.filter(pl.col("opening") == mark)) for mark in ("certain", "likely")},
    }


def _counted(flagged: pl.DataFrame) -> dict[str, Any]:
    n = {name: int((flagged["outcome"] == name).fill_null(False).sum()) for name in ("opened", "closed", "undecided")}
    decided = n["opened"] + n["closed"]
    low, high = wilson(n["opened"], decided) if decided else (None, None)
    return {
        "flagged": flagged.height,
        **n,
        "unknown": flagged.height - decided - n["undecided"],
        "precision": n["opened"] / decided if decided else None,
        "low": low,
        "high": high,
        "reason": None if decided else "no flagged order is decided by the next session's open interest",
    }


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    share, z2 = hits / trials, CONFIDENCE**2
    middle = share + z2 / (2 * trials)
    half = CONFIDENCE * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (middle - half) / (1 + z2 / trials), (middle + half) / (1 + z2 / trials)
