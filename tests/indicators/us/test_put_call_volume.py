"""Cboe's put/call volumes: the published figures, one session late, each class by itself, never a part of the gauge."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import polars as pl
import pytest

from feeds.schema import Part, Sessions
from indicators.engine.run import of_market
from indicators.us.put_call_volume import CLASSES, PutCallVolume

GOLDEN = tomllib.loads(files("seeds").joinpath("put_call_golden.toml").read_text())
FIGURES = [
    (day, name, figure) for day, held in GOLDEN.items() if isinstance(held, dict) for name, figure in held.items()
]
SCHEMA = {
    "date": pl.Date, "class": pl.String, "puts": pl.Float64, "calls": pl.Float64,
    "session": pl.Date, "known_at": pl.Int64, "assumed": pl.String,
}  # fmt: skip


def nanoseconds(day: date, hour: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 10**9


def calendar(first: date, count: int = 4) -> Sessions:
    days = [day for i in range(2 * count + 7) if (day := first + timedelta(days=i)).weekday() < 5][:count]
    opens, closes = ([nanoseconds(day, hour) for day in days] for hour in (14, 21))
    return Sessions(tuple(days), pl.Series(opens).to_numpy(), pl.Series(closes).to_numpy())


def read(rows: list[tuple[date, str, float, float]], sessions: Sessions, of: str = "total", **asking):
    """Rows enter with the session after their day."""
    after = dict(zip(sessions.dates[:-1], sessions.dates[1:], strict=True))
    frame = pl.DataFrame(
        [(*row, after[row[0]], nanoseconds(row[0], 23), None) for row in rows],
        schema=SCHEMA,
        orient="row",
    )
    indicator = PutCallVolume(of=of)
    measured = indicator.combine([indicator.measure(Part(None, {"put_call_volume": frame}, sessions))])
    return indicator.value(measured, sessions, **asking)


@pytest.mark.parametrize(("day", "name", "figure"), FIGURES, ids=[f"{day} {name}" for day, name, _ in FIGURES])
def test_the_published_figures(day, name, figure):
    """Computed from the volumes where they are at hand; else at least no class may be taken for another."""
    first = date.fromisoformat(day)
    every = {c: (f.get("puts", 1000 * f["ratio"]), f.get("calls", 1000.0)) for c, f in GOLDEN[day].items()}
    found = read([(first, c, *volumes) for c, volumes in every.items()], calendar(first), of=name)
    assert round(found[0].value, 2) == figure["ratio"]
    assert {c: round(found[0].components[c], 2) for c in every} == {c: f["ratio"] for c, f in GOLDEN[day].items()}


def test_the_published_classes_hold_together():
    """A total lies between its classes, and the equity volumes are less than the total's."""
    for day, held in GOLDEN.items():
        if not isinstance(held, dict):
            continue
        ratios = [figure["ratio"] for name, figure in held.items() if name != "total"]
        assert min(ratios) < held["total"]["ratio"] < max(ratios), day
    first = GOLDEN["2021-01-14"]
    assert (first["equity"]["puts"], first["equity"]["calls"]) == (946_247, 2_612_897)
    assert (first["total"]["puts"], first["total"]["calls"]) == (2_786_403, 4_227_871)


def test_a_reading_is_one_session_late_and_nothing_is_carried_forward():
    sessions = calendar(date(2021, 1, 11))
    days = sessions.dates
    found = read([(days[0], "total", 30.0, 60.0), (days[2], "total", 80.0, 40.0)], sessions)
    assert [(r.session, r.value) for r in found] == [(days[1], 0.5), (days[2], None), (days[3], 2.0)]
    assert str(days[1]) in found[1].reason
    assert found[0].components["of"] == str(days[0])
    assert found[0].known_at.timestamp() * 1e9 < nanoseconds(days[1], 21)


def test_the_first_stored_day_is_read_in_the_session_after_it():
    """Nothing older is stored, so the calendar begins with the session that knew the day."""
    whole = calendar(date(2021, 1, 14))
    day, after = whole.dates[:2]
    later = Sessions(whole.dates[1:], whole.opens[1:], whole.closes[1:])
    rows = [(day, "equity", 946_247.0, 2_612_897.0, after, nanoseconds(day, 23), None)]
    long_ago = (date(2020, 12, 1), "equity", 1.0, 1.0, after, nanoseconds(day, 23), None)
    for held, expected in ((rows, 0.36), ([*rows, long_ago], 0.36), ([long_ago], None)):
        frame = pl.DataFrame(held, schema=SCHEMA, orient="row")
        indicator = PutCallVolume(of="equity")
        measured = indicator.combine([indicator.measure(Part(None, {"put_call_volume": frame}, later))])
        found = indicator.value(measured, later)
        assert [round(r.value, 2) for r in found[:1]] == ([] if expected is None else [expected])
        assert all(r.components["of"] == str(day) for r in found[:1])


def test_no_calls_and_no_row_are_null_with_their_reasons():
    sessions = calendar(date(2021, 1, 11))
    rows = [(sessions.dates[0], "equity", 30.0, 0.0), (sessions.dates[0], "total", 30.0, 60.0)]
    (found, *_) = read(rows, sessions, of="equity")
    assert found.value is None
    assert "no call contracts" in found.reason
    assert "no index volumes are stored" in found.reasons["index"]
    assert read(rows, sessions, key="total")[0].value == 0.5
    assert read(rows, sessions, key="bonds") == []


def test_nothing_published_later_is_used():
    sessions = calendar(date(2021, 1, 11))
    days = sessions.dates
    rows = [(days[0], "total", 30.0, 60.0), (days[1], "total", 45.0, 60.0)]
    close = datetime(days[1].year, days[1].month, days[1].day, 21, tzinfo=UTC)
    assert [r.value for r in read(rows, sessions, as_of=close)] == [0.5]
    assert [r.value for r in read(rows, sessions)[:2]] == [0.5, 0.75]


def test_many_puts_are_bearish_and_count_for_nothing_in_the_gauge():
    indicator = of_market("us")["put_call_volume"]
    assert not indicator.weighed
    first = date(2021, 1, 11)
    sessions = calendar(first, 80)
    rows = [(day, "total", 50.0 + i, 100.0) for i, day in enumerate(sessions.dates[:-1])]
    found = read(rows, sessions)
    assert indicator.score(found, sessions)[-1] < 5
    assert set(CLASSES) <= set(found[0].components)
