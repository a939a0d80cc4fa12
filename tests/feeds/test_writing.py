"""A file's rows wait narrow, and rest as they were given."""

import itertools
from datetime import UTC, datetime

import polars as pl
import pytest

import feeds.codes
import feeds.writing
from feeds.check import check
from feeds.schema import TABLES, TAPE_COLUMNS
from feeds.store import Store

SMALL = {"sequence": "7", "price": "1.25", "size": "10", "bid": "1.2", "ask": "", "underlying_price": "99.999999"}
EDGE = {"sequence": "999999999", "price": "999.999999", "size": "90000000", "bid": "0", "ask": "999.999999"}
LARGE = {
    "sequence": "900000000000000000", "price": "1000", "size": "1", "bid": "4999.999999", "ask": "5000000",
    "bid_size": "123456789012", "underlying_price": "612345.678901",
}  # fmt: skip
MANY = {**SMALL, "sequence": "1000000000", "price": "0.01", "size": "1000000000", "bid_size": "999999999"}
BESIDE = {
    "sequence": "8", "price": "2", "size": "11", "bid": "1.1", "ask": "2.2", "bid_size": "5", "ask_size": "6",
    "underlying_price": "98",
}  # fmt: skip
"""A second print in each batch, so that no column holds one value."""
STAYS = ["session", *(name for name in TAPE_COLUMNS["option_trades"] if name not in ("contract", "venue", "file"))]


def batch(kind: dict[str, str], first: int) -> pl.DataFrame:
    """Two prints of two contracts, all text."""
    contract = {"ts": "2025-11-05T14:30:00Z", "expiry": "2025-11-21", "strike": "100", "right": "C"}
    blank = dict.fromkeys(TABLES["option_trades"].names, "")
    rows = [
        {**blank, **contract, **values, "underlying": name, "record": first + n}
        for n, (name, values) in enumerate((("B", kind), ("A", BESIDE)))
    ]
    return pl.DataFrame(rows)


@pytest.fixture
def each_alone(monkeypatch: pytest.MonkeyPatch):
    """Every batch is staged by itself, however few its rows are."""
    monkeypatch.setattr(feeds.writing, "STAGED_ROWS", 1)


@pytest.mark.parametrize("least", [1, 3, feeds.writing.STAGED_ROWS])
@pytest.mark.parametrize("kinds", list(itertools.product([SMALL, EDGE, LARGE, MANY], repeat=2)))
def test_prints_of_any_size_rest_as_they_were_given(store: Store, kinds, least: int, monkeypatch: pytest.MonkeyPatch):
    """Whatever came first and however many wait together: a narrow column is widened, a narrow cell stays exact."""
    monkeypatch.setattr(feeds.writing, "STAGED_ROWS", least)
    table, sessions = TABLES["option_trades"], store.calendar()
    good = [check(batch(kind, 2 + 2 * n), table, sessions).good for n, kind in enumerate(kinds)]
    store.append(table, "canonical", "x.csv", "1", good)
    stored = store._frame(f"SELECT {', '.join(STAYS)} FROM tape.option_trades ORDER BY record")
    given = pl.concat(good).select(name for name in STAYS)
    assert stored.rows() == given.rows()
    assert set(given["price"].to_list()) == {int(1e6 * float(kind["price"])) for kind in (*kinds, BESIDE)}


@pytest.mark.usefixtures("each_alone")
def test_what_waits_is_narrow_until_it_must_not_be(store: Store):
    table, sessions = TABLES["option_trades"], store.calendar()
    small, large, many = (
        check(batch(kind, 2 + 2 * n), table, sessions).good for n, kind in enumerate((EDGE, LARGE, MANY))
    )

    def waits() -> dict[str, str]:
        found = store._db.sql("SELECT column_name, column_type FROM (DESCRIBE temp.stage)").fetchall()
        return {name: kind for name, kind in found if name in ("price", "size", "record")}

    with store.writing(table, "canonical", "x.csv", "1") as file:
        file.add(small)
        narrow = {"price": "DECIMAL(9,6)", "size": "INTEGER", "record": "INTEGER"}
        assert waits() == narrow
        file.add(large)
        assert waits() == {"price": "DECIMAL(18,6)", "size": "INTEGER", "record": "INTEGER"}
        file.add(many)
        assert waits() == {"price": "DECIMAL(18,6)", "size": "BIGINT", "record": "INTEGER"}
        assert file.settle().stored == 6


def test_codes_are_given_in_the_order_of_appearance():
    seen = feeds.codes.Codes(("symbol",))
    batches = [["b", "a", "b"], ["a", "c", "b", "c"], ["c"], ["d", "e", "d"]]
    codes = [seen.coded(pl.DataFrame({"symbol": names})).to_list() for names in batches]
    assert codes == [[0, 1, 0], [1, 2, 0, 2], [2], [3, 4, 3]]
    assert seen.codes is not None
    assert seen.codes["symbol"].to_list() == ["b", "a", "c", "d", "e"]


NOON = 1_762_362_000
ARRIVALS = {
    "in time": [[(0, 1), (0, 1), (0, 2)], [(0, 2), (1, 0)], [(2, 5)]],
    "a time goes back within a lot": [[(0, 1), (2, 1), (1, 1), (3, 1)]],
    "a time goes back between lots": [[(0, 1), (2, 1)], [(1, 1)], [(3, 1)]],
    "a sequence goes back within a time": [[(0, 1), (1, 3), (1, 2)]],
    "a sequence goes back between lots": [[(0, 1), (1, 3)], [(1, 2), (1, 3)]],
}


def arrived(store: Store, lots: list[list[tuple[int, int]]]) -> list[tuple]:
    """What rests of prints of two contracts, (second, sequence) in lots, as they lie in the store."""
    record = 2
    good: list[pl.DataFrame] = []
    for lot in lots:
        rows = [
            {"ts": datetime.fromtimestamp(NOON + second, UTC).isoformat(), "sequence": str(sequence)}
            for second, sequence in lot
            for _ in "BA"
        ]
        contracts = batch(BESIDE, record).drop("ts", "sequence", "record")
        frame = pl.concat([pl.concat([contracts] * len(lot)), pl.DataFrame(rows)], how="horizontal")
        frame = frame.with_columns(record=pl.int_range(record, record + frame.height, dtype=pl.Int64))
        record += frame.height
        good.append(check(frame, TABLES["option_trades"], store.calendar()).good)
    store.append(TABLES["option_trades"], "canonical", "x.csv", "1", good)
    return store._frame("SELECT session, contract, ts, sequence, record FROM tape.option_trades").rows()


@pytest.mark.usefixtures("each_alone")
@pytest.mark.parametrize("lots", ARRIVALS.values(), ids=list(ARRIVALS))
def test_rows_rest_in_the_order_of_the_store_however_they_came(store: Store, lots):
    found = arrived(store, lots)
    assert len(found) == 2 * sum(map(len, lots))
    assert found == sorted(found)


@pytest.mark.usefixtures("each_alone")
@pytest.mark.parametrize("lots", list(ARRIVALS.values())[1:], ids=list(ARRIVALS)[1:])
def test_an_order_that_is_taken_for_granted_is_caught(store: Store, lots, monkeypatch: pytest.MonkeyPatch):
    """The planted fault: rows sorted by their records alone, as if all had come in time."""
    monkeypatch.setattr(feeds.writing.FileWriting, "_follows", lambda *_: True)
    found = arrived(store, lots)
    assert found != sorted(found)
