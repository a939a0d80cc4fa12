"""Whatever files a tape came in, `measure` gets it in the order session, instrument, ts, sequence, file, record."""

import random
from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.schema import TABLES, TAPE_COLUMNS
from feeds.store import Store
from tests.feeds.test_store import put, trade

DAYS = ("2025-11-05", "2025-11-06", "2025-11-07")
ORDER = ("contract", "ts", "sequence", "file", "record")


def prints(day: str, count: int, seed: int) -> list[dict]:
    """Prints of one session in no order, many of them with one time."""
    rng = random.Random(seed)
    return [
        trade(f"{day}T15:{rng.randrange(3):02d}:00Z", rng.choice("ABCD"), sequence=str(rng.randrange(9)))
        for _ in range(count)
    ]


FILES = {
    "one file": [[0, 1, 2]],
    "a file a session": [[0], [1], [2]],
    "sessions in reverse": [[2], [1], [0]],
    "a later file fills a gap": [[0, 2], [1]],
    "two files of each session": [[0, 1, 2], [2, 1, 0]],
    "one session in two files": [[0, 1], [1, 2]],
}


def fill(store: Store, files: list[list[int]]) -> None:
    for n, days in enumerate(files):
        rows = [row for day in days for row in prints(DAYS[day], 40, seed=10 * n + day)]
        put(store, "option_trades", rows, f"{n}.csv", str(n))


def out_of_order(store: Store, **more) -> list[str]:
    """What a reader would find wrong: sessions missing, strange or out of order, rows lost or out of order."""
    stored = store._frame(f"SELECT session, {', '.join(TAPE_COLUMNS['option_trades'])} FROM tape.option_trades")
    expected = {
        day: sorted(part.select(ORDER).rows())
        for (day,), part in stored.partition_by("session", as_dict=True, include_key=False).items()
    }
    found: dict[date, list] = {}
    for part in store.parts({"option_trades": "session"}, store.sessions(), **more):
        found.setdefault(part.session, []).extend(part.tables["option_trades"].select(ORDER).rows())
    wrong = [f"sessions {list(found)}"] if list(found) != sorted(expected) else []
    return wrong + [str(day) for day, rows in found.items() if rows != expected[day]]


@pytest.mark.parametrize("files", FILES.values(), ids=list(FILES))
@pytest.mark.parametrize("shard_rows", [30, 100, 4_000_000])
def test_rows_are_read_in_order(store, files, shard_rows):
    fill(store, files)
    assert out_of_order(store, shard_rows=shard_rows) == []


def test_a_ledger_that_forgets_a_file_is_caught(store):
    """The planted fault: with one of two files unnamed, the session counts as one ordered append and is not sorted."""
    fill(store, FILES["one session in two files"])
    store._db.execute("DELETE FROM ledger.partitions WHERE file = 2 AND session = ?", [date.fromisoformat(DAYS[1])])
    assert out_of_order(store) == [DAYS[1]]


def test_a_session_in_two_places_is_no_ordered_append(store):
    fill(store, FILES["one session in two files"])
    store._db.execute("DELETE FROM ledger.partitions WHERE file = 1 AND session = ?", [date.fromisoformat(DAYS[1])])
    store._db.execute("UPDATE tape.option_trades SET session = ? WHERE file = 1", [date.fromisoformat(DAYS[1])])
    store._db.execute(
        "UPDATE tape.option_trades SET session = ? WHERE file = 2 AND record > 60", [date.fromisoformat(DAYS[1])]
    )
    with pytest.raises(AssertionError, match="do not lie together"):
        out_of_order(store)


def test_a_file_replaced_by_a_newer_version_is_read_in_order(store):
    fill(store, FILES["one file"])
    put(store, "option_trades", [row for n, day in enumerate(DAYS) for row in prints(day, 60, n)], "0.csv", "new")
    assert out_of_order(store) == []


def test_order_outlives_many_row_groups_and_threads(store):
    """A session of several row groups (122,880 rows each), written and read by several threads."""
    count = 400_000
    rng = np.random.default_rng(1)
    put(store, "option_trades", [trade(f"{DAYS[0]}T15:00:00Z", u) for u in "ABCD"])
    good = pl.DataFrame(
        {
            "session": pl.repeat(date.fromisoformat(DAYS[1]), count, eager=True),
            "contract": pl.Series(rng.integers(0, 4, count), dtype=pl.Int32),
            "ts": rng.integers(0, 1000, count) + 1_762_441_200_000_000_000,
        }
    )
    stored = TAPE_COLUMNS["option_trades"]
    store._db.register("rows", good.to_arrow())
    others = [name for name in stored if name not in ("contract", "ts", "sequence", "file", "record")]
    store._db.execute(
        f"""INSERT INTO tape.option_trades BY NAME
            SELECT r.session, r.contract, make_timestamp_ns(r.ts)::TIMESTAMPTZ_NS AS ts, 0 AS sequence, 2 AS file,
                   row_number() OVER () AS record, t.conditions, {", ".join(f"t.{name}" for name in others)}
            FROM rows r, (FROM tape.option_trades LIMIT 1) t ORDER BY r.session, r.contract, r.ts, record"""
    )
    store._db.execute("INSERT INTO ledger.partitions VALUES ('option_trades', ?, 2, ?)", [good["session"][0], count])
    assert out_of_order(store) == []


def test_only_the_columns_asked_for_are_read(store):
    fill(store, FILES["one file"])
    columns = {"option_trades": ("contract", "ts", "price")}
    parts = list(store.parts({"option_trades": "session"}, store.sessions(), columns=columns))
    assert [part.tables["option_trades"].columns for part in parts] == [["contract", "ts", "price"]] * 3
    whole = list(store.parts({"option_trades": "session"}, store.sessions()))
    for few, every in zip(parts, whole, strict=True):
        assert every.tables["option_trades"].select("contract", "ts", "price").equals(few.tables["option_trades"])


def test_every_tape_has_the_columns_of_its_order():
    assert all({"ts", "sequence", "file", "record"} <= set(TAPE_COLUMNS[name]) for name in TAPE_COLUMNS)
    assert all(TABLES[name].is_tape for name in TAPE_COLUMNS)
