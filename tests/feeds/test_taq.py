"""NYSE Daily TAQ: known rows, every trap of the layout, and files that are not what they seem."""

import gzip
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import taq
from feeds.ingest import ingest
from feeds.schema import EXCLUDED, PrintFlag
from feeds.store import Store
from feeds.writers.taq import _QUOTES, _TRADES
from indicators.engine.run import of_market, readings_of
from indicators.engine.scope import scope
from tests.feeds.vendor_files import CELLS, HOSTILE, only, resting, stored, survives, written

DAY = "20240102"
TRADE = {
    "time": "093000123456789",
    "venue": "N",
    "symbol": "BRK B",
    "sale": "@F I",
    "volume": "100",
    "price": "361.250000",
    "stop": "",
    "correction": "00",
    "sequence": "7",
    "id": "1",
    "source": "C",
    "trf": " ",
    "participant": "093000123400000",
    "trf_time": "",
    "exempt": "0",
}
QUOTE = dict.fromkeys(_QUOTES.split("|"), "") | {
    "Time": "093000000000001", "Exchange": "P", "Symbol": "AIG", "Quote_Condition": "R", "Sequence_Number": "5",
    "Best_Bid_Price": "49.180000", "Best_Bid_Size": "3", "Best_Offer_Price": "49.200000", "Best_Offer_Size": "4",
}  # fmt: skip


def trade(**changes: str) -> str:
    return "|".join((TRADE | changes).values())


def quote(**changes: str) -> str:
    return "|".join((QUOTE | changes).values())


def file(folder: Path, rows: list[str], header: str = _TRADES, end: str | None = None, name: str = "") -> Path:
    kind = "TRADE" if header == _TRADES else "NBBO"
    end = f"END|{DAY}|{len(rows)}|||||||||||||" if end is None else end
    return written(folder, name or f"EQY_US_ALL_{kind}_{DAY}", [header, *rows, *([end] if end else [])])


def test_a_trade_with_its_clock_suffix_venue_and_conditions(store: Store, tmp_path: Path):
    dark = trade(time="160000000000001", venue="D", sale="    ", sequence="8")
    first, second = stored(store, file(tmp_path, [trade(), dark]), "taq", "stock_trades")
    assert first["session"] == date(2024, 1, 2)
    assert first["ts"] == 1704205800_123456789  # 09:30 in New York is 14:30 UTC in winter
    assert (first["symbol"], first["price"], first["size"]) == ("BRK.B", 361_250_000, 100_000_000)
    assert (first["venue"], first["sequence"], first["off_exchange"]) == ("N", 7, False)
    assert first["flags"] == PrintFlag.SWEEP
    assert (second["venue"], second["off_exchange"], second["flags"]) == ("D", True, 0)


def test_clocks_of_older_files_have_fewer_digits(store: Store, tmp_path: Path):
    rows = [trade(time="093000123"), trade(time="093000123456")]
    assert [row["ts"] % 10**9 for row in stored(store, file(tmp_path, rows), "taq", "stock_trades")] == [
        123_000_000, 123_456_000,
    ]  # fmt: skip


@pytest.mark.parametrize("correction", ["01", "07", "08", "10", "11", "12", "8"])
def test_only_correction_00_stands(store: Store, tmp_path: Path, correction: str):
    rows = stored(store, file(tmp_path, [trade(correction=correction), trade()]), "taq", "stock_trades")
    assert [bool(row["flags"] & PrintFlag.CANCELLED) for row in rows] == [True, False]


@pytest.mark.parametrize("code", "BGJKLUWZ47")
def test_dropped_conditions_are_flagged_and_kept(store: Store, tmp_path: Path, code: str):
    (row,) = stored(store, file(tmp_path, [trade(sale=f"@  {code}")]), "taq", "stock_trades")
    assert row["flags"] & EXCLUDED
    assert not row["flags"] & PrintFlag.UNKNOWN_CONDITION


@pytest.mark.parametrize(
    ("code", "flag"), [("O", "AUCTION"), ("5", "AUCTION"), ("6", "AUCTION"), ("T", "EXTENDED_HOURS"), ("X", "CROSS")]
)
def test_other_kinds_have_their_flag_and_are_not_excluded(store: Store, tmp_path: Path, code: str, flag: str):
    (row,) = stored(store, file(tmp_path, [trade(sale=f"@  {code}")]), "taq", "stock_trades")
    assert row["flags"] == PrintFlag[flag]


def test_unknown_codes_are_kept_and_counted(store: Store, tmp_path: Path):
    rows = stored(store, file(tmp_path, [trade(sale="@!"), trade(correction="99")]), "taq", "stock_trades")
    assert all(row["flags"] & PrintFlag.UNKNOWN_CONDITION for row in rows)
    assert dict(store.unknown_conditions()) == {"taq:!": 1, "taq:correction:99": 1}


def test_a_quote_is_the_national_best_not_the_venues(store: Store, tmp_path: Path):
    path = file(tmp_path, [quote(Bid_Price="1.00", Offer_Price="99.00")], _QUOTES)
    (row,) = stored(store, path, "taq", "stock_quotes")
    assert (row["bid"], row["ask"], row["bid_size"], row["ask_size"]) == (49_180_000, 49_200_000, 3, 4)
    assert (row["symbol"], row["sequence"]) == ("AIG", 5)


@pytest.mark.parametrize(
    ("changes", "rests"),
    [
        ({"Best_Bid_Price": "49.30"}, (49_300_000, 49_200_000)),  # crossed
        ({"Best_Offer_Price": "54.19"}, (49_180_000, 54_190_000)),  # five dollars and a cent
        ({"Best_Bid_Price": ""}, (0, 49_200_000)),
        ({"Quote_Cancel_Correction": "B"}, (0, 0)),
        ({"Quote_Condition": "N"}, (0, 0)),
    ],
)
def test_a_quote_of_no_use_is_kept_and_signs_nothing(store: Store, tmp_path: Path, changes, rests):
    good = file(tmp_path, [quote(Time="093000000000001"), quote(Time="093100000000001", **changes)], _QUOTES)
    quotes = stored(store, good, "taq", "stock_quotes")
    assert (quotes[1]["bid"], quotes[1]["ask"]) == rests
    # one print a moment after each quote: the tick test is silent on equal prices
    at = {"venue": "D", "symbol": "AIG", "price": "49.200000", "sale": "@   "}
    rows = [trade(time="093000500000000", **at), trade(time="093100500000000", **at, sequence="9")]
    assert only(store, file(tmp_path, rows), "taq").stored == 2
    indicator = of_market("us")["dark_pool_imbalance"]
    (reading,) = readings_of(store, indicator, scope(store, ["stock_trades", "stock_quotes"], "us"))
    sides = {name: reading.components[name] for name in ("dark_buy", "dark_sell", "dark_unknown")}
    assert float(sides["dark_buy"]) == 4920.0, sides
    assert float(sides["dark_unknown"]) == 4920.0, sides


def test_the_end_line_is_held_against_the_rows(store: Store, tmp_path: Path):
    outcome = only(store, file(tmp_path, [trade()], end=f"END|{DAY}|2|||||||||||||"), "taq")
    assert "expected 2 records as its END line says, found 1" in outcome.error
    outcome = only(store, file(tmp_path, [trade()], end="END|20240103|1|||||||||||||"), "taq")
    assert "expected the day 2024-01-02, found 20240103 in its END line" in outcome.error
    outcome = only(store, file(tmp_path, [trade()], end="END|soon"), "taq")
    assert "expected one line END|YYYYMMDD|records, found 'END|soon'" in outcome.error
    assert resting(store, "stock_trades") == []


@pytest.mark.parametrize("pipes", [0, 12, 13])
def test_an_end_line_of_any_width_is_no_row(store: Store, tmp_path: Path, pipes: int):
    outcome = only(store, file(tmp_path, [trade(), trade()], end=f"END|{DAY}|2" + "|" * pipes), "taq")
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 2, 0)


def test_a_cut_of_a_file_has_no_end_line(store: Store, tmp_path: Path):
    assert only(store, file(tmp_path, [trade()], end=""), "taq").stored == 1


def test_a_bad_row_counts_among_the_end_lines_records(store: Store, tmp_path: Path):
    rows = [trade(), trade(price="abc"), trade() + "|extra", trade(time="256000")]
    outcome = only(store, file(tmp_path, rows), "taq")
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 1, 3)
    reasons = {row["record"]: row["reason"] for row in store.rejects().to_dicts()}
    assert reasons[3].startswith("`price`, was 'abc'")
    assert reasons[5].startswith("`ts`, was '256000'")


def test_the_day_stands_in_the_name_the_folder_or_the_end_line(store: Store, tmp_path: Path):
    inner = tmp_path / "2024-01-02"
    inner.mkdir()
    assert only(store, file(inner, [trade()], end="", name="trades"), "taq").stored == 1
    assert only(store, file(tmp_path, [trade(), trade()], name="trades"), "taq").stored == 2
    outcome = only(store, file(tmp_path, [trade(sequence="3")], end="", name="trades"), "taq")
    assert "expected a day in the name" in outcome.error


@pytest.mark.parametrize(
    ("header", "column"), [(_TRADES, name) for name in taq._TRADES] + [(_QUOTES, name) for name in taq._QUOTES]
)
def test_a_missing_column_is_named(store: Store, tmp_path: Path, header: str, column: str):
    lacking = "|".join(name for name in header.split("|") if name.lower().replace(" ", "_") != column)
    (outcome,) = ingest(store, [written(tmp_path, f"EQY_{DAY}", [lacking, trade()])])
    assert f"missing {column};" in outcome.error


def test_a_truncated_file_is_one_line(store: Store, tmp_path: Path):
    content = gzip.compress(file(tmp_path, [trade(sequence=str(i)) for i in range(20_000)]).read_bytes())
    path = tmp_path / f"EQY_US_ALL_TRADE_{DAY}.gz"
    path.write_bytes(content[: len(content) // 2])
    (outcome,) = ingest(store, [path])
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert resting(store, "stock_trades") == []


def test_hostile_cells_stay_cells(store: Store, tmp_path: Path):
    rows = [trade(**{column: cell}) for column in TRADE for cell in HOSTILE if '"' not in cell]
    outcome = only(store, file(tmp_path, rows), "taq")
    assert outcome.error is None
    assert outcome.read == len(rows)
    symbols = {row["symbol"] for row in resting(store, "stock_trades")}
    assert {"=cmd()", "<script>alert(1)</script>"} <= symbols
    assert not any(len(symbol) > 64 or "\x00" in symbol for symbol in symbols)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300), header=st.sampled_from([b"", _TRADES.encode() + b"\n", _QUOTES.encode() + b"\n"])
)
def test_any_bytes_end_in_an_outcome(tmp_path: Path, content: bytes, header: bytes):
    survives(tmp_path / f"EQY_US_ALL_TRADE_{DAY}", header + content, "taq")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=15, max_size=15), max_size=4))
def test_any_cells_end_in_an_outcome(tmp_path: Path, rows: list[list[str]]):
    lines = [_TRADES, *("|".join(row) for row in rows), trade(), f"END|{DAY}|{len(rows) + 1}|"]
    survives(tmp_path / f"EQY_US_ALL_TRADE_{DAY}", "\n".join(lines).encode("utf-8", "replace"), "taq")
