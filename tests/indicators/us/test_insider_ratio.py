import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.schema import Part, Sessions
from indicators.engine.filings import BAR, INT64_MAX, LINE, SECTOR, columns, crossings, dollars
from indicators.us.insider_ratio import InsiderRatio

MICRO = 1_000_000
DAY = 86_400 * 1_000_000_000
REAL = Path(__file__).parents[3] / ".." / "shared" / "data" / "us"


def weekdays(start: date, count: int) -> Sessions:
    """Monday to Friday, 14:30-21:00 UTC."""
    days, day = [], start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    midnights = np.array(days, dtype="datetime64[ns]").astype(np.int64)
    return Sessions(tuple(days), midnights + 52_200 * 10**9, midnights + 75_600 * 10**9)


SESSIONS = weekdays(date(2023, 5, 1), 110)
D = SESSIONS.dates


def ns(moment: datetime | date) -> int:
    """A date alone is 22:00 UTC, an hour after the close: known to the next session."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, 22, tzinfo=UTC)
    return int(moment.timestamp()) * 10**9


def micros(amount: object) -> int | None:
    return None if amount is None else int(Decimal(str(amount)) * MICRO)


def filing(known: datetime | date, accession: str, **columns) -> dict:
    """One line: a purchase of 100 shares at $10 by 1001 in AAA on the day it became known, unless told otherwise."""
    day = known.date() if isinstance(known, datetime) else known
    row = {
        "accession": accession,
        "line": 1,
        "known_at": ns(known),
        "filing_date": day,
        "transaction_date": day,
        "symbol": "AAA",
        "issuer_cik": None,
        "owner_cik": "1001",
        "code": "P",
        "shares": 100,
        "price": 10,
        "form": "4",
        **columns,
    }
    row.setdefault("acquired_disposed", "A" if row["code"] == "P" else "D")
    for name in ("shares", "price", "shares_after"):
        row[name] = micros(row.get(name))
    return row


def sale(known: datetime | date, accession: str, **columns) -> dict:
    return filing(known, accession, **{"code": "S", "owner_cik": "2001", **columns})


def table(rows: list[dict], sessions: Sessions = SESSIONS) -> pl.DataFrame:
    frame = columns(pl.DataFrame(rows, infer_schema_length=None), LINE) if rows else pl.DataFrame(schema=LINE)
    at = sessions.first_closing_at_or_after(frame["known_at"].to_numpy())
    days = [sessions.dates[i] if i < len(sessions) else None for i in at]
    return frame.with_columns(
        session=pl.Series(days, dtype=pl.Date), file=pl.lit(0, pl.Int32), record=pl.int_range(pl.len(), dtype=pl.Int64)
    )


def rows_of(trades: pl.DataFrame, sessions: Sessions = SESSIONS, bars=None, sectors=None, **parameters):
    tables = {"insider_trades": trades}
    if bars is not None:
        tables["daily_bars"] = columns(pl.DataFrame(bars), BAR)
    if sectors is not None:
        tables["sectors"] = columns(pl.DataFrame(sectors), SECTOR)
    indicator = InsiderRatio(**parameters)
    return indicator.combine([indicator.measure(Part(None, tables, sessions))])


def readings(
    rows: list[dict], sessions: Sessions = SESSIONS, bars=None, sectors=None, key=None, period="session", as_of=None
):
    measured = rows_of(table(rows, sessions), sessions, bars, sectors)
    return InsiderRatio().value(measured, sessions, as_of, key, period)


FIRST = filing(D[0], "first", symbol="ZZZ", owner_cik="9", shares=1, price=1)
"""Starts the history, so that the warm-up is over by D[30]; it has left every window by then."""


def on(day: date, rows: list[dict], **options):
    """The reading of a session whose window begins after FIRST has left."""
    return next(r for r in readings([FIRST, *rows], **options) if r.session == day)


def parts(day: date, rows: list[dict], **options) -> dict:
    return on(day, rows, **options).components


# -- what counts -----------------------------------------------------------------------------------------------------


def test_six_joint_owners_count_their_dollars_once():
    six = ";".join(str(cik) for cik in range(1001, 1007))
    got = parts(D[40], [filing(D[35], "a", owner_cik=six, shares=2_884_200, price=10)])
    assert got["buys"] == Decimal(28_842_000)
    assert got["buyers"] == 6
    assert got["clusters"] == 0, "joint filers are one insider"


def test_a_line_repeated_per_owner_is_one_line_with_all_owners():
    rows = [filing(D[35], "a", owner_cik=cik) for cik in ("0000001001", "1001", "1002")]
    got = parts(D[40], rows)
    assert (got["buys"], got["buyers"]) == (Decimal(1000), 2)


def test_a_later_row_of_a_known_line_changes_nothing():
    got = parts(D[40], [filing(D[35], "a"), filing(D[36], "a", shares=900, owner_cik="1002")])
    assert (got["buys"], got["buyers"]) == (Decimal(1000), 1)


def test_only_open_market_codes_count():
    rows = [filing(D[35], "a")] + [
        filing(D[35], code, code=code, acquired_disposed="A", shares=10**6) for code in ("A", "M", "G", "F")
    ]
    got = parts(D[40], rows)
    assert (got["buys"], got["sells"], got["rejected"]) == (Decimal(1000), Decimal(0), 0)


@pytest.mark.parametrize(
    "fault",
    [
        {"acquired_disposed": "D"},
        {"acquired_disposed": None},
        {"code": "S", "acquired_disposed": "A"},
        {"shares": None},
        {"transaction_date": None},
    ],
)
def test_a_contradicting_or_incomplete_line_is_counted_and_left_out(fault):
    got = parts(D[40], [filing(D[35], "a"), filing(D[35], "b", **{"shares": 77, **fault})])
    assert (got["buys"], got["sells"], got["rejected"]) == (Decimal(1000), Decimal(0), 1)


def chain(days: int, **other) -> dict:
    first = {"transaction_date": D[34], "shares_after": 5000}
    base = datetime.combine(D[35], datetime.min.time(), UTC) + timedelta(hours=22)
    copy = filing(base + timedelta(days=days), "b", **{"owner_cik": "1002", **first, **other})
    return parts(D[45], [filing(base, "a", **first), copy])


def test_a_chain_copy_counts_once_within_five_days():
    got = chain(5)
    assert (got["buys"], got["buyers"], got["chain_copies"]) == (Decimal(1000), 1, 1)


@pytest.mark.parametrize(
    "other",
    [{"shares": 101}, {"price": 11}, {"shares_after": 5001}, {"transaction_date": D[33]}, {"issuer_cik": "77"}],
)
def test_what_differs_is_no_chain_copy(other):
    assert chain(2, **other)["chain_copies"] == 0


def test_a_sixth_day_is_no_chain_copy():
    assert (chain(6)["buys"], chain(6)["chain_copies"]) == (Decimal(2000), 0)


def test_without_shares_after_equal_lines_are_two_trades():
    got = parts(D[40], [filing(D[35], "a"), filing(D[35], "b", owner_cik="1002")])
    assert (got["buys"], got["chain_copies"]) == (Decimal(2000), 0)


def test_equal_lines_of_one_filing_are_two_trades_and_their_copies_two_copies():
    rows = [filing(D[35], a, line=n, shares_after=0, owner_cik=a) for a in ("7", "8") for n in (1, 2)]
    got = parts(D[40], rows)
    assert (got["buys"], got["chain_copies"]) == (Decimal(2000), 2)


def test_fractional_shares_are_exact():
    assert parts(D[40], [filing(D[35], "a", shares="0.333333", price="3.000001")])["buys"] == Decimal("0.999999")


@given(st.integers(0, 2**63 - 1), st.one_of(st.none(), st.integers(0, 2**63 - 1), st.integers(0, 10**9)))
@settings(deadline=None, max_examples=200)
def test_dollars_equal_exact_rational_arithmetic(shares, price):
    got = pl.DataFrame({"shares": [shares], "price": [price]}, schema={"shares": pl.Int64, "price": pl.Int64})
    want = None if not price else min((2 * shares * price + MICRO) // (2 * MICRO), INT64_MAX)
    assert got.select(dollars()).item() == want


def test_a_price_that_is_missing_or_zero_is_counted_not_summed():
    got = on(D[40], [filing(D[35], "a"), filing(D[35], "b", price=None), sale(D[35], "c", price=0)])
    assert (got.components["buys"], got.components["sells"]) == (Decimal(1000), Decimal(0))
    assert (got.components["unpriced"], got.components["sellers"]) == (2, 1)
    assert got.value is None
    assert got.reason


# -- amendments ------------------------------------------------------------------------------------------------------


def amend(known: date, accession: str, original: date, **columns) -> dict:
    return filing(
        known, accession, **{"form": "4/A", "original_filing_date": original, "transaction_date": D[35], **columns}
    )


ORIGINAL = filing(D[35], "a", shares=1000)


def test_an_amended_line_is_replaced_from_the_amendments_own_time():
    rows = [ORIGINAL, amend(D[37], "b", D[35], shares=400)]
    by_session = {r.session: r.components["buys"] for r in readings([FIRST, *rows])}
    assert by_session[D[37]] == Decimal(10_000), "accepted after the close of D[37]"
    assert by_session[D[38]] == Decimal(4000)
    entries = rows_of(table(rows))["entries"]
    assert entries.select("session", "known_at", "accession", "entry", "weight", "dollars").rows() == [
        (D[36], ns(D[35]), "a", 0, 1, 10_000 * MICRO),
        (D[38], ns(D[37]), "b", 1, -1, 10_000 * MICRO),
        (D[38], ns(D[37]), "b", 2, 1, 4000 * MICRO),
    ]


def test_a_correction_of_a_line_that_left_the_window_leaves_its_difference():
    late = amend(D[70], "b", D[35], shares=400)
    got = on(D[75], [ORIGINAL, late, sale(D[72], "c")])
    assert got.components["buys"] == Decimal(-6000)
    assert got.components["buyers"] == 0
    assert got.value is None
    assert "amendments" in got.reasons["value"]
    assert got.components["net_purchase_ratio"] is None


@pytest.mark.parametrize(
    "other",
    [
        {"owner_cik": "555"},
        {"original_filing_date": D[34]},
        {"original_filing_date": None},
        {"transaction_date": D[34]},
        {"direct_indirect": "I"},
        {"security_title": "Class B"},
        {"issuer_cik": "77"},
    ],
)
def test_an_amendment_without_its_original_is_an_addition(other):
    got = parts(D[45], [ORIGINAL, amend(D[37], "b", D[35], **{"shares": 400, **other})])
    assert (got["buys"], got["additions"]) == (Decimal(14_000), 1)


def test_an_amendment_needs_one_owner_in_common():
    rows = [{**ORIGINAL, "owner_cik": "5;6"}, amend(D[37], "b", D[35], shares=400, owner_cik="0006;7")]
    assert parts(D[45], rows)["buys"] == Decimal(4000)


def test_an_amendment_without_transactions_removes_nothing():
    empty = amend(D[37], "b", D[35], code="M", acquired_disposed="A", shares=0)
    assert parts(D[45], [ORIGINAL, empty])["buys"] == Decimal(10_000)


def test_lines_meet_the_nearest_in_shares_each_once():
    original = [filing(D[35], "a", line=n, shares=s) for n, s in ((1, 100), (2, 5000), (3, 90))]
    one = amend(D[37], "b", D[35], shares=4900)
    assert parts(D[45], [*original, one])["buys"] == Decimal(10 * (100 + 4900 + 90))
    rows = [*original, amend(D[37], "b", D[35], line=1, shares=4900), amend(D[37], "b", D[35], line=2, shares=4000)]
    # 4900 takes 5000; 4000 is then nearest to 100, and 90 stays
    assert parts(D[45], rows)["buys"] == Decimal(10 * (4900 + 4000 + 90))


def test_a_second_amendment_meets_the_first_ones_version():
    rows = [ORIGINAL, amend(D[37], "b", D[35], shares=400), amend(D[39], "c", D[35], shares=700)]
    by_session = {r.session: r.components for r in readings([FIRST, *rows])}
    assert [by_session[day]["buys"] for day in (D[37], D[39], D[41])] == [Decimal(10_000), Decimal(4000), Decimal(7000)]
    assert by_session[D[41]]["buyers"] == 1


def test_an_amended_copy_stays_a_copy():
    same = {"shares": 1000, "shares_after": 1000, "transaction_date": D[35]}
    rows = [filing(D[35], "a", **same), filing(D[36], "b", owner_cik="1002", **same)]
    rows.append(amend(D[37], "c", D[36], owner_cik="1002", shares=400, shares_after=400))
    assert parts(D[45], rows)["buys"] == Decimal(10_000)


# -- prices, plans, labels -------------------------------------------------------------------------------------------


def bar(day: date, low: float, high: float, **other) -> dict:
    return {"session": day, "date": day, "symbol": "AAA", "low": low, "high": high, "close": low, "open": high, **other}


def judged(*bars: dict, **line) -> str:
    rows = rows_of(table([filing(D[35], "a", **line)]), bars=list(bars) or None)
    return rows["entries"]["price_state"].item()


def test_a_price_is_judged_by_the_range_of_its_day():
    assert judged(bar(D[35], 9.5, 10.5)) == "plausible"
    assert judged(bar(D[35], 10.01, 10.5)) == "implausible"
    assert judged(bar(D[35], 9.5, 10.5), price="105") == "implausible"
    assert judged(bar(D[35], 10.0, 10.5), price="9.9951") == "plausible", "a weighted average rounds"
    assert judged(bar(D[34], 9.5, 10.5)) == "unknown", "no bar that day"
    assert judged(bar(D[35], 9.5, 10.5, adj_close=9.5)) == "plausible"


def test_a_price_is_not_judged_by_adjusted_bars():
    assert judged(bar(D[35], 1.0, 2.0, adj_close=0.5)) == "unknown"
    assert judged(bar(D[35], 1.3925, 1.4033)) == "unknown", "off the cent: divided for a later split"
    assert judged(bar(D[34], 1.3925, 1.4033), bar(D[35], 1.39, 1.40)) == "unknown", "its neighbours are off the cent"
    assert judged(bar(D[35], float(np.float32(67.42)), float(np.float32(67.89)))) == "implausible", "single precision"


def test_a_million_dollars_a_share_is_implausible_unless_a_bar_says_so():
    assert judged(price=999_999) == "unknown"
    assert judged(price=1_000_000) == "implausible"
    assert judged(bar(D[35], 999_000.0, 1_001_000.0), price=1_000_000) == "plausible"


def test_a_bar_that_is_not_known_yet_judges_nothing():
    assert judged({**bar(D[35], 1.0, 2.0), "session": D[38]}) == "unknown"


def test_implausible_dollars_leave_the_sums_and_lower_the_coverage():
    rows = [filing(D[35], "a", price=1000), filing(D[35], "b", owner_cik="1003"), sale(D[35], "c", price=10)]
    got = on(D[40], rows, bars=[bar(D[35], 9.0, 11.0)])
    assert (got.components["buys"], got.components["sells"]) == (Decimal(1000), Decimal(1000))
    assert (got.components["implausible"], got.components["implausible_dollars"]) == (1, Decimal(100_000))
    assert got.coverage == pytest.approx(2000 / 102_000)


def test_dollars_beyond_int64_are_implausible():
    rows = rows_of(table([filing(D[35], "a", shares=9 * 10**12, price=9 * 10**12)]))
    assert rows["entries"].select("price_state", "dollars").row(0) == ("implausible", INT64_MAX)


def test_plan_sales_are_marked_from_april_2023_and_unknown_before():
    rows = [filing(D[35], "a"), sale(D[35], "b", plan_10b5_1=True, shares=300), sale(D[35], "c", plan_10b5_1=False)]
    got = parts(D[40], rows)
    assert got["ratio"] == 0.25
    assert got["ratio_ex_plan"] == 1.0
    assert (got["plan_sells"], got["plan_unknown_sells"]) == (Decimal(3000), Decimal(0))
    early = weekdays(date(2022, 5, 2), 60)
    rows = [FIRST | {"known_at": ns(early.dates[0]), "filing_date": early.dates[0]}]
    rows += [filing(early.dates[35], "a"), sale(early.dates[35], "b", plan_10b5_1=False)]
    got = next(r for r in readings(rows, early) if r.session == early.dates[40])
    assert got.components["ratio"] == 1.0
    assert got.components["ratio_ex_plan"] is None
    assert "2023-04" in got.reasons["ratio_ex_plan"]
    assert got.components["plan_unknown_sells"] == Decimal(1000)


def labels(*trades: tuple[str, str], owner: str = "1001") -> list[str]:
    """Styles of an owner's trades, given as (day traded, day known)."""
    rows = [
        filing(date.fromisoformat(known), f"{i:03}", transaction_date=date.fromisoformat(traded), owner_cik=owner)
        for i, (traded, known) in enumerate(trades)
    ]
    long = weekdays(date(2015, 1, 1), 2600)
    return rows_of(table(rows, long), long)["entries"].sort("accession")["style"].to_list()


def same(*days: str) -> list[tuple[str, str]]:
    return [(day, day) for day in days]


def test_routine_needs_the_same_month_in_three_years_and_holds_all_year():
    march = same("2016-03-10", "2017-03-20", "2018-03-05")
    assert labels(*march, *same("2019-01-04", "2019-11-08")) == ["unclassified"] * 3 + ["routine"] * 2
    assert labels(*march, *same("2020-03-04"))[-1] == "unclassified", "2019 is empty"
    assert labels(*same("2016-03-10", "2017-04-20", "2018-03-05", "2019-02-01"))[-1] == "opportunistic"
    assert labels(*same("2017-03-20", "2018-03-05", "2019-03-05"))[-1] == "unclassified", "two years"


def test_a_label_rests_on_what_was_known_on_1_january():
    late = [("2016-12-05", "2016-12-07"), ("2017-12-06", "2017-12-08"), ("2018-12-28", "2019-01-03")]
    assert labels(*late, *same("2019-06-03"))[-1] == "unclassified"
    in_time = [*late[:2], ("2018-12-20", "2018-12-24")]
    assert labels(*in_time, *same("2019-06-03"))[-1] == "routine"


def test_routine_dollars_are_shown_apart():
    long = weekdays(date(2015, 1, 1), 1200)
    days = ("2016-03-10", "2017-03-20", "2018-03-05", "2019-03-05")
    rows = [filing(date.fromisoformat(day), day) for day in days]
    rows.append(sale(date(2019, 3, 5), "s"))
    got = next(r for r in readings(rows, long) if r.session == date(2019, 3, 8)).components
    assert (got["routine_buys"], got["opportunistic_buys"]) == (Decimal(1000), Decimal(0))
    assert (got["routine_sells"], got["unclassified_sells"]) == (Decimal(0), Decimal(1000))


# -- readings --------------------------------------------------------------------------------------------------------


def test_the_session_reading_sums_21_sessions_by_knowledge():
    rows = [filing(D[35], "a", shares=300), sale(D[35], "b", shares=200)]
    by_session = {r.session: r for r in readings([FIRST, *rows])}
    assert by_session[D[35]].value is None, "accepted after the close"
    for day in (D[36], D[56]):
        got = by_session[day]
        assert got.value == 1.5
        assert InsiderRatio().gauge_value(got) == pytest.approx(math.log(1.5), abs=1e-15)
        assert got.components["net_purchase_ratio"] == pytest.approx(0.2)
        assert got.coverage == 1.0
        assert got.known_at == datetime.combine(D[35], datetime.min.time(), UTC) + timedelta(hours=22)
        assert (got.low, got.high) == (None, None)
        assert {"low", "high"} <= got.reasons.keys()
    gone = by_session[D[57]]
    assert gone.value is None
    assert "21 sessions" in gone.reason
    assert gone.components.keys() == by_session[D[36]].components.keys()


def test_no_reading_in_the_warm_up():
    found = readings([filing(D[3], "a"), sale(D[3], "b")])
    assert found[0].session == D[4]
    nulls = [r for r in found if r.value is None and "needs 21" in r.reason]
    assert [r.session for r in nulls] == list(D[4:24])
    assert len(nulls) == InsiderRatio.warmup
    assert found[20].value == 1.0


def test_sides_without_dollars_have_reasons_never_a_neutral_value():
    bought = on(D[40], [filing(D[35], "a")])
    assert (bought.value, bought.components["log_ratio_21"]) == (None, None)
    assert bought.components["net_purchase_ratio"] == 1.0
    assert "no sales" in bought.reasons["value"]
    sold = on(D[40], [sale(D[35], "a")])
    assert sold.value == 0.0
    assert sold.components["log_ratio_21"] is None
    assert "no purchases" in sold.reasons["log_ratio_21"]
    assert "no sales" not in sold.reasons["log_ratio_21"]


@pytest.mark.parametrize("rows", [[], [dict.fromkeys(LINE)], [filing(D[35], "a", code="M", acquired_disposed="A")]])
@pytest.mark.parametrize("period", ["session", "month"])
def test_nothing_in_nothing_out(rows, period):
    frame = table([]) if not rows else columns(pl.DataFrame(rows), LINE)
    assert InsiderRatio().value(rows_of(frame), SESSIONS, period=period) == []


def test_all_null_amounts_are_null_with_a_reason():
    found = readings([filing(D[0], "a", shares=None), sale(D[0], "b", price=None)])
    assert found
    assert all(r.value is None and r.reason for r in found)


def test_a_filing_at_the_close_belongs_to_that_session_and_later_ones_to_the_next():
    close = datetime.combine(D[35], datetime.min.time(), UTC) + timedelta(hours=21)
    for moment, first in ((close, D[35]), (close + timedelta(seconds=1), D[36])):
        found = readings([FIRST, filing(moment, "a"), sale(moment, "b")])
        assert next(r.session for r in found if r.value is not None and r.session > D[22]) == first


def test_months_sum_then_divide_by_acceptance():
    sessions = weekdays(date(2023, 5, 1), 60)
    rows = [
        filing(date(2023, 5, 1), "a", shares=100, owner_cik="1002"),
        filing(date(2023, 5, 25), "b", shares=500),
        sale(date(2023, 5, 10), "c", shares=400),
        filing(date(2023, 6, 2), "d", shares=700, transaction_date=date(2023, 5, 31)),
        sale(date(2023, 6, 8), "e", shares=100),
        sale(date(2023, 5, 31), "f", shares=900),
    ]
    may, june, july = readings(rows, sessions, period="month")
    assert (may.month, may.session, may.value) == ("2023-05", date(2023, 5, 31), 1.5)
    # f was accepted after the last close of May
    assert (june.month, june.value) == ("2023-06", 0.7)
    assert (june.components["previous_transaction_buys"], june.components["previous_transaction_sells"]) == (
        13_000,
        13_000,
    )
    assert (june.components["transaction_buys"], june.components["transaction_sells"]) == (0, 1000)
    assert (may.components["transaction_buys"], may.components["transaction_sells"]) == (6000, 4000)
    assert (may.components["buyers"], june.components["buyers"]) == (2, 1)
    assert "month-to-date" not in may.notes + june.notes
    assert july.value is None
    assert "month-to-date" in july.notes
    assert "filings begin 2023-05-02" in may.notes
    assert readings(rows, weekdays(date(2023, 5, 1), 45), period="month")[1] == june, "30 June ends the month"
    assert "month-to-date" in readings(rows, weekdays(date(2023, 5, 1), 44), period="month")[1].notes


def test_a_month_is_over_when_the_next_session_is_another_months():
    rows = [filing(date(2023, 5, 2), "a"), sale(date(2023, 5, 2), "b")]
    for day, notes in ((30, ("filings begin 2023-05-03", "month-to-date")), (31, ("filings begin 2023-05-03",))):
        as_of = datetime(2023, 5, day, 21, tzinfo=UTC)
        assert sorted(readings(rows, period="month", as_of=as_of)[-1].notes) == list(notes)


def test_as_of_hides_what_came_later():
    rows = [FIRST, filing(D[35], "a"), sale(D[35], "b"), sale(D[40], "c")]
    whole = readings(rows)
    as_of = datetime.combine(D[38], datetime.min.time(), UTC) + timedelta(hours=21)
    assert readings(rows, as_of=as_of) == [r for r in whole if r.session <= D[38]]


def test_a_company_and_a_sector_read_alone():
    sectors = [
        {"scheme": "gics", "group": g, "symbol": s, "from_date": date(2020, 1, 1), "to_date": t, "assumed": None}
        for g, s, t in (
            ("Tech", "AAA", date(2023, 1, 1)),
            ("Energy", "AAA", None),
            ("Tech", "BBB", None),
            ("Late", "CCC", None),
        )
    ]
    rows = [
        filing(D[35], "a"),
        sale(D[35], "b"),
        filing(D[35], "c", symbol="BBB"),
        sale(D[35], "d", symbol="BBB", shares=400),
    ]
    rows.append(filing(D[60], "e", symbol="CCC"))
    assert on(D[40], rows, sectors=sectors, key="AAA").value == 1.0
    assert on(D[40], rows, sectors=sectors, key="BBB").value == 0.25
    assert on(D[40], rows, sectors=sectors, key="Tech").value == 0.25
    assert parts(D[40], rows, sectors=sectors, key="Tech")["rejected"] is None, "not known by group, so no zero"
    whole = on(D[40], rows, sectors=sectors)
    assert whole.value == 0.4
    assert whole.components["by_sector"] == {
        "Energy": {"buys": Decimal(1000), "sells": Decimal(1000)},
        "Tech": {"buys": Decimal(1000), "sells": Decimal(4000)},
    }
    nobody = on(D[40], rows, key="QQQ")
    assert nobody.value is None
    assert nobody.reason


def test_roles_take_the_first_of_officer_director_and_ten_percent_owner():
    flags = {"officer": False, "director": False, "ten_percent_owner": False}
    rows = [
        filing(D[35], "a", **{**flags, "officer": True, "director": True}, shares=1),
        filing(D[35], "b", **{**flags, "director": True}, shares=2),
        filing(D[35], "c", **{**flags, "ten_percent_owner": True}, shares=3),
        filing(D[35], "d", **flags, shares=4),
        filing(D[35], "e", shares=5),
    ]
    by_role = parts(D[40], rows)["by_role"]
    assert {role: int(split["buys"]) // 10 for role, split in by_role.items()} == {
        "officer": 1,
        "director": 2,
        "ten_percent_owner": 3,
        "other": 4,
        "unknown": 5,
    }


def test_a_cluster_is_three_insiders_buying_net_within_thirty_days():
    buys = [filing(D[35], f"a{i}", owner_cik=f"{i}") for i in (1, 2, 3)]
    assert parts(D[40], buys)["clusters"] == 1
    assert parts(D[40], buys[:2])["clusters"] == 0
    assert parts(D[40], [*buys, sale(D[37], "s", owner_cik="3", shares=100)])["clusters"] == 0, "3 bought nothing net"
    assert parts(D[40], [*buys[:2], filing(D[35], "x", owner_cik="3", symbol="BBB")])["clusters"] == 0
    joint = [filing(D[34], "j", owner_cik="2;3"), filing(D[35], "k", owner_cik="3"), filing(D[35], "l", owner_cik="2")]
    assert parts(D[40], [buys[0], *joint])["clusters"] == 0, "2 and 3 file as one"
    spread = [filing(D[30], "a", owner_cik="1"), filing(D[35], "b", owner_cik="2"), filing(D[36], "c", owner_cik="3")]
    counted = {r.session: r.components["clusters"] for r in readings([FIRST, *spread])}
    standing = [day for day, n in counted.items() if n]
    # the first became known on D[31]; thirty days later it is forgotten
    assert (standing[0], standing[-1]) == (D[37], max(d for d in D if d < D[31] + timedelta(days=30)))


def test_streak_and_frequency_of_selling():
    long = weekdays(date(2020, 1, 1), 420)
    rows = [filing(date(2020, m, 10), f"p{m}", shares=10 * m) for m in range(1, 13)]
    rows += [sale(date(2020, m, 12), f"s{m}", shares=5 if m != 9 else 500) for m in (2, 4, 9, 12)]
    months = {r.month: r.components for r in readings(rows, long, key="AAA", period="month")}
    assert [months[f"2020-{m:02}"]["streak"] for m in range(1, 13)] == [*range(1, 9), 0, 1, 2, 3]
    assert months["2020-12"]["sell_frequency"] == pytest.approx(4 / 12)
    assert months["2021-01"]["streak"] == 3, "a month still without dollars does not end it"
    assert months["2021-03"]["streak"] == 0, "an empty month does"
    assert months["2020-11"]["sell_frequency"] is None
    by_session = {r.session: r.components for r in readings(rows, long, key="AAA")}
    assert by_session[date(2020, 12, 31)]["streak"] == 3
    assert by_session[date(2020, 12, 10)]["streak"] == 2
    assert "streak" not in readings(rows, long)[-1].components


def test_net_purchase_ratio_is_ranked_against_59_months():
    long = weekdays(date(2015, 1, 1), 1400)
    rows = []
    for month in range(64):
        day = date(2015 + month // 12, month % 12 + 1, 10)
        rows += [filing(day, f"p{month}", shares=100 + month % 7), sale(day, f"s{month}", shares=100)]
    found = readings(rows, long, period="month")
    nets = [r.components["net_purchase_ratio"] for r in found]
    assert found[58].components["npr_percentile"] is None
    assert "needs 59 months" in found[58].reasons["npr_percentile"]
    for k in (59, 62, 63):
        among = nets[k - 59 : k + 1]
        want = 100 * sum((x < nets[k]) + 0.5 * (x == nets[k]) for x in among) / 60
        assert found[k].components["npr_percentile"] == pytest.approx(want)
        so_far = nets[: k + 1]
        want = 100 * sum((x < nets[k]) + 0.5 * (x == nets[k]) for x in so_far) / (k + 1)
        assert found[k].components["expanding_percentile"] == pytest.approx(want)
    assert found[58].components["expanding_percentile"] is None


def test_every_reading_says_what_was_assumed():
    rows = [filing(D[35], "a", assumed="form, known_at"), sale(D[35], "b", assumed=None)]
    found = {r.session: r for r in readings([FIRST, *rows], bars=[bar(D[35], 9.0, 11.0, assumed="high")])}
    assert found[D[40]].notes == ("assumed: daily_bars.high", "assumed: form", "assumed: known_at")
    assert found[D[30]].notes == found[D[60]].notes == ()


def test_rankings_get_sums_by_company_and_month():
    rows = [ORIGINAL, amend(D[37], "b", D[35], shares=400), sale(D[36], "c", symbol="BBB")]
    indicator = InsiderRatio()
    got = indicator.per_key(rows_of(table([FIRST, *rows])), SESSIONS, D[30], D[37])
    assert got.rows() == [
        (D[36], "AAA", f"{D[36]:%Y-%m}", 10_000 * MICRO, 0),
        (D[37], "BBB", f"{D[37]:%Y-%m}", 0, 1000 * MICRO),
    ]
    assert indicator.per_key(rows_of(table([FIRST, *rows])), SESSIONS, D[38], D[38])["buys"].to_list() == [
        -6000 * MICRO
    ]


def test_a_buying_tape_scores_above_its_mirror():
    def tape(flip: bool) -> list[dict]:
        rows = []
        for i, day in enumerate(D[:-1]):
            shares = (100 + i, 100) if not flip else (100, 100 + i)
            rows += [filing(day, f"p{i}", shares=shares[0]), sale(day, f"s{i}", shares=shares[1])]
        return rows

    indicator = InsiderRatio()
    up, down = (indicator.score(readings(tape(flip)), SESSIONS)[-1] for flip in (False, True))
    assert up > 90
    assert down < 10


# -- against slow definitions ----------------------------------------------------------------------------------------


def random_filings(seed: int) -> list[dict]:
    rng = random.Random(seed)
    rows: list[dict] = [FIRST]
    for i in range(150):
        known = datetime.combine(rng.choice(D[:-1]), datetime.min.time(), UTC) + timedelta(hours=rng.randint(0, 23))
        owners = ";".join(sorted({str(rng.randint(1, 8)) for _ in range(rng.choice((1, 1, 1, 2, 3)))}))
        row = filing(
            known,
            f"{i:03}",
            code=rng.choice("PPS"),
            symbol=rng.choice(("AAA", "BBB")),
            owner_cik=owners,
            shares=rng.choice((100, 250, 300)),
            price=rng.choice((10, 10, 12, None)),
            shares_after=rng.choice((None, 0, 1000)),
            transaction_date=known.date() - timedelta(days=rng.randint(0, 4)),
            plan_10b5_1=rng.choice((True, False, None)),
        )
        if rng.random() < 0.25:
            meant = rng.choice(rows)
            row |= {"form": "4/A", "original_filing_date": meant["filing_date"]}
            row |= {name: meant[name] for name in ("symbol", "code", "acquired_disposed", "transaction_date")}
            row["owner_cik"] = rng.choice((meant["owner_cik"], row["owner_cik"]))
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_windows_equal_a_recount_of_the_entries(seed):
    measured = rows_of(table(random_filings(seed)))
    entries = measured["entries"].rows(named=True)
    assert {e["entry"] for e in entries} == {0, 1, 2}, "the sample amends"
    found = InsiderRatio().value(measured, SESSIONS)
    for reading in found[20::7]:
        last = SESSIONS.position(reading.session)
        window = [e for e in entries if last - 20 <= SESSIONS.position(e["session"]) <= last]
        sums = {
            s: sum(
                e["weight"] * e["dollars"]
                for e in window
                if e["side"] == s and e["price_state"] in ("plausible", "unknown")
            )
            for s in (1, -1)
        }
        assert reading.components["buys"] * MICRO == sums[1]
        assert reading.components["sells"] * MICRO == sums[-1]
        for name, side in (("buyers", 1), ("sellers", -1)):
            held: dict[str, int] = {}
            for e in window:
                for owner in e["owners"] if e["side"] == side else ():
                    held[owner] = held.get(owner, 0) + e["weight"]
            assert reading.components[name] == sum(w > 0 for w in held.values())
        recent = [e for e in entries if timedelta(0) <= reading.session - e["session"] < timedelta(days=30)]
        net: dict[tuple[str, str], int] = {}
        for e in recent:
            who = e["symbol"], e["insider"]
            net[who] = net.get(who, 0) + e["weight"] * e["side"] * e["shares"]
        buying = [symbol for (symbol, _), shares in net.items() if shares > 0]
        assert reading.components["clusters"] == sum(buying.count(symbol) >= 3 for symbol in set(buying))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("key", [None, "AAA"])
def test_the_future_does_not_change_the_past(seed, key):
    rows = random_filings(seed)
    bars = [bar(day, 9.0, 11.0) for day in D]
    indicator = InsiderRatio()
    trades = table(rows)
    whole = {p: indicator.value(rows_of(trades, bars=bars), SESSIONS, None, key, p) for p in ("session", "month")}
    for last in range(3, len(D), 6):
        cut = trades.filter(pl.col("known_at") <= int(SESSIONS.closes[last]))
        measured = rows_of(cut, bars=[b for b in bars if b["date"] <= D[last]])
        sessions = SESSIONS.window(None, D[last])
        assert indicator.value(measured, sessions, None, key) == [r for r in whole["session"] if r.session <= D[last]]
        months = [r for r in indicator.value(measured, sessions, None, key, "month") if r.month < f"{D[last]:%Y-%m}"]
        assert months == [r for r in whole["month"] if r.month < f"{D[last]:%Y-%m}"]


def test_nothing_is_used_before_it_is_known():
    found = readings(random_filings(5))
    closes = {day: int(close) for day, close in zip(SESSIONS.dates, SESSIONS.closes, strict=True)}
    used = [r for r in found if r.known_at]
    assert len(used) > 60
    assert all(int(r.known_at.timestamp()) * 10**9 <= closes[r.session] for r in used)


def test_companies_may_be_measured_apart_in_any_order():
    trades = table(random_filings(6))
    indicator = InsiderRatio()
    whole = rows_of(trades)
    split = [
        Part(None, {"insider_trades": trades.filter(pl.col("symbol") == s)}, SESSIONS) for s in ("ZZZ", "BBB", "AAA")
    ]
    apart = indicator.combine(indicator.measure(part) for part in split)
    assert whole.keys() == apart.keys()
    for name, frame in whole.items():
        assert frame.equals(apart[name])


def test_an_entry_and_its_undoing_cancel_in_every_cut():
    entries = rows_of(table(random_filings(7)))["entries"]
    amended = entries.filter(pl.col("entry") == 1)
    assert amended.height
    same = ["symbol", "event_month", "side", "dollars", "price_state", "plan", "style", "role", "insider", "shares"]
    undone = entries.group_by(same).agg(pl.col("weight").cast(pl.Int64).sum())
    assert undone["weight"].min() >= 0


def test_crossings_report_each_time_the_level_is_reached_and_left():
    changes = pl.DataFrame({"who": ["x"] * 5, "n": [1, 3, 3, 6, 9], "amount": [1, 2, -1, -2, 5]})
    assert crossings(changes, ["who"], 2).rows() == [("x", 3, 1), ("x", 6, -1), ("x", 9, 1)]


# -- the real thing --------------------------------------------------------------------------------------------------

FORM_4 = REAL / "insider" / "form4_sp500_2006_2024.parquet"
DAILY = REAL / "daily" / "sp500_stocks_ohlcv_2018_2022_gics.parquet"


@pytest.fixture(scope="module")
def real() -> tuple[pl.DataFrame, Sessions]:
    if not FORM_4.exists():
        pytest.skip("no real filings beside the checkout")
    raw = pl.read_parquet(FORM_4).filter(pl.col("transaction_date").is_not_null()).with_row_index("row")
    sessions = weekdays(date(2016, 1, 1), 2400)
    scaled = [(pl.col(c) * MICRO).round().cast(pl.Int64).alias(c) for c in ("shares", "price", "shares_after")]
    known = pl.col("transaction_date").dt.add_business_days(2, roll="forward").cast(pl.Datetime("ns"))
    trades = raw.select(
        *scaled,
        "transaction_date",
        "owner_cik",
        "owner",
        accession=pl.col("row").cast(pl.String),
        line=1,
        known_at=known.dt.epoch("ns") + 22 * DAY // 24,
        symbol="ticker",
        code="transaction_type",
        acquired_disposed=pl.col("transaction_type").replace_strict({"P": "A", "S": "D"}, default="A"),
        form=pl.lit("4"),
        assumed=pl.lit("accession, acquired_disposed, form, known_at, line"),
    )
    return table(trades.to_dicts(), sessions), sessions


def test_real_filings_read_sanely(real):
    trades, sessions = real
    measured = rows_of(trades, sessions)
    months = {r.month: r for r in InsiderRatio().value(measured, sessions, period="month")}
    autumn = months["2022-09"]
    assert 0 < autumn.components["buys"] < autumn.components["sells"]
    assert 0 < autumn.value < 1
    assert autumn.components["buyers"] > 0
    assert autumn.components["sellers"] > autumn.components["buyers"]
    assert autumn.components["ratio_ex_plan"] is None, "the file has no plan mark"
    # an independent sum: the same rows, in floating point, without the copies
    month = trades.filter(
        pl.col("code") == "S", pl.col("session").dt.strftime("%Y-%m") == "2022-09", pl.col("price") > 0
    )
    refused = measured["refused"].filter(pl.col("reason") == "chain_copy")["accession"].implode()
    kept = month.filter(~pl.col("accession").is_in(refused))
    gross = (kept["shares"] / MICRO * (kept["price"] / MICRO)).sum()
    assert float(autumn.components["sells"]) == pytest.approx(gross, rel=1e-12)
    found = InsiderRatio().value(measured, sessions)
    read = [r for r in found if r.components["buys"] is not None]
    assert len(read) > 600
    assert all("assumed: known_at" in r.notes and "assumed: form" in r.notes for r in read)


def test_real_bars_judge_few_real_prices_implausible_and_none_before_a_split(real):
    if not DAILY.exists():
        pytest.skip("no real bars beside the checkout")
    trades, sessions = real
    bars = pl.read_parquet(DAILY).with_columns(session="date")
    entries = rows_of(trades, sessions, bars=bars)["entries"].filter(pl.col("session") < date(2022, 12, 1))
    share = entries["price_state"].value_counts(normalize=True)
    states = dict(share.iter_rows())
    assert states["plausible"] > 0.5
    assert states["implausible"] < 0.1
    for symbol, split in (("AMZN", date(2022, 6, 6)), ("GOOGL", date(2022, 7, 18)), ("TSLA", date(2022, 8, 25))):
        before = entries.filter(pl.col("symbol") == symbol, pl.col("session") < split)["price_state"]
        assert "implausible" not in before.to_list()
