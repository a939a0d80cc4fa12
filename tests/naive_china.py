"""Slow, obvious references for the A-share kernels: the definitions in plain Python. Imports nothing under test."""

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite, isnan


def mid_ranks(values: Sequence[float]) -> list[Fraction]:
    return [
        Fraction(sum(other < value for other in values)) + Fraction(sum(other == value for other in values) + 1, 2)
        for value in values
    ]


def rank_moves(rows: Sequence[Sequence[float]], back: int) -> tuple[list[Fraction | None], list[int]]:
    totals: list[Fraction | None] = []
    counts = []
    for t, row in enumerate(rows):
        both = [] if t < back else [i for i, x in enumerate(row) if isfinite(x) and isfinite(rows[t - back][i])]
        counts.append(len(both))
        if len(both) < 2:
            totals.append(None)
            continue
        now, then = (mid_ranks([r[i] for i in both]) for r in (row, rows[t - back]))
        totals.append(sum((abs(a - b) for a, b in zip(now, then, strict=True)), Fraction(0)))
    return totals, counts


def bull_aligned(close: Sequence[Sequence[float]], at: Sequence[int]) -> list[list[int]]:
    out = []
    for row in at:
        line = []
        for j in range(len(close[0])):
            bars = [Fraction(close[i][j]) for i in range(row + 1) if not isnan(close[i][j])]
            if isnan(close[row][j]) or len(bars) < 60:
                line.append(-1)
                continue
            five, ten, twenty, sixty = (sum(bars[-m:]) / m for m in (5, 10, 20, 60))
            line.append(int(five > ten > twenty > sixty))
        out.append(line)
    return out
