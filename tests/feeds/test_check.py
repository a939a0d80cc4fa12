"""What is a good row, and what is said of a bad one."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.calendar import exchange_sessions
from feeds.check import check, flags_of
from feeds.errors import UnreadableFile
from feeds.schema import EXCLUDED, TABLES, PrintFlag, utc

GOOD = {
    "ts": "2025-11-05T14:30:00.123456789Z", "underlying": "ACME", "expiry": "2025-11-21", "strike": "100",
    "right": "C", "price": "1.25", "size": "10",
}  # fmt: skip
MONDAY = date(2025, 11, 10)
SESSIONS = exchange_sessions("XNYS", date(2020, 1, 1), date(2026, 6, 30))


def one(table: str = "option_trades", **changed: object):
    row = {**(GOOD if table == "option_trades" else {}), **changed}
    frame = pl.DataFrame({name: [value] for name, value in row.items()}).with_columns(record=pl.lit(2, pl.Int64))
    return check(frame, TABLES[table], SESSIONS)


def test_good_row_is_exact():
    row = one().good.row(0, named=True)
    assert row["ts"] == 1762353000123456789
    assert row["price"] == 1_250_000
    assert row["session"] == date(2025, 11, 5)
    assert (row["bid"], row["ask"], row["multiplier"], row["sequence"]) == (-1, -1, 100, 2)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("price", "0", "`price`, was '0'"),
        ("price", "-1", "`price`"),
        ("price", "NaN", "`price`"),
        ("price", "1e2", "`price`"),
        ("price", "0x10", "`price`"),
        ("price", "1_000", "`price`"),
        ("price", "1.0055555", "at most six places"),
        ("price", "99999999", "absurd"),
        ("price", "", "`price`, was ''"),
        ("size", "0", "`size`"),
        ("size", "12.7", "whole number"),
        ("size", "999999999999999999", "overflows"),
        ("right", "X", "one of C, P"),
        ("expiry", "2025-11-04", "before the session"),
        ("expiry", "11/21/2025", "YYYY-MM-DD"),
        ("expiry", "2025-02-30", "`expiry`"),
        ("ts", "2025-11-05T14:30:00", "offset"),
        ("ts", "2025-11-08T17:00:00Z", "no session"),
        ("underlying", "A" * 65, "64 characters"),
        ("underlying", "A\x00B", "control"),
        ("underlying", "A\nB", "control"),
        ("strike", "", "`strike`"),
    ],
)
def test_bad_value_is_rejected_with_its_reason(column, value, said):
    parted = one(**{column: value})
    assert parted.good.height == 0
    reject = parted.rejects.row(0, named=True)
    assert said in reject["reason"]
    assert reject["record"] == 2


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("price", 2**63, pl.UInt64),
        ("price", 18_446_744_073_709_552, pl.Int64),  # × 1,000,000 is 384,000 modulo 2**64
        ("price", 10**12, pl.Int64),
        ("bid", -(10**15), pl.Int64),
        ("size", 2**63, pl.UInt64),
        ("delta", 2**63, pl.UInt64),
        ("delta", 18_446_744_073_709, pl.Int64),
        ("delta", -(2**63), pl.Int64),
        ("ts", datetime(2300, 1, 3, 15, tzinfo=UTC), pl.Datetime("us", "UTC")),
        ("ts", datetime(9999, 12, 31, 23, 59, tzinfo=UTC), pl.Datetime("ms", "America/New_York")),
        ("ts", datetime(1500, 1, 1, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ],
)
def test_a_typed_value_that_no_int64_holds_is_rejected_with_its_reason(column, value, kind):
    """As Parquet has it: beside a good row, which stays."""
    good = {"price": 1, "size": 1, "bid": 0, "delta": 1, "ts": datetime(2025, 11, 5, 14, 30, tzinfo=UTC)}[column]
    typed = pl.Series(column, [value, good], dtype=kind)
    frame = pl.DataFrame({name: [text] * 2 for name, text in GOOD.items()}).with_columns(
        typed, record=pl.Series([2, 3])
    )
    parted = check(frame, TABLES["option_trades"], SESSIONS)
    assert parted.good["record"].to_list() == [3]
    (reject,) = parted.rejects.rows(named=True)
    assert f"`{column}`" in reject["reason"]
    assert reject["record"] == 2


@pytest.mark.parametrize(
    "symbol", ["BRK.B", "=cmd()", "'; DROP TABLE x;--", "<script>", 'A"B', "中国", "A,B", "[red]X", "A" * 64]
)
def test_odd_symbols_stay_what_they_are(symbol):
    assert one(underlying=symbol).good["underlying"].to_list() == [symbol]


def test_same_day_expiry_is_good():
    assert one(expiry="2025-11-05").good.height == 1


@given(st.decimals(min_value=Decimal("0.000001"), max_value=Decimal("9999999"), places=6))
def test_every_six_place_price_is_kept_exactly(price):
    assert one(price=f"{price:f}").good["price"].to_list() == [int(price * 1_000_000)]


@given(st.text(max_size=40))
def test_no_text_breaks_the_check(text):
    for column in GOOD:
        parted = one(**{column: text})
        assert parted.good.height + parted.rejects.height == 1


def test_float_prices_of_a_tape_with_more_places_are_rejected():
    assert one(price=1.25).good["price"].to_list() == [1_250_000]
    assert one(price=1.23456789).good.height == 0
    assert one(price=float("nan")).good.height == 0


def test_time_without_zone_makes_the_column_unreadable():
    with pytest.raises(UnreadableFile, match="`ts`"):
        check(
            pl.DataFrame([{**GOOD, "record": 1}]).with_columns(ts=pl.lit(date(2025, 11, 5)).cast(pl.Datetime("ns"))),
            TABLES["option_trades"],
            SESSIONS,
        )


@pytest.mark.parametrize("column", TABLES["option_trades"].names)
def test_a_column_in_which_nobody_wrote_anything_is_empty(column):
    """Parquet keeps it without any type; it says what empty cells of text say."""
    untyped, empty = one(**{column: None}), one(**{column: ""})
    assert untyped.good.equals(empty.good)
    assert untyped.rejects["reason"].to_list() == empty.rejects["reason"].to_list()


def test_conditions_become_flags_and_unknown_words_are_kept():
    parted = one(conditions="sweep;martian", cancelled="true")
    flags = parted.good["flags"][0]
    assert flags == PrintFlag.SWEEP | PrintFlag.UNKNOWN_CONDITION | PrintFlag.CANCELLED
    assert parted.good["conditions"].to_list() == ["sweep;martian"]
    assert flags_of("sweep;martian")[1] == "martian"


def test_unknown_condition_alone_does_not_exclude():
    assert not flags_of("martian")[0] & EXCLUDED


INSIDER = {
    "accession": "a", "line": "1", "transaction_date": "2025-11-05", "symbol": "ACME", "owner_cik": "1;2",
    "code": "P", "acquired_disposed": "A", "shares": "10.5", "price": "101.123456789", "form": "4",
}  # fmt: skip


def test_filing_enters_the_session_after_its_evening():
    row = one("insider_trades", **INSIDER, filing_date="2025-11-07").good.row(0, named=True)
    assert row["session"] == date(2025, 11, 10)  # filed on a Friday, known at 22:00, so Monday's
    assert row["price"] == 101_123_457  # an average of fills, rounded half-even to six places


def test_filing_before_the_close_enters_the_same_session():
    row = one("insider_trades", **INSIDER, known_at="2025-11-07T15:59:59-05:00").good.row(0, named=True)
    assert row["session"] == date(2025, 11, 7)


def test_filing_without_a_time_is_rejected():
    assert "when it became public" in one("insider_trades", **INSIDER).rejects["reason"][0]


@pytest.mark.parametrize(
    ("table", "row", "session"),
    [
        ("index_levels", {"date": "2025-11-05", "index": "SPX", "close": "6800.1"}, date(2025, 11, 5)),
        ("forward_eps", {"published": "2025-11-07", "index": "SPX", "quarter_end": "2025-12-31", "eps": "-1"}, MONDAY),
        ("put_call_volume", {"date": "2025-11-07", "class": "total", "puts": "1", "calls": "2"}, MONDAY),
        ("sectors", {"scheme": "gics", "group": "Energy", "symbol": "X", "from_date": "2025-11-08"}, MONDAY),
    ],
)  # fmt: skip
def test_session_is_when_a_row_became_known(table, row, session):
    assert one(table, **row).good["session"].to_list() == [session]


def test_daily_row_on_a_closed_day_is_rejected():
    parted = one("index_levels", date="2025-01-09", index="SPX", close="5900")
    assert parted.good.height == 0
    assert "no session" in parted.rejects["reason"][0]


SHANGHAI = exchange_sessions("XSHG", date(2024, 1, 1), date(2024, 12, 31))


@pytest.mark.parametrize(
    ("day", "session"),
    [("2024-09-13", date(2024, 9, 13)), ("2024-09-14", date(2024, 9, 18))],  # a make-up Saturday before a holiday
)
def test_a_curve_of_the_evening_enters_the_session_on_or_after_it(day, session):
    row = pl.DataFrame({"record": [2], "date": [day], "tenor_years": ["10"], "yield": ["2.07"]})
    good = check(row, TABLES["cn_bond_yields"], SHANGHAI).good.row(0, named=True)
    assert good["session"] == session
    assert utc(good["known_at"]).isoformat() == f"{day}T10:00:00+00:00"  # 18:00 in Shanghai


def test_margin_is_known_before_the_next_open():
    row = pl.DataFrame({"record": [2], "date": ["2024-09-13"], "balance": ["1.4e12"]})
    assert check(row, TABLES["cn_margin"], SHANGHAI).good["session"].to_list() == [date(2024, 9, 18)]


def test_what_a_feed_refuses_is_rejected_with_the_feeds_reason():
    rows = pl.DataFrame(
        {
            "record": [2, 3],
            "date": ["2024-09-12", "2024-09-13"],
            "concept": ["A", "A"],
            "close": ["1", "1"],
            "refused": [None, "a stub"],
        },
    )
    parted = check(rows, TABLES["cn_concept_bars"], SHANGHAI)
    assert parted.good["record"].to_list() == [2]
    assert parted.rejects.rows() == [(3, "a stub", "2024-09-13,A,1")]
