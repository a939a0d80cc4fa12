"""Whatever bytes and cells come in: no traceback, no row lost, and the quick way reads as the rule does.

`FORMS` says how arbitrary cells become a file of a feed; another feed joins with a line of its own.
"""

import gzip
import random
import shutil
import zipfile
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import feeds.delimited
import feeds.writing
from feeds import cells
from feeds.calendar import exchange_sessions
from feeds.check import check
from feeds.ingest import ingest
from feeds.schema import TABLES, Column
from feeds.store import Store

SESSIONS = exchange_sessions("XNYS", date(2020, 1, 1), date(2026, 6, 30))
FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

LIKELY = [
    "", "0", "1", "-1", "+1", "007", "1.0", "1.", ".5", "1e2", "1E-3", "0x10", "1_000", " 5", "5 ", "-0", "1.50", "NaN",
    "inf", "999999999999999999", "9999999999999999999", "1.0000000", "1.0000001", "12345678901234.5", "0.000001",
    "123456789012.123456", "-0.5", "-1.000001", "2025-11-05", "2025-02-30", "2025-11-05T14:30:00Z",
    "2025-11-05T14:30:00.123456789Z", "2025-11-05T14:30:00.1234567891Z", "2025-11-05 14:30:00Z", "2025-11-05T14:30Z",
    "2025-11-05T14:30:60Z", "2025-11-05T24:00:00Z", "2025-11-05T14:30:00.Z", "2025-11-05T14:30:00-05:00",
    "2025-11-05T14:30:00z", "20251105T143000.000Z", "2025-13-05T14:30:00Z", "2099-01-01T00:00:00Z", "true", "TRUE",
    "False", "1.25", "C", "P", "c", "ACME", "A" * 64, "A" * 65, "A\x00", "A\n", "\ufffd", "中国", "=1+1", "1" * 18,
    "1" * 19,
]  # fmt: skip
cell = st.one_of(
    st.sampled_from(LIKELY), st.text(max_size=24), st.from_regex(r"[-+]?\d{0,20}(\.\d{0,9})?", fullmatch=True)
)
times = st.from_regex(
    r"20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?Z?", fullmatch=True
)

COLUMNS = {
    f"{name}.{column.name}": (column, table.is_tape)
    for name, table in TABLES.items()
    for column in table.columns
    if name in ("option_trades", "insider_trades", "index_levels", "forward_eps")
}


def answers(read: cells.Cells, height: int) -> list:
    bad = [False] * height if read.bad is None else read.bad.to_list()
    return [None if wrong else value for value, wrong in zip(read.value.to_list(), bad, strict=True)], bad


@pytest.mark.parametrize("name", COLUMNS)
@given(texts=st.lists(st.one_of(st.none(), cell, times), min_size=1, max_size=40))
@example(texts=LIKELY)
@settings(max_examples=15)
def test_the_quick_way_reads_as_the_rule_does(name: str, texts: list[str | None]):
    column, exact = COLUMNS[name]
    given_ = pl.Series(column.name, texts, dtype=pl.String)
    long = pl.concat([given_] * (cells.QUICK_ROWS // len(texts) + 1))
    slow = cells._by_rule(column, long, exact, scaled=False)
    for way in (long, long.cast(pl.Categorical(pl.Categories.random()))):
        quick = cells.read_cells(column, way, long.len(), exact, scaled=False)
        assert answers(quick, long.len()) == answers(slow, long.len())
        assert quick.value.dtype == slow.value.dtype
        if slow.bad is not None:
            assert quick.expected == slow.expected


def test_categories_of_more_than_these_rows_are_read_as_the_texts_that_are_there():
    """The planted fault: rows that hold a few late ones of many categories, of which each would be asked the rule."""
    column = Column("size", "int", zero_allowed=False)
    kind = pl.Categorical(pl.Categories.random())
    every = pl.Series("size", [str(n) for n in range(10 * cells.QUICK_ROWS)]).cast(kind)
    some = every.tail(2 * cells.QUICK_ROWS)
    assert cells._categories(some) is None
    assert cells.read_cells(column, some, some.len(), True, scaled=False).value.to_list() == list(
        range(8 * cells.QUICK_ROWS, 10 * cells.QUICK_ROWS)
    )


@pytest.mark.parametrize("kind", ["int", "ts"])
def test_a_cast_that_is_trusted_blindly_is_caught(kind: str, monkeypatch):
    """The planted fault: without the doubt about a cast's form, the two ways differ."""
    monkeypatch.setattr(
        cells, "_cast_first", lambda column, given, exact, scaled, value, sure: cells.Cells(column, value)
    )
    column = Column("x", kind)
    long = pl.Series("x", LIKELY * 30)
    quick = cells.read_cells(column, long, long.len(), True, scaled=False)
    assert answers(quick, long.len()) != answers(cells._by_rule(column, long, True, scaled=False), long.len())


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["ts", "expiry", "strike", "right", "price", "size", "underlying"]), cell),
        max_size=30,
    )
)
@FEW
def test_a_long_batch_parts_as_its_rows_do(rows: list[tuple[str, str]]):
    """A batch of many rows is parted as each of its rows would be alone."""
    good = {"ts": "2025-11-05T14:30:00Z", "underlying": "ACME", "expiry": "2025-11-21", "strike": "100", "right": "C",
            "price": "1.25", "size": "10"}  # fmt: skip
    frame = pl.DataFrame([good | {name: value} for name, value in rows] + [good] * cells.QUICK_ROWS)
    frame = frame.with_columns(record=pl.int_range(2, frame.height + 2, dtype=pl.Int64))
    table = TABLES["option_trades"]
    whole = check(frame, table, SESSIONS)
    alone = [check(frame[n : n + 1], table, SESSIONS) for n in range(len(rows))]
    rejects = pl.concat([whole.rejects.clear(), *(part.rejects for part in alone)])
    assert whole.rejects.sort("record").equals(rejects.sort("record"))
    kept = pl.concat([whole.good.clear(), *(part.good for part in alone)])
    assert whole.good.filter(pl.col("record") < len(rows) + 2).equals(kept)


def lines(rows: list[list[str]], header: str) -> bytes:
    return "\n".join([header, *(",".join(row) for row in rows)]).encode("utf-8", "surrogatepass")


def lean(rows: list[list[str]]) -> tuple[str, bytes]:
    return "20131007_aig_Trade_Tick.csv", "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")


FORMS = {
    "canonical prints": ("option_trades", "ts,underlying,expiry,strike,right,price,size", 7),
    "canonical levels": ("index_levels", "date,index,close", 3),
    "canonical filings": (
        "insider_trades",
        "accession,line,filing_date,transaction_date,symbol,owner_cik,code,acquired_disposed,shares,form",
        10,
    ),
    "lean ticks": (None, None, 6),
}  # fmt: skip
"""Name → table, header and columns; the row's cells are arbitrary."""


def conserved(path: Path, table: str | None) -> None:
    """One outcome: an error in one line, or rows of which each is stored, a duplicate or rejected."""
    with Store.memory() as store:
        (outcome,) = ingest(store, [path], table=table, most_rejected=1.0)
        if outcome.error is not None:
            assert "\n" not in outcome.error
            assert store.file_counts() == {}
            return
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
        assert store.rejects().height == outcome.rejected
        assert sum(n for name in TABLES for _, n in store.held_sessions(name)) == outcome.stored


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
@FEW
def test_arbitrary_cells_are_conserved(form: str, data: st.DataObject):
    table, header, width = FORMS[form]
    rows = data.draw(st.lists(st.lists(cell, min_size=width - 1, max_size=width + 1), max_size=12))
    with TemporaryDirectory() as folder:
        if header is None:
            path = Path(folder) / "20131007_trade.zip"
            name, content = lean(rows)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(name, content)
        else:
            path = Path(folder) / "x.csv"
            path.write_bytes(lines(rows, header))
        conserved(path, table)


@pytest.mark.parametrize("packing", ["plain", "gz", "zst", "zip", "lean"])
@given(content=st.binary(max_size=600), known=st.booleans(), cut=st.integers(0, 40))
@FEW
def test_arbitrary_bytes_are_conserved(packing: str, content: bytes, known: bool, cut: int):
    if known:
        content = b"date,index,close\n2025-11-05,SPX,6800\n" + content
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        if packing in ("zip", "lean"):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("20131007_aig_Trade_Tick.csv" if packing == "lean" else "x.csv", content)
            content = path.read_bytes()
        elif packing != "plain":
            content = gzip.compress(content) if packing == "gz" else pa.Codec("zstd").compress(content, asbytes=True)
        path.write_bytes(content[: len(content) - cut])
        conserved(path, None if packing == "lean" else "index_levels")


OFTEN = {
    "ts": ["2025-11-05T14:30:00Z", "2025-11-05T14:30:00.00001Z", "2025-11-06T14:30:00+00:00", "2025-11-07T20:59:59Z"],
    "sequence": ["", "1", "2", "900000000000000000"],
    "underlying": ["ACME", "B"],
    "expiry": ["2025-11-21"],
    "strike": ["100", "105.5", "007"],
    "right": ["C", "P"],
    "price": ["1.25", "0.01", "1.000000"],
    "size": ["1", "10"],
    "exchange": ["", "C", "I"],
    "conditions": ["", "late", "sweep;xyz"],
}  # fmt: skip
SELDOM = [",", '"', '"a,b"', '"a""b"', '"open', "\r", "\x00", "\xff", "x\x01", "X" * 10_000, "2025-11-05T23:59:60Z"]


def long_file(rng: random.Random, rows: int, odd: float, sort: bool) -> bytes:
    """Prints whose columns turn from few texts to many and back, in time or in any order, some cells of any kind."""
    lines = []
    for at in range(rows):
        few = at // 40 % 2
        row = {name: rng.choice(texts[: 1 if few else None]) for name, texts in OFTEN.items()}
        if not few:
            row |= {"price": str(rng.randrange(1, 10**6)), "ts": f"2025-11-05T15:30:00.{rng.randrange(10**6):06d}Z"}
        if rng.random() < odd:
            row[rng.choice(list(row))] = rng.choice([rng.choice(["", *LIKELY[:30]]), ""])
        if rng.random() < odd / 20:
            row[rng.choice(list(row))] = rng.choice(LIKELY + SELDOM)
        lines.append(",".join(row.values()))
    lines = sorted(lines) if sort else lines
    return "\n".join([",".join(OFTEN), *lines]).encode("latin-1", "replace")


def found(path: Path, fresh_db: Path) -> tuple:
    """All that a store says of one file: what rests, in its order, what was refused, and the counts."""
    with Store.open(shutil.copyfile(fresh_db, path.with_suffix(".duckdb"))) as store:
        (outcome,) = ingest(store, [path], table="option_trades", most_rejected=1.0)
        rows = store._frame("SELECT * FROM tape.option_trades")
        named = [store._frame(f"SELECT * FROM dim.{dim} ORDER BY id").rows() for dim in ("contracts", "venues")]
        order = rows.select("session", "contract", "ts", "sequence", "file", "record").rows()
        assert order == sorted(order)
        return outcome, rows.rows(), named, store.rejects().rows()


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 400),
    odd=st.sampled_from([0, 0.01, 0.1]),
    sort=st.booleans(),
    block=st.sampled_from([100, 1000, 5000]),
    staged=st.sampled_from([1, 50, feeds.writing.STAGED_ROWS]),
    members=st.integers(0, 3),
)
@settings(FEW, max_examples=12)
def test_a_file_of_many_blocks_rests_as_by_the_rule(fresh_db, seed, rows, odd, sort, block, staged, members):
    """Blocks, codes, the quick casts and the order taken from the file's own change nothing that is stored or said."""
    content = long_file(random.Random(seed), rows, odd, sort)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        path = Path(folder) / "x.csv"
        cuts = [n * len(content) // max(members, 1) for n in range(members + 1)]
        parts = [gzip.compress(content[a:b]) for a, b in pairwise(cuts)]
        path.write_bytes(b"".join(parts) if members else content)
        patched.setattr(feeds.delimited, "BLOCK_BYTES", block)
        patched.setattr(feeds.delimited, "_REPEATED", 2)
        patched.setattr(feeds.writing, "STAGED_ROWS", staged)
        patched.setattr(cells, "QUICK_ROWS", 1)
        quick = found(path, fresh_db)
        patched.setattr(feeds.delimited, "_plain", lambda *_: iter([None]))
        patched.setattr(cells, "QUICK_ROWS", 1 << 40)
        patched.setattr(feeds.writing.FileWriting, "_follows", lambda *_: False)
        assert quick == found(path, fresh_db)


PLAIN = {"int": "1", "float": "1.5", "decimal": "1.5", "price": "1.5", "bool": "true", "ts": ""}


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if not table.is_tape])
@pytest.mark.parametrize("day", ["9999-12-31", "2262-04-12", "1677-09-21", "0001-01-01"])
def test_a_date_that_no_clock_of_nanoseconds_shows_is_a_row_like_any_other(name: str, day: str, tmp_path: Path):
    """The planted fault: one such day in a file, and the run ends."""
    columns = [column for column in TABLES[name].columns if column.kind != "ts"]
    row = [day if column.kind == "date" else PLAIN.get(column.kind, "A") for column in columns]
    path = tmp_path / f"{name}.csv"
    path.write_text("\n".join([",".join(column.name for column in columns), ",".join(row)]))
    conserved(path, name)
