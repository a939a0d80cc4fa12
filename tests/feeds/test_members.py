"""Dated snapshots of members with sectors: two tables or none, and an end for who has left."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import feeds.store
from feeds.ingest import ingest

from .hostile import cells, said_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "sectors" / "pit"
OLD = "Symbol,Name,Sector"
NEW = "Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded"


@pytest.fixture
def snapshot(tmp_path: Path):
    def write(name: str, rows: list[str], header: str = OLD) -> Path:
        path = tmp_path / "pit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def table(store, name: str) -> list[tuple]:
    (part,) = store.parts({name: "history"}, store.sessions())
    columns = {"index_members": ("date", "index", "symbol"), "sectors": ("symbol", "group", "from_date", "to_date")}
    frame = part.tables[name].sort("symbol", "date" if name == "index_members" else "from_date")
    return frame.select(columns[name]).rows()


def test_one_file_fills_members_and_sectors(store, snapshot):
    path = snapshot("constituents_2023-11-20.csv", ['BRK-B,"Berkshire, Inc.",Financials,x,"Omaha, Nebraska",,1,2'], NEW)
    members, sectors = ingest(store, [path])
    assert (members.table, members.stored, sectors.table, sectors.stored) == ("index_members", 1, "sectors", 1)
    assert "Date added" in members.ignored
    assert table(store, "index_members") == [(date(2023, 11, 20), "SPX", "BRK.B")]
    assert table(store, "sectors") == [("BRK.B", "Financials", date(2023, 11, 20), None)]
    again = ingest(store, [path])
    assert [(o.table, o.stored, o.duplicates) for o in again] == [("index_members", 0, 1), ("sectors", 0, 1)]


def test_who_leaves_or_moves_does_not_stay(store, snapshot):
    snapshot(
        "constituents_2018-04-02.csv",
        ["TWX,Time Warner,Consumer Discretionary", "GOOGL,Alphabet,Information Technology"],
    )
    folder = snapshot("constituents_2020-05-29.csv", ["GOOGL,Alphabet,Communication Services"]).parent
    assert [o.error for o in ingest(store, [folder])] == [None] * 4
    assert table(store, "sectors") == [
        ("GOOGL", "Information Technology", date(2018, 4, 2), date(2020, 5, 28)),
        ("GOOGL", "Communication Services", date(2020, 5, 29), None),
        ("TWX", "Consumer Discretionary", date(2018, 4, 2), date(2020, 5, 28)),
    ]


def test_a_later_snapshot_closes_what_was_read_before_it_came(store, snapshot):
    folder = snapshot("constituents_2018-04-02.csv", ["TWX,Time Warner,Consumer Discretionary"]).parent
    list(ingest(store, [folder]))
    assert table(store, "sectors")[0][3] is None
    snapshot("constituents_2020-05-29.csv", ["GOOGL,Alphabet,Communication Services"])
    first, *_ = ingest(store, [folder])
    assert (first.replaced, first.stored) == (1, 1)
    assert ("TWX", "Consumer Discretionary", date(2018, 4, 2), date(2020, 5, 28)) in table(store, "sectors")
    assert all(o.stored == 0 for o in ingest(store, [folder]))


def test_the_day_may_stand_in_the_folder(store, snapshot):
    snapshot("2018-04-02/constituents.csv", ["TWX,Time Warner,Consumer Discretionary"])
    last = snapshot("2020-05-29/constituents.csv", ["GOOGL,Alphabet,Communication Services"])
    list(ingest(store, [last.parents[1]]))
    assert [row[2:] for row in table(store, "sectors")] == [
        (date(2020, 5, 29), None),
        (date(2018, 4, 2), date(2020, 5, 28)),
    ]


def test_sub_industries_in_the_sector_column_are_a_scheme_of_their_own(store, snapshot):
    rows = [
        "MMM,3M,Industrial Conglomerates",
        "V,Visa,Financials ",
        "X,US Steel,Industries",
        "T,AT&T,Telecommunications Services",
    ]
    list(ingest(store, [snapshot("constituents_2023-03-07.csv", rows)]))
    (part,) = store.parts({"sectors": "history"}, store.sessions())
    found = {row["symbol"]: (row["scheme"], row["group"]) for row in part.tables["sectors"].to_dicts()}
    assert found == {
        "MMM": ("gics_sub_industry", "Industrial Conglomerates"),
        "V": ("gics", "Financials"),
        "X": ("gics", "Industrials"),
        "T": ("gics", "Telecommunication Services"),
    }


def test_a_row_refused_by_one_table_is_refused_by_both(store, snapshot):
    rows = ["A,Agilent,Health Care", "LYB,LyondellBasell", "DHR,Danaher Corp.,Industrials,Washington D.C", "B,Barnes,"]
    rows += [f"{'X' * 10_000},=cmd(),Energy", "'; DROP TABLE sectors,<script>,Energy"]
    outcomes = list(ingest(store, [snapshot("constituents_2012-12-27.csv", rows)], most_rejected=1.0))
    assert [(o.read, o.stored, o.rejected) for o in outcomes] == [(6, 2, 4)] * 2
    assert [row[2] for row in table(store, "index_members")] == ["'; DROP TABLE sectors", "A"]
    assert set(store.rejects()["record"]) == {3, 4, 5, 6}


def test_both_tables_or_none(store, snapshot, monkeypatch):
    path = snapshot("constituents_2012-12-27.csv", ["A,Agilent,Health Care"])
    append = feeds.store.Store.append

    def failing(self, into, *given, **named):
        if into.name == "sectors":
            raise RuntimeError("the disk is full")
        return append(self, into, *given, **named)

    monkeypatch.setattr(feeds.store.Store, "append", failing)
    with pytest.raises(RuntimeError):
        list(ingest(store, [path]))
    monkeypatch.undo()
    assert store.held_sessions("index_members") == []
    assert [o.stored for o in ingest(store, [path])] == [1, 1]


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("constituents.csv", OLD, "Rename it to constituents_YYYY-MM-DD.csv"),
        ("constituents_2023-99-99.csv", OLD, "expected the snapshot's day"),
        ("constituents_2023-03-07.csv", "Symbol,Name", "missing Sector"),
        ("constituents_2023-03-07.csv", NEW.replace("GICS Sector,", ""), "missing GICS Sector"),
    ],
)
def test_what_is_missing_is_named(store, snapshot, name, header, said):
    (outcome,) = ingest(store, [snapshot(name, ["A,B,C"], header)])
    assert said in outcome.error
    assert name in outcome.error


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([OLD, NEW]), st.lists(st.lists(cells, min_size=1, max_size=8).map(",".join), max_size=6))
def test_any_cells_are_read_or_refused(tmp_path, scratch, header, rows):
    path = tmp_path / "fuzz_2023-03-07.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8", errors="surrogatepass")
    assert path.name in said_of(scratch, "members", path)


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_the_real_snapshots_are_read_whole(store):
    outcomes = list(ingest(store, [REAL]))
    assert [o.error for o in outcomes if o.error] == []
    assert len(outcomes) == 128
    assert all(o.read == o.stored + o.duplicates + o.rejected for o in outcomes)
    assert sum(o.rejected for o in outcomes if o.table == "sectors") == 8
    held = {row[0]: row[3] for row in table(store, "sectors") if row[1] == "Telecommunication Services"}
    assert max(held.values()) == date(2020, 5, 28)  # the sector was renamed in September 2018: no snapshot in between


def test_a_header_that_comes_again_is_no_member(store, tmp_path):
    """Two snapshots put together: the second one's header reads like a symbol in a sector of its own."""
    path = tmp_path / "constituents_2025-11-05.csv"
    path.write_text("Symbol,Name,Sector\nA,Agilent,Health Care\nSymbol,Name,Sector\nB,Barnes,Industrials\n")
    outcomes = list(ingest(store, [path], most_rejected=1.0))
    assert [(o.table, o.read, o.stored, o.rejected) for o in outcomes] == [
        ("index_members", 3, 2, 1),
        ("sectors", 3, 2, 1),
    ]
    assert set(store.rejects()["reason"]) == {"the header again, where a member should be"}
