"""Every step of the walk down sums to the number above it, and ends at the line that was read."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.ingest import ingest
from feeds.store import Store
from indicators.engine.day import day_of
from indicators.engine.explain import explain
from indicators.engine.run import asked_readings, chosen

SUMMED = ["directional_premium", "dark_pool_imbalance"]


@pytest.fixture
def last(small_market):
    return small_market.sessions.dates[-1]


def busiest(store, last, name: str) -> str:
    return explain(store, last, name).rows[1]["name"]


def of(rows: list[dict], *levels: str) -> list[dict]:
    return [row for row in rows if row["level"] in levels]


def test_the_gauge_is_fifty_and_its_contributions(small_store, last):
    rows = explain(small_store, last).rows
    gauge = day_of(small_store, session=last).gauge[-1]
    assert rows[0]["level"] == "gauge"
    assert rows[0]["value"] == gauge.level
    named = {row["name"]: row for row in of(rows, "indicator")}
    assert set(named) == {
        "directional_premium",
        "insider_ratio",
        "eps_divergence",
        "dark_pool_imbalance",
        "sector_rotation",
    }
    if gauge.level is None:
        assert rows[0]["reason"]
    else:
        points = sum(Decimal(str(row["contribution"])) for row in of(rows, "indicator", "clip") if row["contribution"])
        assert points == Decimal(str(gauge.level)) - 50
    assert all(row["reason"] for row in named.values() if row["value"] is None)
    assert {row["name"] for row in of(rows, "beside")} >= {"short_share", "put_call_volume"}


@pytest.mark.parametrize("name", SUMMED)
@pytest.mark.parametrize("top", [1, 3, 100])
def test_an_indicator_is_the_sum_of_its_keys(small_store, last, name, top):
    head, *rows = explain(small_store, last, name, top=top).rows
    ((reading, score),) = asked_readings(small_store, chosen(name), last, last)
    assert (head["value"], head["score"], head["low"]) == (reading.value, score, reading.low)
    assert sum(row["contribution"] for row in rows) == pytest.approx(reading.value)
    nets = sum(row["net"] for row in rows)
    plus, minus = ("bull", "bear") if name == "directional_premium" else ("buy", "sell")
    assert nets == sum(row[plus] - row[minus] for row in rows)
    listed = rows[:-1] if rows[-1]["level"] == "rest" else rows
    assert len(listed) <= top
    sizes = [abs(row["net"]) for row in listed]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", SUMMED)
@pytest.mark.parametrize("top", [2, 10_000])
def test_an_underlying_is_the_sum_of_its_orders_and_an_order_of_its_prints(small_store, last, name, top):
    symbol = busiest(small_store, last, name)
    head, *rows = explain(small_store, last, name, symbol, top=top).rows
    ((reading, _),) = asked_readings(small_store, chosen(name), last, last, key=symbol)
    assert (head["value"], head["low"], head["high"]) == (reading.value, reading.low, reading.high)
    whole = of(rows, "order", "rest")
    assert sum(row["contribution"] for row in whole) == pytest.approx(reading.value)
    money = sum(row["premium"] for row in (*whole, *of(rows, "excluded")))
    if name == "directional_premium":
        assert sum(row["net"] for row in whole) == reading.components["net"]
        assert money == reading.components["total"]
    sizes = [row["premium"] for row in of(rows, "order")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= top
    order, prints = None, []
    for row in [*rows, {"level": "order"}]:
        if row["level"] == "print":
            prints.append(row)
            continue
        if order is not None:
            assert order["prints"] == len(prints)
            assert order["premium"] == sum(p["premium"] for p in prints)
            assert order["contribution"] == pytest.approx(sum(p["contribution"] for p in prints))
            assert order["venues"] == len({p["venue"] for p in prints})
            for told in ("side", "direction"):
                known = {p[told] for p in prints} - {"unknown"}
                assert order[told] == (known.pop() if len(known) == 1 else "unknown")
            assert (order["time"], order["last_time"]) == (prints[0]["time"], prints[-1]["time"])
            assert order["vwap"] == pytest.approx(
                float(sum(p["price"] * Decimal(str(p["size"])) for p in prints)) / sum(p["size"] for p in prints)
            )
        order, prints = (row if row["level"] == "order" and "premium" in row else None), []


def test_a_print_ends_at_its_line_with_the_quote_that_signed_it(small_store, small_market, last):
    """The line is the row of the tape as it was made; side, quote and price are those of that row."""
    tape = pl.concat([small_market.tape(day)["option_trades"] for day in small_market.sessions.dates])
    quoted, rules = set(), set()
    for symbol in small_market.daily.symbols[:4]:
        for row in of(explain(small_store, last, "directional_premium", symbol, top=10_000).rows, "print"):
            made = tape.row(row["line"] - 1, named=True)
            assert (made["underlying"], made["size"], made["exchange"]) == (symbol, row["size"], row["venue"])
            assert Decimal(made["price"]) / 1_000_000 == row["price"]
            assert row["file"] == "option_trades"
            if row["quote_from"] == "print":
                assert (made["bid"], made["ask"]) == tuple(int(row[name] * 1_000_000) for name in ("bid", "ask"))
            if row["rule"] == "quote":
                above = 2 * row["price"] - row["bid"] - row["ask"]
                assert row["side"] == ("buy" if above > 0 else "sell")
            assert (row["side"] == "unknown") == (row["rule"] is None) == (row["reason"] is not None)
            quoted.add(row["quote_from"])
            rules.add(row["rule"])
    assert {"print", "quotes"} <= quoted
    assert {"quote", "trade_size", "depth"} <= rules


def test_the_tape_of_the_session_is_read_once(small_store, last):
    symbol = busiest(small_store, last, "directional_premium")
    held = (
        dict(small_store.held_sessions("option_trades"))[last] + dict(small_store.held_sessions("option_quotes"))[last]
    )
    small_store.scanned.clear()
    explain(small_store, last, "directional_premium", symbol)
    assert dict(small_store.scanned) == {last: held}


def test_an_indicator_that_is_no_sum_shows_its_components(small_store, last):
    head, *rows = explain(small_store, last, "insider_ratio").rows
    ((reading, _),) = asked_readings(small_store, chosen("insider_ratio"), last, last)
    assert head["value"] == reading.value
    assert {row["name"]: row["value"] for row in rows} == reading.components


def test_a_session_without_prints_is_not_told_by_the_one_before(tmp_path):
    header = "ts,underlying,expiry,strike,right,price,size,bid,ask"
    lines = [f"2025-11-{day}T15:00:00Z,MRK,2025-12-19,100,C,6.00,10,5.00,6.00" for day in (18, 20)]
    path = tmp_path / "trades.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    with Store.open(tmp_path / "m.duckdb") as store:
        assert [found.error for found in ingest(store, [str(path)], "option_trades")] == [None]
        head, *_ = explain(store, date(2025, 11, 18), "directional_premium").rows
        assert (head["session"], head["bull"]) == (date(2025, 11, 18), 6_000)
        with pytest.raises(NothingToShow, match="directional_premium on 2025-11-19; the last one is of 2025-11-18"):
            explain(store, date(2025, 11, 19), "directional_premium")


def test_what_is_not_there_is_refused(small_store, last):
    with pytest.raises(NothingToShow, match="NOSUCH"):
        explain(small_store, last, "directional_premium", "NOSUCH")
    with pytest.raises(UnknownName, match="did you mean"):
        explain(small_store, last, "directional_premum")
    with pytest.raises(BadValue, match="no session"):
        explain(small_store, last.replace(day=25), "insider_ratio")
