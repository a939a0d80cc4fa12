from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest

from feeds.calendar import exchange_sessions
from indicators.china.new_equity_funds import spring_festival
from indicators.engine.indicator import Reading
from indicators.engine.weeks import Weeks, month_ends, week_number

SHANGHAI = exchange_sessions("XSHG", date(2024, 1, 1), date(2026, 12, 31))


def ends(start: date, end: date, as_of: datetime | None = None) -> list[date]:
    weeks = Weeks.finished(SHANGHAI.window(start, end), as_of)
    return [weeks.day(w) for w in range(len(weeks))]


def test_a_week_ends_on_its_last_session_when_the_rest_is_a_holiday():
    # Thursday 12 and Friday 13 September 2024, then a holiday from Sunday; the 30th stands alone before the golden week
    assert ends(date(2024, 9, 9), date(2024, 10, 11)) == [
        date(2024, 9, 13), date(2024, 9, 20), date(2024, 9, 27), date(2024, 9, 30), date(2024, 10, 11),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "finished"),
    [
        (date(2024, 9, 26), False),  # a Thursday before a Friday session
        (date(2024, 9, 30), True),  # a Monday, and no session until the next week but one
        (date(2025, 12, 31), True),  # a Wednesday: Thursday and Friday are holidays
    ],
)
def test_whether_the_last_week_is_over_is_the_calendars_word(last, finished):
    assert (ends(date(2024, 1, 1), last)[-1] == last) == finished


def test_without_a_calendar_a_friday_ends_the_week():
    alone = SHANGHAI.window(date(2026, 12, 1), None)
    assert alone.following is None
    assert alone.dates[-1] == date(2026, 12, 31)  # a Thursday
    assert ends(date(2026, 12, 1), date(2026, 12, 31))[-1] == date(2026, 12, 25)


def test_a_week_is_not_over_before_its_close():
    close = datetime(2024, 9, 13, 7, tzinfo=UTC)  # 15:00 in Shanghai
    assert ends(date(2024, 9, 2), date(2024, 9, 20), close)[-1] == date(2024, 9, 13)
    assert ends(date(2024, 9, 2), date(2024, 9, 20), close.replace(hour=6, minute=59))[-1] == date(2024, 9, 6)


def test_cutting_the_sessions_never_moves_an_earlier_end():
    whole = ends(date(2024, 1, 1), date(2025, 12, 31))
    for last in SHANGHAI.window(date(2024, 1, 1), date(2025, 12, 31)).dates[::7]:
        cut = ends(date(2024, 1, 1), last)
        assert cut == whole[: len(cut)]
        assert len(cut) == sum(day <= last for day in whole)


def test_week_numbers_are_those_of_iso():
    dates = SHANGHAI.dates
    number = week_number(SHANGHAI.days)
    iso = [day.isocalendar()[:2] for day in dates]
    assert np.array_equal(np.diff(number) > 0, np.array([a != b for a, b in pairwise(iso)]))


def test_months_have_their_last_week_and_say_when_it_may_not_be():
    fridays = [date(2024, 9, 13), date(2024, 9, 20), date(2024, 9, 27), date(2024, 9, 30)]
    found = month_ends([Reading(session=day, value=1.0) for day in fridays[:2]], SHANGHAI.window(None, fridays[1]))
    assert [(r.month, r.session, r.notes) for r in found] == [("2024-09", fridays[1], ("month-to-date",))]
    found = month_ends([Reading(session=day, value=1.0) for day in fridays], SHANGHAI.window(None, fridays[-1]))
    assert [(r.session, r.notes) for r in found] == [(fridays[-1], ())]


def test_the_spring_festival_is_the_exchanges_closure():
    weeks = Weeks.finished(SHANGHAI.window(date(2024, 1, 1), date(2024, 12, 31)))
    touched = [weeks.day(w) for w in np.flatnonzero(spring_festival(weeks))]
    assert touched == [date(2024, 2, 8), date(2024, 2, 23)]  # closed from 9 to 18 February; not the golden week
