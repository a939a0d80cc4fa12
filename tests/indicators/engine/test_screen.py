import math
import statistics
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feeds.errors import BadValue, UnknownName
from feeds.schema import Sessions
from indicators.engine.indicator import Rows
from indicators.engine.screen import COLUMNS, RANKINGS, rank

MICRO = 1_000_000
DAYS = tuple(date(2025, 6, 2) + timedelta(days=i) for i in range(60))
SESSIONS = Sessions(DAYS, np.arange(60), np.arange(60) + 1)
TODAY = DAYS[40]

SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    name: {
        c: pl.Date
        if c == "session"
        else pl.String
        if c in ("underlying", "symbol", "group", "month")
        else pl.Float64
        if c == "strength"
        else pl.Int64
        for c in columns
    }
    for name, columns in COLUMNS.items()
}


class Kept:
    """An indicator that is its own rows, and answers for every session: a ranking must not look past its own."""

    name: ClassVar[str]

    def __init__(self, name: str, table: list[dict[str, Any]]) -> None:
        self.name = name  # type: ignore[misc]
        self.frame = pl.DataFrame(table, schema=SCHEMAS[name] if not table else None, schema_overrides=SCHEMAS[name])

    def per_key(self, rows: Rows, sessions: Sessions, session_from: date, session_to: date) -> pl.DataFrame:
        return self.frame


def options(underlying: str, session: date = TODAY, **sums: int) -> dict[str, Any]:
    """Sums in dollars; calls bought unless said otherwise; a dollar of each in large orders."""
    call, put = sums.get("call", 0), sums.get("put", 0)
    bull = sums.get("bull", call)
    bear = sums.get("bear", call + put - bull)
    return {
        "session": session,
        "underlying": underlying,
        "bull": bull * MICRO,
        "bear": bear * MICRO,
        "unknown": (call + put - bull - bear) * MICRO,
        "call": call * MICRO,
        "put": put * MICRO,
        "call_contracts": call // 100,
        "put_contracts": put // 100,
        **{
            f"institutional_{name}": sums.get(f"large_{name}", int(name != "unknown")) * MICRO
            for name in ("bull", "bear", "unknown", "call", "put")
        },
    }


def directional(
    *table: dict[str, Any], by: str = "call_put", session: date = TODAY, **how: Any
) -> list[dict[str, Any]]:
    return rank(Kept("directional_premium", list(table)), {}, SESSIONS, session, by, **how)


LARGE = {"large_bull": 400_000, "large_bear": 100_000, "large_call": 400_000, "large_put": 100_000}
NO_LARGE = dict.fromkeys(LARGE, 0)


def test_large_orders_stand_beside_all_prints() -> None:
    rows = directional(
        options("BOTH", call=900_000, put=300_000, **LARGE),
        options("CALLS", call=900_000, put=400_000, **NO_LARGE | {"large_unknown": 700_000, "large_call": 700_000}),
        options("NONE", call=900_000, put=500_000, **NO_LARGE),
    )
    assert [(r["underlying"], r["institutional_premium"]) for r in rows] == [
        ("BOTH", Decimal(500_000)), ("CALLS", Decimal(700_000)), ("NONE", Decimal(0)),
    ]  # fmt: skip
    assert [(r["institutional_call_put"], r["institutional_imbalance"]) for r in rows] == [
        (4.0, 0.6), (None, None), (None, None),
    ]  # fmt: skip
    assert [r["reason"] for r in rows] == [
        None,
        "institutional_call_put: no put premium; institutional_imbalance: no premium has a side",
        "institutional: no order reached the floor",
    ]


def test_published_call_put_multiples_lead_the_ranking() -> None:
    rows = directional(
        options("AAPL", call=90_000_000, put=60_000_000),
        options("GILD", call=35_700_000, put=100_000),
        options("SPY", call=400_000_000, put=500_000_000),
        options("MRK", call=30_200_000, put=20_000),
        options("TSLA", call=300_000_000, put=100_000_000),
    )
    assert [(r["rank"], r["underlying"], r["call_put"]) for r in rows[:3]] == [
        (1, "MRK", 1510),
        (2, "GILD", 357),
        (3, "TSLA", 3),
    ]
    assert rows[0]["call"] == Decimal("30200000.000000")
    assert rows[0]["premium"] == Decimal(30_220_000)
    assert all(r["reason"] is None for r in rows)


def test_a_side_of_zero_has_no_ratio_and_a_reason() -> None:
    rows = directional(
        options("CALLS", call=900_000), options("PUTS", put=900_000), options("BOTH", call=1, put=900_000)
    )
    assert [r["underlying"] for r in rows] == ["BOTH", "CALLS", "PUTS"]
    assert [r["call_put"] for r in rows[1:]] == [None, None]
    assert [r["reason"] for r in rows] == [None, "call_put: no put premium", "call_put: no call premium"]


def test_unsigned_premium_has_no_imbalance() -> None:
    (row,) = directional(options("X", call=600_000, put=400_000, bull=0, bear=0), by="imbalance")
    assert row["imbalance"] is None
    assert row["coverage"] == 0
    assert row["unknown"] == row["premium"] == Decimal(1_000_000)
    assert row["reason"] == "imbalance: no premium has a side"


def test_imbalance_and_premium_sort_downwards_and_ties_by_name() -> None:
    table = [
        options("B", call=500_000, put=500_000, bull=600_000),
        options("C", call=400_000, put=400_000, bull=700_000),
        options("A", call=500_000, put=500_000, bull=600_000),
    ]
    assert [(r["underlying"], r["imbalance"]) for r in directional(*table, by="imbalance")] == [
        ("C", 0.75),
        ("A", 0.2),
        ("B", 0.2),
    ]
    assert [r["underlying"] for r in directional(*table, by="premium")] == ["A", "B", "C"]


def test_the_floor_is_on_bull_bear_and_unknown_of_the_day() -> None:
    table = [
        options("AT", call=60_000, put=40_000, bull=10_000, bear=20_000),
        options("BELOW", call=59_999, put=40_000),
        options("BELOW", DAYS[39], call=9_000_000, put=9_000_000),
    ]
    assert [r["underlying"] for r in directional(*table)] == ["AT"]
    assert len(directional(*table, floor=Decimal("99999"))) == 2
    assert [r["rank"] for r in directional(*table, floor=Decimal(0), top=1)] == [1]


def history(underlying: str, sums: list[int], last: int = 40) -> list[dict[str, Any]]:
    return [options(underlying, DAYS[last - len(sums) + 1 + i], call=s) for i, s in enumerate(sums)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(100_000, 10_000_000), min_size=2, max_size=35))
@example([*range(10_000_000, 5_000_000, -500_000), *range(100_000, 2_600_000, 100_000)])
def test_growth_equals_the_reference(sums: list[int]) -> None:
    (row,) = directional(*history("X", sums), by="growth")
    past = sums[:-1][-20:]
    assert row["growth_sessions"] == len(past)
    if len(past) < 5:
        assert (row["growth"], row["growth_z"]) == (None, None)
        assert row["reason"].endswith(f"growth: needs 5 of the previous 20 sessions, has {len(past)}")
        return
    median = statistics.median(past)
    mad = statistics.median(abs(v - median) for v in past)
    assert row["growth"] == pytest.approx(sums[-1] / median, rel=1e-12)
    if mad == 0:
        assert row["growth_z"] is None
        assert "growth_z: the previous premium did not vary" in row["reason"]
    else:
        assert row["growth_z"] == pytest.approx((sums[-1] - median) / (1.4826 * mad), rel=1e-12, abs=1e-12)


def test_growth_sorts_by_the_multiple_and_knows_no_other_underlying() -> None:
    table = [
        *history("FAST", [100_000] * 20 + [900_000]),
        *history("SLOW", [5_000_000] * 20 + [6_000_000]),
        *history("NEW", [9_000_000]),
    ]
    rows = directional(*table, by="growth")
    assert [(r["underlying"], r["growth"]) for r in rows] == [("FAST", 9), ("SLOW", 1.2), ("NEW", None)]
    assert "has 0" in rows[2]["reason"]


def test_later_sessions_change_nothing() -> None:
    before = history("X", [100_000, 300_000, 200_000, 400_000, 150_000, 600_000])
    after = history("X", [10**9] * 10, last=50)
    for by in RANKINGS["directional_premium"]:
        assert directional(*before, by=by) == directional(*before, *after, by=by)


def test_no_rows_no_ranking() -> None:
    for name, keys in RANKINGS.items():
        for by in keys:
            assert rank(Kept(name, []), {}, SESSIONS, TODAY, by) == []


def dark(symbol: str, **sums: int) -> dict[str, Any]:
    names = COLUMNS["dark_pool_imbalance"][2:]
    some = ("institutional_buy", "institutional_sell")
    return {"session": TODAY, "symbol": symbol} | {n: sums.get(n, int(n in some)) * MICRO for n in names}


def test_dark_pool_by_imbalance_and_notional() -> None:
    table = [
        dark("TSLA", dark_sell=320_000_000, block_sell=2_300_000_000, dark_buy=100_000_000,
             institutional_buy=600, institutional_sell=300),
        dark("NVDA", dark_buy=600_000_000, block_buy=1_000_000_000, dark_sell=2_000_000_000, block_sell=3_000_000_000),
        dark("IWM", block_unknown=50_000_000, institutional_buy=0, institutional_sell=0),
        dark("TINY", dark_buy=99_999),
    ]  # fmt: skip
    by_imbalance = rank(Kept("dark_pool_imbalance", table), {}, SESSIONS, TODAY, "imbalance")
    assert [r["symbol"] for r in by_imbalance] == ["NVDA", "TSLA", "IWM"]
    assert by_imbalance[0]["imbalance"] == pytest.approx(-0.515, abs=5e-4)
    assert by_imbalance[2]["reason"] == "imbalance: no notional has a side; institutional: no print reached the floor"
    assert [(r["institutional_notional"], r["institutional_imbalance"]) for r in by_imbalance] == [
        (Decimal(2), 0.0), (Decimal(900), 1 / 3), (Decimal(0), None),
    ]  # fmt: skip
    by_notional = rank(Kept("dark_pool_imbalance", table), {}, SESSIONS, TODAY, "notional", top=1)
    assert [(r["symbol"], r["notional"]) for r in by_notional] == [("NVDA", Decimal(6_600_000_000))]


def filed(symbol: str, session: date, buys: int = 0, sells: int = 0) -> dict[str, Any]:
    return {
        "session": session,
        "symbol": symbol,
        "month": f"{session:%Y-%m}",
        "buys": buys * MICRO,
        "sells": sells * MICRO,
    }


def test_insiders_by_net_and_streak() -> None:
    july = date(2025, 7, 31)
    table = [
        filed("LONG", date(2025, 6, 5), 10),
        filed("LONG", date(2025, 7, 2), 30, 5),
        filed("LONG", date(2025, 7, 9), 0, 5),
        filed("WAIT", date(2025, 6, 5), 10),
        filed("SOLD", date(2025, 6, 5), 10),
        filed("SOLD", date(2025, 7, 5), 1, 90),
        filed("EVEN", date(2025, 6, 5), 10),
        filed("EVEN", date(2025, 7, 5), 7, 7),
    ]
    # a ranking of July knows July only
    sessions = Sessions(tuple(d for d in DAYS if d <= july), np.arange(60), np.arange(60) + 1)
    stub = Kept("insider_ratio", [*table, filed("LONG", date(2025, 8, 1), 0, 10**6) | {"month": "2025-07"}])
    by_net = rank(stub, {}, sessions, july, "net")
    assert [(r["symbol"], r["net"], r["streak"]) for r in by_net] == [
        ("LONG", Decimal(20), 2),
        ("WAIT", Decimal(0), 1),
        ("EVEN", Decimal(0), 0),
        ("SOLD", Decimal(-89), 0),
    ]
    assert by_net[0]["net_purchase_ratio"] == 0.5
    assert by_net[1]["net_purchase_ratio"] is None
    assert by_net[1]["reason"] == "net_purchase_ratio: no purchases or sales this month yet"
    assert [r["symbol"] for r in rank(stub, {}, sessions, july, "streak")] == ["LONG", "WAIT", "EVEN", "SOLD"]


def test_sums_over_sessions_do_not_wrap() -> None:
    half = 6 * 10**12  # dollars; two of them exceed an int64 of micro-dollars
    (row,) = rank(
        Kept("insider_ratio", [filed("BIG", DAYS[30], half), filed("BIG", DAYS[31], half)]), {}, SESSIONS, TODAY, "net"
    )
    assert row["net"] == 2 * half


def test_sectors_by_strength_keep_their_columns() -> None:
    table = [
        {"session": TODAY, "group": "Energy", "strength": 0.4, "state": "neutral"},
        {"session": TODAY, "group": "Space", "strength": 0.9, "state": "up-trend"},
        {"session": TODAY, "group": "New", "strength": None, "state": "neutral"},
        {"session": DAYS[39], "group": "Old", "strength": 1.0, "state": "neutral"},
    ]
    rows = rank(Kept("sector_rotation", table), {}, SESSIONS, TODAY, "strength")
    assert [(r["group"], r["state"]) for r in rows] == [
        ("Space", "up-trend"),
        ("Energy", "neutral"),
        ("New", "neutral"),
    ]
    assert rows[2]["reason"] == "strength: not enough sessions or members"
    assert rows[0]["reason"] is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3_000_000)] * 4), min_size=1, max_size=8))
def test_no_number_is_ever_infinite_or_nan(sums: list[tuple[int, int, int, int]]) -> None:
    table = [options(f"U{i}", call=a, put=b, bull=min(c, a + b), bear=0) for i, (a, b, c, _) in enumerate(sums)]
    table += [options(f"U{i}", DAYS[35 - j], call=d) for i, (*_, d) in enumerate(sums) for j in range(6)]
    for by in RANKINGS["directional_premium"]:
        rows = directional(*table, by=by, floor=Decimal(0))
        assert len(rows) == len(sums)
        for row in rows:
            numbers = [v for v in row.values() if isinstance(v, float)]
            assert all(math.isfinite(v) for v in numbers)
            nulls = {k for k in ("call_put", "imbalance", "growth", "growth_z") if k in row and row[k] is None}
            assert (row["reason"] is not None) == bool(nulls)


@pytest.mark.parametrize(
    ("name", "how", "error", "says"),
    [
        ("directional_premium", {"by": "call_puts"}, UnknownName, "did you mean call_put"),
        ("directional_premium", {"session": date(2020, 1, 1)}, BadValue, "`session`, was '2020-01-01'"),
        ("directional_premium", {"top": 0}, BadValue, "`top`, was '0'"),
        ("directional_premium", {"floor": Decimal(-1)}, BadValue, "`floor`, was '-1'"),
        ("directional_premium", {"floor": Decimal("NaN")}, BadValue, "`floor`, was 'NaN'"),
    ],
)
def test_a_bad_question_is_refused(name: str, how: dict[str, Any], error: type[Exception], says: str) -> None:
    asked: dict[str, Any] = {"session": TODAY, "by": "premium"} | how
    with pytest.raises(error, match=says):
        rank(Kept(name, []), {}, SESSIONS, **asked)


def test_an_indicator_without_rankings_is_refused() -> None:
    stub = Kept("directional_premium", [])
    stub.name = "short_share"  # type: ignore[misc]
    with pytest.raises(UnknownName, match="`indicator`, was 'short_share'"):
        rank(stub, {}, SESSIONS, TODAY, "premium")
