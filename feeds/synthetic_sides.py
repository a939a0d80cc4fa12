"""How often the literature's trade-side rules are right on the synthetic tape, and the odds that make them so.

A print is seen from its initiator: *own* is the side of the quote that an aggressive initiator reaches for (the ask
for a buyer), *opposite* the other. A cell is a location in the spread, whether the print's size equals the quoted size
of either side, and at the mid which side is deeper. Given the initiator, every rule but the tick test is right or wrong
by the cell alone, so its accuracy is a linear function of the cells' odds; the tick test is right half of the time
wherever it decides, for quotes move between prints by more than the spread. A linear programme finds odds that give all
published figures together and stay, cell by cell, as near as possible to a plausible shape.

References
----------
Grauer, C., Schuster, P. & Uhrig-Homburg, M. (2023). Option trade classification. SSRN 4098475: accuracies at ISE and
CBOE, unsigned prints counted as coin flips; the quote rule right in 19 % of size-matched prints.
"""

from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

Profile = Literal["ise", "cboe"]

PUBLISHED: dict[Profile, dict[str, float]] = {
    "ise": {"quote": 0.64, "lr": 0.64, "emo": 0.57, "clnv": 0.60, "tick": 0.50, "gsu": 0.75},
    "cboe": {"quote": 0.61, "lr": 0.60, "emo": 0.52, "clnv": 0.55, "tick": 0.49, "gsu": 0.72},
}
"""Accuracy of each rule by venue profile; a print left unsigned counts one half."""

AT_MID = 0.08
"""Share of prints at the exact mid, where the quote rule is silent."""

MATCHED = (0.175, 0.205)
"""Share of prints whose size equals one quoted size."""

QUOTE_RIGHT_IF_MATCHED = 0.19

UNUSABLE = 0.012
"""Share of prints whose quote in force is locked, crossed or one-sided."""

THROUGH, TOUCH, OUTER, INNER, MID = range(5)
"""Locations: beyond the quote, at it, inside within 30 % of it, inside beyond that, the exact mid."""

OWN, OPPOSITE = 1, -1
NO_MATCH, MATCH_OWN, MATCH_OPPOSITE = range(3)
NO_DEPTH, DEPTH_RIGHT, DEPTH_WRONG, DEPTH_EVEN = range(4)

# location, half of the spread, size match, depth at the mid, plausible odds (any scale)
_SHAPE: tuple[tuple[int, int, int, int, float], ...] = (
    (THROUGH, OWN, NO_MATCH, NO_DEPTH, 0.030),
    (TOUCH, OWN, NO_MATCH, NO_DEPTH, 0.300),
    (OUTER, OWN, NO_MATCH, NO_DEPTH, 0.100),
    (INNER, OWN, NO_MATCH, NO_DEPTH, 0.080),
    (INNER, OPPOSITE, NO_MATCH, NO_DEPTH, 0.030),
    (OUTER, OPPOSITE, NO_MATCH, NO_DEPTH, 0.040),
    (TOUCH, OPPOSITE, NO_MATCH, NO_DEPTH, 0.100),
    (THROUGH, OPPOSITE, NO_MATCH, NO_DEPTH, 0.010),
    (MID, OWN, NO_MATCH, DEPTH_RIGHT, 0.030),
    (MID, OWN, NO_MATCH, DEPTH_WRONG, 0.025),
    (MID, OWN, NO_MATCH, DEPTH_EVEN, 0.020),
    (TOUCH, OWN, MATCH_OWN, NO_DEPTH, 0.025),
    (TOUCH, OPPOSITE, MATCH_OPPOSITE, NO_DEPTH, 0.120),
    (OUTER, OWN, MATCH_OWN, NO_DEPTH, 0.003),
    (OUTER, OWN, MATCH_OPPOSITE, NO_DEPTH, 0.003),
    (OUTER, OPPOSITE, MATCH_OPPOSITE, NO_DEPTH, 0.012),
    (TOUCH, OPPOSITE, MATCH_OWN, NO_DEPTH, 0.003),
    (MID, OWN, MATCH_OPPOSITE, DEPTH_EVEN, 0.003),
    (MID, OWN, MATCH_OWN, DEPTH_EVEN, 0.001),
)
CELLS: I64 = np.array([row[:4] for row in _SHAPE], np.int64)
"""Cells as rows of (location, half, match, depth), int64."""


def right_by_cell(rule: str, tick: float) -> F64:
    """Probability that a rule is right in each cell, a coin flip where it is silent; `tick` is the tick test's own."""
    location, half, match, depth = CELLS.T
    by_half = (half == OWN).astype(np.float64)
    if rule in ("quote", "lr"):
        return np.where(location == MID, 0.5 if rule == "quote" else tick, by_half)
    if rule == "emo":
        return np.where(location == TOUCH, by_half, tick)
    if rule == "clnv":
        return np.where((location == TOUCH) | (location == OUTER), by_half, tick)
    if rule == "gsu":
        at_mid = np.select([depth == DEPTH_RIGHT, depth == DEPTH_WRONG], [1.0, 0.0], 0.5)
        unmatched = np.where(location == MID, at_mid, by_half)
        return np.select([match == MATCH_OPPOSITE, match == MATCH_OWN], [1.0, 0.0], unmatched)
    return np.full(len(CELLS), tick)


@cache
def cell_odds(profile: Profile) -> F64:
    """Odds of each cell given the initiator, float64, shape (cells,), summing to one.

    minimise t  subject to  |p_c − q_c| ≤ t·q_c,  Σ p = 1,  Σ mid = AT_MID,  MATCHED[0] ≤ Σ matched ≤ MATCHED[1],
    quote right in 19 % of the matched, and for each rule  (1 − UNUSABLE)·Σ p_c·right_c + UNUSABLE/2 = published,
    within e where the tick test decides part of it (the figures of `lr` and `quote` at CBOE differ by the tick test at
    the mid alone, which 8 % of prints at odds of one half cannot give).

    Raises
    ------
    ValueError : no such odds exist
    """
    from scipy.optimize import linprog

    published = PUBLISHED[profile]
    shape = np.array([row[4] for row in _SHAPE])
    shape = shape / shape.sum()
    location, _, match, _ = CELLS.T
    matched = (match != NO_MATCH).astype(np.float64)
    quote_right = right_by_cell("quote", 0.5)
    equal = [
        np.ones(len(shape)),
        (location == MID).astype(np.float64),
        matched * (quote_right - QUOTE_RIGHT_IF_MATCHED),
    ]
    to = [1.0, AT_MID, 0.0]
    upper, below = [matched, -matched], [MATCHED[1], -MATCHED[0]]
    usable = {rule: (published[rule] - UNUSABLE / 2) / (1 - UNUSABLE) for rule in published}
    for rule in ("emo", "clnv", "gsu"):
        equal.append(right_by_cell(rule, 0.5))
        to.append(usable[rule])
    # one set of cells serves both: half-way, where the two figures differ
    equal.append(quote_right)
    to.append((usable["quote"] + usable["lr"]) / 2)
    spread = np.vstack([np.diag(np.ones(len(shape))), -np.diag(np.ones(len(shape)))])
    table = np.vstack([np.hstack([spread, -np.concatenate([shape, shape])[:, None]]), np.column_stack([upper, [0, 0]])])
    found = linprog(
        np.append(np.zeros(len(shape)), 1.0),
        A_ub=table,
        b_ub=np.concatenate([shape, -shape, below]),
        A_eq=np.column_stack([equal, np.zeros(len(equal))]),
        b_eq=to,
        bounds=[(0.0, 1.0)] * len(shape) + [(0.0, None)],
    )
    if not found.success:
        raise ValueError(f"no odds give all figures of `profile`, was {profile!r}: {found.message}")
    odds = np.round(found.x[:-1], 9)
    shares: F64 = odds / odds.sum()
    shares.flags.writeable = False
    return shares
