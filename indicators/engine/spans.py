"""Which sessions and months have a reading of summed tape rows, what stood known when, and why parts are null."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from feeds.schema import Sessions
from indicators.engine.indicator import Period

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """When a session's rows were known, in nanoseconds UTC; `cut` says that its tape was cut before the close."""

    at: int
    cut: bool = False


@dataclass(frozen=True)
class Span:
    """The sessions that one reading sums.

    Attributes
    ----------
    session : the date the reading stands on: the last session with rows, or the last of the span where none has
    month : "YYYY-MM", or None for a session
    members : sessions with rows
    missing : sessions of the span without rows
    finished : False for a month whose last session is not among the members
    """

    session: date
    month: str | None
    members: tuple[date, ...]
    missing: tuple[date, ...]
    finished: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside a number summed over this span."""
        notes = [] if self.finished else ["month-to-date"]
        if self.month and self.missing and self.members:
            notes.append(
                f"{len(self.missing)} of {len(self.missing) + len(self.members)} sessions of the month missing"
            )
        return tuple(notes)


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970 UTC of an aware datetime.

    >>> nanoseconds(datetime(2025, 11, 5, 14, 30, tzinfo=UTC))
    1762353000000000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def known_sessions(last_ts: Mapping[date, int], sessions: Sessions, as_of: datetime | None) -> dict[date, Known]:
    """The sessions whose rows were all known at `as_of`, in order.

    A session is known at the later of its close and its last print. A session still open at `as_of` whose rows all
    came before counts too, as `cut` and known at `as_of`: its tape was cut there. Other dates are left out.
    """
    moment = None if as_of is None else nanoseconds(as_of)
    known: dict[date, Known] = {}
    for day in sorted(day for day in last_ts if day in sessions):
        close = int(sessions.closes[sessions.position(day)])
        at = max(close, last_ts[day])
        if moment is None or at <= moment:
            known[day] = Known(at)
        elif last_ts[day] <= moment < close:
            known[day] = Known(moment, cut=True)
    return known


def session_spans(known: Mapping[date, Known], sessions: Sessions) -> list[Span]:
    """One span per session from the first to the last with rows; those between without rows are spans of nothing."""
    if not known:
        return []
    days = sessions.dates[sessions.position(min(known)) : sessions.position(max(known)) + 1]
    return [Span(d, None, (d,), (), True) if d in known else Span(d, None, (), (d,), True) for d in days]


def _month_is_over(last: date, sessions: Sessions) -> bool:
    """Whether no session of the month can follow `last`.

    `sessions` end at the last one asked for, so at its end the weekday after stands in for the calendar: a month whose
    last weekday is a holiday says month-to-date until the next month begins.
    """
    following = sessions.position(last) + 1
    if following < len(sessions):
        return sessions.dates[following].month != last.month
    weekday = last + timedelta(days=1)
    while weekday.weekday() >= 5:
        weekday += timedelta(days=1)
    return weekday.month != last.month


def month_spans(known: Mapping[date, Known], sessions: Sessions) -> list[Span]:
    """One span per calendar month from the first to the last with rows."""
    if not known:
        return []
    first, last = min(known), max(known)
    months: dict[str, list[date]] = {}
    for day in sessions.dates:
        if first.replace(day=1) <= day and (day.year, day.month) <= (last.year, last.month):
            months.setdefault(f"{day:%Y-%m}", []).append(day)
    spans = []
    for month, days in months.items():
        if days[0] <= last < days[-1]:
            days = [day for day in days if day <= last]
        members = tuple(day for day in days if day in known)
        missing = tuple(day for day in days if day not in known)
        complete = bool(members) and members[-1] == days[-1] and not known[members[-1]].cut
        finished = not members or (complete and _month_is_over(days[-1], sessions))
        spans.append(Span(members[-1] if members else days[-1], month, members, missing, finished))
    return spans


def explained(reasons: Mapping[str, str]) -> str | None:
    """Reasons by component as one text, components with the same reason named together; None without any.

    >>> explained({"low": "nothing was signed", "high": "nothing was signed", "ratio": "no bear premium"})
    'low, high: nothing was signed; ratio: no bear premium'
    """
    names: dict[str, list[str]] = {}
    for name, text in reasons.items():
        names.setdefault(text, []).append(name)
    return "; ".join(f"{', '.join(same)}: {text}" for text, same in names.items()) or None


def spans(known: Mapping[date, Known], sessions: Sessions, period: Period, since: date | None = None) -> list[Span]:
    """The spans that have a reading, in order; of readings that stand on `since` or later."""
    every = session_spans(known, sessions) if period == "session" else month_spans(known, sessions)
    return every if since is None else [span for span in every if span.session >= since]
