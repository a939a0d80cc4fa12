"""`status`: what is held, what is missing, and what the source should have published by a moment."""

from datetime import UTC, datetime

import pytest

from feeds.schema import TABLES
from feeds.status import LAGS, status
from feeds.store import Store
from indicators.views.status import status_text

from .test_store import put, trade

ROWS = {
    "option_trades": lambda day: trade(f"{day}T15:00:00Z"),
    "index_levels": lambda day: {"date": day, "index": "SPX", "close": "6800"},
    "short_volume": lambda day: {"date": day, "symbol": "A", "facility": "Q", "short_volume": "1", "total_volume": "2"},
    "ats_weekly": lambda day: {"week_start": day, "symbol": "A", "shares": "1", "trades": "1", "published": day},
    "cn_index_bars": lambda day: {"date": day, "index": "000300", "close": "4600"},
    "cn_margin": lambda day: {"date": day, "symbol": "", "balance": "1e12"},
    "forward_eps": lambda day: {"published": day, "index": "SPX", "quarter_end": "2025-12-31", "eps": "70"},
}


def fill(store: Store, table: str, *days: str) -> None:
    for day in days:
        put(store, table, [ROWS[table](day)], f"{day}.csv", f"{table}{day}")


def state(store: Store, table: str, as_of: str) -> tuple[str, int | None]:
    found = status(store, datetime.fromisoformat(as_of))
    (line,) = (line for line in found.tables if line.table == table)
    return line.state, line.behind


@pytest.mark.parametrize(
    ("table", "day", "as_of", "expected"),
    [
        # Tuesday's prints on Wednesday: before the close, after it, and on Thursday morning
        ("option_trades", "2025-11-04", "2025-11-05T20:59:00+00:00", ("available", 0)),
        ("option_trades", "2025-11-04", "2025-11-05T21:00:00+00:00", ("pending", 0)),
        ("option_trades", "2025-11-04", "2025-11-06T14:59:00+00:00", ("pending", 0)),
        ("option_trades", "2025-11-04", "2025-11-06T15:00:00+00:00", ("degraded", 1)),
        # a closing level is final the same evening
        ("index_levels", "2025-11-04", "2025-11-05T23:00:00+00:00", ("pending", 0)),
        ("index_levels", "2025-11-04", "2025-11-06T01:00:00+00:00", ("degraded", 1)),
        # posted on Tuesday evening, Wednesday's to read
        ("short_volume", "2025-11-04", "2025-11-05T21:00:00+00:00", ("pending", 0)),
        ("short_volume", "2025-11-04", "2025-11-06T01:00:00+00:00", ("degraded", 1)),
        # Shanghai closes at 07:00 UTC: Wednesday's margin is out between that and ten (02:00 UTC) on Thursday
        ("cn_index_bars", "2025-11-04", "2025-11-05T08:00:00+00:00", ("pending", 0)),
        ("cn_index_bars", "2025-11-04", "2025-11-05T11:00:00+00:00", ("degraded", 1)),
        ("cn_margin", "2025-11-04", "2025-11-05T06:59:00+00:00", ("available", 0)),
        ("cn_margin", "2025-11-04", "2025-11-05T07:01:00+00:00", ("pending", 0)),
        ("cn_margin", "2025-11-04", "2025-11-06T02:00:00+00:00", ("degraded", 1)),
        ("ats_weekly", "2025-11-03", "2025-11-17T20:00:00+00:00", ("available", 0)),
        ("ats_weekly", "2025-11-03", "2025-11-20T21:00:00+00:00", ("pending", 0)),
        ("forward_eps", "2025-06-02", "2025-11-03T21:00:00+00:00", ("pending", 0)),
        ("forward_eps", "2025-09-02", "2025-11-03T21:00:00+00:00", ("available", 0)),
    ],
)
def test_freshness_is_judged_by_the_sources_own_lag(store, table, day, as_of, expected):
    fill(store, table, day)
    assert state(store, table, as_of) == expected


def test_what_is_far_too_old_is_degraded(store):
    fill(store, "forward_eps", "2025-01-02")
    fill(store, "ats_weekly", "2025-01-06")
    assert state(store, "forward_eps", "2025-11-03T21:00:00+00:00")[0] == "degraded"
    assert state(store, "ats_weekly", "2025-11-03T21:00:00+00:00")[0] == "degraded"


def test_by_default_the_moment_is_the_newest_close_held(store):
    fill(store, "option_trades", "2025-11-04")
    fill(store, "index_levels", "2025-11-04", "2025-11-05")
    found = status(store)
    assert found.as_of == datetime(2025, 11, 5, 21, tzinfo=UTC)
    assert {line.table: line.state for line in found.tables if line.rows} == {
        "option_trades": "pending",
        "index_levels": "available",
    }
    assert "as of 2025-11-05 21:00 UTC" in status_text(found)


def test_gaps_and_rejects_degrade_and_an_absent_table_is_missing(store):
    fill(store, "index_levels", "2025-11-03", "2025-11-05")
    lines = {line.table: line for line in status(store).tables}
    assert (lines["index_levels"].gaps, lines["index_levels"].state) == (1, "degraded")
    assert lines["option_trades"].state == "missing"
    put(store, "option_trades", [trade("2025-11-05T15:00:00Z"), trade("2025-11-05T15:00:00Z", price="-1")])
    (line,) = (line for line in status(store).tables if line.table == "option_trades")
    assert (line.rejected, line.state) == (1, "degraded")
    assert list(line.reasons.values()) == [1]


@pytest.mark.parametrize("table", ["short_volume", "cn_margin"])
def test_a_day_that_is_not_published_is_a_gap_of_the_session_that_should_know_it(store, table):
    """The planted fault: a file a session, known from the next one on, of which the middle one never came."""
    fill(store, table, "2025-11-03", "2025-11-05")
    (line,) = (line for line in status(store).tables if line.table == table)
    assert (line.gaps, line.gap_sessions, line.state) == (1, (datetime(2025, 11, 5).date(),), "degraded")
    fill(store, table, "2025-11-04")
    (line,) = (line for line in status(store).tables if line.table == table)
    assert (line.gaps, line.state) == (0, "available")


def test_a_monthly_index_beside_a_daily_one_has_no_gaps(store):
    fill(store, "index_levels", "2025-11-03", "2025-11-05")
    put(store, "index_levels", [{"date": "2025-09-30", "index": "SPX_SHILLER", "close": "6500"}], "s.csv", "s")
    put(store, "index_levels", [{"date": "2025-11-28", "index": "SPX_SHILLER", "close": "6700"}], "t.csv", "t")
    (line,) = (line for line in status(store).tables if line.table == "index_levels")
    assert (line.gaps, line.gap_sessions) == (1, (datetime(2025, 11, 4).date(),))
    assert line.behind == 15  # the daily index ends on the 5th; Thanksgiving is no session


def test_an_overdue_table_says_what_was_due(store):
    fill(store, "index_levels", "2025-11-03")
    said = status_text(status(store, datetime(2025, 11, 6, 2, tzinfo=UTC)))
    assert "index_levels: 2 sessions behind, due up to 2025-11-05" in said


def test_what_was_assumed_is_named_once_whoever_assumed_it(store):
    put(store, "index_levels", [ROWS["index_levels"]("2025-11-04")], "a.csv", "a", assumed="close,date")
    put(store, "index_levels", [ROWS["index_levels"]("2025-11-05")], "b.csv", "b", assumed="date")
    assert "index_levels: assumed, not read, for some rows: close, date" in status_text(status(store)).splitlines()


def test_an_empty_store_has_no_moment(store):
    found = status(store)
    assert found.as_of is None
    assert {line.state for line in found.tables} == {"missing"}


def test_every_lag_belongs_to_a_table_and_names_its_source():
    assert set(LAGS) <= set(TABLES)
    assert all(lag.first <= lag.last and lag.source for lag in LAGS.values())
