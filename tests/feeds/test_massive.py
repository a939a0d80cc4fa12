"""Massive's four layouts: known rows, and hostile ones."""

import gzip
import tempfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.ingest import ingest
from feeds.massive import LAYOUTS
from feeds.schema import EXCLUDED, MICRO, PrintFlag
from feeds.store import Store
from feeds.writers.massive import write

OPEN = 1_762_353_000_000_000_000  # 2025-11-05 09:30 New York
OPTION = "O:AAPL251121C00200000"


def gz(path: Path, table: str, rows: list[str]) -> Path:
    path.write_bytes(gzip.compress("\n".join([",".join(LAYOUTS[table]), *rows, ""]).encode()))
    return path


def stored(store: Store, tmp_path: Path, table: str, rows: list[str]):
    (outcome,) = ingest(store, [gz(tmp_path / "2025-11-05.csv.gz", table, rows)])
    assert outcome.error is None, outcome.error
    assert (outcome.table, outcome.source, outcome.rejected) == (table, "massive", 0)
    (part,) = store.parts({table: "session"}, store.sessions())
    return part.tables[table].sort("record").to_dicts(), part


def stock(
    conditions="", exchange="11", participant=OPEN, sip=OPEN + 500, size="100", trf_id="0", correction="0", price="10.5"
):
    return f"A,{conditions},{correction},{exchange},77,{participant},{price},5,{sip},{size},1,{trf_id},0"


def test_option_print(store, tmp_path):
    rows, part = stored(store, tmp_path, "option_trades", [f"{OPTION},209,0,302,1.25,{OPEN + 7},3"])
    assert (rows[0]["ts"], rows[0]["price"], rows[0]["size"], rows[0]["flags"]) == (OPEN + 7, 1_250_000, 3, 0)
    assert (rows[0]["bid"], rows[0]["ask"], rows[0]["record"], rows[0]["asset_class"]) == (-1, -1, 2, 0)
    contract = part.tables["contracts"].row(0, named=True)
    assert (contract["underlying"], contract["expiry"], contract["strike"], contract["right"]) == (
        "AAPL", date(2025, 11, 21), 200 * MICRO, "C",
    )  # fmt: skip
    assert part.tables["venues"]["code"].to_list() == ["C"]


def test_roots_are_contracts_of_their_own_and_index_roots_are_known(store, tmp_path):
    lines = [f"O:{root}251121P05000500,209,0,302,1.25,{OPEN},3" for root in ("SPX", "SPXW", "SPY", "BRKB")]
    rows, part = stored(store, tmp_path, "option_trades", lines)
    assert [row["asset_class"] for row in rows] == [3, 3, 2, 0]
    assert sorted(part.tables["contracts"]["underlying"]) == ["BRKB", "SPX", "SPXW", "SPY"]
    assert set(part.tables["contracts"]["strike"]) == {5_000_500_000}


def test_adjusted_mini_and_flex_contracts_are_kept_and_excluded(store, tmp_path):
    """What a point of premium is worth is not told: nothing is signed at a guessed multiplier."""
    lines = [f"O:{root}251121C00200000,209,0,302,1.25,{OPEN},3" for root in ("AAPL1", "AAPL7", "2SPX", "AAPL")]
    rows, part = stored(store, tmp_path, "option_trades", lines)
    assert [bool(row["flags"] & EXCLUDED) for row in rows] == [True, True, True, False]
    assert [bool(row["flags"] & PrintFlag.NONSTANDARD) for row in rows] == [True, True, True, False]
    assert rows[2]["asset_class"] == 3
    assert len(part.tables["contracts"]) == 4
    assert store.unknown_conditions() == []


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        *((code, PrintFlag.CANCELLED) for code in (201, 203, 205, 207)),
        *((code, PrintFlag.LATE) for code in (202, 204, 206, 208)),
        *((code, PrintFlag(0)) for code in (209,)),
        (210, PrintFlag.AUCTION),
        (219, PrintFlag.SWEEP),
        (227, PrintFlag.CROSS),
        (228, PrintFlag.CROSS | PrintFlag.SWEEP),
        (231, PrintFlag.FLOOR),
        *((code, PrintFlag.MULTI_LEG) for code in (232, 236, 240, 243, 247)),
        *((code, PrintFlag.MULTI_LEG | PrintFlag.CROSS) for code in (233, 237, 238, 244)),
        *((code, PrintFlag.MULTI_LEG | PrintFlag.FLOOR) for code in (235, 239, 242, 245, 246)),
        (248, PrintFlag.EXTENDED_HOURS),
    ],
)
def test_option_condition_numbers(store, tmp_path, code, flag):
    rows, _ = stored(store, tmp_path, "option_trades", [f"{OPTION},{code},0,302,1.25,{OPEN},3"])
    assert rows[0]["flags"] == flag


@pytest.mark.parametrize(
    ("conditions", "flag"),
    [
        ("", PrintFlag(0)),
        ("0", PrintFlag(0)),
        ('"12,37"', PrintFlag.EXTENDED_HOURS),
        ('"14,41"', PrintFlag.SWEEP),
        ("2", PrintFlag.AVERAGE_PRICE),
        ("10", PrintFlag.CONTINGENT),
        ("53", PrintFlag.CONTINGENT),
        ("22", PrintFlag.PRIOR_REFERENCE),
        ("32", PrintFlag.LATE),
        ("13", PrintFlag.LATE | PrintFlag.EXTENDED_HOURS),
        ("9", PrintFlag.CROSS),
        ("8", PrintFlag.AUCTION),
        ("25", PrintFlag.AUCTION),
        ("28", PrintFlag.AUCTION),
    ],
)
def test_stock_condition_numbers(store, tmp_path, conditions, flag):
    rows, _ = stored(store, tmp_path, "stock_trades", [stock(conditions)])
    assert rows[0]["flags"] == flag


def test_unknown_numbers_stay_and_are_counted(store, tmp_path):
    lines = [stock("999"), stock('"999,14"'), stock("14", correction="5")]
    rows, _ = stored(store, tmp_path, "stock_trades", lines)
    assert [row["flags"] & PrintFlag.UNKNOWN_CONDITION for row in rows] == [4096] * 3
    assert dict(store.unknown_conditions()) == {"massive:999": 2, "massive:correction_5": 1}


def test_a_word_smuggled_into_the_conditions_stays_a_number_unknown(store, tmp_path):
    rows, _ = stored(store, tmp_path, "stock_trades", [stock('"14;cancelled"'), stock('"x;late"')])
    assert [row["flags"] for row in rows] == [PrintFlag.UNKNOWN_CONDITION] * 2


@pytest.mark.parametrize(
    ("correction", "taken_back"),
    [("", 0), ("0", 0), ("00", 0), ("1", 0), ("01", 0), ("7", 1), ("8", 1), ("08", 1), ("10", 1), ("11", 1), ("12", 1)],
)
def test_corrections(store, tmp_path, correction, taken_back):
    rows, _ = stored(store, tmp_path, "stock_trades", [stock(correction=correction)])
    assert rows[0]["flags"] == taken_back * PrintFlag.CANCELLED


@pytest.mark.parametrize(
    ("exchange", "trf_id", "off"),
    [
        ("4", "202", True),
        ("4", "201", True),
        ("4", "0", False),
        ("4", "", False),
        ("11", "202", False),
        ("11", "0", False),
    ],
)
def test_off_exchange_is_finra_with_a_facility(store, tmp_path, exchange, trf_id, off):
    rows, _ = stored(store, tmp_path, "stock_trades", [stock(exchange=exchange, trf_id=trf_id)])
    assert rows[0]["off_exchange"] is off


def test_fractional_shares_are_exact(store, tmp_path):
    rows, _ = stored(store, tmp_path, "stock_trades", [stock(size="0.000001"), stock(size="12.5"), stock(size="100.0")])
    assert [row["size"] for row in rows] == [1, 12_500_000, 100_000_000]


def test_a_print_stands_when_it_was_executed_not_when_it_was_reported(store, tmp_path):
    """A report nine seconds late meets the quote of its execution, not the one that its price made."""
    late = stock(exchange="4", trf_id="202", participant=OPEN + 1_000, sip=OPEN + 9_000_000_000)
    other_day = stock(participant=OPEN - 86_400_000_000_000, sip=OPEN + 2_000)
    lines = [late, other_day, stock(participant="", sip=OPEN + 3_000), stock(participant="0", sip=OPEN + 4_000)]
    rows, _ = stored(store, tmp_path, "stock_trades", lines)
    assert [row["ts"] - OPEN for row in rows] == [1_000, 2_000, 3_000, 4_000]


def test_stock_quotes_stand_at_the_tapes_time(store, tmp_path):
    line = f"A,11,10.02,3,12,10.01,2,1,,{OPEN - 900},42,{OPEN},1,0"
    gz(tmp_path / "trades.csv.gz", "stock_trades", [stock()])
    rows, _ = stored(store, tmp_path, "stock_quotes", [line, line.replace("10.01", "0").replace("10.02", "")])
    wanted = ("ts", "sequence", "bid", "ask", "bid_size", "ask_size")
    assert [tuple(row[name] for name in wanted) for row in rows] == [
        (OPEN, 42, 10_010_000, 10_020_000, -1, -1),
        (OPEN, 42, 0, 0, -1, -1),
    ]


def test_option_quotes(store, tmp_path):
    rows, _ = stored(store, tmp_path, "option_quotes", [f"{OPTION},302,1.3,20,308,1.2,10,42,{OPEN}"])
    wanted = ("ts", "sequence", "bid", "ask", "bid_size", "ask_size")
    assert tuple(rows[0][name] for name in wanted) == (OPEN, 42, 1_200_000, 1_300_000, 10, 20)


@pytest.mark.parametrize("table", sorted(LAYOUTS))
def test_a_missing_column_is_named(store, tmp_path, table):
    for gone in LAYOUTS[table]:
        if gone == "ticker":
            continue
        path = tmp_path / "x.csv"
        path.write_text(",".join(name for name in LAYOUTS[table] if name != gone) + "\n1\n")
        (outcome,) = ingest(store, [path])
        assert f"{table.replace('_', ' ')}, missing {gone}; found ticker," in outcome.error


def test_other_columns_are_named_as_ignored(store, tmp_path):
    path = tmp_path / "x.csv"
    header = ",".join((*LAYOUTS["option_trades"], "newly_added"))
    path.write_text(f"{header}\n{OPTION},209,0,302,1.25,{OPEN},3,9\n")
    (outcome,) = ingest(store, [path])
    assert (outcome.stored, outcome.ignored) == (1, ("newly_added",))


BAD = {
    "ticker": f"AAPL251121C00200000,209,0,302,1.25,{OPEN},3",
    "no contract": f"O:AAPL,209,0,302,1.25,{OPEN},3",
    "day": f"O:AAPL251399C00200000,209,0,302,1.25,{OPEN},3",
    "expired": f"O:AAPL251021C00200000,209,0,302,1.25,{OPEN},3",
    "right": f"O:AAPL251121X00200000,209,0,302,1.25,{OPEN},3",
    "price": f"{OPTION},209,0,302,1.2500001,{OPEN},3",
    "no price": f"{OPTION},209,0,302,,{OPEN},3",
    "below zero": f"{OPTION},209,0,302,-1,{OPEN},3",
    "exponent": f"{OPTION},209,0,302,1e-2,{OPEN},3",
    "size": f"{OPTION},209,0,302,1.25,{OPEN},1.5",
    "time": f"{OPTION},209,0,302,1.25,2025-11-05 09:30,3",
    "no time": f"{OPTION},209,0,302,1.25,,3",
    "huge time": f"{OPTION},209,0,302,1.25,{'9' * 19},3",
    "short": f"{OPTION},209,0",
    "long": f"{OPTION},209,0,302,1.25,{OPEN},3,4,5",
    "control": f"O:A\x01PL251121C00200000,209,0,302,1.25,{OPEN},3",
    "length": f"O:{'A' * 10_000}251121C00200000,209,0,302,1.25,{OPEN},3",
}


@pytest.mark.parametrize("fault", sorted(BAD))
def test_a_bad_line_is_rejected_with_its_number(store, tmp_path, fault):
    good = f"{OPTION},209,0,302,1.25,{OPEN},3"
    path = gz(tmp_path / "x.csv.gz", "option_trades", [good, BAD[fault], good])
    (outcome,) = ingest(store, [path], most_rejected=0.5)
    assert (outcome.error, outcome.read, outcome.stored, outcome.rejected) == (None, 3, 2, 1)
    ((line, reason),) = [(row["record"], row["reason"]) for row in store.rejects().to_dicts()]
    assert line == 3
    assert reason


@pytest.mark.parametrize(
    "ticker", ["=cmd()|'/c calc'!A0", "<script>alert(1)</script>", "'; DROP TABLE tape; --", '"a""b"']
)
def test_hostile_tickers_stay_data(store, tmp_path, ticker):
    rows, part = stored(store, tmp_path, "stock_trades", [stock().replace("A,", f"{ticker},", 1)])
    assert len(rows) == 1
    assert part.tables["symbols"]["symbol"].to_list() == [ticker.strip('"').replace('""', '"')]


@pytest.mark.parametrize("cut", [5, 40, -9])
def test_a_truncated_file_is_one_clear_line(store, tmp_path, cut):
    path = gz(tmp_path / "x.csv.gz", "option_trades", [f"{OPTION},209,0,302,1.25,{OPEN + i},3" for i in range(2_000)])
    path.write_bytes(path.read_bytes()[:cut])
    (outcome,) = ingest(store, [path])
    assert "x.csv.gz" in outcome.error
    assert "\n" not in outcome.error
    assert outcome.stored == 0


CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [OPTION, "AAPL", "12,37", "209", str(OPEN), "1.25", "0", "-1", "nan", "1e9", "9" * 30, '"', "\n", "\0"]
    ),
)


@pytest.fixture(scope="module")
def held():
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "fuzz.duckdb") as opened:
        yield opened, Path(folder) / "fuzz.csv"


@settings(max_examples=15)
@given(table=st.sampled_from(sorted(LAYOUTS)), data=st.data())
def test_any_cells_under_the_header_are_stored_or_rejected(held, table, data):
    opened, path = held
    rows = data.draw(st.lists(st.lists(CELL, min_size=1, max_size=15), min_size=1, max_size=5))
    quoted = st.booleans()
    lines = [
        ",".join('"' + cell.replace('"', '""') + '"' if data.draw(quoted) else cell for cell in row) for row in rows
    ]
    path.write_text("\n".join([",".join(LAYOUTS[table]), *lines]), encoding="utf-8", errors="surrogatepass")
    (outcome,) = ingest(opened, [path], most_rejected=1)
    assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected


@settings(max_examples=15)
@given(table=st.sampled_from(sorted(LAYOUTS)), content=st.binary(max_size=300), head=st.booleans())
def test_any_bytes_are_refused_in_one_line_or_read(held, table, content, head):
    opened, path = held
    path.write_bytes((",".join(LAYOUTS[table]) + "\n").encode() * head + content)
    for outcome in ingest(opened, [path], source="massive", most_rejected=1):
        assert "\n" not in (outcome.error or "")
        assert outcome.error or outcome.read == outcome.stored + outcome.duplicates + outcome.rejected


def test_prints_and_quotes_are_written_as_the_vendor_has_them(tmp_path):
    at = pl.lit(OPEN).cast(pl.Datetime("ns", "UTC"))
    contract = {"underlying": "AAPL", "expiry": date(2025, 11, 21), "strike": 200, "right": "C"}
    money = [pl.col(name).cast(pl.Decimal(18, 6)) for name in ("price", "bid", "ask")]
    option = pl.DataFrame({**contract, "price": 1.25, "bid": 1.2, "ask": 1.3, "size": 3, "sequence": 42}).with_columns(
        *money, pl.col("strike").cast(pl.Decimal(18, 6)), ts=at, exchange=pl.lit("C"), conditions=pl.lit("sweep;floor"),
        cancelled=pl.lit(False), bid_size=pl.lit(10), ask_size=pl.lit(20),
    )  # fmt: skip
    share = pl.DataFrame({"symbol": "A", "price": 10.0, "bid": 10.01, "ask": 10.02, "sequence": 42}).with_columns(
        *money, size=pl.lit(0.5).cast(pl.Decimal(18, 6)), ts=at, exchange=pl.lit("D"), off_exchange=pl.lit(True),
        conditions=pl.lit("form_t;extended_hours;odd_lot"), cancelled=pl.lit(True),
        bid_size=pl.lit(300), ask_size=pl.lit(200),
    )  # fmt: skip
    tape = {"option_trades": option, "option_quotes": option, "stock_trades": share, "stock_quotes": share}
    found = {str(path.relative_to(tmp_path)): path for path in write(tape, date(2025, 11, 5), tmp_path)}
    rows = {
        "us_options_opra/trades_v1": f'O:AAPL251121C00200000,"219,231",0,302,1.25,{OPEN},3',
        "us_options_opra/quotes_v1": f"O:AAPL251121C00200000,302,1.3,20,302,1.2,10,42,{OPEN}",
        "us_stocks_sip/trades_v1": f'A,"12,37",8,4,42,{OPEN},10,42,{OPEN + 350_000},0.5,1,202,{OPEN + 175_000}',
        "us_stocks_sip/quotes_v1": f"A,11,10.02,2,11,10.01,3,1,,{OPEN - 350_000},42,{OPEN},1,0",
    }
    assert {name: gzip.decompress(path.read_bytes()).decode() for name, path in found.items()} == {
        f"{place}/2025/11/2025-11-05.csv.gz": f"{','.join(LAYOUTS[table])}\n{row}\n"
        for (place, row), table in zip(rows.items(), tape, strict=True)
    }
