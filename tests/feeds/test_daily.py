"""Daily bars as Yahoo and Stooq give them, and data frames of them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import feeds.delimited
from feeds.daily import Daily
from feeds.ingest import ingest

from .hostile import cells, said_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us"
YAHOO = "Date,Open,High,Low,Close,Adj Close,Volume"
STOOQ = "Date,Open,High,Low,Close,Volume"
BULK = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"


@pytest.fixture
def bars(tmp_path: Path):
    def write(name: str, header: str, rows: list[str]) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def one(store, path: Path, **more):
    (outcome,) = ingest(store, [path], **more)
    return outcome


def rows_of(store, table: str) -> list[dict]:
    (part,) = store.parts({table: "history"}, store.sessions())
    return part.tables[table].sort("date").to_dicts()


def test_yahoo_bars_carry_the_symbol_of_the_file(store, bars):
    path = bars("BRK-B.csv", YAHOO, ["2025-11-04,500.1,505,499,501.25,500.75,3200100", "2025-11-05,1,1,1,1,1,0"])
    assert one(store, path).stored == 2
    first, flat = rows_of(store, "daily_bars")
    assert (first["symbol"], first["close"], first["adj_close"], first["volume"]) == ("BRK.B", 501.25, 500.75, 3200100)
    assert (flat["open"], flat["high"], flat["low"], flat["close"]) == (1, 1, 1, 1)  # one price all day: kept


@pytest.mark.parametrize("name", ["^GSPC.csv", "%5EGSPC (1).csv", "GSPC_daily_1990_2022.csv", "^spx_d.csv", "SPX.csv"])
def test_the_index_by_any_of_its_names(store, bars, name):
    outcome = one(store, bars(name, "Date,Open,High,Low,Close", ["2025-11-05,6700,6800,6690,6796.29"]))
    assert (outcome.error, outcome.table, outcome.stored) == (None, "index_levels", 1)
    (row,) = rows_of(store, "index_levels")
    assert (row["index"], row["close"]) == ("SPX", 6796.29)


def test_another_index_keeps_its_name_and_what_has_no_place_is_said(store, bars):
    outcome = one(store, bars("^VIX.csv", YAHOO, ["2025-11-05,18,19,17,18.01,18.01,0"]))
    assert (outcome.table, set(outcome.ignored)) == ("index_levels", {"Adj Close", "Volume"})
    assert rows_of(store, "index_levels")[0]["index"] == "VIX"


def test_stooq_from_the_web_and_in_bulk_are_the_same_bar(store, bars):
    one(store, bars("brk-b_us_d.csv", STOOQ, ["2025-11-05,500.1,505,499,501.25,3200100"]))
    again = one(store, bars("brk-b.us.txt", BULK, ["BRK-B.US,D,20251105,000000,500.1,505,499,501.25,3200100,0"]))
    assert (again.error, again.stored, again.duplicates) == (None, 0, 1)
    assert again.ignored == ("<TIME>", "<OPENINT>")


def test_stooq_bulk_index(store, bars):
    assert one(store, bars("^spx.txt", BULK, ["^SPX,D,20251105,000000,1,2,0.5,1.5,0,0"])).table == "index_levels"
    assert rows_of(store, "index_levels")[0]["index"] == "SPX"


def test_stooq_intraday_is_not_daily(store, bars):
    assert "<PER> '5'" in one(store, bars("a.us.txt", BULK, ["A.US,5,20251105,153000,1,2,0.5,1.5,9,0"])).error
    mixed = ["A.US,D,20251105,000000,1,2,0.5,1.5,9,0", "A.US,5,20251105,153000,1,2,0.5,1.5,9,0"]
    outcome = one(store, bars("b.us.txt", BULK, mixed), most_rejected=1.0)
    assert (outcome.stored, outcome.rejected) == (1, 1)


def test_a_long_bulk_file_is_read_as_a_short_one(store, bars, monkeypatch):
    """The planted fault: texts of later blocks as codes, in which no day is found."""
    monkeypatch.setattr(feeds.delimited, "BLOCK_BYTES", 500)
    rows = [f"A.US,D,201101{day:02d},000000,1,2,0.5,1.5,{day},0" for day in range(3, 32)]
    outcome = one(store, bars("a.us.txt", BULK, rows), most_rejected=1.0)
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 20, 9)
    assert [row["volume"] for row in rows_of(store, "daily_bars")][-2:] == [28.0, 31.0]


def test_a_bulk_row_without_a_ticker_is_refused(store, bars):
    outcome = one(store, bars("x.us.txt", BULK, [",D,20251105,0,1,2,0.5,1.5,9,0"]), most_rejected=1.0)
    assert (outcome.error, outcome.read, outcome.rejected) == (None, 1, 1)


def test_null_rows_and_hostile_cells_are_rejects(store, bars):
    bad = ["2025-11-03,null,null,null,null,null,null", "2025-11-04,1,1,1,=cmd(),1,1", "2025-11-08,1,1,1,1,1,1",
           '2025-11-05,1,1,1,"1<script>",1,1', "2025-11-05,1,1,1,1,1,'; DROP TABLE daily_bars"]  # fmt: skip
    outcome = one(store, bars("AAPL.csv", YAHOO, [*bad, "2025-11-06,1,2,1,2,2,10"]), most_rejected=1.0)
    assert (outcome.read, outcome.stored, outcome.rejected) == (6, 1, 5)
    assert {r["record"]: r["reason"].split("`")[1] for r in store.rejects().to_dicts()} == {
        2: "open", 3: "close", 4: "date", 5: "close", 6: "volume"}  # fmt: skip


def test_ragged_lines_are_rejects_with_their_line(store, bars):
    outcome = one(store, bars("AAPL.csv", YAHOO, ["2025-11-05,1,2", "2025-11-06,1,2,1,2,2,10"]), most_rejected=1.0)
    assert (outcome.read, outcome.stored, outcome.rejected) == (2, 1, 1)
    assert store.rejects()["record"].to_list() == [2]


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("AAPL.csv", "Date,Open,High,Low,Close", "missing Volume"),
        ("AAPL.csv", "Date,Open,Close,Volume", "missing High, Low"),
        ("a.us.txt", BULK.replace(",<CLOSE>", ""), "missing <CLOSE>"),
        (("X" * 60) + ".csv", YAHOO, "expected the symbol as the file's name"),
    ],
)
def test_what_is_missing_is_named(store, bars, name, header, said):
    path = bars(name, header, ["A.US,D,20251105,0,1,2,0.5,9,0"])
    error = one(store, path).error
    assert said in error
    assert path.name in error


def test_frames_of_many_symbols(store, tmp_path):
    path = tmp_path / "etfs.parquet"
    columns = {"symbol": ["SPY", "BRK-B"], "date": [date(2025, 11, 5)] * 2, "open": [1.0, 2.0], "high": [1.0, 2.0],
               "low": [1.0, 2.0], "close": [1.0, 2.0], "adjclose": [0.9, None], "volume": [5.0, 6.0],
               "dividends": [0.0, 0.1]}  # fmt: skip
    pl.DataFrame(columns).write_parquet(path)
    outcome = one(store, path)
    assert (outcome.stored, outcome.source, outcome.ignored) == (2, "daily", ("dividends",))
    found = {row["symbol"]: row["adj_close"] for row in rows_of(store, "daily_bars")}
    assert found == {"SPY": 0.9, "BRK.B": None}


def test_the_core_s_own_frames_are_left_to_it(tmp_path):
    path = tmp_path / "daily_bars.parquet"
    pl.DataFrame({"date": [date(2025, 11, 5)], "symbol": ["A"], "close": [1.0], "volume": [1.0]}).write_parquet(path)
    assert Daily().claim(path) is None


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([YAHOO, STOOQ, BULK]), st.lists(st.lists(cells, min_size=1, max_size=11).map(",".join), max_size=6)
)
def test_any_cells_are_read_or_refused(tmp_path, scratch, header, rows):
    path = tmp_path / "fuzz.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8", errors="surrogatepass")
    assert "fuzz.csv" in said_of(scratch, "daily", path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path, scratch, content):
    path = tmp_path / "fuzz.csv"
    path.write_bytes(YAHOO.encode() + b"\n" + content)
    assert "fuzz.csv" in said_of(scratch, "daily", path)


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_the_real_files_are_read_whole(store):
    paths = [REAL / "index" / "GSPC_daily_1990_2022.csv", REAL / "daily" / "etf_ohlcv_2005_2023.parquet"]
    levels, etfs = ingest(store, paths)
    assert (levels.error, levels.table, levels.stored, levels.rejected) == (None, "index_levels", 8315, 0)
    assert (etfs.error, etfs.stored, etfs.rejected) == (None, 116_845, 0)
