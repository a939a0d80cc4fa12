"""Delimited text: the quick way over plain lines gives what the rule gives, row for row and line for line."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import feeds.delimited
from feeds.errors import UnreadableFile
from feeds.store import Store

COLUMNS = ("a", "b", "c")
PLAIN = [b"1,2,3", b",,", b" x ,#y,\\N", b"NULL,nan,-0"]
ODD = [
    b'"1",2,3', b'1,"2""2",3', b'"1,1",2,3', b'1,"2', b"1,2", b"1,2,3,4", b"1,2,3,", b"",
    b"\xff,2,3", "ü,ö,ä".encode(), b"1\x00,2,3", b"1,2,3\r",
    b'"a\nb",2,3', b"1", b"\xef\xbb\xbf1,2,3",
]  # fmt: skip


@pytest.fixture(scope="module")
def empty() -> Iterator[Store]:
    with Store.memory() as store:
        yield store


def read(store: Store, path: Path, header: bool = True, coded: bool = False) -> tuple[list[tuple], list[tuple] | str]:
    """Every row with its number, and the misfits, or why the file cannot be read."""
    text = store.read_text(path, ",", COLUMNS, header)
    rows: list[tuple] = []
    try:
        for frame in text.batches(coded):
            assert frame.columns == [*COLUMNS, "record"]
            assert frame.height
            rows += frame.rows()
    except UnreadableFile as error:
        return rows, str(error)
    return rows, text.misfits().rows()


def by_rule(store: Store, path: Path, header: bool = True) -> tuple[list[tuple], list[tuple] | str]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(feeds.delimited, "_plain", lambda *_: iter([None]))
        return read(store, path, header)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from([*PLAIN * 4, *ODD]), max_size=30),
    block=st.sampled_from([1, 7, 40, 1 << 20]),
    header=st.booleans(),
    ended=st.booleans(),
    packed=st.booleans(),
    coded=st.booleans(),
)
def test_any_lines_are_read_as_by_the_rule(empty, tmp_path, lines, block, header, ended, packed, coded):
    path = tmp_path / "lines.csv"
    whole = b"\n".join([*([b"a,b,c"] if header else []), *lines]) + (b"\n" if ended else b"")
    path.write_bytes(gzip.compress(whole) if packed else whole)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(feeds.delimited, "BLOCK_BYTES", block)
        patched.setattr(feeds.delimited, "_REPEATED", 0)
        found = read(empty, path, header, coded)
    wanted = by_rule(empty, path, header)
    if isinstance(wanted[1], str):
        assert found[1] == wanted[1]
    else:
        assert found == wanted


def test_plain_lines_never_ask_the_rule(empty, tmp_path, monkeypatch):
    path = tmp_path / "plain.csv"
    path.write_bytes(b"a,b,c\n" + b"\n".join(PLAIN * 50))
    wanted = by_rule(empty, path)
    monkeypatch.setattr(feeds.delimited.TextFile, "_by_rule", lambda *_: pytest.fail("the rule was asked"))
    monkeypatch.setattr(feeds.delimited, "BLOCK_BYTES", 100)
    assert read(empty, path) == wanted
    assert len(wanted[0]) == 200


@pytest.mark.parametrize(("first", "second"), [(b"1,2", b"1,2,3,4"), (b"1,2,3,4", b"1,2")])
def test_one_field_too_few_and_one_too_many_are_not_two_right_lines(empty, tmp_path, first, second):
    """Their delimiters add up to those of two right lines."""
    path = tmp_path / "odd.csv"
    path.write_bytes(b"\n".join([b"a,b,c", b"1,2,3", first, second, b"4,5,6"]) + b"\n")
    rows, misfits = read(empty, path)
    assert [row[:3] for row in rows] == [("1", "2", "3"), ("4", "5", "6")]
    assert [line for line, _, _ in misfits] == [3, 4]


@pytest.mark.parametrize("cut", [1, 9, 400])
def test_a_gz_that_breaks_off_after_plain_blocks_is_unreadable(empty, tmp_path, monkeypatch, cut):
    path = tmp_path / "cut.csv.gz"
    lines = b"".join(b"%d,%d,x\n" % (n, n * n) for n in range(20_000))
    path.write_bytes(gzip.compress(b"a,b,c\n" + lines)[:-cut])
    monkeypatch.setattr(feeds.delimited, "BLOCK_BYTES", 1000)
    wanted = by_rule(empty, path)
    assert read(empty, path)[1] == wanted[1]
    if isinstance(wanted[1], list):
        assert read(empty, path) == wanted


def test_a_frame_is_text(empty, tmp_path):
    path = tmp_path / "plain.csv"
    path.write_bytes(b"a,b,c\n1,,2025-01-02\n")
    (frame,) = empty.read_text(path, ",", COLUMNS).batches()
    assert frame.schema == {"a": pl.String, "b": pl.String, "c": pl.String, "record": pl.Int64}
    assert frame.rows() == [("1", None, "2025-01-02", 2)]


def test_texts_that_come_again_may_come_as_codes(empty, tmp_path, monkeypatch):
    """From the second block on, where that was asked: a column of many texts stays text."""
    path = tmp_path / "plain.csv"
    path.write_bytes(b"a,b,c\n" + b"".join(b"%d,%d,\n" % (1000 + n, n % 3) for n in range(500)))
    monkeypatch.setattr(feeds.delimited, "BLOCK_BYTES", 1000)
    first, *others = empty.read_text(path, ",", COLUMNS).batches(coded=True)
    assert set(first.drop("record").dtypes) == {pl.String}
    assert len(others) > 2
    for frame in others:
        assert [kind.is_(pl.String) for kind in frame.drop("record").dtypes] == [True, False, False]
    kinds = [frame.schema[name] for frame in others for name in "bc"]
    assert len(set(map(str, kinds))) == len(kinds)
    assert read(empty, path, coded=True) == by_rule(empty, path)
