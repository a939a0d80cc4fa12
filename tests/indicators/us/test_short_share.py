"""The stand-in from FINRA's files: dollar-weighted, one session late, each share once, never a part of the gauge."""

from datetime import UTC, date, datetime
from math import fsum

import polars as pl
import pytest

from feeds.schema import Part, Sessions
from indicators.engine.gauge import fuse
from indicators.engine.run import of_market
from indicators.us.short_share import ShortShare

DAYS = [date(2025, 11, day) for day in (3, 4, 5, 6)]


def nanoseconds(day: date, hour: int) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 10**9


SESSIONS = Sessions(
    tuple(DAYS),
    pl.Series([nanoseconds(d, 14) for d in DAYS]).to_numpy(),
    pl.Series([nanoseconds(d, 21) for d in DAYS]).to_numpy(),
)

Volume = tuple[date, str, str, float, float]


def part_of(volumes: list[Volume], closes: dict[tuple[date, str], float], members: list[tuple[date, str]] = ()) -> Part:  # type: ignore[assignment]
    """Files enter with the session after their day."""
    after = dict(zip(DAYS, [*DAYS[1:], date(2025, 11, 7)], strict=True))
    short = pl.DataFrame(
        [(*row, after[row[0]], nanoseconds(row[0], 23), None) for row in volumes],
        schema={"date": pl.Date, "symbol": pl.String, "facility": pl.String, "short_volume": pl.Float64,
                "total_volume": pl.Float64, "session": pl.Date, "known_at": pl.Int64, "assumed": pl.String},
        orient="row",
    )  # fmt: skip
    bars = pl.DataFrame(
        [(day, symbol, close) for (day, symbol), close in closes.items()],
        schema={"date": pl.Date, "symbol": pl.String, "close": pl.Float64},
        orient="row",
    )
    held = pl.DataFrame(
        [(day, "SPX", symbol, day, nanoseconds(day, 5)) for day, symbol in members],
        schema={"date": pl.Date, "index": pl.String, "symbol": pl.String, "session": pl.Date, "known_at": pl.Int64},
        orient="row",
    )
    return Part(None, {"short_volume": short, "daily_bars": bars, "index_members": held}, SESSIONS)


def read(volumes, closes, members=(), **how):
    indicator = ShortShare()
    return indicator.value(indicator.combine([indicator.measure(part_of(volumes, closes, members))]), SESSIONS, **how)


A, B = "AAA", "BBB"
CLOSES = {(day, symbol): price for day in DAYS for symbol, price in ((A, 100.0), (B, 10.0))}


def test_a_later_file_changes_no_last_digit_of_an_earlier_sum():
    """Sums of floats come in one order: a later symbol without a close would have Polars add in another."""
    totals = (11558039.22, 11864842.209999999, 8893840.29, 44409500.01, 45010066.89)
    first = [(DAYS[0], f"S{n}", "B", 59957524.09 * (n == 4), total) for n, total in enumerate(totals)]
    closes = {(DAYS[0], symbol): 1.0 for _, symbol, *_ in first}
    (alone, *_), (beside, *_) = read(first, closes), read([*first, (DAYS[1], "S9", "B", 1.0, 2.0)], closes)
    assert alone.value == beside.value == fsum_share(first, closes)


def fsum_share(volumes: list[Volume], closes: dict[tuple[date, str], float]) -> float:
    """Correctly rounded sums, whatever their order."""
    short = fsum(closes[day, symbol] * own for day, symbol, _, own, _ in volumes)
    return short / fsum(closes[day, symbol] * whole for day, symbol, _, _, whole in volumes)


def test_dollars_weigh_and_the_reading_is_one_session_late():
    found = read(
        [(DAYS[0], A, "Q", 40.0, 100.0), (DAYS[0], B, "Q", 900.0, 1000.0)], CLOSES, [(DAYS[0], A), (DAYS[0], B)]
    )
    assert [r.session for r in found] == DAYS[1:]
    # (100·40 + 10·900)/(100·100 + 10·1000), which is neither the share of volume nor the mean of the two shares
    assert found[0].value == pytest.approx(13_000 / 20_000)
    assert found[0].components["volume_share"] == pytest.approx(940 / 1100)
    assert found[0].components["of"] == str(DAYS[0])
    assert found[0].known_at is not None
    assert found[0].known_at.timestamp() * 1e9 < nanoseconds(DAYS[1], 21)
    assert found[0].coverage == 1.0


def test_a_missing_file_is_null_and_nothing_is_carried_forward():
    found = read([(DAYS[0], A, "Q", 40.0, 100.0), (DAYS[2], A, "Q", 50.0, 100.0)], CLOSES)
    assert [r.value for r in found] == [0.4, None, 0.5]
    assert str(DAYS[1]) in (found[1].reason or "")
    assert "over all symbols" in " ".join(found[0].notes)


def test_a_file_that_came_late_is_not_added_to_the_day_that_it_came_with():
    part = part_of([(DAYS[0], A, "Q", 90.0, 100.0), (DAYS[2], A, "Q", 50.0, 100.0)], CLOSES)
    short = part.tables["short_volume"].with_columns(
        session=pl.lit(DAYS[3]), known_at=pl.lit(nanoseconds(DAYS[2], 23), dtype=pl.Int64)
    )
    indicator = ShortShare()
    rows = indicator.combine([indicator.measure(Part(None, {**part.tables, "short_volume": short}, SESSIONS))])
    assert [(r.session, r.value) for r in indicator.value(rows, SESSIONS)] == [(DAYS[3], 0.5)]


def test_the_consolidated_file_is_not_added_to_its_parts():
    rows = [(DAYS[0], A, "N", 10.0, 50.0), (DAYS[0], A, "Q", 40.0, 50.0)]
    apart = read(rows, CLOSES)[0].value
    assert apart == 0.5
    assert read([*rows, (DAYS[0], A, "CNMS", 60.0, 100.0)], CLOSES)[0].value == 0.6


def test_only_members_count_and_absent_ones_lower_the_coverage():
    volumes = [(DAYS[0], A, "Q", 40.0, 100.0), (DAYS[0], B, "Q", 900.0, 1000.0)]
    found = read(volumes, CLOSES, [(DAYS[0], A), (DAYS[0], "GONE")])
    assert (found[0].value, found[0].coverage) == (0.4, 0.5)
    later = read(volumes, CLOSES, [(DAYS[0], A), (DAYS[1], B)])
    assert later[0].value == 0.9, "the newest snapshot that the session knows"
    assert read(volumes, CLOSES, key=B)[0].value == 0.9


def test_a_list_of_members_that_comes_later_changes_no_earlier_reading():
    volumes = [(day, symbol, "Q", sold, 100.0) for day in DAYS[:3] for symbol, sold in ((A, 40.0), (B, 90.0))]
    before, found = read(volumes, CLOSES), read(volumes, CLOSES, [(DAYS[2], A)])
    assert found[0] == before[0]
    assert [r.value for r in found[1:3]] == [0.4, 0.4]
    assert not any("over all symbols" in note for r in found[1:] for note in r.notes)


def test_it_stands_beside_the_gauge_and_is_no_part_of_it():
    indicators = of_market("us")
    assert not indicators["short_share"].weighed
    weighed = {name: indicator for name, indicator in indicators.items() if indicator.weighed}
    assert len(weighed) == 5
    assert "short_share" not in {name for r in fuse({n: [] for n in weighed}, weighed, SESSIONS) for name in r.missing}
