"""Cboe DataShop option trades and put/call volume: known rows, cancels, ragged lines, published figures."""

import gzip
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.cboe import Cboe, _canonical
from feeds.ingest import ingest
from feeds.schema import EXCLUDED, PrintFlag
from feeds.store import Store
from tests.feeds.vendor_files import CELLS, HOSTILE, only, resting, stored, survives, written

SOLVED = (
    "underlying_symbol,quote_datetime,sequence_number,root,expiration,strike,option_type,exchange_id,trade_size,"
    "trade_price,trade_condition_id,canceled_trade_condition_id,best_bid,best_ask,trade_iv,trade_delta,underlying_bid,"
    "underlying_ask,number_of_exchanges,exchange,bid_size,bid,ask_size,ask"
)
PLAIN = SOLVED.replace("trade_iv,trade_delta,", "")
TRADE = {
    "symbol": "^SPX",
    "time": "2024-01-02 09:30:00.123",
    "sequence": "77",
    "root": "SPXW",
    "expiration": "2024-01-05",
    "strike": "4750.000",
    "right": "C",
    "venue": "5",
    "size": "10",
    "price": "12.3000",
    "condition": "18",
    "cancelled": "0",
    "bid": "12.2000",
    "ask": "12.4000",
    "iv": "0.1312",
    "delta": "0.4512",
    "low": "4744.1000",
    "high": "4744.3500",
    "venues": "2",
}
BLOCKS = "5,10,12.2000,20,12.4000,6,1,12.1000,1,12.5000"


def trade(blocks: str = BLOCKS, **changes: str) -> str:
    return ",".join([*(TRADE | changes).values(), *([blocks] if blocks else [])])


def file(folder: Path, rows: list[str], header: str = SOLVED) -> Path:
    return written(folder, "UnderlyingOptionsTrades_2024-01-02.csv", [header, *rows])


def frame(**changes: str) -> pl.DataFrame:
    names = SOLVED.split(",")[:19]
    row = dict(zip(names, (TRADE | changes).values(), strict=True))
    return _canonical(pl.DataFrame({**row, "record": 1}), pl.Series([], dtype=pl.Int64))


def test_a_trade_with_its_clock_root_quote_and_underlying(store: Store, tmp_path: Path):
    (row,) = stored(store, file(tmp_path, [trade()]), "cboe", "option_trades")
    assert row["session"] == date(2024, 1, 2)
    assert row["ts"] == 1704205800_123_000_000  # 09:30 in New York is 14:30 UTC in winter
    assert (row["underlying"], row["expiry"], row["strike"], row["right"]) == (
        "SPXW", date(2024, 1, 5), 4_750_000_000, "C",
    )  # fmt: skip
    assert (row["price"], row["size"], row["sequence"], row["venue"]) == (12_300_000, 10, 77, "C")
    assert (row["bid"], row["ask"], row["underlying_price"]) == (12_200_000, 12_400_000, 4_744_225_000)
    assert (row["asset_class"], row["flags"]) == (3, 0)


@pytest.mark.parametrize(("number", "letter"), [("71", "D"), ("46", "46")])
def test_exchange_numbers_are_cboes_own(number, letter):
    assert frame(venue=number)["exchange"].to_list() == [letter]


def test_delta_stands_beside_a_solved_volatility_only():
    assert frame()["delta"].to_list() == ["0.451200"]
    assert frame(delta="-0.12345678")["delta"].to_list() == ["-0.123457"]
    assert frame(iv="0.0000", delta="0.0000")["delta"].to_list() == [None]


def test_lines_are_as_wide_as_their_exchanges_are_many(store: Store, tmp_path: Path):
    rows = [
        trade(),
        trade(venues="1", blocks="5,10,12.2000,20,12.4000"),
        trade(venues="0", blocks=""),
        trade(venues="16", blocks=""),  # a cut of the file without the exchanges' own quotes
        trade(venues="3"),  # a line that was cut
        ",".join(TRADE.values())[:60],
        trade(price="12.5000"),
    ]
    outcome = only(store, file(tmp_path, rows), "cboe")
    assert (outcome.stored, outcome.rejected) == (5, 2)
    rejects = {row["record"]: row["reason"] for row in store.rejects().to_dicts()}
    assert rejects[6] == "expected 19 fields and 5 for each of number_of_exchanges, found 29"
    assert 7 in rejects
    assert resting(store, "option_trades")[-1]["record"] == 8


def test_older_files_have_no_volatility_and_quote_their_fields(store: Store, tmp_path: Path):
    cells = [cell for name, cell in TRADE.items() if name not in ("iv", "delta")]
    row = ",".join(f'"{cell}"' for cell in cells) + "," + BLOCKS
    (stands,) = stored(store, file(tmp_path, [row], PLAIN), "cboe", "option_trades")
    assert (stands["underlying"], stands["price"]) == ("SPXW", 12_300_000)


def test_no_market_is_no_quote(store: Store, tmp_path: Path):
    rows = [trade(bid="0.0000", ask="0.0000", low="0.0000"), trade(bid="0.0000")]
    none, one_sided = stored(store, file(tmp_path, rows), "cboe", "option_trades")
    assert (none["bid"], none["ask"], none["underlying_price"]) == (-1, -1, -1)
    assert (one_sided["bid"], one_sided["ask"]) == (0, 12_400_000)


def test_a_cancel_takes_out_the_last_trade_before_it_that_it_repeats(store: Store, tmp_path: Path):
    at = "2024-01-02 09:3{}:00.000".format
    rows = [
        trade(time=at(0)),
        trade(time=at(1)),  # this one
        trade(time=at(1), size="11"),
        trade(time=at(1), condition="95"),
        trade(time=at(1), root="SPX"),
        trade(time=at(2), condition="40", cancelled="18"),
        trade(time=at(3)),  # the same again, after the cancel
        trade(time=at(4), condition="43", cancelled="95"),
    ]
    found = stored(store, file(tmp_path, rows), "cboe", "option_trades")
    assert [bool(row["flags"] & PrintFlag.CANCELLED) for row in found] == [
        False, True, False, True, False, True, False, True,
    ]  # fmt: skip


def test_a_cancel_of_nothing_is_kept_and_cancels_nothing(store: Store, tmp_path: Path):
    rows = [trade(), trade(condition="41", cancelled="18", price="1.0000")]
    kept, cancel = stored(store, file(tmp_path, rows), "cboe", "option_trades")
    assert (kept["flags"], cancel["flags"]) == (0, PrintFlag.CANCELLED)


@pytest.mark.parametrize(
    ("condition", "flags"),
    [
        ("95", PrintFlag.SWEEP), ("115", PrintFlag.SWEEP | PrintFlag.CROSS), ("118", PrintFlag.FLOOR),
        ("119", PrintFlag.MULTI_LEG), ("122", PrintFlag.MULTI_LEG | PrintFlag.FLOOR), ("2", PrintFlag.LATE),
        ("129", PrintFlag.MULTI_LEG | PrintFlag.FLOOR), ("137", PrintFlag.EXTENDED_HOURS),
        ("200", PrintFlag.UNKNOWN_CONDITION),
    ],
)  # fmt: skip
def test_condition_ids_are_cboes_own(store: Store, tmp_path: Path, condition: str, flags: PrintFlag):
    """From 114 on they part from the numbers of other vendors: 125-129 are multi-leg here."""
    (row,) = stored(store, file(tmp_path, [trade(condition=condition)]), "cboe", "option_trades")
    assert row["flags"] == flags
    assert bool(store.unknown_conditions()) == (flags == PrintFlag.UNKNOWN_CONDITION)


def test_excluded_kinds_are_excluded():
    ids = [*range(35, 39), *range(40, 45), *range(119, 134), 2, 3, 8, 13, 96, 105, 135, 136]
    from feeds.check import flags_of

    assert [code for code in ids if not flags_of(frame(condition=str(code))["conditions"][0])[0] & EXCLUDED] == []


@pytest.mark.parametrize("column", SOLVED.split(",")[:19])
def test_a_missing_column_is_named(store: Store, tmp_path: Path, column: str):
    header = ",".join(name for name in SOLVED.split(",") if name != column)
    (outcome,) = ingest(store, [file(tmp_path, [trade()], header)])
    assert f"missing {column}" in outcome.error


def test_a_truncated_file_is_one_line(store: Store, tmp_path: Path):
    content = gzip.compress(file(tmp_path, [trade(sequence=str(i)) for i in range(20_000)]).read_bytes())
    path = tmp_path / "UnderlyingOptionsTrades_2024-01-02.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    (outcome,) = ingest(store, [path])
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert resting(store, "option_trades") == []


def test_hostile_cells_stay_cells(store: Store, tmp_path: Path):
    rows = [trade(**{column: cell}) for column in TRADE for cell in HOSTILE]
    outcome = only(store, file(tmp_path, rows), "cboe")
    assert outcome.error is None
    assert outcome.read == len(rows)
    roots = {row["underlying"] for row in resting(store, "option_trades")}
    assert {"=cmd()", "<script>alert(1)</script>", "'; DROP TABLE tape.option_trades; --"} <= roots
    assert not any(len(root) > 64 or "\x00" in root or "\ufffd" in root for root in roots)


# -- put/call volume

ARCHIVE = [
    "Cboe Volume and Put/Call Ratio data is compiled for the convenience of site visitors\xa0,,,,",
    ", PRODUCT: EQUITY,,EXCHANGE: Cboe,",
    "DATE,CALL,PUT,TOTAL,P/C Ratio",
    "11/1/2006,976510,623929,1600439,0.64",
    "11/2/2006, 976510 ,623929 ,1600439,0.64",
]


def archive(folder: Path, lines: list[str], name: str = "equitypc.csv") -> Path:
    (folder / name).write_bytes(("\r\n".join(lines) + "\r\n").encode("latin-1"))
    return folder / name


def volume(store: Store) -> dict[tuple[date, str], tuple[float, float]]:
    (part,) = store.parts({"put_call_volume": "history"}, store.sessions())
    rows = part.tables["put_call_volume"].select("date", "class", "puts", "calls").rows()
    return {(day, kind): (puts, calls) for day, kind, puts, calls in rows}


def test_an_archive_below_its_preamble(store: Store, tmp_path: Path):
    path = archive(tmp_path, ARCHIVE)
    (outcome,) = ingest(store, [path])
    assert (outcome.source, outcome.error, outcome.stored) == ("cboe", None, 2)
    assert volume(store)[date(2006, 11, 1), "equity"] == (623_929.0, 976_510.0)
    assert set(volume(store)) == {(date(2006, 11, 1), "equity"), (date(2006, 11, 2), "equity")}


@pytest.mark.parametrize(
    ("lines", "name", "kind"),
    [
        ([", PRODUCT: INDEX,,EXCHANGE: Cboe,"], "x.csv", "index"),
        ([", PRODUCT: ETP,,EXCHANGE: Cboe,"], "equitypc.csv", "etp"),
        ([", PRODUCT: TOTAL,,EXCHANGE: Cboe,"], "x.csv", "total"),
        (["CBOE Total Exchange Volume"], "pcratioarchive.csv", "total"),
        (["CBOE Index"], "indexpcarchive.csv", "index"),
    ],
)
def test_the_class_stands_in_the_preamble_or_the_name(store: Store, tmp_path: Path, lines, name, kind):
    header = "Trade_date,Call,Put,Total,P/C Ratio"
    (outcome,) = ingest(store, [archive(tmp_path, [*lines, header, "10/17/2003,2,1,3,0.5"], name)])
    assert outcome.error is None
    assert volume(store) == {(date(2003, 10, 17), kind): (1.0, 2.0)}


def test_a_product_of_no_class_is_one_line(store: Store, tmp_path: Path):
    lines = [ARCHIVE[0], ", PRODUCT: VIX,,EXCHANGE: Cboe,", *ARCHIVE[2:]]
    (outcome,) = ingest(store, [archive(tmp_path, lines, "vixpc.csv")])
    assert "found PRODUCT: VIX" in outcome.error


def test_a_total_that_does_not_add_up_is_refused(store: Store, tmp_path: Path):
    outcome = only(store, archive(tmp_path, [*ARCHIVE, "11/3/2006,1,2,4,2.0", "11/6/2006", "x,1,2,3,2"]), "cboe")
    assert (outcome.stored, outcome.rejected) == (2, 3)
    reasons = {row["record"]: row["reason"] for row in store.rejects().to_dicts()}
    assert "'1 + 2 is not 4'" in reasons[6]
    assert reasons[7] == "expected date, calls, puts, total, found 1 fields"
    assert reasons[8].startswith("`date`, was 'x'")


def statistics(folder: Path, page: object, name: str = "2021-01-14_daily_options") -> Path:
    path = folder / name
    path.write_text(json.dumps(page))
    return path


def both(calls: int, puts: int) -> list[dict]:
    return [
        {"name": "VOLUME", "call": calls, "put": puts, "total": calls + puts},
        {"name": "OPEN INTEREST", "call": 1, "put": 1, "total": 2},
    ]


PUBLISHED = {
    "ratios": [{"name": "TOTAL PUT/CALL RATIO", "value": "0.66"}, {"name": "EQUITY PUT/CALL RATIO", "value": "0.36"}],
    "SUM OF ALL PRODUCTS": both(4_227_871, 2_786_403),
    "EQUITY OPTIONS": both(2_612_897, 946_247),
}
"""Cboe daily market statistics of 2021-01-14: equity 946,247 / 2,612,897 = 0.36, total 2,786,403 / 4,227,871 = 0.66."""


def test_the_daily_statistics_give_the_published_ratios(store: Store, tmp_path: Path):
    (outcome,) = ingest(store, [statistics(tmp_path, PUBLISHED)])
    assert (outcome.source, outcome.error, outcome.stored) == ("cboe", None, 2)
    day = date(2021, 1, 14)
    ratios = {kind: round(puts / calls, 2) for (when, kind), (puts, calls) in volume(store).items() if when == day}
    assert ratios == {"total": 0.66, "equity": 0.36}


def test_index_and_funds_are_classes_of_their_own(store: Store, tmp_path: Path):
    page = {
        "INDEX OPTIONS": both(10, 14),
        "EXCHANGE TRADED PRODUCTS": both(100, 83),
        "CBOE VOLATILITY INDEX": both(1, 1),
    }
    (outcome,) = ingest(store, [statistics(tmp_path, page)])
    assert (outcome.error, outcome.stored) == (None, 2)
    assert {kind: puts / calls for (_, kind), (puts, calls) in volume(store).items()} == {"index": 1.4, "etp": 0.83}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ('{"SUM OF ALL PRODUCTS": [', "2021-01-14_daily_options", "expected JSON"),
        ('{"SUM OF ALL PRODUCTS": 3}', "2021-01-14_daily_options", "expected VOLUME under one of"),
        ('{"SUM OF ALL PRODUCTS": [{"name": "VOLUME"}]}', "daily_options", "expected a day in the name"),
    ],
)
def test_broken_statistics_are_one_line(store: Store, tmp_path: Path, content: str, name: str, said: str):
    (tmp_path / name).write_text(content)
    (outcome,) = ingest(store, [tmp_path / name])
    assert said in outcome.error


def test_a_page_that_is_no_statistics_is_nobodys(tmp_path: Path):
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert Cboe().claim(tmp_path / "x.json") is None


HEADERS = (b"", SOLVED.encode() + b"\n", "\n".join(ARCHIVE[:3]).encode("latin-1") + b"\n", b'{"EQUITY OPTIONS": ')


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), header=st.sampled_from(HEADERS))
def test_any_bytes_end_in_an_outcome(tmp_path: Path, content: bytes, header: bytes):
    survives(tmp_path / "2021-01-14_daily_options", header + content, "cboe")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=19, max_size=19), max_size=4))
def test_any_cells_end_in_an_outcome(tmp_path: Path, rows: list[list[str]]):
    lines = [SOLVED, *(",".join(row) for row in rows), trade(), trade(condition="40", cancelled="18")]
    outcome = survives(tmp_path / "x.csv", "\n".join(lines).encode("utf-8", "replace"), "cboe")
    assert outcome.error is None


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=9)), min_size=3, max_size=3))
def test_any_statistics_end_in_an_outcome(tmp_path: Path, cells: list):
    line = {"name": "VOLUME", **dict(zip(("call", "put", "total"), cells, strict=True))}
    page = json.dumps({"EQUITY OPTIONS": [line], "INDEX OPTIONS": both(2, 1)})
    assert survives(tmp_path / "2021-01-14_daily_options", page.encode(), "cboe").read == 2
