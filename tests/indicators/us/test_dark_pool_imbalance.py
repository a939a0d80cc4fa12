from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.schema import ABSENT, MICRO, TAPE_COLUMNS, TAPE_DTYPES, Part, PrintFlag, Sessions
from indicators.engine.indicator import Rows
from indicators.us.dark_pool_imbalance import PARTS, DarkPoolImbalance
from tests.naive_flow import at, notional, weekdays

FIRST = date(2025, 11, 3)
VENUES = pl.DataFrame({"id": [0], "code": ["D"]}, schema={"id": pl.Int32, "code": pl.String})


def calendar(count: int = 3, first: date = FIRST) -> Sessions:
    days = weekdays(first, count)
    opens = np.array([at(d, 14, 30) for d in days])
    return Sessions(tuple(days), opens, np.array([at(d, 21) for d in days]))


def a_print(symbol: str, dollars: float, shares: float, side: int, off: bool, **more) -> dict:
    """A print of a stock at the ask (+1), at the bid (−1) or at the mid (0) of a ten-cent spread, at 15:00 UTC."""
    price = round(dollars * MICRO)
    row = {"symbol_name": symbol, "price": price, "size": round(shares * MICRO), "off_exchange": off}
    row |= {"bid": price - 50_000 - side * 50_000, "ask": price + 50_000 - side * 50_000, "sequence": 0, "venue": 0}
    return row | {"flags": 0, "file": 1, "record": 1, "late_ns": 0} | more


def frame(rows: Iterable[dict], table: str) -> pl.DataFrame:
    rows, names = list(rows), TAPE_COLUMNS[table]
    return pl.DataFrame({n: [r[n] for r in rows] for n in names}, schema={n: TAPE_DTYPES[n] for n in names})


def part(session: date, prints: list[dict], sessions: Sessions, quotes: list[dict] | None = None) -> Part:
    names = sorted({p["symbol_name"] for p in prints})
    for row in [*prints, *(quotes or [])]:
        row["symbol"], row["ts"] = names.index(row["symbol_name"]), at(session, 15) + row["late_ns"]
    tables = {
        "stock_trades": frame(prints, "stock_trades").sort("symbol", "ts", "sequence", maintain_order=True),
        "symbols": pl.DataFrame(
            {"id": range(len(names)), "symbol": names}, schema={"id": pl.Int32, "symbol": pl.String}
        ),
        "venues": VENUES,
    }
    if quotes is not None:
        tables["stock_quotes"] = frame(quotes, "stock_quotes").sort("symbol", "ts", "sequence")
    return Part(session, tables, sessions)


def bars(symbol: str, sessions: Sessions, closes: list[float], adjusted: list[float | None] | None = None) -> Part:
    """Daily bars that end with the last session."""
    days = list(sessions.dates)[-len(closes) :]
    table = pl.DataFrame(
        {
            "session": days,
            "date": days,
            "symbol": [symbol] * len(days),
            "close": closes,
            "adj_close": adjusted or [None] * len(days),
            "known_at": [at(day, 21) for day in days],
        },
        schema_overrides={"adj_close": pl.Float64, "known_at": pl.Int64},
    )
    return Part(None, {"daily_bars": table}, sessions)


def readings(prints_by_day: dict[date, list[dict]], sessions: Sessions, *more: Part, **asking):
    indicator = DarkPoolImbalance()
    parts = [part(day, prints, sessions) for day, prints in prints_by_day.items()]
    return indicator.value(indicator.combine(indicator.measure(p) for p in [*parts, *more]), sessions, **asking)


def only(prints: list[dict], quotes: list[dict] | None = None, **parameters):
    sessions = calendar(1)
    indicator = DarkPoolImbalance(**parameters)
    rows = indicator.combine([indicator.measure(part(FIRST, prints, sessions, quotes))])
    (reading,) = indicator.value(rows, sessions)
    return reading


# -- the published cases (INDICATORS 4) ----------------------------------------------------------------------------

YEAR_OF_CALM = 252


def under_the_high(percent: float, count: int = YEAR_OF_CALM) -> list[float]:
    """Closes whose year's high is 100, 100 sessions back, and whose last 5 stand at `percent` of it."""
    closes = [80.0] * count
    closes[-100] = 100.0
    closes[-5:] = [percent - 1, percent, percent - 2, percent - 1, percent - 1]
    return closes


def tesla() -> dict[date, list[dict]]:
    """2025-11-05 dark sells of $320M and block sells of $2.3B; next session $760M and $1.9B."""
    return {
        date(2025, 11, 5): [a_print("TSLA", 400, 800_000, -1, True), a_print("TSLA", 400, 5_750_000, -1, False)],
        date(2025, 11, 6): [a_print("TSLA", 400, 1_900_000, -1, True), a_print("TSLA", 400, 4_750_000, -1, False)],
    }


def nvidia() -> dict[date, list[dict]]:
    """2025-10-31 sells of $5.0B, buys of $1.6B."""
    sells = [a_print("NVDA", 200, 10_000_000, -1, True), a_print("NVDA", 200, 15_000_000, -1, False, late_ns=1)]
    return {date(2025, 10, 31): [*sells, a_print("NVDA", 200, 8_000_000, +1, False, late_ns=2)]}


def up_to(last: date, count: int = 300) -> Sessions:
    return calendar(count + 30, last - timedelta(days=round(count * 7 / 5) + 7)).window(None, last)


def test_tesla_on_two_sessions_is_confirmed_distribution():
    sessions = up_to(date(2025, 11, 6))
    first, second = readings(tesla(), sessions, bars("TSLA", sessions, under_the_high(96.3, 253)), key="TSLA")
    assert (first.components["dark_sell"], first.components["block_sell"]) == (
        Decimal(320_000_000),
        Decimal(2_300_000_000),
    )
    assert (second.components["dark_sell"], second.components["block_sell"]) == (
        Decimal(760_000_000),
        Decimal(1_900_000_000),
    )
    assert (first.value, second.value) == (-1.0, -1.0)
    assert first.components["distribution_at_highs"] == "watch"
    assert second.components["distribution_at_highs"] == "confirmed"


def test_nvidia_is_a_watch_at_minus_0_515():
    sessions = up_to(date(2025, 10, 31))
    (reading,) = readings(nvidia(), sessions, bars("NVDA", sessions, under_the_high(97.8)), key="NVDA")
    c = reading.components
    assert c["dark_sell"] + c["block_sell"] == Decimal(5_000_000_000)
    assert c["dark_buy"] + c["block_buy"] == Decimal(1_600_000_000)
    assert Decimal(reading.value).quantize(Decimal("0.001")) == Decimal("-0.515")
    assert c["distribution_at_highs"] == "watch"
    assert "watch for distribution" in DarkPoolImbalance().meaning(reading)


@pytest.mark.parametrize(("percent", "state"), [(95.0, "watch"), (94.9, "none")])
def test_near_the_high_means_95_percent(percent, state):
    sessions = up_to(date(2025, 10, 31))
    (reading,) = readings(nvidia(), sessions, bars("NVDA", sessions, under_the_high(percent)), key="NVDA")
    assert reading.components["distribution_at_highs"] == state


def test_too_few_closes_are_counted():
    sessions = up_to(date(2025, 10, 31))
    few = bars("NVDA", sessions, under_the_high(97.8, 251))
    for key, whose in (("NVDA", "NVDA"), (None, "a symbol")):
        (reading,) = readings(nvidia(), sessions, few, key=key)
        assert reading.components["distribution_at_highs"] is None
        reason = reading.reasons["distribution_at_highs"]
        assert reason == f"needs 252 daily closes of {whose} up to this session, there are 251"
        assert reason in reading.reason
    (reading,) = readings(nvidia(), sessions, key="NVDA")
    assert "there are 0" in reading.reasons["distribution_at_highs"]


def test_a_missing_bar_of_the_session_itself_is_said():
    sessions = up_to(date(2025, 10, 31))
    old = bars("NVDA", sessions.window(None, date(2025, 10, 30)), under_the_high(97.8))
    (reading,) = readings(nvidia(), sessions, old, key="NVDA")
    assert "one of the session itself, which is missing; there are 252" in reading.reasons["distribution_at_highs"]


def test_adjusted_closes_are_read_where_all_of_them_are_there():
    """A 10:1 split 50 sessions back: unadjusted, the price looks 90 % below its high."""
    sessions = up_to(date(2025, 10, 31))
    adjusted = under_the_high(97.8)
    closes = [10 * x for x in adjusted[:-50]] + adjusted[-50:]
    for column, state in ((adjusted, "watch"), ([None, *adjusted[1:]], "none")):
        (reading,) = readings(nvidia(), sessions, bars("NVDA", sessions, closes, column), key="NVDA")
        assert reading.components["distribution_at_highs"] == state


def test_the_market_shows_the_strongest_state_and_whose():
    sessions = up_to(date(2025, 11, 6))
    calm = {day: [*prints, a_print("AAPL", 250, 50_000, +1, True)] for day, prints in tesla().items()}
    both = [bars("TSLA", sessions, under_the_high(96.3, 253)), bars("AAPL", sessions, under_the_high(99.0, 253))]
    first, second = readings(calm, sessions, *both)
    assert first.components["distribution_at_highs"] == "watch"
    assert second.components["distribution_at_highs"] == "confirmed"
    assert second.components["distribution_symbols"] == {"watch": [], "confirmed": ["TSLA"]}
    signed = 760 + 1900 + 12.5
    assert second.components["selling_share"] == pytest.approx(2660 / signed)


# -- what is summed ------------------------------------------------------------------------------------------------


def nine_prints() -> list[dict]:
    return [
        a_print("A", 50.00, 100, +1, True),  # dark buy 5,000
        a_print("A", 50.00, 10_000, -1, True, late_ns=10**9),  # dark sell 500,000, of block size
        a_print("A", 50.00, 7, 0, True, late_ns=2 * 10**9),  # dark at the mid 350
        a_print("B", 20.00, 10_000, +1, False),  # block by shares 200,000
        a_print("C", 500.00, 400, -1, False),  # block by dollars 200,000
        a_print("C", 499.99, 400, -1, False, late_ns=10**9),  # 199,996: no block
        a_print("D", 30.00, 20_000, +1, False, flags=int(PrintFlag.AUCTION)),  # auction 600,000
        a_print("D", 30.00, 9, +1, True, flags=int(PrintFlag.LATE)),  # excluded 270
        a_print("E", 10.000001, 1.5, +1, True, bid=ABSENT, ask=ABSENT),  # no quote, fractional: 15.0000015
    ]


def test_nine_prints_sum_to_the_micro_dollar():
    reading = only(nine_prints())
    c = reading.components
    assert [c[name] for name in PARTS] == [
        *(Decimal(5_000), Decimal(500_000), Decimal("365.000002")),
        *(Decimal(200_000), Decimal(200_000), Decimal(0)),
        *(Decimal(600_000), Decimal(270)),
    ]
    assert c["total"] == Decimal("1505635.000002") == sum(c[name] for name in PARTS)
    assert c["dark_block"] == Decimal(500_000)
    assert reading.value == pytest.approx((205_000 - 700_000) / 905_000)
    assert reading.coverage == pytest.approx(905_000 / (905_000 + 365.000002))
    assert any("1 of 4 off-exchange prints had no quote in force" in note for note in reading.notes)


def test_off_exchange_prints_are_not_signed_by_the_tick_test_and_lit_ones_are():
    def bare(off):
        low = a_print("A", 50, 20_000, 0, off, bid=ABSENT, ask=ABSENT)
        return only([low, a_print("A", 51, 20_000, 0, off, bid=ABSENT, ask=ABSENT, late_ns=10**9)])

    assert bare(False).value == 1.0
    dark = bare(True)
    assert dark.value is None
    assert (
        dark.reason == "no off-exchange print had a quote in force, so their side is unknown, and no block was signed"
    )


def test_the_two_rules_are_parameters():
    """Unquoted off-exchange prints: unknown by the quote rule, signed by a rule that falls back on ticks."""
    low = a_print("A", 50, 20_000, 0, True, bid=ABSENT, ask=ABSENT)
    both = [low, a_print("A", 51, 20_000, 0, True, bid=ABSENT, ask=ABSENT, late_ns=10**9)]
    assert only(both, off_exchange_rule="lr").value == 1.0
    assert only(both, lit_rule="clnv").value is None
    inside = a_print("A", 50, 20_000, 0, False, bid=49_980_000, ask=50_010_000)
    assert only([inside], lit_rule="lr").value == 1.0
    assert only([inside], lit_rule="emo").value is None


def test_small_lit_prints_are_only_references_of_the_tick_test():
    small = a_print("A", 49, 10, 0, False, bid=ABSENT, ask=ABSENT)
    block = a_print("A", 50, 20_000, 0, False, bid=ABSENT, ask=ABSENT, late_ns=10**9)
    assert only([block]).value is None
    signed = only([small, block])
    assert signed.value == 1.0
    assert signed.components["total"] == Decimal(1_000_000)
    assert only([small | {"flags": int(PrintFlag.AUCTION)}, block]).value is None


def test_quotes_are_matched_strictly_before():
    quote = {"symbol_name": "A", "sequence": 0, "bid_size": 1, "ask_size": 1, "file": 1, "record": 1}
    quotes = [quote | {"bid": 49 * MICRO, "ask": 51 * MICRO, "late_ns": 5},
              quote | {"bid": 50 * MICRO, "ask": 53 * MICRO, "late_ns": 9}]  # fmt: skip
    dark = a_print("A", 50.5, 10, 0, True, bid=ABSENT, ask=ABSENT)
    assert [only([dark | {"late_ns": ns}], quotes).value for ns in (5, 9, 10)] == [None, 1.0, -1.0]


def test_institutional_counts_single_prints_of_a_million():
    reading = only([a_print("A", 50, 20_000, +1, True), a_print("A", 50, 19_999, -1, True, late_ns=10**9)])
    large = reading.components["institutional"]
    assert (large["dark_buy"], large["dark_sell"], large["imbalance"]) == (Decimal(1_000_000), Decimal(0), 1.0)
    small = only([a_print("A", 50, 19_999, -1, True)])
    assert small.components["institutional"]["imbalance"] is None
    assert small.reasons["institutional.imbalance"] == "no print reached the institutional floor"


def test_prints_within_the_window_share_their_error():
    """Ten prints of one second apart are ten parents; within 100 ms they are one, and the band is wider."""
    apart = only([a_print("A", 50, 100, +1, True, late_ns=i * 10**9) for i in range(10)])
    close = only([a_print("A", 50, 100, +1, True, late_ns=i * 10**7) for i in range(10)])
    assert apart.value == close.value == 1.0
    assert apart.components["signal_kept"] == pytest.approx(0.3)
    rows = []
    for step in (10**9, 10**7):
        prints = [a_print("A", 50, 100, +1, True, late_ns=i * step) for i in range(10)]
        rows.append(DarkPoolImbalance().measure(part(FIRST, prints, calendar(1)))["flow"].row(0, named=True))
    assert [row["parents"] for row in rows] == [10, 1]
    assert [row["square_low"] for row in rows] == [10 * 5_000**2, 50_000**2]


def test_the_assumed_accuracy_is_said():
    assert any("0.65 ± 0.08" in note for note in only(nine_prints()).notes)


def test_buys_and_sells_exchanged_flip_the_sign_exactly():
    sides = [(+1, True, 300), (-1, True, 100), (+1, False, 30_000), (-1, False, 11_000), (0, True, 40)]
    a, b = (
        only([a_print("A", 50, n, way * s, off, late_ns=i * 10**9) for i, (s, off, n) in enumerate(sides)])
        for way in (1, -1)
    )
    assert a.value == -b.value != 0
    assert (a.low, a.high) == (-b.high, -b.low)
    assert (a.components["dark_buy"], a.components["block_buy"]) == (
        b.components["dark_sell"],
        b.components["block_sell"],
    )


def test_minute_bars_are_named_and_never_institutional():
    reading = only([a_print("A", 50, 1_000_000, +1, True, flags=int(PrintFlag.BAR))])
    assert reading.value == 1.0
    assert reading.components["institutional"]["imbalance"] is None
    assert any("minute bars" in note for note in reading.notes)


# -- sessions, months, time ----------------------------------------------------------------------------------------


def test_gaps_are_null_and_months_are_summed_before_they_are_divided():
    sessions = calendar(22)
    heavy, light = [a_print("A", 50, 90_000, +1, True)], [a_print("A", 50, 1_000, -1, True)]
    days = {sessions.dates[1]: heavy, sessions.dates[3]: light}
    daily = readings(days, sessions)
    assert [(r.session, r.value) for r in daily] == list(zip(sessions.dates[1:4], (1.0, None, -1.0), strict=True))
    assert daily[1].reason == "no dark or block prints in this session"
    (month,) = readings(days, sessions, period="month")
    assert month.value == pytest.approx(89 / 91)
    assert (
        month.notes[:2] == ("month-to-date", "2 of 4 sessions of the month missing") or "month-to-date" in month.notes
    )
    assert month.components["total"] == daily[0].components["total"] + daily[2].components["total"]


def test_a_month_of_more_than_nine_trillion_does_not_overflow():
    sessions = calendar(20)
    huge = {day: [a_print("A", 1000, 900_000_000, +1, True)] for day in sessions.dates}
    (month,) = readings(huge, sessions, period="month")
    assert month.components["dark_buy"] == Decimal(20 * 900) * 10**9
    assert month.value == 1.0
    assert month.components["selling_share"] == 0.0


def test_nothing_learned_after_as_of_is_used():
    sessions = calendar(3)
    days = {day: nine_prints() for day in sessions.dates}
    close = datetime(2025, 11, 4, 21, tzinfo=UTC)
    assert readings(days, sessions, as_of=close) == readings(days, sessions)[:2]
    after_hours = {FIRST: [a_print("A", 50, 100, 1, True, late_ns=8 * 3600 * 10**9)]}
    assert readings(after_hours, sessions, as_of=datetime(2025, 11, 3, 21, tzinfo=UTC)) == []
    assert readings(after_hours, sessions)[0].known_at == datetime(2025, 11, 3, 23, tzinfo=UTC)


def test_later_bars_do_not_change_a_state():
    sessions = up_to(date(2025, 11, 6))
    closes = bars("TSLA", sessions, under_the_high(96.3, 253))
    whole = readings(tesla(), sessions, closes, key="TSLA")
    cut = sessions.window(None, date(2025, 11, 5))
    past = closes.tables["daily_bars"].filter(pl.col("session") <= date(2025, 11, 5))
    early = {day: prints for day, prints in tesla().items() if day <= date(2025, 11, 5)}
    assert readings(early, cut, Part(None, {"daily_bars": past}, cut), key="TSLA") == whole[:1]


def test_a_symbol_without_prints_on_a_session_is_null():
    sessions = calendar(2)
    days = {sessions.dates[0]: nine_prints(), sessions.dates[1]: nine_prints()[:2]}
    found = readings(days, sessions, key="B")
    assert [r.value for r in found] == [1.0, None]
    assert found[1].reason == "no dark or block prints of B in this session"
    assert readings(days, sessions, key="NONE") == []


def test_no_prints_give_no_reading():
    indicator = DarkPoolImbalance()
    assert indicator.value(indicator.combine([]), calendar(1)) == []
    assert readings({FIRST: []}, calendar(1)) == []
    assert readings({FIRST: nine_prints()[5:6]}, calendar(1)) == []


def test_per_key_sums_dark_and_block_by_symbol():
    indicator = DarkPoolImbalance(institutional_floor=5_000)
    sessions = calendar(1)
    rows = indicator.combine([indicator.measure(part(FIRST, nine_prints(), sessions))])
    found = indicator.per_key(rows, sessions, FIRST, FIRST)
    assert found["symbol"].to_list() == ["A", "B", "C", "D", "E"]
    assert found.row(0) == (FIRST, "A", *(x * MICRO for x in (5_000, 500_000, 350, 0, 0, 0, 5_000, 500_000, 0)))
    assert indicator.per_key({}, sessions, FIRST, FIRST).schema == found.schema


STOCK_PRINT = st.builds(
    lambda symbol, dollars, shares, side, off, flags, late: a_print(
        symbol, dollars, shares, side, off, flags=flags, late_ns=late * 30_000_000
    ),
    st.sampled_from("ABC"), st.sampled_from([3.33, 20.0, 450.01]), st.sampled_from([0.5, 99, 12_000, 400_000.25]),
    st.integers(-1, 1), st.booleans(), st.sampled_from([0, 0, 0, 0, 2, 64]), st.integers(0, 20),
)  # fmt: skip


def texts(rows: Rows) -> list[tuple]:
    return [(name, frame.schema, frame.write_csv()) for name, frame in rows.items()]


@given(st.lists(STOCK_PRINT, min_size=1, max_size=40), st.randoms())
@settings(deadline=None, max_examples=60)
def test_parts_sum_to_the_whole_however_the_tape_is_cut(prints, rng):
    sessions = calendar(1)
    indicator = DarkPoolImbalance()
    whole = part(FIRST, prints, sessions)
    cut = [
        Part(FIRST, dict(whole.tables) | {"stock_trades": shard}, sessions)
        for _, shard in whole.tables["stock_trades"].group_by("symbol", maintain_order=True)
    ]
    rng.shuffle(cut)
    one = indicator.combine([indicator.measure(whole)])
    assert texts(one) == texts(indicator.combine(indicator.measure(p) for p in cut))
    counted = [(notional(p["price"], p["size"]), p) for p in prints]
    total = sum(m for m, p in counted if p["off_exchange"] or p["size"] >= 10_000 * MICRO or m >= 200_000 * MICRO)
    found = indicator.value(one, sessions)
    assert len(found) == (total > 0)
    for reading in found:
        c = reading.components
        assert sum(c[name] for name in PARTS) == c["total"] == Decimal(total) / MICRO
        assert sum(c["institutional"][name] for name in PARTS) == c["institutional"]["total"] <= c["total"]
