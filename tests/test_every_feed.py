"""The contract of feeds: each claims its own files by content, refuses every other's, and conserves rows."""

import zipfile
from pathlib import Path

import pytest

from feeds.errors import BullbearError
from feeds.ingest import SNIFFING, ingest
from feeds.schema import TABLES
from feeds.store import Store
from feeds.synthetic import Market, canonical
from tests.feeds.china_samples import AKSHARE, CHINA_SERIES, CSINDEX, SHENWAN, written


def lean_sample(folder: Path) -> list[Path]:
    members = {
        "20131007_trade.zip": ("20131007_aig_Trade_Tick.csv", "34200123,491800,300,D,20,0\n"),
        "20131007_quote.zip": ("20131007_aig_Quote_Tick.csv", "34200000,491800,3,0,0,P,1,0\n"),
        "20151224_trade_american.zip": (
            "20151224_goog_minute_trade_american_call_7500000_20160115.csv", "34200000,1,1,1,5000,7\n"),
        "20151224_quote_american.zip": (
            "20151224_goog_minute_quote_american_call_7500000_20160115.csv", "34200000,1,1,1,1,5,2,2,2,2,6\n"),
        "20151224_openinterest_american.zip": (
            "20151224_goog_minute_openinterest_american_call_7500000_20160115.csv", "23460000,52\n"),
    }  # fmt: skip
    for name, (member, content) in members.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(member, content)
    return [folder / name for name in members]


def canonical_sample(folder: Path, made: Market) -> list[Path]:
    day = made.sessions.dates[0]
    paths = []
    for name, frame in {**made.tables(), **made.tape(day)}.items():
        paths.append(folder / f"{name}.parquet")
        canonical(frame.head(50), name).write_parquet(paths[-1])
    return paths


@pytest.fixture
def samples(tmp_path: Path, small_market: Market) -> dict[str, list[Path]]:
    return {
        "lean": lean_sample(tmp_path),
        "csindex": written(tmp_path, CSINDEX),
        "shenwan": written(tmp_path, SHENWAN),
        "china_series": written(tmp_path, CHINA_SERIES),
        "akshare": written(tmp_path, AKSHARE),
        "canonical": canonical_sample(tmp_path, small_market),
    }


FEEDS = {feed.name: feed for feed in SNIFFING}


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_claims_its_own_and_nobody_elses(name: str, samples: dict[str, list[Path]]):
    assert set(samples) == set(FEEDS), "a feed without a sample proves nothing"
    for source, paths in samples.items():
        for path in paths:
            claim = FEEDS[name].claim(path)
            assert (claim is not None) == (source == name), path.name
            if claim is not None:
                assert claim.table in FEEDS[name].fills


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_every_sample_is_stored_whole(name: str, samples: dict[str, list[Path]], store: Store):
    outcomes = list(ingest(store, samples[name]))
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    assert {outcome.source for outcome in outcomes} == {name}
    for outcome in outcomes:
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
        assert outcome.stored == outcome.read > 0
    again = list(ingest(store, samples[name]))
    assert all(outcome.duplicates == outcome.read and outcome.stored == 0 for outcome in again)


@pytest.mark.parametrize("name", sorted(FEEDS))
@pytest.mark.parametrize("content", [b"x", b"<html></html>", b"\xff\xfe\x00", b"PK\x03\x04", b"PAR1", b"a,b\n1,2\n"])
def test_rubbish_is_claimed_by_nobody_or_named(name: str, content: bytes, tmp_path: Path):
    path = tmp_path / "rubbish.bin"
    path.write_bytes(content)
    claim, said = None, path.name
    try:
        claim = FEEDS[name].claim(path)
    except BullbearError as error:
        said = str(error)
    assert claim is None
    assert path.name in said


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "feeds.duckdb") as opened:
        yield opened


def test_every_feed_says_what_it_fills():
    for feed in SNIFFING:
        assert feed.about
        assert set(feed.fills) <= set(TABLES)
