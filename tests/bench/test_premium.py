"""Signed premium: every contender gives one answer. Timed with --benchmark-enable."""

from collections.abc import Callable, Iterator

import polars as pl
import pytest

from feeds.query import query
from feeds.store import Store
from indicators.engine.bench import premium
from indicators.engine.bench.tape import SESSIONS, Tapes, bench_sessions

CONTENDERS: dict[str, Callable[[Store], pl.DataFrame | None]] = {
    "ours": premium.ours_p1,
    "scan": lambda store: premium.bare_scan(store, "bench/premium_columns"),
    "duckdb": lambda store: store.answer("bench/premium"),
    "polars": premium.polars_p1,
    "duckdb_usual": lambda store: store.answer("bench/premium_usual"),
    "polars_usual": premium.polars_usual_p1,
}

PASS: dict[str, Callable[[Store], pl.DataFrame | None]] = {
    "ours": lambda store: premium.pass_answer(premium.ours_p1b(store)),
    "one_thread": lambda store: premium.pass_answer(premium.ours_p1b(store, threads=1)),
    "scan": lambda store: premium.bare_scan(store, "bench/pass_columns"),
    "duckdb": lambda store: store.answer("bench/pass"),
    "polars": premium.polars_p1b,
}


@pytest.fixture(scope="module")
def tapes() -> Iterator[Tapes]:
    with Tapes.temporary(scale=0.0005, rounds=1) as made:
        yield made


@pytest.mark.parametrize("name", CONTENDERS)
def test_p1(name, tapes, benchmark):
    found = benchmark(CONTENDERS[name], tapes.options)
    if found is not None:
        assert found.equals(premium.ours_p1(tapes.options))
        assert (
            found.select(pl.col("bull", "bear", "unknown").min() > 0).row(0) == (True, True, True) or found.height > 1
        )


@pytest.mark.parametrize("name", PASS)
def test_p1b(name, tapes, benchmark):
    found = benchmark(PASS[name], tapes.options)
    if found is not None:
        assert found.equals(premium.pass_answer(premium.ours_p1b(tapes.options)))


def test_duckdbs_plan_halves_the_tape(tapes):
    """What streams keeps to one thread: two halves for the two cores that ours has."""
    *_, tenth = bench_sessions(tapes.options, SESSIONS // 2).dates
    plan = query("bench/premium")
    assert f"session <= DATE '{tenth}'" in plan
    assert f"session > DATE '{tenth}'" in plan


def test_the_tape_rests_in_the_order_of_the_store(tapes):
    order = ("session", "contract", "ts", "sequence")
    tape = tapes.options.answer("bench/pass_columns")
    assert tape.equals(tape.sort(order[:3], maintain_order=True))
    assert tape.height == 20 * 500


def test_the_tape_holds_every_case_that_the_rules_tell_apart(tapes):
    tape = tapes.options.answer("bench/pass_columns")
    c = pl.col
    cases = {
        "at the mid": 2 * c.price == c.bid + c.ask,
        "locked": (c.bid == c.ask) & (c.bid > 0),
        "crossed": c.bid > c.ask,
        "too wide": c.ask - c.bid > 5_000_000,
        "absent": c.bid < 0,
        "size at the bid": c.size == c.bid_size,
        "excluded": c.flags & 63 != 0,
        "auction": c.flags & 64 != 0,
        "sweep": c.flags & 128 != 0,
        "flagged side": c.aggressor != 0,
        "other multiplier": c.multiplier != 100,
        "tied": (c.ts == c.ts.shift(1)) & (c.contract == c.contract.shift(1)),
    }
    counted = tape.select(**{name: case.sum() for name, case in cases.items()}).row(0, named=True)
    assert [name for name, count in counted.items() if not count] == []


def test_a_tape_is_the_same_every_time(tapes):
    with Tapes.temporary(scale=0.0005) as again:
        assert again.options.answer("bench/pass_columns").equals(tapes.options.answer("bench/pass_columns"))
