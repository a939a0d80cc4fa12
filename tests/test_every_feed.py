"""The contract of feeds: each claims its own files by content, refuses every other's, conserves rows, and reads the
synthetic market written in its layout to the readings of the canonical tables.
"""

import csv
import gzip
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.errors import BullbearError
from feeds.feed import magic
from feeds.ingest import SNIFFING, Outcome, ingest
from feeds.schema import TABLES
from feeds.store import Store
from feeds.synthetic import Market, canonical, market
from feeds.writers import said, sources, writer
from indicators.engine.run import of_market, readings_of
from indicators.engine.scope import scope
from tests.feeds.china_samples import AKSHARE, CHINA_SERIES, CSINDEX, SHENWAN, written
from tests.feeds.hostile import cells


def as_written(made: Market, source: str, folder: Path) -> list[Path]:
    """The market's tables and tapes in a source's layout."""
    write = writer(source)
    paths = write({name: canonical(frame, name) for name, frame in made.tables().items()}, None, folder)
    for day in made.sessions.dates:
        paths += write({name: canonical(frame, name) for name, frame in made.tape(day).items()}, day, folder)
    return paths


@pytest.fixture(scope="session")
def tiny_market() -> Market:
    return market(seed=11, sessions=2, symbols=6, history=40)


@pytest.fixture(scope="session")
def samples(tiny_market: Market, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("samples")
    china = {"csindex": CSINDEX, "shenwan": SHENWAN, "china_series": CHINA_SERIES, "akshare": AKSHARE}
    return {source: as_written(tiny_market, source, folder / source) for source in sources()} | {
        name: written(folder, sample) for name, sample in china.items()
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


TEXTS = sorted({*FEEDS} - {"canonical", "databento", "form4", "lean", "sec_insider", "spglobal", "unusual_whales"})
"""Feeds whose samples are text under a header; those of the others are packed, and their own tests spoil them."""


@dataclass
class Text:
    """A text sample as its cells; `header` is the line of the column names."""

    name: str
    delimiter: str
    lines: list[list[str]]
    header: int

    @classmethod
    def of(cls, path: Path) -> "Text":
        """A sample, unpacked."""
        content = gzip.decompress(path.read_bytes()) if magic(path) == "gz" else path.read_bytes()
        delimiter = "|" if content.splitlines()[0].count(b"|") else ","
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))
        widths = [len(line) for line in lines]
        return cls(path.name.removesuffix(".gz"), delimiter, lines, widths.index(max(widths[:20])))

    def without(self, at: int) -> "Text":
        """The sample less one column."""
        spoilt = (n >= self.header and line[:1] != ["END"] for n, line in enumerate(self.lines))
        lines = [line[:at] + line[at + 1 :] if it else line for it, line in zip(spoilt, self.lines, strict=True)]
        return replace(self, lines=lines)

    def written(self, folder: Path) -> Path:
        """As a file under its own name."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows(self.lines)
        (folder / self.name).write_text(text.getvalue(), encoding="utf-8", errors="surrogatepass")
        return folder / self.name


@pytest.fixture(scope="session")
def scratch() -> Iterator[Store]:
    with Store.memory() as opened:
        yield opened


@pytest.fixture(scope="session")
def texts(samples: dict[str, list[Path]]) -> dict[str, list[Text]]:
    """A sample of each header of each feed of text."""
    found: dict[str, list[Text]] = {}
    for name in TEXTS:
        kinds = {
            tuple(text.lines[text.header]): text
            for text in map(Text.of, samples[name])
            if not text.name.endswith(".json")
        }
        found[name] = list(kinds.values())
    return found


def spoilt(store: Store, path: Path) -> list[Outcome]:
    """What becomes of a file at any share of bad rows: an error of one line, or rows that are all accounted for."""
    outcomes = list(ingest(store, [path], most_rejected=1.0))
    for outcome in outcomes:
        assert outcome.error is None or (path.name in outcome.error and "\n" not in outcome.error)
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return outcomes


TENORS = ("3月", "6月", "1年", "3年", "5年", "7年", "30年")
"""Columns of a yield curve that are rows of a table: one less is so many rows less."""

RAGGED = {"cboe": 5}
"""Last names of a header that stand for any number of fields."""


def as_one_word(text: str) -> str:
    return re.sub(r"\W+", "_", text.strip()).lower()


@pytest.mark.parametrize("name", TEXTS)
def test_a_missing_column_is_named_or_not_missed(name: str, texts: dict[str, list[Text]], store: Store, tmp_path: Path):
    named = 0
    for text in texts[name]:
        whole = [outcome.stored for outcome in spoilt(store, text.written(tmp_path))]
        header = text.lines[text.header]
        for at, column in enumerate(header[: -RAGGED.get(name, 0) or None]):
            outcomes = spoilt(store, text.without(at).written(tmp_path))
            if (error := outcomes[0].error) is None:
                assert not any(outcome.rejected for outcome in outcomes), column
                assert [outcome.stored + outcome.duplicates for outcome in outcomes] == whole or column in TENORS
            else:
                named += 1
                assert as_one_word(column) in as_one_word(error.replace(text.name, "")), column
    assert named


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_cells_are_stored_or_rejected(
    name: str, texts: dict[str, list[Text]], scratch: Store, tmp_path: Path, data: st.DataObject
):
    text = data.draw(st.sampled_from(texts[name]))
    rows = st.integers(text.header, min(len(text.lines), text.header + 8) - 1)
    spoilt_cells = st.lists(st.tuples(rows, st.integers(0, 40), cells), min_size=1, max_size=4)
    lines = [list(line) for line in text.lines]
    for row, at, cell in data.draw(spoilt_cells):
        lines[row][at % max(1, len(lines[row])) : at % max(1, len(lines[row])) + 1] = [cell]
    spoilt(scratch, replace(text, lines=lines).written(tmp_path))


@pytest.fixture
def store(fresh_db: Path, tmp_path: Path):
    with Store.open(shutil.copyfile(fresh_db, tmp_path / "feeds.duckdb")) as opened:
        yield opened


def test_every_feed_says_what_it_fills():
    for feed in SNIFFING:
        assert feed.about
        assert set(feed.fills) <= set(TABLES)


@pytest.mark.parametrize("source", sources())
def test_what_a_layout_says_reads_as_the_canonical_tables(
    source: str, samples: dict[str, list[Path]], tiny_market: Market, tmp_path: Path, store: Store
):
    """Every reading that the source's tables allow, to the bit, and every small table row by row."""
    assert [outcome.error for outcome in ingest(store, samples[source]) if outcome.error] == []
    plain = writer("canonical")
    tables = said(source, {name: canonical(frame, name) for name, frame in tiny_market.tables().items()})
    paths = plain(tables, None, tmp_path / "plain")
    for day in tiny_market.sessions.dates:
        tape = {name: canonical(frame, name) for name, frame in tiny_market.tape(day).items()}
        paths += plain(said(source, tape), day, tmp_path / "plain")
    with Store.open(tmp_path / "plain.duckdb") as expected:
        held = {name for name in TABLES if store.held_sessions(name)}
        assert held
        wanted = [path for path in paths if path.stem in held]
        assert [outcome.error for outcome in ingest(expected, wanted) if outcome.error] == []
        compared = 0
        for indicator in of_market("us").values():
            if all(need.table in held for need in indicator.inputs if not need.optional):
                compared += 1
                assert all_readings(store, indicator) == all_readings(expected, indicator), indicator.name
        for name in held - {name for name, table in TABLES.items() if table.is_tape}:
            compared += 1
            assert history(store, name).equals(history(expected, name)), name
        assert compared


def all_readings(store: Store, indicator) -> list[str]:
    covered = scope(store, [need.table for need in indicator.inputs if not need.optional], "us")
    return [reading.model_dump_json() for reading in readings_of(store, indicator, covered)]


def history(store: Store, name: str) -> pl.DataFrame:
    last = store.held_sessions(name)[-1][0]
    (part,) = store.parts({name: "history"}, store.sessions().window(None, last))
    return (
        part.tables[name]
        .select(list(dict.fromkeys((*TABLES[name].names, "session", "known_at"))))
        .sort(TABLES[name].key)
    )
