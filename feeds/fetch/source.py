"""The shape of a source: which files it has for a span of days, and how each is had."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from feeds.fetch.client import Polite

State = Literal["fetched", "present", "unpublished", "failed"]


@dataclass(frozen=True)
class Fetched:
    """What became of one file: fetched, present already, not published (yet, or never), or failed, and why."""

    name: str
    state: State
    why: str = ""

    @property
    def failed(self) -> bool:
        """Whether the file should be there and could not be had."""
        return self.state == "failed"


@dataclass(frozen=True)
class Asked:
    """What is wanted of a source.

    Attributes
    ----------
    start, end : days, both included
    today : the day on which the question is put: what is later cannot be published
    symbols : for sources of one symbol a file
    """

    start: date
    end: date
    today: date
    symbols: tuple[str, ...] = ()
    _sessions: list[date] = field(default_factory=list, repr=False, compare=False)

    def days(self) -> Iterator[date]:
        """Every day from start to end, none later than today."""
        for n in range((min(self.end, self.today) - self.start).days + 1):
            yield self.start + timedelta(days=n)

    def is_session(self, day: date) -> bool:
        """Whether New York trades on a day."""
        if not self._sessions:
            from feeds.calendar import exchange_sessions

            self._sessions.extend(exchange_sessions("XNYS", self.start, self.end).dates or [date.min])
        return day in self._sessions

    def quarters(self) -> list[tuple[int, int]]:
        """The quarters that the span touches, as (year, 1-4)."""
        return list(dict.fromkeys((day.year, (day.month + 2) // 3) for day in self.days()))


class Source(ABC):
    """One public source of files."""

    name: ClassVar[str]
    about: ClassVar[str]
    a_second: ClassVar[float]
    """Requests a second that the source allows, or that are polite where it says nothing."""
    names_itself: ClassVar[bool] = False
    """Whether the source demands a User-Agent that names who asks."""
    by_symbol: ClassVar[bool] = False
    """Whether --symbol says which files."""

    @abstractmethod
    def files(self, polite: "Polite", asked: Asked) -> Iterator[Fetched]:
        """Fetch what is asked, file by file; a file that fails does not stop the next."""


def no_session(day: date) -> Fetched:
    """What is said of a day without a session."""
    weekend = day.weekday() >= 5
    return Fetched(day.isoformat(), "unpublished", "a weekend" if weekend else "no session of New York")


def quarter_over(year: int, quarter: int, today: date) -> bool:
    """Whether a quarter has ended and its last files are in: a week after its last day.

    >>> quarter_over(2025, 3, date(2025, 10, 3)), quarter_over(2025, 3, date(2025, 10, 9))
    (False, True)
    """
    after = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return today >= after + timedelta(days=7)
