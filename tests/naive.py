"""Slow, obvious references: the definitions spelled out in plain Python, exact where the definition is.

Nothing here imports the packages under test: a reference and its kernel share the definition alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, isnan, nan, sqrt
from statistics import fmean

RULES = {
    "lr": ("quote", "tick"),
    "emo": ("touch", "tick"),
    "clnv": ("outer", "tick"),
    "gsu": ("trade_size", "quote", "depth", "rev_tick"),
    "quote": ("quote",),
    "tick": ("tick",),
    "rev_tick": ("rev_tick",),
    "depth": ("depth",),
    "trade_size": ("trade_size",),
    "aggressor": ("aggressor",),
}


def trailing_percentile(
    values: Sequence[float], positions: Sequence[int], window: int, span: int, minimum: int
) -> list[float]:
    out = []
    for i, value in enumerate(values):
        past = [v for v, p in zip(values[: i + 1], positions, strict=False) if not isnan(v) and p > positions[i] - span]
        past = past[-window:]
        if isnan(value) or len(past) < minimum:
            out.append(nan)
        else:
            out.append(fmean(100.0 if v < value else 50.0 if v == value else 0.0 for v in past))
    return out


def average_ranks(values: Sequence[float]) -> list[float]:
    present = sorted(v for v in values if not isnan(v))
    return [nan if isnan(v) else fmean(k for k, w in enumerate(present, 1) if w == v) for v in values]


def rolling_slope(y: Sequence[float], window: int) -> list[float]:
    """Least squares by its normal equations, in exact fractions."""
    out = [nan] * len(y)
    for end in range(window, len(y) + 1):
        part = y[end - window : end]
        if all(isfinite(v) for v in part):
            n, sx, sxx = window, sum(range(window)), sum(t * t for t in range(window))
            sy = sum(Fraction(v) for v in part)
            sxy = sum(t * Fraction(v) for t, v in enumerate(part))
            out[end - 1] = float((n * sxy - sx * sy) / (n * sxx - sx * sx))
    return out


def rolling_std(y: Sequence[float], window: int) -> list[float]:
    out = [nan] * len(y)
    for end in range(window, len(y) + 1):
        part = y[end - window : end]
        if all(isfinite(v) for v in part):
            exact = [Fraction(v) for v in part]
            mean = sum(exact) / window
            out[end - 1] = sqrt(sum((v - mean) ** 2 for v in exact) / (window - 1))
    return out


@dataclass(frozen=True)
class Print:
    instrument: int
    price: int
    size: int
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    aggressor: int
    eligible: bool

    def has_quote(self, floor: int, percent: int) -> bool:
        mid, spread = Fraction(self.bid + self.ask, 2), self.ask - self.bid
        two_sided = self.bid > 0 and self.ask > 0
        locked_here = self.bid == self.ask == self.price
        return two_sided and spread >= 0 and not locked_here and spread <= max(floor, Fraction(percent, 100) * mid)


def sign_one(layer: str, tape: Sequence[Print], i: int, floor: int, percent: int) -> int:
    """Side of the i-th print by one layer."""
    p = tape[i]
    mid, spread = Fraction(p.bid + p.ask, 2), Fraction(p.ask - p.bid)
    if layer == "aggressor":
        return p.aggressor
    if layer in ("tick", "rev_tick"):
        others = tape[:i][::-1] if layer == "tick" else tape[i + 1 :]
        different = [o.price for o in others if o.instrument == p.instrument and o.eligible and o.price != p.price]
        return 0 if not different else 1 if p.price > different[0] else -1
    if not p.has_quote(floor, percent):
        return 0
    if layer == "quote":
        return 1 if p.price > mid else -1 if p.price < mid else 0
    if layer == "touch":
        return 1 if p.price == p.ask else -1 if p.price == p.bid else 0
    if layer == "outer":
        outer = Fraction(3, 10) * spread
        return 1 if p.ask - outer <= p.price <= p.ask else -1 if p.bid <= p.price <= p.bid + outer else 0
    if p.bid_size == -1 or p.ask_size == -1:
        return 0
    if layer == "trade_size":
        matches = (p.size == p.bid_size, p.size == p.ask_size)
        return {(True, False): 1, (False, True): -1}.get(matches, 0)
    if layer == "depth":
        at_mid = p.price == mid
        return 1 if at_mid and p.ask_size > p.bid_size else -1 if at_mid and p.ask_size < p.bid_size else 0
    raise KeyError(layer)


def sign_prints(layers: Sequence[str], tape: Sequence[Print], floor: int, percent: int) -> list[tuple[int, str | None]]:
    """Side and deciding layer of each print."""
    out: list[tuple[int, str | None]] = []
    for i, p in enumerate(tape):
        answers = [(sign_one(layer, tape, i, floor, percent), layer) for layer in layers] if p.eligible else []
        out.append(next((a for a in answers if a[0] != 0), (0, None)))
    return out


def quotes_in_force(trades: Sequence[tuple[int, int]], quotes: Sequence[tuple[int, int]]) -> list[int]:
    """Trades and quotes as (instrument, ts)."""
    return [
        max((j for j, (name, at) in enumerate(quotes) if name == instrument and at < ts), default=-1)
        for instrument, ts in trades
    ]


def parent_orders(
    instrument: Sequence[int],
    ts: Sequence[int],
    venue: Sequence[int],
    sweep: Sequence[bool],
    eligible: Sequence[bool],
    window: int,
) -> list[tuple[int, str]]:
    """Row of the parent and its kind, per print."""
    out = [(i, "single") for i in range(len(ts))]
    waiting = [i for i in range(len(ts)) if eligible[i]]
    while waiting:
        first = waiting[0]
        taken = [i for i in waiting if instrument[i] == instrument[first] and ts[i] <= ts[first] + window]
        waiting = [i for i in waiting if i not in taken]
        if len({venue[i] for i in taken}) >= 2 or any(sweep[i] for i in taken):
            kind = "sweep"
        elif len(taken) > 5:
            kind = "repeated"
        else:
            continue
        for i in taken:
            out[i] = (first, kind)
    return out


def parent_sides(parent: Sequence[int], side: Sequence[int]) -> list[int]:
    out = []
    for own in parent:
        present = {s for p, s in zip(parent, side, strict=True) if p == own} - {0}
        out.append(present.pop() if len(present) == 1 else 0)
    return out
