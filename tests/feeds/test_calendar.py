"""No session invented, no print moved to another day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.calendar import exchange_sessions, session_of
from feeds.schema import Sessions, utc

NEW_YORK = ZoneInfo("America/New_York")


def at(*clock: int) -> int:
    return int(datetime(*clock, tzinfo=NEW_YORK).timestamp()) * 1_000_000_000


def belongs(sessions: Sessions, *clock: int) -> date | None:
    return session_of(pl.Series([at(*clock)], dtype=pl.Int64), sessions)[0]


@pytest.mark.parametrize(
    ("clock", "session"),
    [
        ((2025, 11, 5, 4, 0), date(2025, 11, 5)),
        ((2025, 11, 5, 19, 59, 59), date(2025, 11, 5)),
        ((2025, 11, 5, 20, 0), date(2025, 11, 6)),  # a later print: the next session
        ((2025, 11, 6, 2, 0), date(2025, 11, 6)),  # an option night session ends in its day
        ((2025, 11, 7, 20, 30), date(2025, 11, 10)),  # Friday evening: Monday
        ((2025, 11, 8, 12, 0), None),  # Saturday noon: no session
        ((2025, 11, 9, 20, 30), date(2025, 11, 10)),  # Sunday night session
        ((2025, 11, 9, 19, 0), None),
        ((2024, 11, 29, 13, 0), date(2024, 11, 29)),  # half-day: regular close at 13:00 …
        ((2024, 11, 29, 16, 45), date(2024, 11, 29)),  # … its extended hours are still its own
        ((2025, 1, 9, 11, 0), None),  # day of mourning: closed
        ((2025, 1, 8, 20, 30), date(2025, 1, 10)),
        ((2025, 3, 10, 9, 30), date(2025, 3, 10)),  # the Monday after clocks go forward
        ((2025, 11, 3, 9, 30), date(2025, 11, 3)),  # the Monday after they go back
    ],
)
def test_session_of_a_time(sessions, clock, session):
    assert belongs(sessions, *clock) == session


HOURS = st.integers(at(2025, 11, 5, 0, 0), at(2025, 11, 12, 0, 0))


@settings(deadline=None)
@given(first=HOURS, apart=st.lists(st.integers(0, 30 * 3600 * 1_000_000_000), max_size=6), gap=st.booleans())
def test_times_that_come_together_are_each_of_their_own_session(sessions, first, apart, gap):
    """Of a lot within one session two times may tell; they must tell what each would."""
    lot = [first, *(first + step for step in apart), *([None] if gap else [])]
    each = [session_of(pl.Series([one], dtype=pl.Int64), sessions)[0] for one in lot]
    assert session_of(pl.Series(lot, dtype=pl.Int64), sessions).to_list() == each


def test_closed_days_are_no_sessions(sessions):
    assert date(2025, 1, 9) not in sessions
    assert date(2025, 11, 8) not in sessions


def test_half_day_closes_at_one(sessions):
    close = sessions.closes[sessions.position(date(2024, 11, 29))]
    assert utc(close).astimezone(NEW_YORK).hour == 13


@pytest.mark.parametrize("day", [date(2025, 3, 7), date(2025, 3, 10), date(2025, 10, 31), date(2025, 11, 3)])
def test_opens_at_half_past_nine_on_either_side_of_a_clock_change(sessions, day):
    opened = utc(sessions.opens[sessions.position(day)]).astimezone(NEW_YORK)
    assert (opened.date(), opened.hour, opened.minute) == (day, 9, 30)


def test_null_time_belongs_to_no_session(sessions):
    assert session_of(pl.Series([None], dtype=pl.Int64), sessions).to_list() == [None]


def test_shanghai_is_known_from_its_first_session():
    sessions = exchange_sessions("XSHG", date(1950, 1, 1), date(1991, 1, 31))
    assert sessions.dates[0] == date(1990, 12, 19)


def test_a_window_knows_the_session_after_it():
    sessions = exchange_sessions("XSHG", date(2024, 9, 1), date(2024, 9, 30))
    before = sessions.window(None, date(2024, 9, 13))
    assert before.following == date(2024, 9, 18)  # a make-up Saturday and two holidays are no sessions
    assert sessions.window(date(2024, 9, 30), None).following is None
    assert before.window(None, date(2024, 9, 12)).following == date(2024, 9, 13)
