"""Whether any reading looked ahead: each is computed again on what was stored up to a date, and must be the same bytes.

A date is cut twice over: no later session, and nothing that became known after that session's last print. What a
reading of the whole history took from later shows as a difference, and how the differences lie names the fault:

    ahead         only readings of the last sessions before the cut differ: they rest on sessions that followed, on
                  events not yet filed, or on numbers restated since
    whole sample  readings all over the past differ: they rest on a mean, a spread or a rank of the whole history
    known late    the reading itself says that it rests on something learned after its session
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, ConfigDict

from feeds.calendar import ZONES
from feeds.errors import NothingToShow
from feeds.store import Store
from indicators.engine.day import Day, day_of
from indicators.engine.indicator import Reading
from indicators.engine.scope import EXCHANGES, scope, tables_of

Fault = Literal["ahead", "whole sample", "known late"]

CUTS = 3
NEAR = 63
"""Sessions before a cut within which differences are readings of what followed rather than of the whole sample."""

SESSION_END = time(20)
"""The last extended-hours print of a session has been printed by then."""

Texts = Mapping[date, str]
"""A series' readings by session, each as the text of everything in it."""


class LookAhead(BaseModel):
    """One series seen to have looked ahead."""

    model_config = ConfigDict(frozen=True)

    name: str
    fault: Fault
    cut: date | None
    session: date
    readings: int
    words: str


class Audit(BaseModel):
    """The outcome: which dates were cut at, how many readings were compared, and what differed."""

    model_config = ConfigDict(frozen=True)

    market: str
    cuts: tuple[date, ...]
    series: tuple[str, ...]
    compared: int
    found: tuple[LookAhead, ...]


def audit(
    store: Store,
    market: str = "us",
    start: date | None = None,
    end: date | None = None,
    cuts: int = CUTS,
    seed: int = 0,
    weights: str = "equal",
    progress: Callable[[str], None] | None = None,
) -> Audit:
    """Compare every reading, score, gauge level and regime of a market with those of histories cut at random dates.

    Parameters
    ----------
    start, end : cuts fall between these sessions
    cuts, seed : how many dates, and which ones
    """
    scope(store, tables_of(market), market, start, end)
    whole = day_of(store, market, end, progress=progress, weights=weights)
    dates = [day for day in whole.sessions.dates[:-1] if start is None or day >= start]
    # Before a fifth of the sessions has passed most readings are null, and a null tells nothing.
    eligible = dates[len(dates) // 5 :]
    if not eligible:
        raise NothingToShow("an audit needs two sessions stored in the range asked for")
    drawn = np.random.default_rng(seed).permutation(len(eligible))[:cuts]
    chosen = [eligible[i] for i in sorted(drawn.tolist())]
    expected = texts_of(whole)
    found = known_late(whole.readings, market)
    compared = 0
    for cut in chosen:
        if progress is not None:
            progress(f"as of {cut}")
        part = texts_of(day_of(store, market, cut, session_end(cut, market), weights=weights))
        for name, texts in expected.items():
            before = {day: text for day, text in texts.items() if day <= cut}
            compared += len(before)
            found += differing(name, before, part.get(name, {}), cut, whole.sessions.dates)
    return Audit(
        market=market, cuts=tuple(chosen), series=tuple(sorted(expected)), compared=compared, found=tuple(found)
    )


def session_end(day: date, market: str) -> datetime:
    """When the last print of a session has been printed."""
    return datetime.combine(day, SESSION_END, ZoneInfo(ZONES[EXCHANGES[market]]))


def texts_of(day: Day) -> dict[str, Texts]:
    """Every series of a day as text: readings and their scores, the gauge, the regime."""
    texts: dict[str, Texts] = {}
    for name, readings in day.readings.items():
        pairs = zip(readings, day.scores[name], strict=True)
        texts[name] = {r.session: f"{r.model_dump_json()} score {score!r}" for r, score in pairs}
    texts["gauge"] = {g.session: g.model_dump_json() for g in day.gauge}
    texts["regime"] = {r.session: r.model_dump_json() for r in day.regime}
    return texts


def differing(name: str, before: Texts, cut_texts: Texts, cut: date, dates: tuple[date, ...]) -> list[LookAhead]:
    """What differs between a series' readings up to a cut and the same readings without what came after it."""
    changed = sorted(day for day in before.keys() | cut_texts.keys() if before.get(day) != cut_texts.get(day))
    if not changed:
        return []
    place = {day: i for i, day in enumerate(dates)}
    reach = place[cut] - place[changed[0]]
    fault: Fault = "ahead" if reach < NEAR and len(before) > NEAR else "whole sample"
    words = (
        f"reads ahead, seen {reach + 1} sessions before the cut: what followed, was filed or was restated later"
        if fault == "ahead"
        else "rests on the whole sample"
    )
    return [
        LookAhead(
            name=name,
            fault=fault,
            cut=cut,
            session=changed[0],
            readings=len(changed),
            words=f"{name}: {len(changed)} readings from {changed[0]} to {changed[-1]} change without what came after"
            f" {cut}: it {words}",
        )
    ]


def known_late(readings: Mapping[str, Sequence[Reading]], market: str) -> list[LookAhead]:
    """Series whose readings rest, by their own word, on what was learned after their session."""
    found = []
    for name, history in readings.items():
        late = [r for r in history if r.known_at is not None and r.known_at > session_end(r.session, market)]
        if late:
            words = f"{name}: {len(late)} readings rest on what was known later, the first {late[0].session} on"
            found.append(
                LookAhead(
                    name=name,
                    fault="known late",
                    cut=None,
                    session=late[0].session,
                    readings=len(late),
                    words=f"{words} {late[0].known_at:%Y-%m-%d %H:%M} UTC",
                )
            )
    return found
