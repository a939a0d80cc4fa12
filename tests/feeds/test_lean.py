"""QuantConnect Lean's layouts: known rows, and the real files where they are at hand."""

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from feeds.feed import Desk
from feeds.ingest import ingest
from feeds.lean import Lean
from feeds.schema import PrintFlag
from feeds.store import Store
from feeds.writers.lean import write

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "lean"


@pytest.fixture
def lean_zip(tmp_path: Path):
    def write(name: str, members: dict[str, str]) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return tmp_path / name

    return write


def one(store: Store, path: Path):
    (outcome,) = ingest(store, [path])
    assert outcome.error is None, outcome.error
    return outcome


def test_stock_prints_with_venue_conditions_and_clock(store, lean_zip):
    path = lean_zip("20131007_trade.zip", {"20131007_aig_Trade_Tick.csv":
        "34200123,491800,300,D,20,0\n57600000,491900,500,N,80000080,0\n57700000,492000,100,P,800,1\n"})  # fmt: skip
    assert one(store, path).stored == 3
    (part,) = store.parts({"stock_trades": "session"}, store.sessions())
    rows = part.tables["stock_trades"].to_dicts()
    assert part.session == date(2013, 10, 7)
    assert rows[0]["ts"] == 1381152600_123_000_000  # 09:30:00.123 in New York is 13:30 UTC in summer
    assert (rows[0]["price"], rows[0]["size"], rows[0]["off_exchange"]) == (49_180_000, 300_000_000, True)
    assert rows[0]["flags"] == PrintFlag.SWEEP
    assert rows[1]["flags"] == PrintFlag.AUCTION | PrintFlag.UNKNOWN_CONDITION  # 0x80000000 is in no document
    assert rows[2]["flags"] == PrintFlag.LATE | PrintFlag.UNKNOWN_CONDITION
    assert dict(store.unknown_conditions()) == {"lean:0x80000000": 1, "lean:suspicious": 1}


def test_each_quote_row_updates_one_side_of_the_national_best(store, lean_zip):
    one(store, lean_zip("20131007_quote.zip", {"20131007_aig_Quote_Tick.csv":
        "34200000,491800,3,0,0,P,1,0\n34200001,0,0,492000,4,Q,1,0\n34200002,491900,5,0,0,Z,1,0\n"}))  # fmt: skip
    one(store, lean_zip("20131007_trade.zip", {"20131007_aig_Trade_Tick.csv": "34200123,491800,300,D,1,0\n"}))
    (part,) = store.parts({"stock_trades": "session", "stock_quotes": "session"}, store.sessions())
    quotes = part.tables["stock_quotes"].select("bid", "ask", "bid_size", "ask_size").rows()
    assert quotes == [(49_180_000, 0, 3, 0), (49_180_000, 49_200_000, 3, 4), (49_190_000, 49_200_000, 5, 4)]


def test_option_bars_are_labelled_and_stamped_at_their_end(store, lean_zip):
    name = "20151224_goog_minute_trade_american_call_7500000_20160115.csv"
    one(store, lean_zip("20151224_trade_american.zip", {name: "34200000,100000,120000,90000,110000,7\n"}))
    (part,) = store.parts({"option_trades": "session"}, store.sessions())
    row = part.tables["option_trades"].row(0, named=True)
    assert row["flags"] == PrintFlag.BAR
    assert (row["price"], row["size"]) == (11_000_000, 7)
    assert row["ts"] == 1450967460_000_000_000  # 09:31 New York
    contract = part.tables["contracts"].row(0, named=True)
    assert (contract["underlying"], contract["expiry"], contract["strike"], contract["right"]) == (
        "GOOG", date(2016, 1, 15), 750_000_000, "C",
    )  # fmt: skip


def test_one_sided_minute_quote_has_a_zero(store, lean_zip):
    name = "20151224_goog_minute_quote_american_put_7500000_20160115.csv"
    one(store, lean_zip("20151224_quote_american.zip", {name: "34200000,,,,,0,21500,21500,5000,5000,19\n"}))
    trade = "20151224_goog_minute_trade_american_put_7500000_20160115.csv"
    one(store, lean_zip("20151224_trade_american.zip", {trade: "34260000,1,1,1,5000,7\n"}))
    (part,) = store.parts({"option_trades": "session", "option_quotes": "session"}, store.sessions())
    assert part.tables["option_quotes"].select("bid", "ask", "bid_size", "ask_size").rows() == [(0, 500_000, 0, 19)]


def test_open_interest_belongs_to_the_session_before(store, lean_zip):
    name = "20151224_goog_minute_openinterest_american_call_7500000_20160115.csv"
    one(store, lean_zip("20151224_openinterest_american.zip", {name: "23460000,52\n"}))
    (part,) = store.parts({"open_interest": "history"}, store.sessions())
    row = part.tables["open_interest"].row(0, named=True)
    assert (row["date"], row["session"], row["open_interest"]) == (date(2015, 12, 23), date(2015, 12, 24), 52)


@pytest.mark.parametrize(
    ("member", "content", "said"),
    [
        ("20131007_aig_Trade_Tick.csv", "34200000,1,1\n", "expected 6 columns"),
        ("20139907_aig_Trade_Tick.csv", "34200000,491800,300,D,20,0\n", "expected a day"),
        ("20131007_aig_Trade_Tick.csv", "", "nothing below"),
    ],
)
def test_broken_member_is_one_line(store, lean_zip, member, content, said):
    (outcome,) = ingest(store, [lean_zip("x.zip", {member: content})])
    assert said in outcome.error


def test_bad_number_is_a_reject(store, lean_zip):
    rows = ["34200000,491800,300,D,20,0"] * 200 + ["34200000,abc,300,D,20,0"]
    outcome = one(store, lean_zip("x.zip", {"20131007_aig_Trade_Tick.csv": "\n".join(rows)}))
    assert (outcome.stored, outcome.rejected) == (200, 1)


@pytest.mark.parametrize("kind", ["Quote", "Trade", "option"])
def test_a_long_file_is_read_in_lots_to_the_same_rows(store, lean_zip, monkeypatch, kind):
    """A quote stands from one lot to the next; a day of quotes may hold more than memory does."""
    if kind == "option":
        row = "{0},749000,760000,740000,750000,1,750000,760000,740000,{1},2"
        names = [f"20151224_goog_minute_quote_american_call_{n}0000_20160115.csv" for n in range(700, 740)]
    else:
        sides = ["0,0,{1},4,Q,1,0", "{1},3,0,0,P,1,0", "0,0,{2},4,Z,1,0", "0,0,{1},5,Q,1,0"]
        row = {"Quote": "{0}," + sides[0], "Trade": "{0},{1},300,D,20,0"}[kind]
        names = [f"20131007_{symbol}_{kind}_Tick.csv" for symbol in ("aig", "bac")]
    lines = [row.format(34_200_000 + 60_000 * (n % 300), 750_000 + n, 760_000 + n) for n in range(1200 // len(names))]
    if kind == "Quote":
        lines = [f"{n + 34_200_000}," + sides[(n // 50) % 4].format(n, 750_000 + n, 760_000 + n) for n in range(600)]
    path = lean_zip("20131007_x.zip", dict.fromkeys(names, "\n".join(lines)))
    feed = Lean()
    claim = feed.claim(path)
    desk = Desk(store.read_text, store.calendar())
    whole = pl.concat(feed.frames(path, claim, desk))
    monkeypatch.setattr("feeds.lean.BLOCK_BYTES", 2_000)
    lots = list(feed.frames(path, claim, desk))
    assert len(lots) >= 10
    assert max(lot.height for lot in lots) < 200
    assert pl.concat(lots).equals(whole)
    assert whole["record"].to_list() == list(range(1, 1201))


def table(**columns) -> pl.DataFrame:
    """Canonical columns: prices and share sizes in tens of thousandths, times as seconds after 09:30 New York."""
    frame = pl.DataFrame(columns)
    money = [name for name in ("price", "bid", "ask", "strike", "shares") if name in columns]
    opened = datetime(2015, 12, 24, 14, 30, tzinfo=UTC)
    return frame.with_columns(
        (pl.col(name).cast(pl.Decimal(18, 6)) / 10_000).cast(pl.Decimal(18, 6)) for name in money
    ).with_columns(
        ts=(pl.lit(opened) + pl.duration(microseconds=(pl.col("ts") * 1e6).cast(pl.Int64))).dt.cast_time_unit("ns")
    )


def members(paths: list[Path], folder: Path) -> dict[str, str]:
    found = {}
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                found[f"{path.relative_to(folder)}#{name}"] = archive.read(name).decode()
    return found


def test_stock_ticks_are_written_as_lean_has_them(tmp_path):
    trades = table(
        ts=[0.1239, 1.5, 2.0, 3.0], sequence=[1, 2, 3, 4], symbol=["AIG"] * 4, price=[491800, 491801, 5, 6],
        shares=[3_000_000, 1_000_000, 5_000, 10_000], exchange=["N", "K", "P", "P"],
        off_exchange=[False, True, False, False], conditions=["sweep;regular", None, "late", "cancelled"],
        cancelled=[False] * 4,
    ).rename({"shares": "size"})  # fmt: skip
    quotes = table(
        ts=[0.0, 0.9999], sequence=[1, 2], symbol=["AIG"] * 2, bid=[491800, 0], ask=[492000, 491900],
        bid_size=[3, 7], ask_size=[4, 5],
    )  # fmt: skip
    day = date(2015, 12, 24)
    assert members(write({"stock_trades": trades, "stock_quotes": quotes}, day, tmp_path), tmp_path) == {
        "equity/usa/tick/aig/20151224_trade.zip#20151224_aig_Trade_Tick.csv": (
            "34200123,491800,300,N,21,0\n34201500,491801,100,D,0,0\n34203000,6,1,P,0,0\n"
        ),
        "equity/usa/tick/aig/20151224_quote.zip#20151224_aig_Quote_Tick.csv": (
            "34200000,491800,3,492000,4,Q,1,0\n34200999,0,0,491900,5,Q,1,0\n"
        ),
    }


def test_option_minutes_and_open_interest_are_written_as_lean_has_them(tmp_path):
    def contract(n: int) -> dict:
        return {"underlying": ["GOOG"] * n, "expiry": [date(2016, 1, 15)] * n, "strike": [7_500_000] * n}

    trades = table(
        ts=[1.0, 2.0, 59.9, 60.0, 3.0], sequence=[1, 2, 3, 4, 5], **contract(5), right=["C"] * 5,
        price=[10_000, 12_000, 11_000, 9_000, 50_000], size=[1, 2, 3, 4, 9], cancelled=[False] * 5,
        conditions=[None, "sweep", None, None, "multi_leg"],
    )  # fmt: skip
    quotes = table(
        ts=[1.0, 2.0, 61.0], sequence=[1, 2, 3], **contract(3), right=["P"] * 3, bid=[10_000, 9_000, 0],
        ask=[12_000, 12_500, 13_000], bid_size=[1, 2, 0], ask_size=[4, 5, 6],
    )  # fmt: skip
    interest = table(ts=[0.0], **contract(1), right=["C"], open_interest=[52]).with_columns(date=date(2015, 12, 24))
    paths = write({"option_trades": trades, "option_quotes": quotes}, date(2015, 12, 24), tmp_path)
    paths += write({"open_interest": interest.drop("ts")}, None, tmp_path)
    place = "option/usa/minute/goog"
    assert members(paths, tmp_path) == {
        f"{place}/20151224_trade_american.zip#20151224_goog_minute_trade_american_call_7500000_20160115.csv": (
            "34200000,10000,12000,10000,11000,6\n34260000,9000,9000,9000,9000,4\n"
        ),
        f"{place}/20151224_quote_american.zip#20151224_goog_minute_quote_american_put_7500000_20160115.csv": (
            "34200000,10000,10000,9000,9000,2,12000,12500,12000,12500,5\n34260000,,,,,0,13000,13000,13000,13000,6\n"
        ),
        f"{place}/20151228_openinterest_american.zip"
        "#20151228_goog_minute_openinterest_american_call_7500000_20160115.csv": "23400000,52\n",
    }


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_real_files_are_read_whole(store):
    outcomes = list(
        ingest(
            store, [REAL / "equity" / "usa" / "tick" / "aig" / "20131007_trade.zip", REAL / "option" / "usa" / "minute"]
        )
    )
    assert [o.error for o in outcomes] == [None] * len(outcomes)
    assert all(o.read == o.stored + o.duplicates + o.rejected for o in outcomes)
    assert outcomes[0].stored == 25_351
