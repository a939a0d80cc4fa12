"""FINRA's daily and weekly layouts: known rows, the count that proves a file whole, hostile cells, the real files."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.finra import Finra
from feeds.ingest import ingest
from feeds.schema import CONSOLIDATED
from feeds.store import Store
from feeds.writers import writer

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "finra"
HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
SPACED = "Date|Symbol|Short Volume|Short Exempt Volume|Total Volume|Market Center"
ROW = "20250103|AAPL|100|5|250|Q"
RECORD = {
    "weekStartDate": "2025-04-28", "tierIdentifier": "T1", "summaryTypeCode": "ATS_W_SMBL",
    "issueSymbolIdentifier": "AAPL", "totalWeeklyShareQuantity": 35418775, "totalWeeklyTradeCount": 451551,
    "lastUpdateDate": "2025-05-19",
}  # fmt: skip


def daily(folder: Path, *rows: str, count: int | str | None = -1, header: str = HEADER, name: str = "x.txt") -> Path:
    footer = [] if count is None else [str(len(rows) if count == -1 else count)]
    (folder / name).write_bytes("\r\n".join([header, *rows, *footer, ""]).encode())
    return folder / name


def weekly(folder: Path, *records: dict, name: str = "weeklySummary.json") -> Path:
    (folder / name).write_text(json.dumps(records))
    return folder / name


def one(store: Store, path: Path, **options):
    (outcome,) = ingest(store, [path], **options)
    assert outcome.error is None, outcome.error
    assert outcome.source == "finra"
    assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return outcome


def stored(store: Store, table: str, *columns: str) -> list[tuple]:
    (part,) = store.parts({table: "history"}, store.sessions())
    return part.tables[table].select(columns).rows()


@pytest.mark.parametrize("header", [HEADER, SPACED])
def test_both_spellings_of_the_header(store, tmp_path, header):
    assert one(store, daily(tmp_path, ROW, "20250103|BRK/B|1.5|0|2.25|N", header=header)).stored == 2
    columns = ("date", "symbol", "facility", "short_volume", "short_exempt_volume", "total_volume")
    assert stored(store, "short_volume", *columns) == [
        (date(2025, 1, 3), "AAPL", "Q", 100.0, 5.0, 250.0), (date(2025, 1, 3), "BRK/B", "N", 1.5, 0.0, 2.25),
    ]  # fmt: skip


def test_known_before_the_close_of_the_next_session(store, tmp_path):
    one(store, daily(tmp_path, ROW))
    ((session, known_at),) = stored(store, "short_volume", "session", "known_at")
    assert session == date(2025, 1, 6)
    assert known_at == int(datetime(2025, 1, 6, 14, 30, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_the_consolidated_file_stands_apart_from_its_parts(store, tmp_path):
    """What is added up in CNMS is never taken for a facility of its own, whatever its market column lists."""
    one(store, daily(tmp_path, "20250103|AAPL|160|5|400|B,Q,N", "20250103|THIN|7|0|9|Q", name="CNMSshvol20250103.txt"))
    one(store, daily(tmp_path, ROW, "20250103|THIN|7|0|9|Q", name="FNSQshvol20250103.txt"))
    one(store, daily(tmp_path, "20250103|AAPL|60|0|150|N", name="FNYXshvol20250103.txt"))
    rows = stored(store, "short_volume", "symbol", "facility", "total_volume")
    assert sorted(rows) == [
        ("AAPL", CONSOLIDATED, 400.0), ("AAPL", "N", 150.0), ("AAPL", "Q", 250.0),
        ("THIN", CONSOLIDATED, 9.0), ("THIN", "Q", 9.0),
    ]  # fmt: skip
    parts = sum(volume for symbol, facility, volume in rows if symbol == "AAPL" and facility != CONSOLIDATED)
    assert parts == 400.0


def test_a_consolidated_file_under_another_name_is_told_by_its_markets(store, tmp_path):
    one(store, daily(tmp_path, "20250103|AAPL|160|5|400|B,Q,N"))
    assert stored(store, "short_volume", "facility") == [(CONSOLIDATED,)]


@pytest.mark.parametrize(
    ("rows", "count", "said"),
    [
        ([ROW, ROW.replace("AAPL", "MSFT")], 3, "expected the 3 rows that its last line counts, found 2"),
        ([ROW, ROW.replace("AAPL", "MSFT")], 1, "expected the 1 rows that its last line counts, found 2"),
        ([ROW], None, "expected a last line that counts the rows"),
        ([ROW, "20250103|MSFT|1"], None, "expected a last line that counts the rows"),
        ([ROW], 0, "expected the 0 rows"),
    ],
)
def test_a_count_that_is_wrong_or_missing_refuses_the_file(store, tmp_path, rows, count, said):
    (outcome,) = ingest(store, [daily(tmp_path, *rows, count=count)], most_rejected=1.0)
    assert said in outcome.error
    assert store.held_sessions("short_volume") == []


def test_a_count_without_a_line_end_and_a_day_without_rows(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"{HEADER}\n{ROW}\n1")
    assert one(store, path).stored == 1
    empty = one(store, daily(tmp_path, name="FNQCshvol20250103.txt"))
    assert (empty.read, dict(empty.aside)) == (0, {"last line that counts no rows": 1})


def test_cut_anew_by_others_a_file_may_lack_the_count_but_not_contradict_it(store, tmp_path):
    assert one(store, daily(tmp_path, ROW, count=None, header=SPACED)).stored == 1
    (outcome,) = ingest(store, [daily(tmp_path, ROW, count=2, header=SPACED)])
    assert "expected the 2 rows" in outcome.error


def test_rows_that_do_not_fit_count_as_rows_of_the_file(store, tmp_path):
    rows = [ROW.replace("AAPL", f"S{n}") for n in range(300)]
    rows[9] = "20250103|SHORT"
    rows[19] = "20250103|BAD|x|0|5|Q"
    rows[29] = "20250103|DEEP|7"
    outcome = one(store, daily(tmp_path, *rows))
    assert (outcome.read, outcome.stored, outcome.rejected) == (300, 297, 3)
    assert store.rejects().sort("record")["record"].to_list() == [11, 21, 31]


@pytest.mark.parametrize("column", ["Symbol", "TotalVolume", "Market", "Date"])
def test_a_missing_column_is_named(store, tmp_path, column):
    (outcome,) = ingest(store, [daily(tmp_path, ROW, header=HEADER.replace(column, "Other"))])
    assert f"missing {column}" in outcome.error
    assert "x.txt" in outcome.error


def test_before_2011_there_is_no_exempt_volume(store, tmp_path):
    one(store, daily(tmp_path, "20100104|AAPL|1|2|Q", header="Date|Symbol|ShortVolume|TotalVolume|Market"))
    assert stored(store, "short_volume", "short_exempt_volume", "total_volume") == [(None, 2.0)]


def test_hostile_cells_stay_data_or_are_refused(store, tmp_path):
    nasty = ["=cmd()", "<script>", "'; DROP TABLE x", "a,b"]
    rows = [f"20250103|{symbol}|1|0|2|Q" for symbol in nasty]
    bad = ["20250103|" + "X" * 10_000 + "|1|0|2|Q", "20250104|AAPL|1|0|2|Q", "2025-1-3|AAPL|1|0|2|Q",
           "20250103||1|0|2|Q", "20250103|AAPL|-1|0|2|Q", "20250103|AAPL|1|0|nan|Q",
           "20250103|AAPL|1|0|2|"]  # fmt: skip
    outcome = one(store, daily(tmp_path, *rows, *bad), most_rejected=1.0)
    assert (outcome.stored, outcome.rejected) == (4, 7)
    assert sorted(symbol for (symbol,) in stored(store, "short_volume", "symbol")) == sorted(nasty)
    assert all(store.rejects()["reason"])


def test_truncated_gzip_is_one_line(store, tmp_path):
    whole = gzip.compress("\n".join([HEADER, *[f"20250103|S{n}|1|0|{n}|Q" for n in range(20_000)], "20000"]).encode())
    (tmp_path / "a.txt.gz").write_bytes(whole)
    assert one(store, tmp_path / "a.txt.gz").stored == 20_000
    (tmp_path / "b.txt.gz").write_bytes(whole[: len(whole) // 2])
    (outcome,) = ingest(store, [tmp_path / "b.txt.gz"])
    assert "b.txt.gz" in outcome.error


def test_weekly_summaries_keep_firms_and_totals_apart_and_count_the_rest(store, tmp_path):
    firm = {**RECORD, "summaryTypeCode": "ATS_W_SMBL_FIRM", "totalWeeklyShareQuantity": 20000000.5}
    outcome = one(store, weekly(
        tmp_path, RECORD, {**firm, "MPID": "XATS"}, {**firm, "MPID": None, "marketParticipantName": "Y POOL"},
        {**RECORD, "summaryTypeCode": "OTC_W_SMBL"}, {**firm, "summaryTypeCode": "OTC_W_SMBL_FIRM", "MPID": "XATS"},
        {**RECORD, "summaryTypeCode": "ATS_W_FIRM", "issueSymbolIdentifier": None}, {**RECORD, "summaryTypeCode": None},
    ))  # fmt: skip
    assert dict(outcome.aside) == {
        "summaries of type OTC_W_SMBL": 1, "summaries of type OTC_W_SMBL_FIRM": 1, "summaries of type ATS_W_FIRM": 1,
        "summaries of type ": 1,
    }  # fmt: skip
    assert sorted(stored(store, "ats_weekly", "venue", "shares", "trades"), key=str) == sorted(
        [(None, 35418775.0, 451551.0), ("XATS", 20000000.5, 451551.0), ("Y POOL", 20000000.5, 451551.0)], key=str
    )


def test_a_week_is_known_by_its_last_update_weeks_later(store, tmp_path):
    """Two versions of a week are two rows: nobody knew the later number before."""
    first = {**RECORD, "initialPublishedDate": "2025-05-19", "lastUpdateDate": None}
    later = {**first, "lastUpdateDate": "2025-06-02", "totalWeeklyShareQuantity": 1}
    one(store, weekly(tmp_path, first, later))
    rows = sorted(stored(store, "ats_weekly", "week_start", "published", "shares", "session"))
    assert rows == [
        (date(2025, 4, 28), date(2025, 5, 19), 35418775.0, date(2025, 5, 20)),
        (date(2025, 4, 28), date(2025, 6, 2), 1.0, date(2025, 6, 3)),
    ]


@pytest.mark.parametrize("delimiter", [",", "|"])
def test_the_same_week_as_text(store, tmp_path, delimiter):
    path = tmp_path / "week.csv"
    names = list(RECORD)
    quoted = [delimiter.join(f'"{each}"' for each in cells) for cells in (names, RECORD.values())]
    path.write_text("\n".join(quoted) + "\n")
    assert one(store, path).ignored == ("tierIdentifier",)
    assert stored(store, "ats_weekly", "symbol", "venue", "shares") == [("AAPL", None, 35418775.0)]


@pytest.mark.parametrize(
    "column", ["issueSymbolIdentifier", "summaryTypeCode", "totalWeeklyShareQuantity", "lastUpdateDate"]
)
def test_a_missing_key_is_named(store, tmp_path, column):
    (outcome,) = ingest(store, [weekly(tmp_path, {name: each for name, each in RECORD.items() if name != column})])
    assert "weeklySummary.json" in outcome.error
    assert f"missing {column}" in outcome.error


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b"", "broken"), (b', {"weekStartDate": ', "broken"), (b', {"week\n', "broken"), (b", 5]", "flat records"),
        (b"," + b"[" * 100_000, "flat records"), (b", {]" + b" " * 70_000, "flat records"),
    ],
)  # fmt: skip
def test_broken_json_is_one_line(store, tmp_path, tail, said):
    path = tmp_path / "w.json"
    path.write_bytes(b"[" + json.dumps(RECORD).encode() + tail)
    (outcome,) = ingest(store, [path])
    assert said in outcome.error
    assert "w.json" in outcome.error
    assert "\n" not in outcome.error


def test_json_longer_than_a_chunk_is_read_record_by_record(store, tmp_path):
    many = [{**RECORD, "issueSymbolIdentifier": f"S{n}é"} for n in range(9_000)]
    path = tmp_path / "long.json"
    path.write_text(json.dumps(many, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 1 << 20
    assert one(store, path).stored == 9_000
    assert {symbol for (symbol,) in stored(store, "ats_weekly", "symbol")} == {f"S{n}é" for n in range(9_000)}


def test_hostile_json_values_stay_data_or_are_refused(store, tmp_path):
    symbols = ["=cmd()", "<script>", "'; DROP TABLE x", "X" * 10_000, "a\x00b", ["x"], {"a": 1}, None, 7]
    outcome = one(
        store, weekly(tmp_path, *({**RECORD, "issueSymbolIdentifier": each} for each in symbols)), most_rejected=1.0
    )
    kept = sorted(symbol for (symbol,) in stored(store, "ats_weekly", "symbol"))
    assert kept == sorted(["=cmd()", "<script>", "'; DROP TABLE x", '["x"]', '{"a": 1}', "7"])
    assert (outcome.stored, outcome.rejected) == (6, 3)


def test_other_text_and_json_is_not_claimed(tmp_path):
    for n, content in enumerate(("a|b\n1|2\n", '[{"a": 1}]', "[]", '{"weekStartDate": 1}', "<html>|</html>", "[[[[")):
        path = tmp_path / f"{n}.txt"
        path.write_text(content)
        assert Finra().claim(path) is None


CELL = st.one_of(
    st.text(max_size=8), st.sampled_from(["20250103", "AAPL", "1", "2.5", "Q", "B,Q,N", "", '"', "|", "\n"])
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELL, max_size=7), max_size=5), st.sampled_from([HEADER, SPACED]), st.binary(max_size=20))
def test_no_cell_breaks_the_daily_reader_and_rows_are_conserved(store, tmp_path, rows, header, tail):
    lines = ["|".join(cells).encode("utf-8", "surrogatepass") for cells in rows]
    content = b"\n".join([header.encode(), *lines, str(len(rows)).encode(), tail])
    conserved(store, tmp_path / "x.txt", content)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from(sorted(RECORD)), JSON, max_size=3), max_size=4),
    st.binary(max_size=4),
    st.data(),
)
def test_no_value_breaks_the_weekly_reader_and_rows_are_conserved(store, tmp_path, changes, noise, data):
    content = json.dumps([RECORD, *({**RECORD, **changed} for changed in changes)]).encode()
    if noise:
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + noise + content[at + 1 :]
    conserved(store, tmp_path / "x.json", content)


def conserved(store: Store, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    (outcome,) = ingest(store, [path], most_rejected=1.0)
    if outcome.error is None:
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    else:
        assert path.name in outcome.error
        assert "\n" not in outcome.error


def test_the_writer_lays_files_out_as_finra_does(tmp_path):
    rows = pl.DataFrame(
        [(date(2025, 1, 3), "AAPL", CONSOLIDATED, 160.0, 5.0, 400.25),
         (date(2025, 1, 3), "AAPL", "Q", 100.0, 0.0, 250.0)],
        schema=["date", "symbol", "facility", "short_volume", "short_exempt_volume", "total_volume"], orient="row",
    )  # fmt: skip
    paths = {path.name: path.read_bytes() for path in writer("finra")({"short_volume": rows}, None, tmp_path)}
    assert paths == {
        "CNMSshvol20250103.txt": f"{HEADER}\r\n20250103|AAPL|160|5|400.25|B,Q,N\r\n1\r\n".encode(),
        "FNSQshvol20250103.txt": f"{HEADER}\r\n20250103|AAPL|100|0|250|Q\r\n1\r\n".encode(),
    }


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_the_real_files_are_read_whole(store):
    """232,875 lines of four facilities, nine of which stand twice; five weeks of one stock."""
    outcomes = list(ingest(store, [REAL]))
    assert [outcome.error for outcome in outcomes] == [None] * 5
    by_table = {
        table: [
            sum(getattr(each, field) for each in outcomes if each.table == table) for field in ("stored", "duplicates")
        ]
        for table in ("short_volume", "ats_weekly")
    }
    assert by_table == {"short_volume": [232_866, 9], "ats_weekly": [5, 0]}
    assert {facility for (facility,) in stored(store, "short_volume", "facility")} == {"B", "N", "O", "Q"}
