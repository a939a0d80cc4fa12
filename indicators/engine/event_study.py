"""What the index did around a reading's extremes and changes of zone. INDICATORS 7."""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from indicators.engine.zones import UNIT, next_zone

Floats = npt.NDArray[np.float64]

HIGH, LOW = 90.0, 10.0
BEFORE, AFTER = 21, 63


class Event(BaseModel):
    """The mean path around one kind of event.

    `path[k]` is the mean log return of the index from the price acted on after the event to that `offsets[k]` sessions
    later (before, where negative), over the events for which it is known, `counts[k]` in number. Events may overlap:
    the path is a description, no test.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    events: int
    offsets: tuple[int, ...]
    path: tuple[float | None, ...]
    counts: tuple[int, ...]


def event_study(score: Floats, returns: Floats) -> tuple[Event, ...]:
    """Mean paths around the sessions at which a score enters an extreme or changes zone.

    Parameters
    ----------
    score : float64 (n,), 0-100, known before each session; NaN = none
    returns : float64 (n,), log return from each session's price to the next one's

    Notes
    -----
    A score enters an extreme where it reaches 90 (10) and the newest score before it had not. Zones and their
    hysteresis are the gauge's.
    """
    level = np.concatenate([[0.0], np.cumsum(returns)])
    found: dict[str, list[int]] = {"rises to 90": [], "falls to 10": [], "zone up": [], "zone down": []}
    zone: int | None = None
    before = np.nan
    for u in np.flatnonzero(~np.isnan(score)).tolist():
        now = float(score[u])
        after = next_zone(round(now * UNIT), zone)
        if not np.isnan(before):
            if now >= HIGH > before:
                found["rises to 90"].append(u)
            if now <= LOW < before:
                found["falls to 10"].append(u)
        if zone is not None and after != zone:
            found["zone up" if after > zone else "zone down"].append(u)
        zone, before = after, now
    return tuple(_around(kind, np.array(at, dtype=np.int64), level) for kind, at in found.items())


def _around(kind: str, at: npt.NDArray[np.int64], level: Floats) -> Event:
    path: list[float | None] = []
    counts = []
    offsets = range(-BEFORE, AFTER + 1)
    for offset in offsets:
        inside = at[(at + offset >= 0) & (at + offset < len(level))]
        counts.append(len(inside))
        path.append(float(np.mean(level[inside + offset] - level[inside])) if len(inside) else None)
    return Event(kind=kind, events=len(at), offsets=tuple(offsets), path=tuple(path), counts=tuple(counts))
