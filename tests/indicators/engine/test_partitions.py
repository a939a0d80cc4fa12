"""However a tape is cut, batched and spread over threads, an indicator's rows are the same to the byte."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import feeds.tape
import indicators.engine.premium
from feeds.arrow import Room
from feeds.schema import Part
from feeds.store import Store
from indicators.engine.bench.tape import Tapes, bench_sessions
from indicators.engine.indicator import Indicator, Rows
from indicators.engine.premium import signed_premium
from indicators.engine.run import compute
from indicators.engine.threads import in_threads
from indicators.us.dark_pool_imbalance import DarkPoolImbalance
from indicators.us.directional_premium import DirectionalPremium

SESSIONS = 4
INDICATORS = (DirectionalPremium(order_floor=5_000, institutional_floor=5_000), DarkPoolImbalance())


@pytest.fixture(scope="module")
def tapes() -> Iterator[Tapes]:
    with Tapes.temporary(scale=0.002, rounds=1) as made:
        yield made


def tape_of(tapes: Tapes, indicator: Indicator) -> Store:
    return tapes.options if indicator.inputs[0].table == "option_trades" else tapes.stocks


def rows_of(store: Store, indicator: Indicator, map=map, **how) -> Rows:
    tables = {need.table: need.split for need in indicator.inputs if need.split == "session"}
    columns = {need.table: need.columns for need in indicator.inputs}
    return compute(indicator, store.parts(tables, bench_sessions(store, SESSIONS), columns=columns, **how), map)


def written(rows: Rows) -> dict[str, str]:
    """Every value of integers, texts and dates; where a text lies in memory is no part of it."""
    return {name: f"{frame.schema}\n{frame.write_csv()}" for name, frame in rows.items()}


def taken_at_once(measure, parts):
    return [measure(part) for part in list(parts)]


def backwards(measure, parts):
    return [measure(part) for part in list(parts)[::-1]]


MAPS = {
    "one thread": map,
    "two threads": in_threads(2),
    "five threads": in_threads(5),
    "all parts at once": taken_at_once,
    "backwards": backwards,
}


@pytest.fixture(scope="module")
def expected(tapes) -> dict[str, dict[str, str]]:
    found = {one.name: rows_of(tape_of(tapes, one), one, read_ahead=False) for one in INDICATORS}
    assert all(frame.height > 50 for rows in found.values() for frame in rows.values())
    return {name: written(rows) for name, rows in found.items()}


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda one: one.name)
@pytest.mark.parametrize("way", MAPS)
@pytest.mark.parametrize("shard_rows", [150, 1_700, 4_000_000])
def test_threads_and_shards_leave_no_trace(indicator, way, shard_rows, tapes, expected):
    found = rows_of(tape_of(tapes, indicator), indicator, MAPS[way], shard_rows=shard_rows)
    assert written(found) == expected[indicator.name]


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda one: one.name)
@pytest.mark.parametrize(("run_rows", "read_rows"), [(1, 1 << 15), (2_500, 700), (1 << 30, 64)])
def test_runs_and_batches_leave_no_trace(indicator, run_rows, read_rows, tapes, expected, monkeypatch):
    monkeypatch.setattr(feeds.tape, "RUN_ROWS", run_rows)
    monkeypatch.setattr(feeds.tape, "READ_ROWS", read_rows)
    assert written(rows_of(tape_of(tapes, indicator), indicator, in_threads(2))) == expected[indicator.name]


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda one: one.name)
@pytest.mark.parametrize("way", MAPS)
@pytest.mark.parametrize(("shard_rows", "batch_rows"), [(4_000_000, 64), (4_000_000, 1 << 16), (700, 100)])
def test_streams_leave_no_trace(indicator, way, shard_rows, batch_rows, tapes, expected, monkeypatch):
    monkeypatch.setattr(feeds.tape, "RUN_ROWS", 1)
    monkeypatch.setattr(feeds.tape, "STREAM_ROWS", 1)
    monkeypatch.setattr(feeds.tape, "IN_PLACE_ROWS", batch_rows)
    store = tape_of(tapes, indicator)
    taken: list[Part] = []

    def seen(part: Part) -> Rows:
        taken.append(part)
        return indicator.measure(part)

    tables = {need.table: need.split for need in indicator.inputs if need.split == "session"}
    columns = {need.table: need.columns for need in indicator.inputs}
    days = bench_sessions(store, SESSIONS)
    store.scanned.clear()
    parts = store.parts(tables, days, columns=columns, shard_rows=shard_rows, streamed=True)
    found = indicator.combine(MAPS[way](seen, parts))
    assert written(found) == expected[indicator.name]
    assert all(set(part.streams) == set(tables) for part in taken)
    assert len(taken) == SESSIONS or shard_rows < 4_000_000
    prints = 2_000 if "option_trades" in tables else 500
    assert all(store.scanned[day] >= prints for day in days.dates)


@given(st.lists(st.integers(0, 3), max_size=30).map(sorted), st.lists(st.integers(0, 30), max_size=6).map(sorted))
def test_batches_of_whole_instruments_hold_every_row_once(ids, cuts):
    tape = {"symbol": np.array(ids, np.int32), "record": np.arange(len(ids))}
    bounds = [0, *(min(cut, len(ids)) for cut in cuts), len(ids)]
    batches = [{name: column[a:z] for name, column in tape.items()} for a, z in pairwise(bounds)]
    found = list(feeds.tape.whole(batches, "symbol"))
    assert [n for batch in found for n in batch["record"].tolist()] == list(range(len(ids)))
    of = [set(batch["symbol"].tolist()) for batch in found]
    assert all(before.isdisjoint(after) for before, after in pairwise(of))
    assert sum(len(one) for one in of) == len(set(ids))


@pytest.mark.parametrize("batch_rows", [64, 700, 1 << 15])
def test_batches_of_a_stretch_of_tape_leave_no_trace(batch_rows, tapes):
    store = tapes.options
    days = bench_sessions(store, SESSIONS)
    whole = signed_premium(store, days)
    assert signed_premium(store, days, batch_rows=batch_rows).equals(whole)
    each = [signed_premium(store, days.window(day, day), batch_rows=batch_rows) for day in days.dates]
    assert pl.concat(each).equals(whole)


@pytest.mark.parametrize("at_once", [1, 7, SESSIONS, SESSIONS - 1])
def test_sessions_added_up_together_leave_no_trace(at_once, tapes, monkeypatch):
    days = bench_sessions(tapes.options, SESSIONS)
    whole = signed_premium(tapes.options, days)
    assert whole["session"].n_unique() == SESSIONS
    monkeypatch.setattr(indicators.engine.premium, "SESSIONS_AT_ONCE", at_once)
    assert signed_premium(tapes.options, days).equals(whole)


def test_duckdbs_threads_leave_no_trace(tapes, expected):
    store = tapes.options
    store.run_sql("bench/one_thread")
    try:
        assert written(rows_of(store, INDICATORS[0])) == expected[INDICATORS[0].name]
    finally:
        store.run_sql("bench/every_thread")


def test_rows_read_are_counted_by_session_however_they_are_read(tapes):
    days = bench_sessions(tapes.options, SESSIONS)
    tapes.options.scanned.clear()
    rows_of(tapes.options, INDICATORS[0])
    counted = dict(tapes.options.scanned)
    tapes.options.scanned.clear()
    signed_premium(tapes.options, days, batch_rows=700)
    assert dict(tapes.options.scanned) == counted == dict.fromkeys(days.dates, 2_000)


def test_memory_is_taken_again_when_its_last_view_is_gone_and_not_before():
    room = Room()
    first = room.take(1_000, "int64")
    first[:] = 7
    where = first.ctypes.data
    view = first[10:20]
    del first
    assert room.take(1_000, "int64").ctypes.data != where
    assert view.tolist() == [7] * 10
    del view
    held = [room.take(1_000, "int64") for _ in range(3)]
    assert where in {array.ctypes.data for array in held}
    assert not any(np.shares_memory(a, b) for a, b in pairwise(held))
