"""Slow, obvious references for sums of signed money, and hand-made tapes to try them on. Imports nothing of ours."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import sqrt

EXCLUDED_BITS = 1 | 2 | 4 | 8 | 16 | 32
AUCTION_BIT = 64
BAR_BIT = 2048


def square_of_dollars(micros: int) -> tuple[int, int]:
    dollars = (2 * abs(micros) + 1_000_000) // 2_000_000
    return divmod(dollars**2, 2**32)


def notional(price: int, size: int) -> int:
    exact = Decimal(price) * Decimal(size) / Decimal(1_000_000)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def option_sums(prints: Sequence[dict], floor: int) -> dict[tuple, dict[str, int]]:
    """Sums by (group, asset class, profile, stack, large) of prints with side, rule, parent, is_call …"""
    totals: dict[int, int] = defaultdict(int)
    nets: dict[int, int] = defaultdict(int)
    largest: dict[int, tuple[int, int]] = {}
    for i, p in enumerate(prints):
        p["premium"] = p["price"] * p["multiplier"] * p["size"]
        p["direction"] = p["side"] * (1 if p["is_call"] else -1)
        totals[p["parent"]] += p["premium"]
        nets[p["parent"]] += p["premium"] * p["direction"]
        if p["side"] and (p["parent"] not in largest or p["premium"] > largest[p["parent"]][0]):
            largest[p["parent"]] = (p["premium"], i)
    out: dict[tuple, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for i, p in enumerate(prints):
        classes = [0]
        if totals[p["parent"]] >= floor and not p["flags"] & BAR_BIT:
            classes.append(1)
        for large in classes:
            row = out[p["group"], p["asset_class"], p["profile"], stack(p), large]
            row["last_ts"] = max(row["last_ts"], p["ts"])
            if p["flags"] & BAR_BIT:
                row["bars"] += 1
            if p["flags"] & EXCLUDED_BITS:
                row["excluded"] += p["premium"]
                row["excluded_prints"] += 1
                continue
            row["prints"] += 1
            row["call" if p["is_call"] else "put"] += p["premium"]
            row["call_contracts" if p["is_call"] else "put_contracts"] += p["size"]
            row[{1: "bull", -1: "bear", 0: "unknown"}[p["direction"]]] += p["premium"]
            if p["flags"] & AUCTION_BIT:
                row["auction"] += p["premium"]
            elif p["parent"] in largest and largest[p["parent"]][1] == i:
                high, low = square_of_dollars(nets[p["parent"]])
                row["square_high"] += high
                row["square_low"] += low
                row["parents"] += 1
            elif p["parent"] not in largest and p["parent"] == i:
                row["parents"] += 1
    return out


def stack(p: dict) -> int:
    if p["rule"] == 0:
        return 0
    if p["rule"] == 1:
        return 1
    if min(p["bid"], p["ask"]) < 0:
        return 4
    return 3 if min(p["bid_size"], p["ask_size"]) < 0 else 2


def stock_sums(
    prints: Sequence[dict], block_shares: int, block_dollars: int, floor: int, window_ns: int
) -> dict[tuple, dict[str, int]]:
    """Sums by (symbol, kind, large); kind 0 dark, 1 block."""
    out: dict[tuple, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    parents: dict[tuple, list[list[dict]]] = defaultdict(list)
    for p in prints:
        p["money"] = notional(p["price"], p["size"])
        is_block = p["size"] >= block_shares or p["money"] >= block_dollars
        if not p["off_exchange"] and not is_block:
            continue
        key = p["symbol"], 0 if p["off_exchange"] else 1
        p["large"] = p["money"] >= floor and not p["flags"] & BAR_BIT
        if not p["flags"] & (EXCLUDED_BITS | AUCTION_BIT):
            if not parents[key] or p["ts"] - parents[key][-1][0]["ts"] > window_ns:
                parents[key].append([])
            parents[key][-1].append(p)
        for large in [0, 1] if p["large"] else [0]:
            row = out[(*key, large)]
            row["last_ts"] = max(row["last_ts"], p["ts"])
            row["bars"] += bool(p["flags"] & BAR_BIT)
            if p["flags"] & EXCLUDED_BITS:
                row["excluded"] += p["money"]
                row["excluded_prints"] += 1
                continue
            row["prints"] += 1
            row["block_sized"] += p["money"] * is_block
            if p["flags"] & AUCTION_BIT:
                row["auction"] += p["money"]
                continue
            row["unquoted"] += min(p["bid"], p["ask"]) < 0
            row[{1: "buy", -1: "sell", 0: "unknown"}[p["side"]]] += p["money"]
    for key, orders in parents.items():
        for order in orders:
            for large in (0, 1):
                held = [p for p in order if p["large"]] if large else order
                if held:
                    high, low = square_of_dollars(sum(p["money"] * p["side"] for p in held))
                    row = out[(*key, large)]
                    row["parents"] += 1
                    row["square_high"] += high
                    row["square_low"] += low
    return out


def band(strata: Sequence[tuple[float, float, int, float, float]]) -> tuple[float, float]:
    """Bounds of the true imbalance, in fractions up to the square root; no stratum here is weak."""
    gross = sum(Fraction(b) + Fraction(s) for b, s, *_ in strata)
    estimate = variance = Fraction(0)
    for bought, sold, squares, p, se in strata:
        edge = 2 * Fraction(p) - 1
        net = Fraction(bought) - Fraction(sold)
        estimate += net / edge
        variance += 4 * Fraction(p) * (1 - Fraction(p)) * squares / edge**2
        variance += (2 * net / edge**2) ** 2 * Fraction(max(se, 0.02)) ** 2
    half = 1.96 * sqrt(variance)
    return tuple(max(-1.0, min(1.0, (float(estimate) + sign * half) / float(gross))) for sign in (-1, 1))


def weekdays(first: date, count: int) -> list[date]:
    days = [first + timedelta(days=i) for i in range(2 * count + 7)]
    return [day for day in days if day.weekday() < 5][:count]


def at(day: date, hour: int, minute: int = 0) -> int:
    """Nanoseconds UTC."""
    moment = datetime.combine(day, time(hour, minute), UTC)
    return int(moment.timestamp()) * 1_000_000_000
