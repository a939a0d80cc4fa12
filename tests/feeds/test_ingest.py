"""Ingest loses nothing: read = stored + duplicates + rejected, and a bad file is one clear line."""

import gzip
import os
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.ingest import ingest
from feeds.store import Store
from indicators.views.ingest import outcome_line, outcomes_line

from .conftest import OPTION_HEADER, option_row


def run(store: Store, *paths: Path | str, **options):
    return list(ingest(store, paths, **options))


def test_rows_are_conserved_and_the_bad_one_in_a_thousand_is_named(store, option_csv):
    rows = [option_row(i) for i in range(1000)]
    rows[499] = option_row(499, price="-3")
    (outcome,) = run(store, option_csv("x.csv", rows), table="option_trades")
    assert outcome.error is None
    assert (outcome.read, outcome.stored, outcome.duplicates, outcome.rejected) == (1000, 999, 0, 1)
    reject = store.rejects().row(0, named=True)
    assert reject["record"] == 501  # the file's own line: a header, then 500 rows
    assert reject["path"] == "x.csv"
    assert "`price`, was '-3'" in reject["reason"]
    assert option_row(499, price="-3") in reject["raw"]


def test_lines_after_a_short_line_keep_their_own_numbers(store, option_csv):
    rows = [option_row(i) for i in range(400)]
    rows[9] = "2025-11-05T14:30:00Z,ACME,2025-11-21"
    rows[19] = option_row(19, price="x")
    (outcome,) = run(store, option_csv("x.csv", rows), table="option_trades")
    assert (outcome.read, outcome.stored, outcome.rejected) == (400, 398, 2)
    assert store.rejects()["record"].to_list() == [11, 21]
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    assert sorted(part.tables["option_trades"]["record"]) == [n for n in range(2, 402) if n not in (11, 21)]


def test_same_content_again_is_all_duplicates_under_any_name(store, option_csv):
    rows = [option_row(i) for i in range(5)]
    run(store, option_csv("x.csv", rows), table="option_trades")
    (again,) = run(store, option_csv("copy.csv", rows), table="option_trades")
    assert (again.read, again.stored, again.duplicates) == (5, 0, 5)
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 5)]


def test_corrected_file_replaces_its_earlier_version(store, option_csv):
    run(store, option_csv("x.csv", [option_row(i) for i in range(5)]), table="option_trades")
    (outcome,) = run(store, option_csv("second/x.csv", [option_row(i) for i in range(3)]), table="option_trades")
    assert (outcome.stored, outcome.replaced) == (3, 5)
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 3)]


def test_same_name_under_two_days_is_two_files(store, option_csv):
    run(store, option_csv("2025-11-05/x.csv", [option_row(1)]), table="option_trades")
    run(store, option_csv("2025-11-06/x.csv", [option_row(2)]), table="option_trades")
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 2)]


def test_identical_prints_of_one_file_are_distinct_trades(store, option_csv):
    (outcome,) = run(store, option_csv("x.csv", [option_row(1)] * 3), table="option_trades")
    assert outcome.stored == 3


def test_too_many_rejects_store_nothing(store, option_csv):
    rows = [option_row(i, price="x" if i < 5 else "1") for i in range(100)]
    (outcome,) = run(store, option_csv("x.csv", rows), table="option_trades")
    assert "5 of 100 rows rejected" in outcome.error
    assert "line 2: `price`, was 'x'" in outcome.error
    assert store.held_sessions("option_trades") == []
    (kept,) = run(store, option_csv("x.csv", rows), table="option_trades", most_rejected=0.05)
    assert (kept.stored, kept.rejected) == (95, 5)


@pytest.mark.parametrize("form", ["gz", "zst", "zip", "parquet", "plain"])
def test_every_packing_reads_the_same(store, option_csv, tmp_path, form):
    plain = option_csv("x.csv", [option_row(i) for i in range(7)])
    packed = tmp_path / f"packed.{form}"
    if form == "gz":
        packed.write_bytes(gzip.compress(plain.read_bytes()))
    elif form == "zst":
        packed.write_bytes(pa.Codec("zstd").compress(plain.read_bytes(), asbytes=True))
    elif form == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(plain, "inner.csv")
    elif form == "parquet":
        pl.read_csv(plain, infer_schema=False).write_parquet(packed)
    else:
        packed = plain
    (outcome,) = run(store, packed, table="option_trades")
    assert (outcome.error, outcome.stored) == (None, 7)


def test_typed_parquet_is_read_exactly(store, tmp_path):
    frame = pl.DataFrame({
        "ts": [1762353000123456789], "underlying": ["ACME"], "expiry": [date(2025, 11, 21)], "strike": [100.0],
        "right": ["C"], "price": [0.1], "size": [3],
    }).with_columns(pl.from_epoch("ts", time_unit="ns").dt.replace_time_zone("UTC"))  # fmt: skip
    frame.write_parquet(tmp_path / "x.parquet")
    (outcome,) = run(store, tmp_path / "x.parquet", table="option_trades")
    assert outcome.stored == 1
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    assert part.tables["option_trades"]["price"].to_list() == [100_000]


def test_a_column_of_a_type_that_says_nothing_of_it_is_named_with_its_file(store, tmp_path):
    frame = pl.DataFrame({"date": [date(2025, 11, 5)], "symbol": ["A"], "close": [b"1"], "volume": [1.0]})
    frame.write_parquet(tmp_path / "x.parquet")
    (outcome,) = run(store, tmp_path / "x.parquet", table="daily_bars")
    assert outcome.error == "'x.parquet': `close`, was a column of type Binary: expected numbers"


def test_canonical_header_is_recognised_without_its_table(store, option_csv):
    (outcome,) = run(store, option_csv("x.csv", [option_row()]))
    assert (outcome.table, outcome.stored) == ("option_trades", 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "zero bytes"),
        (b"\x00\x01\x02\x03" * 500, "found no line of text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "missing ts"),
        (b"date,index,close\n2025-11-05,SPX,1\n", "missing ts, underlying"),
        ((OPTION_HEADER + "\n").encode(), "nothing below it"),
        (
            gzip.compress((OPTION_HEADER + "\n" + "\n".join(option_row(i) for i in range(9999))).encode())[:-3000],
            "found",
        ),
        (b"PAR1 this is no parquet", "expected Parquet"),
        (b"PK\x03\x04 this is no zip", "expected a zip"),
    ],
    ids=["empty", "rubbish", "html", "other table", "header only", "cut gz", "bad parquet", "bad zip"],
)
def test_unreadable_file_is_one_line_and_the_others_go_on(store, option_csv, tmp_path, content, said):
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    good = option_csv("good.csv", [option_row()])
    first, second = run(store, bad, good, table="option_trades")
    assert said in first.error
    assert "\n" not in first.error
    assert (second.error, second.stored) == (None, 1)
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 1)]


def test_missing_path_is_an_error(store, tmp_path):
    (outcome,) = run(store, tmp_path / "nowhere.csv", table="option_trades")
    assert "no such file" in outcome.error


def test_folder_skips_what_nobody_claims_but_a_named_file_does_not(store, option_csv, tmp_path):
    option_csv("drop/x.csv", [option_row()])
    (tmp_path / "drop" / "notes.txt").write_text("nothing here\n")
    outcomes = {o.path.name: o for o in run(store, tmp_path / "drop")}
    assert outcomes["notes.txt"].skipped
    assert outcomes["x.csv"].stored == 1
    (named,) = run(store, tmp_path / "drop" / "notes.txt")
    assert "no feed knows this layout" in named.error


def test_what_is_said_of_a_folder_names_places_and_ends_with_a_sum(store, option_csv, tmp_path):
    for n, day in enumerate(("2025-11-05", "2025-11-06")):
        option_csv(f"drop/{day}/x.csv", [option_row(n)])
    (tmp_path / "drop" / "notes.txt").write_text("nothing here\n")
    (tmp_path / "drop" / "2025-11-06" / "empty.csv").touch()
    outcomes = list(run(store, tmp_path / "drop"))
    lines = [outcome_line(outcome) for outcome in outcomes]
    assert [line.split(": ")[0] for line in lines] == [
        "2025-11-05/x.csv", "'2025-11-06/empty.csv'", "2025-11-06/x.csv", "notes.txt",
    ]  # fmt: skip
    assert outcomes_line(outcomes) == (
        "files read: 2, passed over: 1, failed: 1; 2 rows read = 2 stored + 0 duplicates + 0 rejected;"
        " a file of an unknown layout can be read by its name with --table or --mapping"
    )


def test_nothing_that_was_asked_for_is_passed_over_in_silence(store, option_csv, tmp_path):
    (tmp_path / "bare").mkdir()
    with pytest.raises(NothingToShow, match="no file"):
        run(store, tmp_path / "bare")
    os.mkfifo(tmp_path / "pipe")
    (outcome,) = run(store, tmp_path / "pipe")
    assert "'pipe': expected a file, found a pipe or a device" in outcome.error
    option_csv("day1/x.csv", [option_row(1)])
    option_csv("day2/x.csv", [option_row(2)])
    (tmp_path / "day2" / "gone.csv").symlink_to(tmp_path / "nowhere")
    found = run(store, str(tmp_path / "day*"), table="option_trades")
    assert [(outcome.shown, outcome.stored, bool(outcome.error)) for outcome in found] == [
        ("x.csv", 1, False), ("gone.csv", 0, True), ("x.csv", 1, False),
    ]  # fmt: skip


@pytest.mark.parametrize("table", [None, "option_trades"])
def test_a_zip_of_several_files_is_said_to_be_one(store, option_csv, tmp_path, table):
    plain = option_csv("x.csv", [option_row()])
    for name, inner in (("two", ["a.csv", "b.csv"]), ("mac", ["day/", "__MACOSX/._x.csv", "day/x.csv"])):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for member in inner:
                archive.writestr(member, "" if member.endswith("/") else plain.read_bytes())
    two, mac = run(store, tmp_path / "two.zip", tmp_path / "mac.zip", table=table)
    assert "'two.zip'" in two.error
    assert "a zip of 2 files: unpack it" in two.error
    assert (mac.error, mac.stored) == (None, 1)
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        for member in ("[Content_Types].xml", "xl/styles.xml"):
            archive.writestr(member, "<x/>")
    (book,) = run(store, tmp_path / "book.xlsx", table=table)
    assert "a workbook or document: save its table as CSV" in book.error


def test_a_fault_inside_a_zip_names_the_zip(store, option_csv, tmp_path):
    plain = option_csv("x.csv", [option_row().replace("ACME", '"ACME'), *[option_row()] * 9])
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(plain, "../inner.csv")
    (outcome,) = run(store, tmp_path / "packed.zip")
    assert outcome.error.startswith("'packed.zip'")


def test_glob(store, option_csv, tmp_path):
    option_csv("a1.csv", [option_row(1)])
    option_csv("a2.csv", [option_row(2)])
    assert len(run(store, str(tmp_path / "a*.csv"), table="option_trades")) == 2


def test_unknown_table_and_source_are_named(store):
    with pytest.raises(UnknownName, match="option_trades"):
        run(store, "x", table="option_trade")
    with pytest.raises(UnknownName, match="lean"):
        run(store, "x", source="laen")
    with pytest.raises(BadValue, match="share"):
        run(store, "x", most_rejected=3)


def test_hostile_cells_stay_text(store, option_csv):
    hostile = ['"=cmd()"', '"<script>alert(1)</script>"', '"\'; DROP TABLE tape.option_trades;--"', '"a""b"']
    rows = [option_row().replace("ACME", symbol) for symbol in hostile]
    (outcome,) = run(store, option_csv("x.csv", rows), table="option_trades")
    assert outcome.stored == 4
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    assert set(part.tables["contracts"]["underlying"]) == {
        "=cmd()", "<script>alert(1)</script>", "'; DROP TABLE tape.option_trades;--", 'a"b',
    }  # fmt: skip


def test_invalid_utf8_is_rejected_not_fatal(store, tmp_path):
    rows = [option_row(i).encode() for i in range(300)]
    rows[100] = rows[100].replace(b"ACME", b"AC\xff\xfe")
    path = tmp_path / "x.csv"
    path.write_bytes(b"\n".join([OPTION_HEADER.encode(), *rows]) + b"\n")
    (outcome,) = run(store, path, table="option_trades")
    assert (outcome.error, outcome.read, outcome.stored, outcome.rejected) == (None, 300, 299, 1)
    assert store.rejects()["record"].to_list() == [102]


def test_a_column_that_the_table_has_no_place_for_is_said(store, option_csv):
    path = option_csv("x.csv", [option_row() + ",7"], OPTION_HEADER + ",colour")
    (outcome,) = run(store, path, table="option_trades")
    assert (outcome.stored, outcome.ignored) == (1, ("colour",))
