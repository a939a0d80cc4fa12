"""Slow, obvious references for the indicators on daily tables: dates, dictionaries and plain Python, nothing of ours.

A reference answers for one session at a time and looks at nothing later; None is "not defined".
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import log, prod, sqrt
from statistics import fmean, stdev


def quarter_end(day: date, ahead: int = 0) -> date:
    """The last day of the calendar quarter `ahead` quarters after the one `day` lies in."""
    months = day.year * 12 + (day.month - 1) // 3 * 3 + 3 * (ahead + 1)
    return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)


def forward_eps(vintages: Sequence[tuple[date, date, float]], t: date) -> tuple[float | None, int]:
    """E_t and how many quarters lack an estimate, from (published, quarter_end, eps)."""

    def k(ahead: int) -> float | None:
        known = [(published, eps) for published, q, eps in vintages if q == quarter_end(t, ahead) and published < t]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    quarters = {ahead: k(ahead) for ahead in range(-5, 5)}
    missing = [ahead for ahead in range(5) if quarters[ahead] is None]
    for q in missing:
        year_ago, before, year_before = quarters[q - 4], quarters[q - 1], quarters[q - 5]
        if None not in (year_ago, before, year_before) and year_before > 0:
            quarters[q] = year_ago * before / year_before
    published = [day for day, _, _ in vintages if day < t]
    five = [quarters[ahead] for ahead in range(5)]
    if not published or (t - max(published)).days > 200 or len(missing) > 2 or None in five:
        return None, len(missing)
    start, end = quarter_end(t, -1), quarter_end(t)
    f = (t - start).days / (end - start).days
    return (1 - f) * five[0] + five[1] + five[2] + five[3] + f * five[4], len(missing)


def slope(y: Sequence[float]) -> float:
    """Least-squares slope by the normal equations."""
    x = range(len(y))
    mx, my = fmean(x), fmean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def divergence(price: Sequence[float], eps: Sequence[float], band: float) -> tuple[float, str, float]:
    """D, its state and t_RW over one lookback."""
    g_price, g_eps = 252 * slope([log(p) for p in price]), 252 * slope([log(e) for e in eps])
    d = g_eps - g_price
    pe = [log(p / e) for p, e in zip(price, eps, strict=True)]
    t_rw = slope(pe) / (stdev([b - a for a, b in pairwise(pe)]) * sqrt(1.2 / len(pe)))
    if abs(d) < band:
        return d, "in line", t_rw
    names = {
        (True, True): "healthy advance",
        (True, False): "multiple expansion",
        (False, True): "multiple compression",
        (False, False): "earnings-led decline",
    }
    return d, names[g_price > 0, d > 0], t_rw


Bar = tuple[float, float | None, float]
"""close, adjusted close, volume"""


class Rotation:
    """Sector rotation by definition. `bars[t][symbol]`; `members[t][group][symbol]` is the weight or None."""

    def __init__(
        self, bars: Sequence[Mapping[str, Bar]], members: Sequence[Mapping[str, Mapping[str, float | None]]]
    ) -> None:
        self.bars, self.members = bars, members

    def member_return(self, t: int, symbol: str) -> float | None:
        if t < 1 or symbol not in self.bars[t] or symbol not in self.bars[t - 1]:
            return None
        (close, adjusted, _), (close_before, adjusted_before, _) = self.bars[t][symbol], self.bars[t - 1][symbol]
        if adjusted is not None and adjusted_before is not None:
            return adjusted / adjusted_before - 1
        return close / close_before - 1

    def mean_return(self, t: int, weights: Mapping[str, float | None]) -> float | None:
        moved = {s: r for s in weights if (r := self.member_return(t, s)) is not None}
        if not moved:
            return None
        if all((weights[s] or 0) > 0 for s in moved):
            return sum(weights[s] * r for s, r in moved.items()) / sum(weights[s] for s in moved)
        return fmean(moved.values())

    def group_return(self, t: int, group: str) -> float | None:
        return self.mean_return(t, self.members[t].get(group, {})) if t >= 0 else None

    def market_return(self, t: int) -> float | None:
        everyone: dict[str, float | None] = {}
        for group in sorted(self.members[t]):
            for symbol, weight in self.members[t][group].items():
                everyone.setdefault(symbol, weight)
        return self.mean_return(t, everyone)

    def surge(self, t: int, group: str) -> float | None:
        today = usual = 0.0
        for s in self.members[t].get(group, {}):
            past = [self.bars[k].get(s) for k in range(t - 20, t)] if t >= 20 else [None]
            if s in self.bars[t] and None not in past:
                today += self.bars[t][s][0] * self.bars[t][s][2]
                usual += fmean(close * volume for close, _, volume in past)
        return today / usual if usual > 0 else None

    def vol(self, t: int, group: str) -> float | None:
        if t < 21:
            return None
        r, past = self.group_return(t, group), [self.group_return(k, group) for k in range(t - 20, t)]
        if r is None or None in past or stdev(past) == 0:
            return None
        return abs(r) / stdev(past)

    def share_up(self, t: int, group: str) -> float | None:
        moved = [r for s in self.members[t].get(group, {}) if (r := self.member_return(t, s)) is not None]
        return fmean(r > 0 for r in moved) if moved else None

    def share_above(self, t: int, group: str) -> float | None:
        above = []
        for s in self.members[t].get(group, {}):
            window = [self.bars[k].get(s) for k in range(t - 19, t + 1)] if t >= 19 else [None]
            if None in window:
                continue
            adjusted = [bar[1] for bar in window]
            prices = [bar[0] for bar in window] if None in adjusted else adjusted
            above.append(prices[-1] > fmean(prices))
        return fmean(above) if above else None

    def dispersion(self, t: int, group: str) -> float | None:
        moved = [r for s in self.members[t].get(group, {}) if (r := self.member_return(t, s)) is not None]
        return stdev(moved) if len(moved) > 1 else None

    def leaders(self, t: int, group: str) -> list[str]:
        moved = {s: r for s in self.members[t].get(group, {}) if (r := self.member_return(t, s)) is not None}
        return sorted(moved, key=lambda s: (-moved[s], s))[:3]

    def ranked(self, t: int) -> tuple[dict[str, float], dict[str, float]]:
        """S↑ and S↓ of every group ranked on session t."""
        three = {g: (self.group_return(t, g), self.surge(t, g), self.vol(t, g)) for g in sorted(self.members[t])}
        three = {g: x for g, x in three.items() if None not in x}
        if len(three) < 3:
            return {}, {}
        n = len(three)

        def place(x: float, among: Sequence[float]) -> float:
            return 100 * (sum(y < x for y in among) + 0.5 * sum(y == x for y in among)) / n

        columns = list(zip(*three.values(), strict=True))
        falls = [-r for r in columns[0]]
        both = {g: place(x[1], columns[1]) + place(x[2], columns[2]) for g, x in three.items()}
        up = {g: round((place(x[0], columns[0]) + both[g]) / 3, 9) for g, x in three.items()}
        down = {g: round((place(-x[0], falls) + both[g]) / 3, 9) for g, x in three.items()}
        return up, down

    @staticmethod
    def top(strength: Mapping[str, float]) -> set[str]:
        return set(sorted(strength, key=lambda g: (-strength[g], g))[: -(-len(strength) // 3)])

    def total(self, t: int, group: str | None) -> float | None:
        past = [self.market_return(k) if group is None else self.group_return(k, group) for k in range(t - 19, t + 1)]
        return None if t < 20 or None in past else prod(1 + r for r in past) - 1

    def states(self) -> list[dict[str, str | None]]:
        """The state of every group on every session, None where it has none."""
        ranks = [self.ranked(t) for t in range(len(self.bars))]
        tops = [(self.top(up), self.top(down)) for up, down in ranks]
        out: list[dict[str, str | None]] = []
        for t in range(len(self.bars)):
            market = self.total(t, None)
            today: dict[str, str | None] = {}
            for g in self.members[t]:
                last = range(t - 4, t + 1)
                own = self.total(t, g)
                if t < 4 or any(g not in ranks[k][0] for k in last) or own is None or market is None:
                    today[g] = None
                elif sum(g in tops[k][0] for k in last) >= 3 and own > 0 and own > market:
                    today[g] = "up-trend"
                elif sum(g in tops[k][1] for k in last) >= 3 and own < 0 and own < market:
                    today[g] = "down-trend"
                elif g in tops[t][0] and not any(g in tops[k][0] for k in range(t - 4, t)):
                    today[g] = "spike"
                elif any(out[k].get(g) == "up-trend" for k in range(t - 4, t)):
                    today[g] = "fading"
                else:
                    today[g] = "neutral"
            out.append(today)
        return out

    def intensity(self, t: int) -> float | None:
        if t < 1:
            return None
        now, then = ({g: self.group_return(k, g) for g in self.members[k]} for k in (t, t - 1))
        both = [g for g in now if now[g] is not None and then.get(g) is not None]
        if len(both) < 3:
            return None

        def rank(g: str, r: Mapping[str, float | None]) -> float:
            return sum(r[h] < r[g] for h in both) + (sum(r[h] == r[g] for h in both) + 1) / 2

        return 100 * fmean(abs(rank(g, now) - rank(g, then)) for g in both) / (len(both) - 1)

    def coordinates(self, t: int, group: str, window: int, step: int = 5) -> tuple[float | None, float | None]:
        """RS-Ratio and RS-Momentum, each from a freshly built RS line that starts at its own window."""

        def ratio(at: int) -> float | None:
            steps = [(self.group_return(k, group), self.market_return(k)) for k in range(at - window + 1, at + 1)]
            if at < window or any(None in pair for pair in steps):
                return None
            line = [prod((1 + r) / (1 + m) for r, m in steps[: k + 1]) for k in range(window)]
            return 100 + (line[-1] - fmean(line)) / stdev(line)

        ratios = [ratio(at) for at in range(t - window - step + 1, t + 1)]
        if None in ratios:
            return ratios[-1], None
        changes = [b - a for a, b in zip(ratios, ratios[step:], strict=False)]
        return ratios[-1], 100 + (changes[-1] - fmean(changes)) / stdev(changes)
