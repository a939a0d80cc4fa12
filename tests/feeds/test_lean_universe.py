"""Lean's option universes: which session a file is of, what is no open interest, and the real files."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from feeds.errors import UnreadableFile
from feeds.ingest import ingest
from feeds.lean_universe import LeanUniverse
from feeds.store import Store

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "lean" / "option" / "usa"
HEADER = "#expiry,strike,right,open,high,low,close,volume,open_interest,implied_volatility,delta,gamma,vega,theta,rho\n"
BAR = ",,,633.49,633.50,633.28,633.40,131,,,,,,,\n"
REST = "0.2,0.5,0,0,0,0"


@pytest.fixture
def chain(tmp_path: Path):
    def write(*lines: str, name: str = "20140605.csv", folder: str = "aapl", header: str = HEADER) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + "".join(f"{line}\n" for line in lines))
        return path

    return write


def held(store: Store) -> pl.DataFrame:
    last = store.held_sessions("open_interest")[-1][0]
    (part,) = store.parts({"open_interest": "history"}, store.sessions().window(None, last))
    return part.tables["open_interest"]


def test_open_interest_is_of_the_end_of_the_file_s_session(store, chain):
    path = chain(
        BAR.strip(),
        f"20140606,492.5,C,1,1,1,1,0,3,{REST}",
        f"20140606,490,P,1,1,1,1,7,,{REST}",
        f"20150117,500,P,1,1,1,1,7,12,{REST}",
    )
    (outcome,) = ingest(store, [path])
    assert (outcome.error, outcome.stored, outcome.read) == (None, 2, 2)
    assert outcome.aside == {"the underlying's bar": 1, "contracts without open interest": 1}
    columns = ["date", "underlying", "expiry", "strike", "right", "open_interest", "volume"]
    assert held(store).select(columns).sort("expiry").rows() == [
        (date(2014, 6, 5), "AAPL", date(2014, 6, 6), 492_500_000, "C", 3, 0),
        (date(2014, 6, 5), "AAPL", date(2015, 1, 17), 500_000_000, "P", 12, 7),
    ]


def test_a_long_file_is_read_as_a_short_one(store, chain, monkeypatch):
    """The planted fault: texts of later blocks as codes, which are no frame with those of the first."""
    monkeypatch.setattr("feeds.delimited.BLOCK_BYTES", 1500)
    rows = [f"20140606,{strike},C,1,1,1,1,7,3,{REST}" for strike in range(400, 550)]
    (outcome,) = ingest(store, [chain(BAR.strip(), *rows)])
    assert (outcome.error, outcome.stored) == (None, 150)
    assert set(held(store)["expiry"]) == {date(2014, 6, 6)}


def test_a_file_in_which_nothing_traded_says_nothing_of_volume(store, chain):
    """AAPL's of 2014-06-06 has 0 in every row, on a session that has minute bars of 1,185 contracts."""
    line = f"20140620,490,C,1,1,1,1,{{}},3,{REST}"
    silent = chain(BAR.strip(), line.format(0), line.format(0).replace("490", "495"), name="20140606.csv")
    blank = chain(BAR.strip(), line.format(9), line.format("").replace("490", "495"), name="20140609.csv")
    assert [outcome.stored for outcome in ingest(store, [silent, blank])] == [2, 2]
    assert held(store).sort("date", "strike")["volume"].to_list() == [None, None, 9, None]


def test_a_volume_that_is_no_count_is_a_reject(store, chain):
    good = [f"20140606,{490 + n},C,1,1,1,1,1,{n},{REST}" for n in range(300)]
    bad = [f"20140606,{790 + n},C,1,1,1,1,{volume},3,{REST}" for n, volume in enumerate(("-1", "1.5", "nan"))]
    (outcome,) = ingest(store, [chain(BAR.strip(), *good, *bad)])
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 300, 3)
    assert store.rejects()["reason"].str.contains("`volume`").all()


def test_files_of_the_same_bytes_are_of_different_sessions(store, chain):
    """Three of them, so that the last two have the same bytes beside them too."""
    line = f"20140620,490,C,1,1,1,1,0,3,{REST}"
    days = (date(2014, 6, 9), date(2014, 6, 10), date(2014, 6, 11))
    paths = [chain(BAR.strip(), line, name=f"{day:%Y%m%d}.csv") for day in days]
    assert [outcome.stored for outcome in ingest(store, paths)] == [1, 1, 1]
    assert tuple(held(store)["date"].sort()) == days
    assert [outcome.duplicates for outcome in ingest(store, paths)] == [1, 1, 1]


def positions(first: int, volume: int, contracts: int = 25) -> list[str]:
    return [f"20160115,{700 + n},C,1,1,1,1,{volume},{first + n},{REST}" for n in range(contracts)]


def test_a_file_that_repeats_the_one_before_though_much_was_traded_is_no_reading(store, chain):
    days = {
        "20151222": positions(10, 3),
        "20151223": positions(10, 3),  # repeated
        "20151224": positions(10, 0),  # nothing traded: nothing had to change
        "20151228": [*positions(10, 3, 24), positions(11, 3)[-1]],
    }
    paths = [chain(BAR.strip(), *lines, name=f"{day}.csv") for day, lines in days.items()]
    outcomes = list(ingest(store, paths))
    assert [outcome.stored for outcome in outcomes] == [25, 0, 25, 25]
    assert outcomes[1].aside["open interest that repeats 20151222.csv"] == 25
    assert date(2015, 12, 23) not in held(store)["date"].to_list()


def test_a_file_without_contracts_is_told_as_what_it_is(store, chain):
    bare, bar = chain(name="20140602.csv"), chain(BAR.strip(), name="20140603.csv")
    headed, alone = ingest(store, [bare, bar])
    assert headed.error is not None
    assert "found a header and nothing below it" in headed.error
    assert (alone.error, alone.read, alone.aside["the underlying's bar"]) == (None, 0, 1)


def test_a_row_that_is_no_contract_is_a_reject(store, chain):
    good = [f"20140606,{490 + n},C,1,1,1,1,0,{n},{REST}" for n in range(300)]
    bad = [f"20141306,490,C,1,1,1,1,0,3,{REST}", f"20140606,490,X,1,1,1,1,0,3,{REST}"]
    (outcome,) = ingest(store, [chain(BAR.strip(), *good, *bad)])
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 300, 2)


@pytest.mark.parametrize(("folder", "name"), [("aapl", "chain.csv"), ("a b", "20140605.csv")])
def test_a_file_out_of_its_place_says_where_it_belongs(chain, folder, name):
    path = chain(BAR.strip(), folder=folder, name=name)
    with pytest.raises(UnreadableFile, match=r"expected UNDERLYING/YYYYMMDD\.csv"):
        LeanUniverse().claim(path)


def test_a_missing_column_is_named(chain):
    with pytest.raises(UnreadableFile, match="missing open_interest"):
        LeanUniverse().claim(chain(BAR.strip(), header="#expiry,strike,right,volume\n"))


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
@pytest.mark.parametrize(
    ("symbol", "session", "morning"),
    [("aapl", "20140605", "20140606"), ("goog", "20151223", "20151224"), ("twx", "20140605", "20140606")],
)
def test_a_session_s_file_agrees_with_the_next_morning_s_zip(store, tmp_path, symbol, session, morning):
    """Two files of one vendor on the same positions; read as of any other session they differ in most contracts."""
    universe = REAL / "universes" / symbol / f"{session}.csv"
    (outcome,) = ingest(store, [universe])
    assert outcome.error is None
    ours = held(store)
    with Store.open(tmp_path / "zip.duckdb") as other:
        (outcome,) = ingest(other, [REAL / "minute" / symbol / f"{morning}_openinterest_american.zip"])
        assert outcome.error is None
        theirs = held(other)
    keys = ["date", "underlying", "expiry", "strike", "right"]
    both = ours.join(theirs, on=keys, suffix="_zip")
    assert both.height > 100
    assert (both["open_interest"] == both["open_interest_zip"]).mean() > 0.97


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
@pytest.mark.parametrize("universe_first", [False, True])
def test_a_session_s_volume_outlives_a_zip_that_has_none(store, universe_first):
    """AAPL's two files of one end of session: the same open interest in 1,922 contracts, another one in 40."""
    two = [
        REAL / "minute" / "aapl" / "20140606_openinterest_american.zip",
        REAL / "universes" / "aapl" / "20140605.csv",
    ]
    *_, last = ingest(store, two[::-1] if universe_first else two)
    told = (last.stored, last.duplicates, last.corrected, last.completed)
    assert told == ((400, 1922, 40, 0) if universe_first else (1962, 0, 40, 1922))
    assert held(store)["volume"].count() == (1922 if universe_first else 1962)


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
@pytest.mark.parametrize(
    ("symbol", "session", "equal", "larger"),
    [("goog", "20151224", 76, 189), ("aapl", "20140609", 137, 1110), ("twx", "20140605", 9, 27)],
)
def test_the_volume_is_the_file_s_own_session_s_and_more_than_bars_hold(store, symbol, session, equal, larger):
    """Contracts that traded by the universe, against the sums of their bars; AAPL's one without open interest apart."""
    bars = REAL / "minute" / symbol / f"{session}_trade_american.zip"
    outcomes = list(ingest(store, [bars, REAL / "universes" / symbol / f"{session}.csv"]))
    assert [outcome.error for outcome in outcomes] == [None, None]
    keys = ["underlying", "expiry", "strike", "right"]
    sums = store._frame(
        'SELECT underlying, expiry, strike, "right", sum(size)::BIGINT AS bars FROM main.option_trades GROUP BY ALL'
    )
    told = held(store)
    assert told["volume"].null_count() == 0
    both = told.filter(pl.col("volume") > 0).join(sums, on=keys, how="left").with_columns(pl.col("bars").fill_null(0))
    assert (both["volume"] == both["bars"]).sum() == equal
    assert (both["volume"] > both["bars"]).sum() == larger
    assert both.height == equal + larger, "no bars sum to more"
    assert told.filter(pl.col("volume") == 0).join(sums, on=keys).is_empty()


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
@pytest.mark.parametrize(("symbol", "session"), [("twx", "20140609"), ("nwsa", "20130701")])
def test_a_real_file_without_a_single_trade_has_no_volume(store, symbol, session):
    (outcome,) = ingest(store, [REAL / "universes" / symbol / f"{session}.csv"])
    assert outcome.stored > 100
    assert held(store)["volume"].null_count() == outcome.stored


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
def test_every_real_file_is_read_whole(store):
    paths = sorted((REAL / "universes").glob("*/*.csv"))
    rows, repeated = 0, []
    for outcome in ingest(store, paths):
        assert (outcome.error, outcome.rejected) == (None, 0)
        rows += outcome.read + sum(outcome.aside.values())
        repeated += [f"{outcome.path.parent.name} {outcome.path.stem}" for said in outcome.aside if "repeats" in said]
    assert repeated == ["goog 20151231", "nwsa 20130628"]
    assert rows == sum(len(path.read_text().splitlines()) - 1 for path in paths)
