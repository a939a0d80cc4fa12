"""The store: exact, ordered, whole or not at all."""

import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest

from feeds.check import check
from feeds.errors import StoreBusy, StoreUnreadable
from feeds.schema import ABSENT, ABSENT_DELTA, TABLES, TAPE_DTYPES
from feeds.store import LAYOUT, Store


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows).with_columns(record=pl.int_range(2, len(rows) + 2, dtype=pl.Int64))


def put(store: Store, table: str, rows: list[dict], name: str = "x.csv", sha: str = "1", assumed: str | None = None):
    parted = check(frame(rows), TABLES[table], store.calendar(TABLES[table].exchange))
    return store.append(TABLES[table], "canonical", name, sha, [parted.good], name, [parted.rejects], assumed=assumed)


def trade(ts: str, underlying: str = "ACME", **more: str) -> dict:
    return {"ts": ts, "underlying": underlying, "expiry": "2025-11-21", "strike": "100", "right": "C",
            "price": "1.25", "size": "10", **more}  # fmt: skip


def test_a_print_comes_back_as_it_went_in(store):
    put(store, "option_trades", [trade("2025-11-05T14:30:00.123456789Z", bid="1.2", conditions="sweep")])
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    row = part.tables["option_trades"].row(0, named=True)
    assert (row["ts"], row["price"], row["bid"], row["ask"]) == (1762353000123456789, 1_250_000, 1_200_000, -1)
    assert part.tables["contracts"].row(0, named=True)["strike"] == 100_000_000
    for name, dtype in part.tables["option_trades"].schema.items():
        assert dtype == TAPE_DTYPES[name], name
        assert part.tables["option_trades"][name].null_count() == 0


def test_canonical_view_has_the_documented_columns(store):
    put(store, "option_trades", [trade("2025-11-05T14:30:00Z")])
    with_columns = store._db.sql("SELECT * FROM option_trades").columns
    assert with_columns[: len(TABLES["option_trades"].names)] == list(TABLES["option_trades"].names)
    price = store._db.sql("SELECT typeof(price), bid FROM option_trades").fetchall()[0]
    assert price == ("DECIMAL(18,6)", None)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_canonical_table_exists_with_its_columns(store, table):
    columns = store._db.sql(f"SELECT * FROM main.{table}").columns
    assert set(TABLES[table].names) <= set(columns)


def test_tape_is_read_in_order_whatever_order_it_came_in(store):
    times = ["2025-11-05T15:30:00Z", "2025-11-05T14:30:00Z", "2025-11-05T14:45:00Z"]
    put(store, "option_trades", [trade(ts, u) for ts in times for u in ("B", "A")], "x.csv", "1")
    put(store, "option_trades", [trade("2025-11-05T14:29:59Z", "B")], "y.csv", "2")
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    tape = part.tables["option_trades"]
    assert tape.height == 7
    assert tape.select("contract", "ts", "sequence").rows() == sorted(tape.select("contract", "ts", "sequence").rows())


def test_shards_never_cut_an_instrument(store):
    rows = [trade(f"2025-11-05T14:30:{i:02d}Z", u) for u in "ABCDE" for i in range(4)]
    put(store, "option_trades", rows)
    parts = list(store.parts({"option_trades": "session"}, store.sessions(), shard_rows=7))
    assert len(parts) > 1
    seen = [set(part.tables["option_trades"]["contract"]) for part in parts]
    assert sum(len(s) for s in seen) == len(set().union(*seen)) == 5
    assert sum(part.tables["option_trades"].height for part in parts) == 20


def test_as_of_leaves_out_later_prints_and_rows(store):
    put(store, "option_trades", [trade("2025-11-05T14:30:00Z"), trade("2025-11-05T15:30:00Z")])
    (part,) = store.parts({"option_trades": "session"}, store.sessions(), as_of=1762353000000000000)
    assert part.tables["option_trades"].height == 1
    put(store, "index_levels", [{"date": d, "index": "SPX", "close": "1"} for d in ("2025-11-05", "2025-11-06")])
    (part,) = store.parts({"index_levels": "history"}, store.sessions(), as_of=1762400000000000000)
    assert part.tables["index_levels"]["date"].to_list() == [date(2025, 11, 5)]


def test_keyed_row_equal_is_duplicate_differing_is_recorded_correction(store):
    row = {"date": "2025-11-05", "index": "SPX", "close": "5"}
    assert put(store, "index_levels", [row], "a.csv", "1").stored == 1
    assert put(store, "index_levels", [row], "b.csv", "2").duplicates == 1
    entry = put(store, "index_levels", [{**row, "close": "6"}], "c.csv", "3")
    assert (entry.stored, entry.corrected) == (1, 1)
    (part,) = store.parts({"index_levels": "history"}, store.sessions())
    assert part.tables["index_levels"]["close"].to_list() == [6.0]
    was, became = store._db.sql("SELECT was, became FROM ledger.corrections").fetchall()[0]
    assert ('"close":5' in was, '"close":6' in became) == (True, True)


def test_last_of_two_differing_rows_in_one_file_holds(store):
    row = {"date": "2025-11-05", "index": "SPX", "close": "5"}
    entry = put(store, "index_levels", [row, {**row, "close": "6"}])
    assert (entry.read, entry.stored, entry.duplicates, entry.corrected) == (2, 1, 1, 1)


OPEN = {"date": "2025-11-05", "underlying": "A", "expiry": "2025-11-21", "strike": "1", "right": "C"}


@pytest.mark.parametrize(
    ("held", "came", "rests", "counted"),
    [
        (("5", ""), ("5", "7"), (5, 7, "b.csv"), (1, 0, 0, 1)),
        (("5", "7"), ("5", ""), (5, 7, "a.csv"), (0, 1, 0, 0)),
        (("5", "7"), ("5", "7"), (5, 7, "a.csv"), (0, 1, 0, 0)),
        (("5", ""), ("5", ""), (5, None, "a.csv"), (0, 1, 0, 0)),
        (("5", "7"), ("5", "8"), (5, 8, "b.csv"), (1, 0, 1, 0)),
        (("5", ""), ("6", "7"), (6, 7, "b.csv"), (1, 0, 1, 0)),
        (("5", "7"), ("6", ""), (6, None, "b.csv"), (1, 0, 1, 0)),
    ],
)
def test_an_absent_fact_contradicts_nothing(store, held, came, rests, counted):
    """Open interest and volume, and whose row rests: stored, duplicates, corrected and completed are told apart."""
    for name, (open_interest, volume) in (("a.csv", held), ("b.csv", came)):
        row = {**OPEN, "open_interest": open_interest, "volume": volume}
        entry = put(store, "open_interest", [row], name, name)
    assert (entry.stored, entry.duplicates, entry.corrected, entry.completed) == counted
    found = store._db.sql(
        "SELECT open_interest, volume, logical_name FROM main.open_interest JOIN ledger.files USING (file)"
    ).fetchall()
    assert found == [rests]
    assert store.correction_counts() == ({"open_interest": 1} if entry.corrected else {})
    assert store.held_sessions("open_interest") == [(date(2025, 11, 6), 1)]


def test_a_row_that_knows_more_and_less_is_a_correction(store):
    """It rests as its file has it, and the record keeps what it left out."""
    level = {"date": "2025-11-05", "index": "SPX", "close": "5"}
    put(store, "index_levels", [{**level, "open": "4", "high": ""}], "a.csv", "1")
    entry = put(store, "index_levels", [{**level, "open": "", "high": "6"}], "b.csv", "2")
    assert (entry.stored, entry.corrected, entry.completed) == (1, 1, 0)
    assert store._db.sql("SELECT open, high, close, file FROM main.index_levels").fetchall() == [(None, 6.0, 5.0, 2)]
    ((was,),) = store._db.sql("SELECT was FROM ledger.corrections").fetchall()
    assert '"open":4.0' in was


@pytest.mark.parametrize("ends", [("", "2025-11-07"), ("2025-11-07", "")])
def test_a_membership_without_an_end_says_that_it_holds(store, ends):
    member = {"scheme": "GICS", "group": "Energy", "symbol": "A", "from_date": "2025-11-05"}
    for name, end in zip("ab", ends, strict=True):
        entry = put(store, "sectors", [{**member, "to_date": end}], name, name)
    assert (entry.stored, entry.corrected, entry.completed) == (1, 1, 0)
    assert store._db.sql("SELECT to_date::VARCHAR FROM main.sectors").fetchall() == [(ends[1] or None,)]


def test_what_is_assumed_completes_nothing_that_was_read(store):
    row = {**OPEN, "open_interest": "5"}
    put(store, "open_interest", [{**row, "volume": ""}], "a.csv", "1")
    guess = put(store, "open_interest", [{**row, "volume": "7"}], "b.csv", "2", assumed="volume")
    assert (guess.stored, guess.duplicates, guess.completed) == (0, 1, 0)
    assert store._db.sql("SELECT volume, assumed FROM main.open_interest").fetchall() == [(None, None)]


def test_new_version_of_a_file_replaces_its_own_rows_only(store):
    put(store, "option_trades", [trade("2025-11-05T14:30:00Z")], "a.csv", "1")
    put(store, "option_trades", [trade("2025-11-05T14:31:00Z")], "b.csv", "2")
    entry = put(store, "option_trades", [trade("2025-11-06T14:30:00Z")], "a.csv", "3")
    assert entry.replaced == 1
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 1), (date(2025, 11, 6), 1)]


def test_failing_batch_leaves_nothing(store):
    good = check(frame([trade("2025-11-05T14:30:00Z")]), TABLES["option_trades"], store.calendar()).good

    def batches():
        yield good
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="disk"):
        store.append(TABLES["option_trades"], "canonical", "x.csv", "1", batches())
    assert store.held_sessions("option_trades") == []
    assert store.file_counts() == {}


def test_partition_hash_changes_with_any_input_and_with_nothing_else(store):
    put(store, "option_trades", [trade("2025-11-05T14:30:00Z")], "a.csv", "1")
    before = store.partition_hash(["option_trades"], date(2025, 11, 5))
    put(store, "option_trades", [trade("2025-11-06T14:30:00Z")], "b.csv", "2")
    assert store.partition_hash(["option_trades"], date(2025, 11, 5)) == before
    put(store, "option_trades", [trade("2025-11-05T14:30:01Z")], "a.csv", "3")
    assert store.partition_hash(["option_trades"], date(2025, 11, 5)) != before


def closing(day: int, close: str = "1") -> dict[str, str]:
    return {"index": "SPX", "date": f"2025-11-{day:02}", "close": close}


def test_a_file_that_comes_back_leaves_the_store_in_another_state(store):
    """Of two files that tell of one key the later holds, also where it only came back as it had been."""
    day = date(2025, 11, 5)

    def said() -> tuple[object, ...]:
        return store.partition_state(["index_levels"], day), store.partition_hashes(["index_levels"], day)

    put(store, "index_levels", [closing(5), closing(4)], "a.csv", "1")
    before, alike = said(), store.partition_hash(["index_levels"], day)
    put(store, "index_levels", [closing(5, "2")], "a.csv", "2")
    put(store, "index_levels", [closing(5), closing(4)], "a.csv", "1")
    assert store.partition_hash(["index_levels"], day) == alike
    assert all(now != then for now, then in zip(said(), before, strict=True))


def test_the_state_of_partitions_counts_later_sessions_only_where_a_table_had_none(store):
    tables, day = ["index_levels", "put_call_volume"], date(2025, 11, 5)
    states = [store.partition_state(tables, day)]
    for n in (5, 6, 7):
        put(store, "index_levels", [closing(n)], f"{n}.csv", str(n))
        states.append(store.partition_state(tables, day))
    assert [a == b for a, b in pairwise(states)] == [False, False, True]


def test_newer_layout_is_refused(tmp_path: Path):
    path = tmp_path / "new.duckdb"
    with Store.open(path) as opened:
        opened._db.execute("UPDATE ledger.store SET version = ?", [LAYOUT + 1])
    with pytest.raises(StoreUnreadable, match="newer version"), Store.open(path, read_only=True):
        pass


def test_rubbish_is_no_store(tmp_path: Path):
    path = tmp_path / "rubbish.duckdb"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreUnreadable, match="not a database of bullbear"), Store.open(path):
        pass


def test_somebody_elses_database_is_left_alone(tmp_path: Path):
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as other:
        other.execute("CREATE TABLE theirs (x INTEGER)")
    with pytest.raises(StoreUnreadable, match="not one of bullbear"), Store.open(path):
        pass


def test_missing_store_says_how_to_fill_one(tmp_path: Path):
    with pytest.raises(StoreUnreadable, match="bullbear ingest"), Store.open(tmp_path / "no.duckdb", read_only=True):
        pass


def test_second_writer_is_told_who_holds_the_store(tmp_path: Path):
    path = tmp_path / "market.duckdb"
    hold = """import sys
from feeds.store import Store
with Store.open(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=f"process {other.pid} is writing"), Store.open(path):
            pass
        other.communicate("")
    with Store.open(path):
        pass


def test_a_fault_while_parts_are_read_is_the_fault_that_is_seen(tmp_path: Path):
    def faulty() -> None:
        with Store.open(tmp_path / "market.duckdb") as opened:
            put(opened, "option_trades", [trade("2025-11-05T14:30:00Z", u) for u in "ABCDE"])
            parts = opened.parts({"option_trades": "session"}, opened.sessions(), shard_rows=1)
            next(parts)
            raise KeyError("measured wrongly")

    with pytest.raises(KeyError, match="measured wrongly"):
        faulty()


@pytest.mark.parametrize("assumed_first", [True, False])
def test_what_was_read_stands_against_what_was_assumed(store, assumed_first):
    """Whichever comes first; an assumed row that gives way is a duplicate and no correction."""

    def levels(close: float) -> pl.DataFrame:
        frame = pl.DataFrame({"record": [1], "date": ["2025-11-05"], "index": ["SPX"], "close": [close]})
        return check(frame, TABLES["index_levels"], store.calendar()).good

    files = [("guess", levels(1.0), "close"), ("read", levels(2.0), None)]
    entries = {
        name: store.append(TABLES["index_levels"], "x", name, name, [frame], assumed=assumed)
        for name, frame, assumed in (files if assumed_first else reversed(files))
    }
    (part,) = store.parts({"index_levels": "history"}, store.sessions())
    assert part.tables["index_levels"].select("close", "assumed").rows() == [(2.0, None)]
    assert entries["read"].corrected == int(assumed_first)
    assert (entries["guess"].stored, entries["guess"].duplicates) == ((1, 0) if assumed_first else (0, 1))


def test_delta_and_open_interest_rest_beside_a_print_and_are_read_only_by_name(store):
    rows = [
        trade("2025-11-05T14:30:00Z", delta="-0.25", open_interest="1200"),
        trade("2025-11-05T14:30:01Z", delta="1", open_interest=""),
        trade("2025-11-05T14:30:02Z", delta="", open_interest="0"),
    ]
    put(store, "option_trades", rows)
    put(store, "option_trades", [trade("2025-11-05T14:30:03Z")], "y.csv", "2")
    found = store._frame("SELECT delta::VARCHAR AS delta, open_interest FROM main.option_trades ORDER BY ts")
    assert found.rows() == [("-0.250000", 1200), ("1.000000", None), (None, 0), (None, None)]
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    assert {"delta", "open_interest"}.isdisjoint(part.tables["option_trades"].columns)
    named = {"option_trades": ("contract", "ts", "delta", "open_interest")}
    (part,) = store.parts({"option_trades": "session"}, store.sessions(), columns=named)
    tape = part.tables["option_trades"]
    assert tape["delta"].to_list() == [-250_000, 1_000_000, ABSENT_DELTA, ABSENT_DELTA]
    assert tape["open_interest"].to_list() == [1200, ABSENT, 0, ABSENT]
    assert {name: TAPE_DTYPES[name] for name in tape.columns} == dict(tape.schema)


def to_layout_4(store: Store) -> None:
    """A store as it was before published volumes and readings that are read again."""
    store._db.execute("ALTER TABLE main.open_interest DROP COLUMN volume")
    for name in ("money", "ranked", "input_hash"):
        store._db.execute(f"ALTER TABLE derived.readings DROP COLUMN {name}")
    store._db.execute("UPDATE ledger.store SET version = 4")


def test_a_store_of_an_older_layout_is_brought_up_with_its_prints(tmp_path: Path):
    path = tmp_path / "old.duckdb"
    with Store.open(path) as opened:
        put(opened, "option_trades", [trade("2025-11-05T14:30:00Z")])
        opened._db.execute("DROP VIEW main.option_trades")
        for name in ("delta", "open_interest"):
            opened._db.execute(f"ALTER TABLE tape.option_trades DROP COLUMN {name}")
        for name in TABLES:
            if name.startswith("cn_"):
                opened._db.execute(f"DROP TABLE main.{name}")
        to_layout_4(opened)
        opened._db.execute("UPDATE ledger.store SET version = 2")
    with Store.open(path) as opened:
        assert opened._frame("SELECT delta, open_interest FROM main.option_trades").rows() == [(None, None)]
        put(opened, "option_trades", [trade("2025-11-05T14:31:00Z", delta="0.5")], "y.csv", "2")
        assert opened._frame("SELECT delta::DOUBLE FROM main.option_trades WHERE delta > 0").rows() == [(0.5,)]


def test_open_interest_of_an_older_layout_has_no_volume_until_it_is_read_again(tmp_path: Path):
    path = tmp_path / "old.duckdb"
    contract = {"underlying": "ACME", "expiry": "2025-11-21", "strike": "100", "right": "C"}
    row = {"date": "2025-11-05", **contract, "open_interest": "40"}
    asked = pl.DataFrame({**contract, "date": date(2025, 11, 5), "strike": 100_000_000}).select(
        "date", "underlying", pl.col("expiry").str.to_date(), "strike", "right"
    )

    def known(store: Store) -> list[tuple]:
        return store.open_interest_of(asked).select("open_interest", "volume").rows()

    with Store.open(path) as opened:
        put(opened, "open_interest", [row])
        to_layout_4(opened)
    with pytest.raises(StoreUnreadable, match="layout 4"), Store.open(path, read_only=True):
        pass
    with Store.open(path) as opened:
        assert known(opened) == [(40, None)]
        entry = put(opened, "open_interest", [row | {"volume": "7"}], "y.csv", "2")
        assert (entry.stored, known(opened)) == (1, [(40, 7)])
        assert (entry.completed, opened.correction_counts()) == (1, {})


@pytest.mark.parametrize("volume", ["-1", "1.5", "x", "9223372036854775808"])
def test_a_volume_that_is_no_count_is_a_reject(store, volume):
    row = {"date": "2025-11-05", "underlying": "ACME", "expiry": "2025-11-21", "strike": "100", "right": "C"}
    entry = put(store, "open_interest", [row | {"open_interest": "40", "volume": volume}])
    assert (entry.stored, entry.rejected) == (0, 1)
    assert "`volume`" in store.rejects()["reason"][0]


@pytest.mark.parametrize("delta", ["1.000001", "-1.1", "0.1234567", "x", "1e-1"])
def test_a_delta_beyond_one_or_six_places_is_a_reject(store, delta):
    entry = put(store, "option_trades", [trade("2025-11-05T14:30:00Z", delta=delta)])
    assert (entry.stored, entry.rejected) == (0, 1)
    assert "-1 to 1" in store.rejects()["reason"][0]
