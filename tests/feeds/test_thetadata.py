"""ThetaData trade_quote: known rows, the contract in columns or in the name, aggressors, hostile files."""

import gzip
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.ingest import ingest
from feeds.schema import PrintFlag
from feeds.store import Store
from feeds.thetadata import _CONTRACT, _NEEDED
from feeds.writers.thetadata import _HEADER
from tests.feeds.vendor_files import CELLS, HOSTILE, only, resting, stored, survives, written

SINGLE = _HEADER.removeprefix("root,expiration,strike,right,")
TRADE = {
    "root": "AAPL",
    "expiration": "20231117",
    "strike": "170500",
    "right": "C",
    "ms": "34200123",
    "sequence": "-1684255784",
    "ext1": "255",
    "ext2": "255",
    "ext3": "255",
    "ext4": "255",
    "condition": "18",
    "size": "3",
    "exchange": "6",
    "price": "1.9500",
    "cflags": "0",
    "pflags": "0",
    "volume_type": "0",
    "back": "0",
    "quote_ms": "34200122",
    "bid_size": "11",
    "bid_exchange": "5",
    "bid": "1.9400",
    "bid_condition": "50",
    "ask_size": "12",
    "ask_exchange": "6",
    "ask": "1.9600",
    "ask_condition": "50",
    "date": "20231110",
}


def trade(**changes: str) -> str:
    return ",".join((TRADE | changes).values())


def file(folder: Path, rows: list[str], header: str = _HEADER, name: str = "OPTION-TRADE_QUOTE-20231110.csv") -> Path:
    return written(folder, name, [header, *rows])


def test_a_trade_with_its_contract_clock_sequence_and_quote(store: Store, tmp_path: Path):
    (row,) = stored(store, file(tmp_path, [trade()]), "thetadata", "option_trades")
    assert row["ts"] == 1699626600_123_000_000  # 09:30 in New York is 14:30 UTC in November
    assert (row["underlying"], row["expiry"], row["strike"], row["right"]) == (
        "AAPL", date(2023, 11, 17), 170_500_000, "C",
    )  # fmt: skip
    assert row["sequence"] == 2**32 - 1684255784  # a 32-bit count, shown with a sign
    assert (row["price"], row["size"], row["venue"]) == (1_950_000, 3, "I")
    assert (row["bid"], row["ask"], row["bid_size"], row["ask_size"]) == (1_940_000, 1_960_000, 11, 12)
    assert (row["flags"], row["aggressor"], row["asset_class"]) == (0, 0, 0)


@pytest.mark.parametrize(("number", "letter"), [("46", "D"), ("43", "M"), ("47", "T"), ("71", "71"), ("400", "400")])
def test_exchange_numbers_are_thetadatas_own(store: Store, tmp_path: Path, number, letter):
    (row,) = stored(store, file(tmp_path, [trade(exchange=number)]), "thetadata", "option_trades")
    assert row["venue"] == letter  # 71 is MIAX Emerald to Cboe, an index feed of NYSE to ThetaData


@pytest.mark.parametrize(
    ("changes", "aggressor", "flags"),
    [
        ({"ext1": "145"}, 1, 0),
        ({"ext4": "146"}, -1, 0),
        ({"condition": "145"}, 1, 0),
        ({"ext1": "145", "ext2": "146"}, 0, 0),
        ({"ext1": "146", "condition": "95"}, -1, PrintFlag.SWEEP),
    ],
)
def test_extended_conditions_name_the_aggressor(store: Store, tmp_path: Path, changes, aggressor, flags):
    (row,) = stored(store, file(tmp_path, [trade(**changes)]), "thetadata", "option_trades")
    assert (row["aggressor"], row["flags"]) == (aggressor, flags)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"condition": "40"}, PrintFlag.CANCELLED), ({"condition": "44"}, PrintFlag.CANCELLED),
        ({"condition": "2"}, PrintFlag.LATE), ({"condition": "130"}, PrintFlag.MULTI_LEG),
        ({"condition": "133"}, PrintFlag.MULTI_LEG | PrintFlag.FLOOR), ({"condition": "129"}, PrintFlag.FLOOR),
        ({"condition": "126"}, PrintFlag.SWEEP | PrintFlag.CROSS), ({"condition": "148"}, PrintFlag.EXTENDED_HOURS),
        ({"ext2": "95"}, PrintFlag.SWEEP), ({"condition": "999"}, PrintFlag.UNKNOWN_CONDITION),
        ({"ext1": "77"}, PrintFlag.UNKNOWN_CONDITION),
    ],
)  # fmt: skip
def test_condition_codes_are_thetadatas_own(store: Store, tmp_path: Path, changes, flags):
    (row,) = stored(store, file(tmp_path, [trade(**changes)]), "thetadata", "option_trades")
    assert row["flags"] == flags
    if flags == PrintFlag.UNKNOWN_CONDITION:
        (code,) = (cell for cell in changes.values())
        assert dict(store.unknown_conditions()) == {f"thetadata:{code}": 1}


@pytest.mark.parametrize(
    "name",
    [
        "AAPL_20231117_170500_C_trade_quote.csv", "trade_quote-AAPL-20231117-170500-CALL.csv",
        "AAPL231117C00170500.csv", "AAPL  231117C00170500_20231110.csv",
        "trade_quote?root=AAPL&exp=20231117&strike=170500&right=C.csv",
    ],
)  # fmt: skip
def test_one_contracts_file_names_it(store: Store, tmp_path: Path, name: str):
    row = trade().split(",", 4)[4]
    (found,) = stored(store, file(tmp_path, [row], SINGLE, name), "thetadata", "option_trades")
    assert (found["underlying"], found["expiry"], found["strike"], found["right"]) == (
        "AAPL", date(2023, 11, 17), 170_500_000, "C",
    )  # fmt: skip


def test_a_file_that_names_no_contract_is_one_line(store: Store, tmp_path: Path):
    (outcome,) = ingest(store, [file(tmp_path, [trade().split(",", 4)[4]], SINGLE, "trades.csv")])
    assert "expected a contract in root, expiration, strike and right columns or in the file's name" in outcome.error


def test_pretty_times_and_dollars(store: Store, tmp_path: Path):
    row = trade(ms="09:30:00.123", quote_ms="09:30:00.122", date="2023-11-10", strike="170.500")
    (found,) = stored(store, file(tmp_path, [row]), "thetadata", "option_trades")
    assert (found["ts"], found["strike"], found["bid"]) == (1699626600_123_000_000, 170_500_000, 1_940_000)


def test_a_quote_after_its_trade_is_left_out(store: Store, tmp_path: Path):
    rows = [trade(quote_ms="34200124"), trade(quote_ms="34200123"), trade(bid="0.0000", ask="0.0000")]
    later, same, none = stored(store, file(tmp_path, rows), "thetadata", "option_trades")
    assert (later["bid"], later["ask"], later["bid_size"]) == (-1, -1, -1)
    assert same["bid"] == 1_940_000
    assert (none["bid"], none["ask"]) == (-1, -1)


@pytest.mark.parametrize("column", [*_CONTRACT, *_NEEDED])
def test_a_missing_column_is_named(store: Store, tmp_path: Path, column: str):
    header = ",".join(name for name in _HEADER.split(",") if name != column)
    (outcome,) = ingest(store, [file(tmp_path, [trade()], header)])
    assert f"missing {column};" in outcome.error


def test_bad_cells_are_refused_with_what_stood_there(store: Store, tmp_path: Path):
    rows = [trade(), trade(ms="86400000"), trade(strike="-5"), trade(right="X"), trade(expiration="20231199")]
    outcome = only(store, file(tmp_path, rows), "thetadata")
    assert (outcome.stored, outcome.rejected) == (1, 4)
    reasons = {row["record"]: row["reason"] for row in store.rejects().to_dicts()}
    assert reasons[3].startswith("`ts`, was '20231110 86400000'")
    assert reasons[4].startswith("`strike`, was '-5'")
    assert reasons[5].startswith("`right`, was 'X'")
    assert reasons[6].startswith("`expiry`, was '20231199'")


def test_a_truncated_file_is_one_line(store: Store, tmp_path: Path):
    content = gzip.compress(file(tmp_path, [trade(sequence=str(i)) for i in range(20_000)]).read_bytes())
    path = tmp_path / "OPTION-TRADE_QUOTE-20231110.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    (outcome,) = ingest(store, [path])
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert resting(store, "option_trades") == []


def test_hostile_cells_stay_cells(store: Store, tmp_path: Path):
    rows = [trade(**{column: cell}) for column in TRADE for cell in HOSTILE if not cell.startswith('"')]
    outcome = only(store, file(tmp_path, rows), "thetadata")
    assert outcome.error is None
    assert outcome.read == len(rows)
    roots = {row["underlying"] for row in resting(store, "option_trades")}
    assert {"=cmd()", "<script>alert(1)</script>", "'; DROP TABLE tape.option_trades; --"} <= roots
    assert not any(len(root) > 64 or "\x00" in root for root in roots)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300), header=st.sampled_from([b"", _HEADER.encode() + b"\n", SINGLE.encode() + b"\n"])
)
def test_any_bytes_end_in_an_outcome(tmp_path: Path, content: bytes, header: bytes):
    survives(tmp_path / "AAPL_20231117_170500_C.csv", header + content, "thetadata")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=28, max_size=28), max_size=4))
def test_any_cells_end_in_an_outcome(tmp_path: Path, rows: list[list[str]]):
    lines = [_HEADER, *(",".join(row) for row in rows), trade()]
    survives(tmp_path / "x.csv", "\n".join(lines).encode("utf-8", "replace"), "thetadata")
