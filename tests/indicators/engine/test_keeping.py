"""What a store keeps of readings is read again, as long as it holds; what is told is what would be told anew."""

import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from feeds.store import Store
from feeds.synthetic import Market, market
from indicators.engine import keeping
from indicators.engine.day import Day, day_of
from indicators.engine.run import Kept, rows_of
from indicators.engine.scope import scope
from indicators.us.directional_premium import DirectionalPremium
from tests.storing import add, put

DAYS = 5


@pytest.fixture(scope="module")
def made() -> Market:
    return market(seed=7, sessions=DAYS, symbols=8)


def told(store: Store, session: date | None = None) -> tuple[Day, dict[str, list[date]]]:
    """A day, what the store lacked of it being kept; and the sessions that were told anew, by series."""
    kept = Kept()
    day = day_of(store, session=session, kept=kept)
    kept.save(store)
    return day, {name: frame["session"].to_list() for name, (_, frame) in kept.readings.items()}


def check_day(store: Store, session: date | None = None) -> dict[str, list[date]]:
    """Tell a day with the help of what is kept; it must be the day told without. Returns what was told anew."""
    day, fresh = told(store, session)
    anew = day_of(store, session=session)
    assert day.as_of == anew.as_of
    assert day.scores == anew.scores
    for name, readings in anew.readings.items():
        assert day.readings[name] == readings, name
        parts = [repr(reading.components) for reading in day.readings[name]]
        assert parts == [repr(reading.components) for reading in readings], name  # money is Decimal again, not text
    assert day.gauge == anew.gauge
    return fresh


@pytest.fixture
def store(tmp_path: Path, made: Market):
    """Every table, and the tapes of all sessions but the last two."""
    with Store.open(tmp_path / "market.duckdb") as opened:
        for table, frame in made.tables().items():
            put(opened, table, frame, table)
        for day in made.sessions.dates[:-2]:
            add(opened, made, day)
        told(opened)
        yield opened


def test_what_is_kept_is_not_told_again(store, made):
    fresh = check_day(store)
    # the tapes end two sessions before the daily tables: at their end nothing is sure yet
    assert {name for name, days in fresh.items() if days} <= {"gauge_us"}
    assert min(fresh["gauge_us"]) > made.sessions.dates[-4]


def test_a_new_session_alone_is_told(store, made):
    *_, before, last = made.sessions.dates
    add(store, made, before)
    add(store, made, last)
    fresh = check_day(store)
    assert fresh["directional_premium"] == fresh["dark_pool_imbalance"] == [before, last]
    assert fresh["insider_ratio"] == fresh["eps_divergence"] == []
    assert check_day(store)["directional_premium"] == []


def test_a_corrected_session_is_told_with_those_after_it_and_none_before(store, made):
    day = made.sessions.dates[1]
    put(store, "option_trades", made.tape(day)["option_trades"].head(400), f"{day}/option_trades")
    fresh = check_day(store)
    assert fresh["directional_premium"] == [day, made.sessions.dates[2]]
    assert fresh["dark_pool_imbalance"] == []
    assert [when for when, _ in store.superseded_readings("directional_premium")] == [day]


def test_a_session_between_two_is_null_once_the_later_one_is_there(store, made):
    *_, gap, last = made.sessions.dates
    add(store, made, last)
    fresh = check_day(store)
    assert fresh["directional_premium"] == [gap, last]
    # asked for the gap's own day, nobody knows yet that its tape will not come
    day, _ = told(store, gap)
    assert day.readings["directional_premium"] == day_of(store, session=gap).readings["directional_premium"]
    assert day.readings["directional_premium"][-1].session < gap
    add(store, made, gap)
    assert check_day(store)["directional_premium"] == [gap, last]


def test_a_reading_whose_session_lost_its_tape_is_superseded_and_the_rest_told_once(store, made):
    first, second, third, *_ = made.sessions.dates
    put(store, "option_trades", made.tape(third)["option_trades"].head(9), f"{first}/option_trades")
    assert check_day(store)["directional_premium"] == [second, third, first]
    assert first in [day for day, _ in store.superseded_readings("directional_premium")]
    assert check_day(store)["directional_premium"] == []


def test_a_gauge_told_on_the_day_of_a_gap_is_not_the_one_of_a_later_day(store, made):
    """On the gap's own day the reading before stands in; once a later one is there, the part has a null."""
    *_, gap, last = made.sessions.dates
    add(store, made, last)
    check_day(store)
    check_day(store, gap)
    assert min(check_day(store)["gauge_us"]) == gap
    check_day(store)


def test_a_correction_that_moves_a_row_to_a_later_session_is_seen_where_the_row_was(store, made):
    """A filing corrected with a later time of acceptance leaves the session that knew it first."""
    filings = made.tables()["insider_trades"]
    row = filings.filter(pl.col("code") == "P").sort("known_at").tail(40).head(1)
    moved = row.with_columns(pl.col("known_at") + timedelta(days=3))
    held = dict(store.held_sessions("insider_trades"))
    put(store, "insider_trades", moved, "amended")
    now = dict(store.held_sessions("insider_trades"))
    assert sum(now.values()) == sum(held.values())
    (lost,) = [day for day in held if now.get(day, 0) < held[day]]
    fresh = check_day(store)["insider_ratio"]
    assert min(fresh) == lost


def measured(store: Store) -> dict[str, pl.DataFrame]:
    """Rows of option prints, what was measured being kept."""
    kept = Kept()
    rows = rows_of(store, DirectionalPremium(order_floor=1_000), scope(store, ["option_trades"]), kept=kept)
    kept.save(store)
    return rows


def test_held_rows_come_in_the_order_of_their_keys_though_an_earlier_session_was_measured_last(store, made):
    measured(store)
    day = made.sessions.dates[1]
    put(store, "option_trades", made.tape(day)["option_trades"].gather_every(2), f"{day}/option_trades")
    anew, held = measured(store), measured(store)
    assert anew["orders"].height > 100
    assert all(held[name].equals(anew[name]) for name in anew)
    assert held["orders"].equals(held["orders"].sort(DirectionalPremium.keys["orders"]))


def test_a_tape_that_comes_back_behind_another_file_is_measured_again(store, made):
    """Of two files' prints at one instant those of the earlier file come first: tick tests look at the one before."""
    day = made.sessions.dates[1]
    tape = made.tape(day)["option_trades"].drop("bid", "ask", "aggressor", "sequence")
    name = f"{day}/option_trades"
    put(store, "option_quotes", made.tape(day)["option_quotes"].head(1), f"{day}/option_quotes")
    put(store, "option_trades", tape.gather_every(2), name)
    late = tape.gather_every(2).with_columns(pl.col("price") + 10_000)
    put(store, "option_trades", late, f"{day}/late")
    before = measured(store)
    put(store, "option_trades", tape.head(9), name)
    put(store, "option_trades", tape.gather_every(2), name)
    behind = rows_of(store, DirectionalPremium(order_floor=1_001), scope(store, ["option_trades"]))
    assert not behind["flow"].equals(before["flow"])
    assert measured(store)["flow"].equals(behind["flow"])


def test_a_gauge_names_a_part_as_missing_once_its_table_is_empty_again(tmp_path, made):
    """A part without a table tells nothing, one with a table of later rows alone says of earlier sessions why not."""
    with Store.open(tmp_path / "late.duckdb") as store:
        tables = made.tables()
        for table in ("index_levels", "daily_bars", "sectors", "insider_trades"):
            put(store, table, tables[table].tail(20_000), table)
        late = tables["forward_eps"].filter(pl.col("published") > made.history.dates[-400])
        put(store, "forward_eps", late, "forward_eps")
        check_day(store)
        put(store, "forward_eps", late.clear(), "forward_eps")
        check_day(store)


def test_an_early_correction_of_a_daily_table_is_seen(store, made):
    bars = made.tables()["daily_bars"]
    day = bars["date"].unique().sort()[400]
    put(store, "daily_bars", bars.filter(pl.col("date") == day).with_columns(pl.col("close") * 1.01), "corrected")
    fresh = check_day(store)
    assert min(fresh["sector_rotation"]) == day
    assert fresh["directional_premium"] == []


def test_other_code_tells_all_anew(store, monkeypatch):
    monkeypatch.setattr(keeping, "code_hash", lambda: "another version")
    fresh = check_day(store)
    assert all(len(days) > 2 for name, days in fresh.items() if name != "gauge_us")
    assert {name for name, days in check_day(store).items() if days} <= {"gauge_us"}


def test_older_history_that_comes_late_tells_all_anew(store, made):
    levels = made.tables()["index_levels"]
    first = levels["date"].min() - timedelta(days=7)
    put(store, "index_levels", levels.head(1).with_columns(date=pl.lit(first)), "older")
    assert all(len(days) > 2 for days in check_day(store).values())


def test_an_earlier_day_asks_for_no_later_one(store, made):
    assert check_day(store, made.sessions.dates[1])["directional_premium"] == []


def _drop_half(store: Store, made: Market, day: date) -> None:
    put(store, "option_trades", made.tape(day)["option_trades"].gather_every(2), f"{day}/option_trades")


def _correct_levels(store: Store, made: Market, day: date) -> None:
    levels = made.tables()["index_levels"].filter(pl.col("date") == day)
    put(store, "index_levels", levels.with_columns(pl.col("close") * 1.001), f"levels of {day}")


def _ask_earlier(store: Store, made: Market, day: date) -> None:
    check_day(store, day)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_in_whatever_order_the_day_is_the_one_told_anew(store, made, seed):
    ways: list[Callable[[Store, Market, date], None]] = [add, _drop_half, _correct_levels, _ask_earlier]
    random_ = random.Random(seed)
    for _ in range(6):
        random_.choice(ways)(store, made, random_.choice(made.sessions.dates))
        check_day(store)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda self, day: "", id="nothing"),
        pytest.param(lambda self, day: self.files["option_trades"].get(day, ""), id="one table"),
    ],
)
def test_a_kept_reading_that_holds_no_longer_would_be_seen(store, made, monkeypatch, seen):
    """The planted fault: what a reading rests on is told from too little."""
    monkeypatch.setattr(keeping.Earlier, "_rests_on", lambda self, *_: [seen(self, d) for d in self.sessions.dates])
    check_day(store)
    _correct_levels(store, made, made.tables()["index_levels"]["date"][900])
    with pytest.raises(AssertionError):
        check_day(store)


def test_the_a_share_page_too(small_db, tmp_path):
    path = tmp_path / "market.duckdb"
    shutil.copyfile(small_db, path)
    with Store.open(path) as store:
        kept = Kept()
        day_of(store, "china", kept=kept)
        kept.save(store)
        again = Kept()
        found, whole = day_of(store, "china", kept=again), day_of(store, "china")
    assert found.gauge == whole.gauge
    assert found.readings == whole.readings
    assert {name for name, (_, frame) in again.readings.items() if frame.height} <= {"gauge_china"}
