"""The gauge: scores of the parts, fused into one level from 0 (deep bear) to 100 (strong bull). INDICATORS 6.

    level = 50 + Σ c_i     c_i = κ·w_i·(s_i − 50)     κ = min(2, 1/√(wᵀRw))

s_i is the score of part i's reading in force, w_i its weight among the parts present (Σ w = 1), and R the past Spearman
correlation of the scores, shrunk halfway to the identity: the average of nearly independent scores would hardly leave
40-60, and κ gives it back the spread of a single score. Everything at a session uses that session and earlier ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil, fsum, sqrt
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from feeds.errors import UnknownName
from feeds.schema import Sessions
from indicators.engine.correlation import past_spearman
from indicators.engine.indicator import Indicator, Reading, positions
from indicators.engine.outcomes import Market
from indicators.engine.walk_forward import earned_shares, shared_weights
from indicators.engine.zones import UNIT, ZONES, Zone, next_zone, quantise

Confidence = Literal["high", "medium", "low"]

METHODS = ("equal", "inverse_correlation", "walk_forward_ic")

IN_TIME = {"session": 0, "week": 4}
MAX_AGE = {"session": 1, "week": 5}
"""Sessions since the reading: in time up to the first, standing in (overdue) up to the second, then stale."""

SCORE_WINDOW = {"session": (252, 504), "week": (260, 260 * 5)}
SCORE_MINIMUM = 60
"""The window of `Indicator.score`: newest readings, sessions they may span, readings needed."""


class GaugeReading(BaseModel):
    """The gauge at one session's close.

    `level` is null and `zone` "insufficient" below 3 of 5 parts, or 3 of 4 pillars where parts stand in pillars.
    `contributions` (points, multiples of 1e-6, the part `clip` holding what clipping to [0, 100] removed) sum to
    level − 50 exactly when read as decimals. `missing` says why a part is absent; an absent part has a null score and
    no weight. `width` is the width of the level in points when every band is pushed through its part's own percentile.
    `ages` are sessions since each part's reading.
    """

    model_config = ConfigDict(frozen=True)

    session: date
    level: float | None
    zone: Zone
    confidence: Confidence | None
    parts_present: int
    parts_total: int
    reason: str | None
    missing: dict[str, str]
    contributions: dict[str, float]
    scores: dict[str, float | None]
    weights: dict[str, float]
    kappa: float | None
    width: float | None
    ages: dict[str, int]
    notes: tuple[str, ...]
    known_at: datetime | None


@dataclass(frozen=True)
class _Part:
    """One part on the gauge's T sessions. Arrays of length T; NaN where the part is absent or has no band."""

    name: str
    indicator: Indicator
    readings: Sequence[Reading]
    newest: np.ndarray  # int64: index of the newest reading, -1 before the first
    age: np.ndarray  # int64: sessions since that reading
    count: np.ndarray  # int64: readings in that reading's score window
    score: np.ndarray  # float64
    width: np.ndarray  # float64: points between the scores of the band's two ends

    def why_missing(self, t: int) -> str:
        """Why the part has no score at session t, in words."""
        i = int(self.newest[t])
        if i < 0:
            return "no reading yet"
        reading, age, allowed = self.readings[i], int(self.age[t]), MAX_AGE[self.indicator.cadence]
        if age > allowed:
            return f"last reading {reading.session}, {age} sessions old, at most {allowed} allowed"
        if self.indicator.gauge_value(reading) is None:
            return reading.reason or "the reading is null"
        if self.count[t] < SCORE_MINIMUM:
            return f"a score needs {SCORE_MINIMUM} readings, has {self.count[t]}"
        return "the reading has no score"


def fuse(
    parts: Mapping[str, Sequence[Reading]],
    indicators: Mapping[str, Indicator],
    sessions: Sessions,
    method: str = "equal",
    market: Market | None = None,
    since: date | None = None,
    before: Zone | None = None,
) -> list[GaugeReading]:
    """Fuse the parts' readings into one gauge reading per session, from the first reading to the last session.

    Parameters
    ----------
    parts : name → readings by session, ascending; a name without readings is a missing part
    indicators : name → indicator, every weighed one of them a part
    sessions : the exchange's sessions up to the last one asked for
    method : "equal"; "inverse_correlation": w_i ∝ 1/mean_j|ρ_ij|, the mean over the parts present, i among them; or
        "walk_forward_ic": by what each part's past earned it (`walk_forward.py`), which needs `market`
    market : the index over the same sessions; without it "walk_forward_ic" has no outcomes and weighs equally
    since : tell nothing of earlier sessions, the last of which to have a level stood in the zone `before`

    Notes
    -----
    The newest reading at or before a session is in force, so a reading that is null makes its part missing at once: an
    older value never hides it. Where there is no reading for a session, the last one stands in for one session past its
    cadence, then the part is stale and missing. Missing is never 50. A part without a band adds no width, and `notes`
    names it. Confidence is high below a width of 10 points, medium below 25, and never high with a part missing or
    overdue. Zones are left only 2 points beyond a boundary; a session without a level does not forget the zone. Where
    parts stand in pillars every pillar present weighs the same, and the method holds within it; a part without a pillar
    is one of its own. A level needs three in five of the pillars.
    """
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    weighed = sorted(name for name, indicator in indicators.items() if indicator.weighed)
    starts = [sessions.position(parts[name][0].session) for name in weighed if parts.get(name)]
    if not starts:
        return []
    first = min(starts)
    begin = max(0, sessions.on_or_after(since) - first)
    placed = [_place(name, indicators[name], parts.get(name, ()), sessions, first, begin) for name in weighed]
    scores = np.column_stack([part.score for part in placed])
    earned = np.zeros(scores.shape)
    if method == "walk_forward_ic" and market is not None:
        earned = earned_shares(scores, range(first, len(sessions)), sessions.dates[first:], market)
    zone = None if before is None else ZONES.index(before)
    fused: list[GaugeReading] = []
    for t, rho in enumerate(past_spearman(scores, begin), begin):
        reading, zone = _fuse_one(sessions.dates[first + t], t, placed, rho, method, earned[t], zone)
        fused.append(reading)
    return fused


def _fuse_one(
    session: date,
    t: int,
    parts: Sequence[_Part],
    rho: np.ndarray,
    method: str,
    earned: np.ndarray,
    zone: int | None,
) -> tuple[GaugeReading, int | None]:
    present = [i for i, part in enumerate(parts) if not np.isnan(part.score[t])]
    missing = {part.name: part.why_missing(t) for i, part in enumerate(parts) if i not in present}
    pillars = [part.indicator.pillar or part.name for part in parts]
    standing, total = len({pillars[i] for i in present}), len(set(pillars))
    floor = ceil(3 * total / 5)
    named = "; missing: " + "; ".join(f"{name} ({why})" for name, why in missing.items())
    reason = f"{len(present)} of {len(parts)} parts{named}" if missing else None
    known = [at for i in present if (at := parts[i].readings[int(parts[i].newest[t])].known_at) is not None]
    level = width = kappa = None
    confidence: Confidence | None = None
    contributions: dict[str, float] = {}
    shares: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    if standing < floor:
        kind = "parts" if total == len(parts) else "pillars"
        reason = f"insufficient: {standing} of {total} {kind}, needs {floor}{named}"
    else:
        among = rho[np.ix_(present, present)].tolist()
        if method == "walk_forward_ic":
            weights = shared_weights(earned[present].tolist())
        else:
            weights = part_weights(among, method)
        if total < len(parts):
            weights = pillar_weights(weights, [pillars[i] for i in present])
        kappa = spread(weights, among)
        shares = {parts[i].name: w for i, w in zip(present, weights, strict=True)}
        pulls = {
            parts[i].name: kappa * w * (float(parts[i].score[t]) - 50.0) for i, w in zip(present, weights, strict=True)
        }
        units, exact = quantise(pulls)
        zone = next_zone(units, zone)
        level, contributions = units / UNIT, {name: c / UNIT for name, c in exact.items()}
        bands = {i: float(parts[i].width[t]) for i in present}
        width = kappa * fsum(w * bands[i] for i, w in zip(present, weights, strict=True) if not np.isnan(bands[i]))
        overdue = any(parts[i].age[t] > IN_TIME[parts[i].indicator.cadence] for i in present)
        confidence = confidence_of(width, whole=not missing and not overdue)
        unbanded = [parts[i].name for i in present if np.isnan(bands[i])]
        notes = (f"no error band, counted as exact: {', '.join(unbanded)}",) if unbanded else ()
    reading = GaugeReading(
        session=session,
        level=level,
        zone="insufficient" if level is None or zone is None else ZONES[zone],
        confidence=confidence,
        parts_present=len(present),
        parts_total=len(parts),
        reason=reason,
        missing=missing,
        contributions=contributions,
        scores={part.name: float(part.score[t]) if i in present else None for i, part in enumerate(parts)},
        weights=shares,
        kappa=kappa,
        width=width,
        ages={part.name: int(part.age[t]) for part in parts if part.newest[t] >= 0},
        notes=notes,
        known_at=max(known, default=None),
    )
    return reading, zone


def _place(
    name: str, indicator: Indicator, readings: Sequence[Reading], sessions: Sessions, first: int, begin: int
) -> _Part:
    """Lay a part's readings on the gauge's sessions: newest one, its age, score and, from `begin` on, band width."""
    length = len(sessions) - first
    where = positions(readings, sessions)
    today = np.arange(first, first + length)
    newest = np.searchsorted(where, today, side="right") - 1
    scores = indicator.score(readings, sessions) if readings else []
    own = np.array([np.nan if s is None else s for s in scores], dtype=np.float64)
    width, count = _band_widths(indicator, readings, where, int(newest[begin]) if begin < length else len(readings))
    if not readings:
        absent = np.full(length, np.nan)
        return _Part(name, indicator, readings, newest, np.zeros(length, np.int64), newest * 0, absent, absent)
    at = np.maximum(newest, 0)
    age = today - where[at]
    in_force = (newest >= 0) & (age <= MAX_AGE[indicator.cadence])
    return _Part(
        name,
        indicator,
        readings,
        newest,
        age,
        count[at],
        np.where(in_force, own[at], np.nan),
        np.where(in_force, width[at], np.nan),
    )


def _band(indicator: Indicator, reading: Reading) -> tuple[float, float] | None:
    """Both ends of a reading's band on the scale of the number that is ranked; None without one.

    A tape's band bounds the true imbalance N/(2p−1), its history holds measured ones: `signal_kept` = 2p−1 brings the
    ends to the measured scale, without which a strong reading's whole band would lie beyond its history, width zero.
    """
    if reading.low is None or reading.high is None:
        return None
    kept = reading.components.get("signal_kept")
    scale = 1.0 if kept is None else float(kept)
    low, high = (
        indicator.gauge_value(reading.model_copy(update={"value": end * scale})) for end in (reading.low, reading.high)
    )
    # A ranked number that does not follow `value` says nothing about the band of `value`.
    if low is None or high is None or (low == high and reading.low != reading.high):
        return None
    return low, high


def _band_widths(
    indicator: Indicator, readings: Sequence[Reading], positions: np.ndarray, begin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points between the scores of low and high, each ranked in place of its own reading, and the window's count.

    A number x in place of reading i scores 100·(#less + ½·(#equal + 1))/n over the n − 1 earlier readings of the window
    and itself. NaN without a band, and for readings before `begin`, which are not asked for.
    """
    window, span = SCORE_WINDOW[indicator.cadence]
    widths, counts = np.full(len(readings), np.nan), np.zeros(len(readings), dtype=np.int64)
    values = indicator.ranked(readings)
    kept = np.flatnonzero(~np.isnan(values))
    dense, when = values[kept], positions[kept]
    for k, i in enumerate(kept.tolist()):
        if i < begin:
            continue
        start = max(k + 1 - window, int(np.searchsorted(when, when[k] - span, side="right")))
        counts[i] = k + 1 - start
        band = _band(indicator, readings[i])
        if band is not None:
            past, ends = dense[start:k], np.array(band)[:, None]
            # less + ½·equal, doubled: differences of ranks need no ties term of their own
            doubled = np.count_nonzero(past < ends, axis=1) + np.count_nonzero(past <= ends, axis=1)
            widths[i] = 50.0 * abs(int(doubled[1]) - int(doubled[0])) / counts[i]
    return widths, counts


def part_weights(rho: Sequence[Sequence[float]], method: str) -> list[float]:
    """Weights of the parts present, equal or by inverse correlation, from their ρ (p by p, ones on the diagonal)."""
    if method == "equal":
        return [1.0 / len(rho)] * len(rho)
    raw = [len(rho) / fsum(abs(r) for r in row) for row in rho]
    total = fsum(raw)
    return [w / total for w in raw]


def pillar_weights(weights: Sequence[float], pillars: Sequence[str]) -> list[float]:
    """Give every pillar the same weight and share it within as the parts' own weights stand to each other.

    >>> pillar_weights([0.25, 0.25, 0.25, 0.25], ["a", "a", "a", "b"])[2:]
    [0.16666666666666666, 0.5]
    """
    sums = {pillar: fsum(w for w, p in zip(weights, pillars, strict=True) if p == pillar) for pillar in pillars}
    return [w / sums[pillar] / len(sums) for w, pillar in zip(weights, pillars, strict=True)]


def spread(weights: Sequence[float], rho: Sequence[Sequence[float]]) -> float:
    """κ = min(2, 1/√(wᵀRw)), R = (ρ + I)/2; 2 also where pairwise estimates leave wᵀRw ≤ 0."""

    def terms() -> Iterator[float]:
        for i, w in enumerate(weights):
            for j, v in enumerate(weights):
                yield w * v * (1.0 if i == j else 0.5 * rho[i][j])

    variance = fsum(terms())
    return 2.0 if variance <= 0.25 else 1.0 / sqrt(variance)


def confidence_of(width: float, whole: bool) -> Confidence:
    """High below a width of 10 points with no part missing or overdue, medium below 25, else low."""
    if width < 10 and whole:
        return "high"
    return "medium" if width < 25 else "low"
