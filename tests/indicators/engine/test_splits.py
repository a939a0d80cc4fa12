"""Splits sum to the reading exactly, buckets follow plain definitions, and minutes leave no hole."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.schema import PrintFlag
from indicators.engine.prints import signed_prints
from indicators.engine.run import asked_readings, chosen
from indicators.engine.splits import EXPIRIES, NO_GREEKS, SPLITS, asked_split, split_of, split_sums
from tests.indicators.us.test_directional_premium import CENT, a_print, calendar, contract, part

ADDED = (
    "bull",
    "bear",
    "unknown",
    "excluded",
    "total",
    "call",
    "put",
    "net",
    "call_contracts",
    "put_contracts",
    "prints",
)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("whose", [None, "first"])
def test_buckets_sum_to_the_reading_exactly(small_store, small_market, split, whose):
    asked = chosen("directional_premium")
    symbol = small_market.daily.symbols[0] if whose else None
    start, end = small_market.sessions.dates[-3], small_market.sessions.dates[-2]
    readings = {r.session: r for r, _ in asked_readings(small_store, asked, start, end, key=symbol)}
    found = asked_split(small_store, asked, split, start, end, symbol=symbol)
    assert {b.session for b in found} == set(readings) == {start, end}
    for day, reading in readings.items():
        parts = [b for b in found if b.session == day]
        assert len({b.bucket for b in parts}) == len(parts) > 0
        for name in ADDED:
            assert sum(b.components[name] for b in parts) == reading.components[name], name
        for b in parts:
            c = b.components
            assert c["bull"] + c["bear"] + c["unknown"] == c["call"] + c["put"] == c["total"] - c["excluded"]
            assert c["net_call"] - c["net_put"] == c["net"]
            signed = c["bull"] + c["bear"]
            assert b.value == (pytest.approx(float(c["net"] / signed)) if signed else None)


def test_the_latest_session_is_the_default(small_store, small_market):
    found = asked_split(small_store, chosen("directional_premium"), "expiry")
    assert {b.session for b in found} == {small_market.sessions.dates[-1]}
    assert [b.bucket for b in found] == [e for e in EXPIRIES if e in {b.bucket for b in found}]


def tape(**more) -> pl.DataFrame:
    """Signed prints of $1 a share, 100 shares: a call bought, unless told otherwise."""
    rows = {"right": ["C"], "side": [1], "direction": [1], "excluded": [False], "premium": [100_000_000], "size": [1],
            "flags": [0], "asset_class": ["equity"], "expiry": [date(2025, 12, 19)], "strike": [90_000_000],
            "spot": [100_000_000], "ts": [1_762_353_000_000_000_000], "delta": [None]}  # fmt: skip
    return pl.DataFrame(
        rows | {name: [cell] for name, cell in more.items()}, schema_overrides={"spot": pl.Int64, "delta": pl.Int32}
    )


BUCKETS: list[tuple[str, dict, str]] = [
    ("expiry", {"expiry": date(2025, 11, 5)}, "0"), ("expiry", {"expiry": date(2025, 11, 6)}, "1-7"),
    ("expiry", {"expiry": date(2025, 11, 12)}, "1-7"), ("expiry", {"expiry": date(2025, 11, 13)}, "8-30"),
    ("expiry", {"expiry": date(2025, 12, 5)}, "8-30"), ("expiry", {"expiry": date(2025, 12, 6)}, "31-90"),
    ("expiry", {"expiry": date(2026, 2, 3)}, "31-90"), ("expiry", {"expiry": date(2026, 2, 4)}, ">90"),
    ("moneyness", {}, "in"), ("moneyness", {"strike": 100_000_000}, "at"), ("moneyness", {"spot": None}, "unknown"),
    ("moneyness", {"right": "P"}, "out"), ("moneyness", {"strike": 100_000_001}, "out"),
    ("legs", {}, "single"), ("legs", {"flags": 32, "excluded": True}, "multi"), ("legs", {"flags": 128}, "single"),
    ("minute", {}, "09:30"), ("minute", {"ts": 1_762_353_059_999_999_999}, "09:30"),
    ("minute", {"ts": 1_762_353_060_000_000_000}, "09:31"), ("minute", {"ts": 1_762_300_000_000_000_000}, "before"),
    ("asset_class", {}, "equity"),
]  # fmt: skip


@pytest.mark.parametrize(("split", "more", "bucket"), BUCKETS)
def test_a_print_falls_into_its_bucket(split, more, bucket):
    assert split_sums(tape(**more), split, date(2025, 11, 5))["bucket"].to_list() == [bucket]


def test_multi_leg_prints_are_counted_without_direction():
    row = split_sums(tape(flags=32, excluded=True), "legs", date(2025, 11, 5)).row(0, named=True)
    assert (row["bull"], row["excluded"], row["excluded_prints"], row["prints"]) == (0, 100_000_000, 1, 0)


def test_the_delta_weighted_form_weighs_premium_by_delta_where_the_feed_has_one():
    """$100 bought at delta 0.40 and $300 sold at −0.10 of a put: bull 40 + 30; a print without delta is left out."""
    bought = tape(delta=400_000)
    sold = tape(right="P", side=-1, direction=1, premium=300_000_000, delta=-100_000)
    bare = tape(premium=600_000_000, delta=None, direction=-1, side=-1)
    row = split_sums(pl.concat([bought, sold, bare]), "asset_class", date(2025, 11, 5)).row(0, named=True)
    assert (row["delta_bull"], row["delta_bear"]) == (70_000_000 * 1_000_000, 0)
    assert row["with_delta"] == 400_000_000


def test_a_feed_without_greeks_says_so(small_store):
    for bucket in asked_split(small_store, chosen("directional_premium"), "asset_class"):
        assert bucket.components["delta_bull"] is None
        assert bucket.reasons["delta_bull"] == NO_GREEKS
        assert NO_GREEKS in bucket.reason


def test_minutes_run_from_the_open_to_the_last_print_and_add_up(small_store, small_market):
    found = asked_split(small_store, chosen("directional_premium"), "minute")
    clock = [60 * int(b.bucket[:2]) + int(b.bucket[3:]) for b in found]
    assert clock == list(range(clock[0], clock[-1] + 1))
    assert clock[0] == 9 * 60 + 30
    quiet = [b for b in found if not b.components["prints"] and not b.components["excluded_prints"]]
    assert quiet, "the small market has minutes without a print"
    assert all(b.value is None and b.reason and b.components["total"] == Decimal(0) for b in quiet)
    assert found[-1].components["net_so_far"] == sum(b.components["net"] for b in found)


def test_single_prints_are_what_the_indicator_sums(small_store, small_market):
    """Parents and sides of `signed_prints` are those of the one pass: same large orders, same premium by direction."""
    asked = chosen("directional_premium", ["order_floor=10000"])
    days = small_market.sessions.window(small_market.sessions.dates[-2], None)
    tapes = {"option_trades": "session", "option_quotes": "session"}
    for one in small_store.parts(tapes, days):
        prints = signed_prints(one, asked)
        orders = asked.measure(one)["orders"]
        kept = prints.with_row_index("row").filter(~pl.col("excluded"))
        c = pl.col
        parents = kept.group_by("parent").agg(
            premium=c.premium.sum(), prints=pl.len().cast(pl.Int64), size=pl.col("size").sum(),
            record=c.record.first(), bull=c.premium.filter(c.direction > 0).sum(), flags=c.flags.bitwise_or(),
        ).filter(c.premium >= 10_000_000_000)  # fmt: skip
        names = ["record", "premium", "prints", "size", "bull", "flags"]
        assert parents.select(names).sort("record").rows() == orders.select(names).sort("record").rows()
        assert parents.height > 20
        assert (parents["prints"] > 1).any()


def test_what_cannot_be_split_is_refused(small_store, small_market):
    asked = chosen("directional_premium")
    with pytest.raises(UnknownName, match="moneyness"):
        asked_split(small_store, asked, "strike")
    with pytest.raises(BadValue, match="only directional_premium"):
        asked_split(small_store, chosen("insider_ratio"), "expiry")
    with pytest.raises(NothingToShow, match="NOSUCH"):
        asked_split(small_store, asked, "expiry", symbol="NOSUCH")
    with pytest.raises(BadValue, match="--by"):
        split_of("expiry", "month")
    assert (split_of(None, "minute"), split_of("legs", "session")) == ("minute", "legs")


def test_minute_bars_and_auctions_stand_alone():
    """On two venues within the window, two prints are one sweep; two bars, or two auction prints, are none."""
    both = [
        a_print(contract("PDD", "C", 100), 600 * CENT, 10, venue=v, late_ns=v, bid=1, ask=600 * CENT) for v in (0, 1)
    ]
    asked, sessions = chosen("directional_premium"), calendar(1)

    def parents(flag: int) -> list[int]:
        tape = [one | {"flags": flag} for one in both]
        return signed_prints(part(sessions.dates[0], tape, sessions), asked)["parent"].to_list()

    assert parents(0) == [0, 0]
    assert parents(int(PrintFlag.BAR)) == [0, 1]
    assert parents(int(PrintFlag.AUCTION)) == [0, 1]
