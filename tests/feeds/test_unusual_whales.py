"""Unusual Whales' end-of-day export: known rows, the OSI symbol against its columns, flags, hostile cells."""

import gzip
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.check import flags_of
from feeds.ingest import ingest
from feeds.schema import PrintFlag
from feeds.store import Store
from feeds.unusual_whales import _READ, _canonical
from feeds.writers.unusual_whales import _HEADER
from tests.feeds.vendor_files import CELLS, HOSTILE, only, resting, stored, survives, written

TRADE = dict.fromkeys(_HEADER.split(","), "") | {
    "executed_at": "2024-04-12 19:55:56.98207+00", "underlying_symbol": "AAPL",
    "option_chain_id": "AAPL240419C00175000", "side": "bid", "strike": "175", "option_type": "call",
    "expiry": "2024-04-19", "underlying_price": "176.4300000001", "nbbo_bid": "1.37", "nbbo_ask": "1.44",
    "price": "1.41", "size": "50", "premium": "7050.00", "open_interest": "30349",
    "delta": "0.694228192461621", "exchange": "XISX", "report_flags": "{}", "canceled": "f",
    "upstream_condition_detail": "auto", "equity_type": "Common Stock",
}  # fmt: skip


def trade(**changes: str) -> str:
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in (TRADE | changes).values())


def file(folder: Path, rows: list[str], header: str = _HEADER) -> Path:
    return written(folder, "bot-eod-report-2024-04-12.csv", [header, *rows])


def frame(**changes: str) -> pl.DataFrame:
    return _canonical(pl.DataFrame({"record": 1, **{name: (TRADE | changes)[name] for name in _READ}}))


def test_a_trade_with_its_clock_contract_and_quote(store: Store, tmp_path: Path):
    (row,) = stored(store, file(tmp_path, [trade()]), "unusual_whales", "option_trades")
    assert row["ts"] == 1712951756_982_070_000
    assert (row["underlying"], row["expiry"], row["strike"], row["right"]) == (
        "AAPL", date(2024, 4, 19), 175_000_000, "C",
    )  # fmt: skip
    assert (row["price"], row["size"], row["venue"], row["bid"], row["ask"]) == (
        1_410_000, 50, "I", 1_370_000, 1_440_000,
    )  # fmt: skip
    assert (row["underlying_price"], row["asset_class"], row["flags"]) == (176_430_000, 1, 0)
    assert row["aggressor"] == 0  # `side` is the vendor's reading of the same quote


def test_delta_and_open_interest_are_given():
    assert frame().select("delta", "open_interest").row(0) == ("0.694228", "30349")
    assert frame(delta="-1.2e-05")["delta"].item() == "-0.000012"
    assert frame(delta="", open_interest="").select("delta", "open_interest").row(0) == ("", "")


@pytest.mark.parametrize(
    ("equity_type", "symbol", "kind"),
    [
        ("ETF", "XYZ", "etf"), ("Index", "XYZ", "index"), ("ADR", "XYZ", "equity"), ("", "SPY", "etf"),
        ("", "SPXW", "index"), ("", "XYZ", None), ("Unit", "XYZ", None),
    ],
)  # fmt: skip
def test_the_kind_of_underlying(equity_type: str, symbol: str, kind: str | None):
    found = frame(equity_type=equity_type, underlying_symbol=symbol, option_chain_id=f"{symbol}240419C00175000")
    assert found["asset_class"].item() == kind


@pytest.mark.parametrize(
    ("flags", "detail", "canceled", "expected"),
    [
        ("{}", "auto", "t", PrintFlag.CANCELLED),
        ("{}", "isoi", "f", PrintFlag.SWEEP),
        ("{}", "scli", "f", PrintFlag.SWEEP | PrintFlag.CROSS),
        ("{intermarket_sweep}", "auto", "f", PrintFlag.SWEEP),
        ('{"intermarket_sweep","extended_hours_trade"}', "slft", "false",
         PrintFlag.SWEEP | PrintFlag.EXTENDED_HOURS | PrintFlag.FLOOR),
        ("{}", "slan,isoi", "f", PrintFlag.CROSS | PrintFlag.SWEEP),
        ("{}", "mlet", "f", PrintFlag.MULTI_LEG),
        ("{}", "tfsl", "f", PrintFlag.MULTI_LEG | PrintFlag.FLOOR),
        ("{}", "late", "f", PrintFlag.LATE),
        ("{}", "cncl", "f", PrintFlag.CANCELLED),
        ("{}", "AUTO", "f", PrintFlag(0)),
        ("{never_seen}", "auto", "f", PrintFlag.UNKNOWN_CONDITION),
        ("", "zzzz", "f", PrintFlag.UNKNOWN_CONDITION),
    ],
)  # fmt: skip
def test_flags_and_details(flags: str, detail: str, canceled: str, expected: PrintFlag):
    found = frame(report_flags=flags, upstream_condition_detail=detail, canceled=canceled)
    cancelled = PrintFlag.CANCELLED if found["cancelled"].item() == "true" else 0
    assert flags_of(found["conditions"].item() or "")[0] | cancelled == expected


def test_unknown_codes_are_kept_and_counted(store: Store, tmp_path: Path):
    rows = [trade(report_flags="{never_seen}"), trade(upstream_condition_detail="zzzz")]
    stored(store, file(tmp_path, rows), "unusual_whales", "option_trades")
    assert dict(store.unknown_conditions()) == {"unusual_whales:never_seen": 1, "unusual_whales:zzzz": 1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"underlying_symbol": "MSFT"}, "MSFT in underlying_symbol, not as AAPL240419C00175000"),
        ({"strike": "170"}, "170 in strike, not as"),
        ({"expiry": "2024-04-26"}, "2024-04-26 in expiry, not as"),
        ({"option_type": "put"}, "put in option_type, not as"),
        ({"option_chain_id": "AAPL"}, "`expiry`, was 'AAPL'"),
        ({"option_chain_id": "AAPL240432C00175000"}, "`expiry`, was 'AAPL240432C00175000'"),
    ],
)
def test_a_row_at_odds_with_its_osi_symbol_is_refused(store: Store, tmp_path: Path, changes: dict, said: str):
    outcome = only(store, file(tmp_path, [trade(), trade(**changes)]), "unusual_whales")
    assert (outcome.stored, outcome.rejected) == (1, 1)
    (reject,) = store.rejects().to_dicts()
    assert reject["record"] == 3
    assert said in reject["reason"]


@pytest.mark.parametrize(
    ("symbol", "osi", "root"),
    [("SPX", "SPXW240419C00175000", "SPXW"), ("AAPL", "AAPL1240419C00175000", "AAPL1"), ("BRK.B", "BRKB240419C00175000",
      "BRKB"), ("AAPL", "AAPL  240419C00175000", "AAPL"), ("", "AAPL240419C00175000", "AAPL")],
)  # fmt: skip
def test_roots_that_are_spelt_otherwise_agree(store: Store, tmp_path: Path, symbol: str, osi: str, root: str):
    row = trade(underlying_symbol=symbol, option_chain_id=osi)
    (found,) = stored(store, file(tmp_path, [row]), "unusual_whales", "option_trades")
    assert found["underlying"] == root


def test_times_in_other_spellings(store: Store, tmp_path: Path):
    rows = [trade(executed_at="2024-04-12T19:55:56Z"), trade(executed_at="2024-04-12 15:55:56-04")]
    found = stored(store, file(tmp_path, rows), "unusual_whales", "option_trades")
    assert [row["ts"] for row in found] == [1712951756_000_000_000] * 2
    outcome = only(store, file(tmp_path, [trade(), trade(executed_at="2024-04-12 19:55:56")]), "unusual_whales")
    assert outcome.rejected == 1  # without an offset it could be any hour


def test_zip_and_parquet_read_alike(store: Store, tmp_path: Path):
    path = file(tmp_path, [trade()])
    with zipfile.ZipFile(tmp_path / "bot-eod-report-2024-04-12.zip", "w") as archive:
        archive.write(path, path.name)
    typed = pl.read_csv(path, try_parse_dates=False).with_columns(
        executed_at=pl.lit(datetime(2024, 4, 12, 19, 55, 56, 982070, tzinfo=UTC)), canceled=pl.lit(False),
        report_flags=pl.Series([["intermarket_sweep"]]),
    )  # fmt: skip
    typed.write_parquet(tmp_path / "bot-eod-report-2024-04-12.parquet")
    (zipped,) = stored(store, tmp_path / "bot-eod-report-2024-04-12.zip", "unusual_whales", "option_trades")
    with Store.memory() as other:
        (table,) = stored(other, tmp_path / "bot-eod-report-2024-04-12.parquet", "unusual_whales", "option_trades")
    assert table["flags"] == PrintFlag.SWEEP
    same = ("ts", "underlying", "expiry", "strike", "right", "price", "size", "bid", "ask", "venue", "underlying_price")
    assert {name: zipped[name] for name in same} == {name: table[name] for name in same}


ODD = {
    "nothing": pl.lit(None),
    "bytes": pl.lit(b"\xff"),
    "a duration": pl.duration(days=1),
    "a time without a zone": pl.lit(datetime(2024, 4, 12, 19)),
    "a list": pl.concat_list(pl.lit(1)),
    "true": pl.lit(True),
    "an unsigned number": pl.lit(2**63, pl.UInt64),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_parquet_whose_types_are_others_is_stored_rejected_or_said_to_be_unreadable(store: Store, tmp_path, odd):
    """Never a traceback: types change from release to release."""
    whole = pl.read_csv(file(tmp_path, [trade()]))
    for column in _READ:
        path = tmp_path / f"{column}-bot-eod-report-2024-04-12.parquet"
        whole.with_columns(ODD[odd].alias(column)).write_parquet(path)
        (outcome,) = ingest(store, [path])
        if outcome.error is None:
            assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected == 1
        else:
            assert path.name in outcome.error
            assert "\n" not in outcome.error


@pytest.mark.parametrize("column", _READ)
def test_a_missing_column_is_named(store: Store, tmp_path: Path, column: str):
    header = ",".join(name for name in _HEADER.split(",") if name != column)
    (outcome,) = ingest(store, [file(tmp_path, [trade()], header)])
    assert f"missing {column};" in outcome.error


def test_a_truncated_file_is_one_line(store: Store, tmp_path: Path):
    content = gzip.compress(file(tmp_path, [trade(size=str(i + 1)) for i in range(20_000)]).read_bytes())
    path = tmp_path / "bot-eod-report-2024-04-12.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    (outcome,) = ingest(store, [path])
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert resting(store, "option_trades") == []


def test_hostile_cells_stay_cells(store: Store, tmp_path: Path):
    rows = [trade(**{column: cell}) for column in TRADE for cell in HOSTILE if not cell.startswith('"')]
    outcome = only(store, file(tmp_path, rows), "unusual_whales")
    assert outcome.error is None
    assert outcome.read == len(rows)
    assert {row["underlying"] for row in resting(store, "option_trades")} == {"AAPL"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), header=st.sampled_from([b"", _HEADER.encode() + b"\n"]))
def test_any_bytes_end_in_an_outcome(tmp_path: Path, content: bytes, header: bytes):
    survives(tmp_path / "bot-eod-report-2024-04-12.csv", header + content, "unusual_whales")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=30, max_size=30), max_size=4))
def test_any_cells_end_in_an_outcome(tmp_path: Path, rows: list[list[str]]):
    lines = [_HEADER, *(",".join(row) for row in rows), trade()]
    survives(tmp_path / "x.csv", "\n".join(lines).encode("utf-8", "replace"), "unusual_whales")
