"""A gauge's level in exact units, and the zone that it stands in. INDICATORS 6."""

from collections.abc import Mapping
from math import fsum
from typing import Literal

Zone = Literal["deep bear", "bear", "neutral", "bull", "strong bull", "insufficient"]

ZONES: tuple[Zone, ...] = ("deep bear", "bear", "neutral", "bull", "strong bull")

UNIT = 1_000_000
"""The level and its contributions are integers of 1e-6 points while they are added, so that they sum exactly."""

BOUNDS = tuple(b * UNIT for b in (20, 40, 60, 80))
HYSTERESIS = 2 * UNIT


def quantise(pulls: Mapping[str, float]) -> tuple[int, dict[str, int]]:
    """Round the level and its contributions to 1e-6 so that 50 + Σ contributions = level exactly.

    The level is rounded from the unrounded sum; the remainder that rounding leaves goes to the largest contribution
    (the first by name among equals), and what clipping to [0, 100] removes is the contribution `clip`.

    >>> quantise({"a": 30.0000004, "b": 30.0000004})
    (100000000, {'a': 30000001, 'b': 30000000, 'clip': -10000001})
    """
    total = round(fsum(pulls.values()) * UNIT)
    units = {name: round(pull * UNIT) for name, pull in pulls.items()}
    if units:
        largest = min(units, key=lambda name: (-abs(pulls[name]), name))
        units[largest] += total - sum(units.values())
    level = min(max(50 * UNIT + total, 0), 100 * UNIT)
    if level != 50 * UNIT + total:
        units["clip"] = level - 50 * UNIT - total
    return level, units


def next_zone(level: int, before: int | None) -> int:
    """Position in ZONES after a level (1e-6 points): a boundary is crossed only 2 points beyond it.

    >>> [next_zone(60_500_000, 2), next_zone(62_000_000, 2), next_zone(58_500_000, 3), next_zone(57_999_999, 3)]
    [2, 3, 3, 2]
    """

    def plain(at: int) -> int:
        return sum(at >= bound for bound in BOUNDS)

    if before is None:
        return plain(level)
    return min(max(before, plain(level - HYSTERESIS)), plain(level + HYSTERESIS))
