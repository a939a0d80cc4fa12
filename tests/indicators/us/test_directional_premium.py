from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.schema import ABSENT, ASSET_CLASSES, TAPE_COLUMNS, TAPE_DTYPES, Part, PrintFlag, Sessions
from indicators.engine.indicator import Rows
from indicators.us.directional_premium import NO_EVIDENCE_IN_LEVEL, DirectionalPremium
from tests.naive_flow import at, weekdays

CENT, DOLLAR = 10_000, 1_000_000
FIRST = date(2025, 11, 3)
VENUES = pl.DataFrame({"id": [0, 1, 2], "code": ["C", "I", "Q"]}, schema={"id": pl.Int32, "code": pl.String})


def calendar(count: int = 3, first: date = FIRST) -> Sessions:
    days = weekdays(first, count)
    opens = pl.Series([at(d, 14, 30) for d in days], dtype=pl.Int64).to_numpy()
    return Sessions(tuple(days), opens, pl.Series([at(d, 21) for d in days], dtype=pl.Int64).to_numpy())


def contract(underlying: str, right: str, strike: int) -> tuple[str, date, int, str]:
    return underlying, date(2025, 12, 19), strike * DOLLAR, right


def a_print(where: tuple, price: int, size: int, **more) -> dict:
    """An option print at 15:00 UTC of its session, between a sized bid and ask unless told otherwise."""
    row = {"where": where, "price": price, "size": size, "sequence": 0, "venue": 0, "flags": 0, "multiplier": 100}
    row |= {"asset_class": ASSET_CLASSES.index("equity"), "bid": ABSENT, "ask": ABSENT, "bid_size": 50, "ask_size": 50}
    row |= {"underlying_price": ABSENT, "aggressor": 0, "file": 1, "record": 1, "late_ns": 0}
    return row | more


def frame(rows: Iterable[dict], names: Iterable[str]) -> pl.DataFrame:
    rows = list(rows)
    return pl.DataFrame({n: [r[n] for r in rows] for n in names}, schema={n: TAPE_DTYPES[n] for n in names})


def part(session: date, prints: list[dict], sessions: Sessions, quotes: Iterable[dict] | None = None) -> Part:
    """One tape part; contracts are numbered in the order of their names."""
    places = sorted({p["where"] for p in prints} | {q["where"] for q in quotes or ()})
    number = {where: i for i, where in enumerate(places)}
    for row in [*prints, *(quotes or ())]:
        row["contract"], row["ts"] = number[row["where"]], at(session, 15) + row.get("late_ns", 0)
    tables = {
        "option_trades": frame(prints, TAPE_COLUMNS["option_trades"]).sort(
            "contract", "ts", "sequence", maintain_order=True
        ),
        "contracts": pl.DataFrame(
            [(i, *where) for where, i in number.items()],
            schema={"id": pl.Int32, "underlying": pl.String, "expiry": pl.Date, "strike": pl.Int64, "right": pl.String},
            orient="row",
        ),
        "venues": VENUES,
    }
    if quotes is not None:
        tables["option_quotes"] = frame(quotes, TAPE_COLUMNS["option_quotes"]).sort("contract", "ts", "sequence")
    return Part(session, tables, sessions)


def rows_of(indicator: DirectionalPremium, *parts: Part) -> Rows:
    return indicator.combine(indicator.measure(p) for p in parts)


def only(prints: list[dict], quotes: list[dict] | None = None, **parameters):
    """The one reading of one session's prints."""
    sessions = calendar(1)
    indicator = DirectionalPremium(**parameters)
    (reading,) = indicator.value(rows_of(indicator, part(FIRST, prints, sessions, quotes)), sessions)
    return reading


def nine_prints() -> list[dict]:
    call = {"bid": 200 * CENT, "ask": 220 * CENT}
    put = {"bid": 105 * CENT, "ask": 115 * CENT}
    return [
        a_print(contract("MRK", "C", 100), 220 * CENT, 3, **call),
        a_print(contract("MRK", "C", 101), 200 * CENT, 5, **call),
        a_print(contract("MRK", "C", 102), 210 * CENT, 7, **call),
        a_print(contract("MRK", "P", 100), 115 * CENT, 11, **put),
        a_print(contract("MRK", "P", 101), 105 * CENT, 13, **put),
        a_print(contract("MRK", "P", 102), 110 * CENT, 17, **put),
        a_print(contract("MRK", "C", 103), 220 * CENT, 19, flags=int(PrintFlag.CANCELLED), **call),
        a_print(contract("MRK", "C", 104), 333 * CENT, 23, multiplier=10, bid=300 * CENT, ask=333 * CENT),
        a_print(contract("MRK", "P", 103), 7 * CENT, 29),
    ]


def test_nine_prints_sum_to_the_cent():
    """By hand: bull 660 + 1,365 + 765.90, bear 1,000 + 1,265, unknown 1,470 + 1,870 + 203, excluded 4,180."""
    reading = only(nine_prints())
    c = reading.components
    assert (c["bull"], c["bear"]) == (Decimal("2790.90"), Decimal("2265.00"))
    assert (c["unknown"], c["excluded"]) == (Decimal("3543.00"), Decimal("4180.00"))
    assert c["total"] == Decimal("12778.90") == c["bull"] + c["bear"] + c["unknown"] + c["excluded"]
    assert (c["call"], c["put"]) == (Decimal("3895.90"), Decimal("4703.00"))
    assert (c["net"], c["call_put_net"]) == (Decimal("525.90"), Decimal("-807.10"))
    assert (c["call_contracts"], c["put_contracts"], c["prints"]) == (38, 70, 8)
    assert c["ratio"] == pytest.approx(2790.90 / 2265)
    assert reading.value == c["imbalance"] == pytest.approx(525.90 / 5055.90)
    assert reading.coverage == pytest.approx(5055.90 / 8598.90)
    assert c["put_call_volume"] == 70 / 38
    assert c["call_put_ratio"] == pytest.approx(3895.90 / 4703)


def test_one_print_more_moves_the_sum_by_its_premium():
    more = a_print(contract("MRK", "C", 105), 220 * CENT, 2, bid=200 * CENT, ask=220 * CENT)
    assert only([*nine_prints(), more]).components["bull"] == Decimal("2790.90") + Decimal("440.00")


def test_calls_and_puts_exchanged_flip_the_sign_exactly():
    prints = nine_prints()
    mirrored = [p | {"where": (*p["where"][:3], "P" if p["where"][3] == "C" else "C")} for p in nine_prints()]
    a, b = only(prints), only(mirrored)
    assert b.value == -a.value
    assert (b.low, b.high) == (-a.high, -a.low)
    assert (b.components["bull"], b.components["bear"]) == (a.components["bear"], a.components["bull"])


def test_the_feeds_flag_comes_before_the_rule():
    at_ask = a_print(contract("PDD", "C", 100), 220 * CENT, 1, bid=200 * CENT, ask=220 * CENT)
    assert only([at_ask]).value == 1.0
    assert only([at_ask | {"aggressor": -1}]).value == -1.0


def test_sizes_are_read_where_quoted_and_not_else():
    """At the ask, with the size of the ask: a customer's resting order was taken, so gsu signs a sale."""
    matched = a_print(contract("PDD", "C", 100), 220 * CENT, 50, bid=200 * CENT, ask=220 * CENT, bid_size=10)
    assert only([matched]).value == -1.0
    assert only([matched | {"ask_size": ABSENT}]).value == 1.0
    assert only([matched], rule="lr").value == 1.0


def test_an_auction_has_no_side_and_is_no_reference_of_the_tick_test():
    where = contract("PDD", "C", 100)
    auction = a_print(where, 300 * CENT, 10, flags=int(PrintFlag.AUCTION))
    later = a_print(where, 200 * CENT, 1, late_ns=10)
    reading = only([auction, later])
    assert reading.value is None
    assert reading.reason == "no premium was signed"
    assert reading.components["auction"] == Decimal(3000)
    assert reading.components["unknown"] == Decimal(3200)
    assert only([auction | {"flags": 0}, later]).value is not None


def test_quotes_are_matched_strictly_before_and_a_prints_own_quote_comes_first():
    where = contract("PDD", "C", 100)
    quote = {"where": where, "sequence": 0, "bid_size": 9, "ask_size": 9, "file": 1, "record": 1}
    early = quote | {"bid": 200 * CENT, "ask": 220 * CENT, "late_ns": 5}
    late = quote | {"bid": 100 * CENT, "ask": 120 * CENT, "late_ns": 10}
    bare = a_print(where, 200 * CENT, 1, late_ns=10)
    assert only([bare], [early, late]).value == -1.0
    assert only([bare | {"late_ns": 11}], [early, late]).value == 1.0
    assert only([bare | {"late_ns": 5}], [early, late]).value is None
    own = bare | {"late_ns": 11, "bid": 195 * CENT, "ask": 230 * CENT}
    assert only([own], [early, late]).value == -1.0
    elsewhere = a_print(contract("PDD", "P", 100), 7 * CENT, 1)
    assert only([own, elsewhere], [early, late]).value == -1.0


def test_institutional_counts_prints_of_parents_at_or_above_the_floor():
    """A sweep of 2 × $60,000 on two venues within 100 ms is one parent of $120,000; a lone $60,000 print is none."""
    nbbo = {"bid": 200 * CENT, "ask": 600 * CENT}
    sweep = [
        a_print(contract("PDD", "C", 100), 600 * CENT, 100, venue=v, late_ns=v * 99_000_000, **nbbo) for v in (0, 1)
    ]
    lone = a_print(contract("PDD", "P", 100), 600 * CENT, 100, **nbbo)
    reading = only([*sweep, lone])
    assert reading.components["institutional"]["bull"] == Decimal(120_000)
    assert reading.components["institutional"]["imbalance"] == 1.0
    assert reading.value == pytest.approx(1 / 3)
    apart = [sweep[0], sweep[1] | {"late_ns": 101_000_000}]
    without = only([*apart, lone])
    assert without.components["institutional"]["imbalance"] is None
    assert without.reasons["institutional.imbalance"] == "no order reached the institutional floor"
    assert "institutional.imbalance" in without.reason
    assert without.value == reading.value


def test_orders_carry_what_a_screen_needs():
    nbbo = {"bid": 200 * CENT, "ask": 600 * CENT, "underlying_price": 95 * DOLLAR}
    sweep = [
        a_print(contract("PDD", "P", 90), 600 * CENT, 900, venue=v, late_ns=v, record=7 + v, **nbbo) for v in (0, 1)
    ]
    small = a_print(contract("PDD", "P", 90), 200 * CENT, 1, late_ns=500_000_000, **nbbo)
    indicator = DirectionalPremium()
    (order,) = rows_of(indicator, part(FIRST, [*sweep, small], calendar(1)))["orders"].to_dicts()
    assert (order["underlying"], order["right"], order["strike"]) == ("PDD", "P", 90 * DOLLAR)
    assert (order["premium"], order["bear"], order["bull"]) == (1_080_000 * DOLLAR, 1_080_000 * DOLLAR, 0)
    assert (order["side"], order["direction"], order["kind"]) == (1, -1, "sweep")
    assert (order["size"], order["volume"], order["prints"], order["venues"]) == (1800, 1801, 2, 2)
    assert (order["underlying_price"], order["record"], order["ts"]) == (95 * DOLLAR, 7, at(FIRST, 15))
    assert order["last_ts"] == at(FIRST, 15) + 1


def test_an_order_without_an_underlying_price_says_so():
    big = a_print(contract("PDD", "P", 90), 600 * CENT, 900, bid=200 * CENT, ask=600 * CENT)
    rows = rows_of(DirectionalPremium(), part(FIRST, [big], calendar(1)))
    assert rows["orders"]["underlying_price"].to_list() == [None]


def test_minute_bars_are_signed_named_and_never_institutional():
    bar = a_print(contract("AAPL", "C", 90), 600 * CENT, 900, bid=200 * CENT, ask=600 * CENT, flags=int(PrintFlag.BAR))
    reading = only([bar])
    assert reading.value == 1.0
    assert any("1 of the rows are minute bars, not prints" in note for note in reading.notes)
    assert reading.components["institutional"]["imbalance"] is None
    assert not any("minute bars" in note for note in only([bar | {"flags": 0}]).notes)


def test_a_session_of_bulls_only_has_no_ratio_but_a_reason():
    reading = only(nine_prints()[:1])
    assert reading.components["ratio"] is None
    assert reading.reasons["ratio"] == "no bear premium to divide by"
    assert reading.value == 1.0


def test_excluded_prints_alone_are_null_with_a_reason():
    reading = only([p for p in nine_prints() if p["flags"]])
    assert reading.value is None
    assert "excluded" in reading.reason
    assert reading.components["total"] == Decimal("4180.00")


def test_the_band_and_the_signal_kept_follow_the_venue_profiles():
    nbbo = {"bid": 200 * CENT, "ask": 220 * CENT}
    prints = [a_print(contract("PDD", "C", 100), 220 * CENT, 1, venue=v, late_ns=v * 10**9, **nbbo) for v in (0, 1)]
    cboe, ise = only(prints[:1]), only(prints[1:])
    assert cboe.components["signal_kept"] == pytest.approx(0.44)
    assert ise.components["signal_kept"] == pytest.approx(0.50)
    assert only(prints).components["signal_kept"] == pytest.approx(0.47)
    many = [a_print(contract("PDD", "C", 100), (220 if i % 3 else 200) * CENT, 1, venue=1, late_ns=i * 10**9, **nbbo)
            for i in range(3000)]  # fmt: skip
    wide = only(many)
    bought, sold = 2000 * 220, 1000 * 200
    squares = 2000 * 220**2 + 1000 * 200**2
    sd = (0.75 * squares / 0.25 + (2 * (bought - sold) / 0.25) ** 2 * 0.02**2) ** 0.5
    middle = (bought - sold) / 0.5
    expected = [(middle + k * 1.96 * sd) / (bought + sold) for k in (-1, 1)]
    assert [wide.low, wide.high] == pytest.approx(expected)
    assert NO_EVIDENCE_IN_LEVEL in wide.notes


def test_prints_signed_without_any_quote_have_no_band():
    where = contract("PDD", "C", 100)
    reading = only([a_print(where, 200 * CENT, 5), a_print(where, 210 * CENT, 5, late_ns=1)])
    assert reading.value == -1.0
    assert reading.low is None
    assert "no error band" in reading.reasons["low"]


def asked(prints_by_day: dict[int, list[dict]], sessions: Sessions, **asking):
    indicator = DirectionalPremium()
    parts = [part(sessions.dates[i], prints, sessions) for i, prints in prints_by_day.items()]
    return indicator.value(rows_of(indicator, *parts), sessions, **asking)


def test_a_session_without_prints_is_null_between_others_and_absent_before_the_first():
    readings = asked({1: nine_prints(), 3: nine_prints()}, calendar(5))
    assert [r.session for r in readings] == list(calendar(5).dates[1:4])
    assert [r.value is None for r in readings] == [False, True, False]
    assert readings[1].reason == "no option prints in this session"
    assert set(readings[1].components) <= set(readings[0].components)


def test_a_month_sums_its_sessions_then_divides():
    """One session at +1 with 100,000, one at −0.5 with 1,000: the mean of the days is 0.25, the month near +1."""
    nbbo = {"bid": 100 * CENT, "ask": 200 * CENT}
    heavy = [a_print(contract("PDD", "C", 1), 200 * CENT, 500, **nbbo)]
    light = [
        a_print(contract("PDD", "C", 1), 200 * CENT, 1, **nbbo),
        a_print(contract("PDD", "P", 1), 200 * CENT, 3, **nbbo),
    ]
    sessions = calendar(22, date(2025, 11, 3))
    daily = asked({0: heavy, 1: light}, sessions)
    (month,) = asked({0: heavy, 1: light}, sessions, period="month")
    assert [r.value for r in daily] == [1.0, -0.5]
    assert month.value == pytest.approx((100_200 - 600) / 100_800)
    assert month.month == "2025-11"
    assert month.components["total"] == sum(r.components["total"] for r in daily)


def test_months_end_when_the_calendar_says_so():
    sessions = calendar(22, date(2025, 11, 3))
    assert sessions.dates[19] == date(2025, 11, 28)
    every = {i: nine_prints() for i in range(22)}
    november, december = asked(every, sessions, period="month")
    assert (november.session, november.notes[0]) == (date(2025, 11, 28), NO_EVIDENCE_IN_LEVEL)
    assert (december.session, december.notes[0]) == (date(2025, 12, 2), "month-to-date")
    (last,) = asked({i: nine_prints() for i in range(20)}, sessions.window(None, date(2025, 11, 28)), period="month")
    assert last.notes == november.notes
    (unfinished,) = asked(
        {i: nine_prints() for i in range(19)}, sessions.window(None, date(2025, 11, 27)), period="month"
    )
    assert unfinished.notes[0] == "month-to-date"
    holed, _ = asked({i: nine_prints() for i in range(22) if i != 4}, sessions, period="month")
    assert holed.notes[0] == "1 of 20 sessions of the month missing"


def test_nothing_learned_after_as_of_is_used():
    sessions = calendar(3)
    close = datetime.combine(sessions.dates[1], datetime.min.time(), UTC) + timedelta(hours=21)
    every = {i: nine_prints() for i in range(3)}
    at_close = asked(every, sessions, as_of=close)
    assert [r.session for r in at_close] == list(sessions.dates[:2])
    assert at_close == asked(every, sessions)[:2]
    assert len(asked(every, sessions, as_of=close - timedelta(microseconds=1))) == 2
    early = asked(every, sessions, as_of=close - timedelta(hours=7))
    assert [r.session for r in early] == list(sessions.dates[:1])
    late_print = [p | {"late_ns": 7 * 3_600 * 10**9} for p in nine_prints()]
    assert [r.session for r in asked({0: nine_prints(), 1: late_print}, sessions, as_of=close)] == [sessions.dates[0]]
    assert asked({1: late_print}, sessions)[0].known_at == close + timedelta(hours=1)


def test_a_tape_cut_before_the_close_says_so():
    sessions = calendar(1)
    noon = datetime(2025, 11, 3, 17, tzinfo=UTC)
    (reading,) = asked({0: nine_prints()}, sessions, as_of=noon)
    assert "the session was not over when its tape was cut" in reading.notes
    assert reading.known_at == noon


def test_one_underlying_and_one_asset_class_can_be_asked_for():
    etf = ASSET_CLASSES.index("etf")
    spy = a_print(contract("SPY", "P", 1), 200 * CENT, 9, bid=100 * CENT, ask=200 * CENT, asset_class=etf)
    sessions = calendar(2)
    days = {0: nine_prints(), 1: [*nine_prints(), spy]}
    assert [r.value for r in asked(days, sessions, key="SPY")] == [-1.0]
    assert [r.value for r in asked(days, sessions, key="class:etf")] == [-1.0]
    assert asked(days, sessions, key="MRK")[1].value == asked(days, sessions)[0].value
    assert asked(days, sessions, key="NONE") == []
    classes = asked(days, sessions)[1].components["asset_classes"]
    assert (classes["etf"]["bear"], classes["equity"]["bear"]) == (Decimal(1800), Decimal(2265))
    gone = asked({0: [spy], 1: nine_prints()}, sessions, key="SPY")
    assert gone[1].reason == "no option prints of SPY in this session"


def test_no_prints_give_no_reading():
    sessions = calendar(1)
    indicator = DirectionalPremium()
    assert indicator.value(indicator.combine([]), sessions) == []
    assert indicator.value(rows_of(indicator, part(FIRST, [], sessions)), sessions) == []


def test_per_key_is_the_sum_over_all_prints_and_over_large_orders_by_underlying():
    """By hand, of $1,000 and more: bull 1,365, bear 1,000 + 1,265, unknown 1,470 + 1,870."""
    sessions = calendar(2)
    indicator = DirectionalPremium(institutional_floor=1_000)
    rows = rows_of(indicator, part(FIRST, nine_prints(), sessions))
    (row,) = indicator.per_key(rows, sessions, FIRST, FIRST).to_dicts()
    assert row["bull"] + row["bear"] + row["unknown"] == row["call"] + row["put"] == 8_598_900_000
    large = [row[f"institutional_{name}"] / 1_000_000 for name in ("bull", "bear", "unknown", "call", "put")]
    assert large == [1_365, 2_265, 3_340, 2_470, 4_500]
    assert indicator.per_key(rows, sessions, sessions.dates[1], sessions.dates[1]).is_empty()
    assert indicator.per_key({}, sessions, FIRST, FIRST).columns == list(row)


def test_the_sentence_says_which_way_and_how_sure():
    sentence = DirectionalPremium().meaning(only(nine_prints()))
    assert "bullish" in sentence
    assert "$2.79K of premium for a rise, $2.27K for a fall, imbalance +0.10, with 59 %" in sentence
    assert "no premium was signed" in DirectionalPremium().meaning(only(nine_prints()[2:3]))


TAPE_PRINT = st.builds(
    lambda right, strike, price, size, at_quote, flags, venue, late, multiplier: a_print(
        contract("ABC"[strike % 3] * 3, right, strike), price, size, flags=flags, venue=venue,
        late_ns=late * 30_000_000, multiplier=multiplier, bid=price - at_quote * CENT if at_quote else ABSENT,
        ask=price + (4 - at_quote) * CENT if at_quote else ABSENT,
    ),
    st.sampled_from("CP"), st.integers(1, 4), st.integers(5 * CENT, 900 * CENT), st.integers(1, 400),
    st.integers(0, 4), st.sampled_from([0, 0, 0, 0, 1, 64, 128]), st.integers(0, 2), st.integers(0, 20),
    st.sampled_from([100, 10]),
)  # fmt: skip


@given(st.lists(TAPE_PRINT, min_size=1, max_size=40), st.randoms())
@settings(deadline=None, max_examples=60)
def test_parts_sum_to_the_whole_however_the_tape_is_cut(prints, rng):
    sessions = calendar(1)
    indicator = DirectionalPremium(institutional_floor=20_000, order_floor=20_000)
    whole = part(FIRST, prints, sessions)
    cut = [
        Part(FIRST, dict(whole.tables) | {"option_trades": shard}, sessions)
        for _, shard in whole.tables["option_trades"].group_by("contract", maintain_order=True)
    ]
    rng.shuffle(cut)
    one, many = rows_of(indicator, whole), rows_of(indicator, *cut)
    assert [(n, f.schema, f.write_csv()) for n, f in one.items()] == [
        (n, f.schema, f.write_csv()) for n, f in many.items()
    ]
    (reading,) = indicator.value(one, sessions)
    total = sum(p["price"] * p["size"] * p["multiplier"] for p in prints)
    for c, expected in ((reading.components, total), (reading.components["institutional"], None)):
        parts = c["bull"] + c["bear"] + c["unknown"] + c["excluded"]
        assert parts == c["total"]
        assert expected is None or parts == Decimal(expected) / 1_000_000
        assert c["call"] + c["put"] == c["bull"] + c["bear"] + c["unknown"]
    orders = one["orders"]
    assert orders["premium"].to_list() == (orders["bull"] + orders["bear"] + orders["unknown"]).to_list()
