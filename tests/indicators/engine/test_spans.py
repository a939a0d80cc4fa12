import doctest
from datetime import UTC, date, datetime

import numpy as np
import pytest

from feeds.schema import Sessions
from indicators.engine import money, scope
from indicators.engine import spans as module
from indicators.engine.spans import Known, known_sessions, spans
from tests.naive_flow import at, weekdays


def calendar(first: date, last: date) -> Sessions:
    days = [day for day in weekdays(first, 60) if day <= last]
    return Sessions(tuple(days), np.array([at(d, 14, 30) for d in days]), np.array([at(d, 21) for d in days]))


@pytest.mark.parametrize(
    ("last", "finished"),
    [
        (date(2024, 3, 27), False),
        (date(2024, 3, 29), True),  # a Friday; Monday is in April
        (date(2024, 3, 28), False),  # Good Friday follows, which only the calendar knows: stays open until April
        (date(2024, 4, 1), True),
    ],
)
def test_a_month_is_finished_when_no_session_of_it_can_follow(last, finished):
    sessions = calendar(date(2024, 3, 1), last)
    known = {day: Known(at(day, 21)) for day in sessions.dates}
    march = spans(known, sessions, "month")[0]
    assert (march.month, march.finished) == ("2024-03", finished)
    assert ("month-to-date" in march.notes) == (not finished)


def test_a_month_without_rows_between_others_is_a_span_of_nothing():
    sessions = calendar(date(2024, 3, 1), date(2024, 5, 3))
    known = {day: Known(0) for day in sessions.dates if day.month != 4}
    march, april, may = spans(known, sessions, "month")
    assert (april.month, april.members, april.session) == ("2024-04", (), date(2024, 4, 30))
    assert len(april.missing) == 22
    assert march.finished
    assert not may.finished


def test_rows_known_after_as_of_are_left_out_whole():
    sessions = calendar(date(2024, 3, 4), date(2024, 3, 8))
    last_ts = {sessions.dates[0]: at(sessions.dates[0], 20), sessions.dates[1]: at(sessions.dates[1], 23)}
    close = datetime(2024, 3, 5, 21, tzinfo=UTC)
    assert list(known_sessions(last_ts, sessions, close)) == [sessions.dates[0]]
    assert known_sessions(last_ts, sessions, None)[sessions.dates[1]] == Known(at(sessions.dates[1], 23))
    noon = known_sessions(last_ts, sessions, datetime(2024, 3, 4, 20, 30, tzinfo=UTC))
    assert noon == {sessions.dates[0]: Known(at(sessions.dates[0], 20) + 1_800_000_000_000, cut=True)}


def test_rows_of_sessions_not_asked_for_are_left_out():
    sessions = calendar(date(2024, 3, 4), date(2024, 3, 8))
    assert known_sessions({date(2024, 3, 11): 0}, sessions, None) == {}
    assert spans({}, sessions, "session") == spans({}, sessions, "month") == []


def test_examples():
    assert doctest.testmod(module) == (0, 2)
    assert doctest.testmod(money) == (0, 2)
    assert doctest.testmod(scope) == (0, 1)
