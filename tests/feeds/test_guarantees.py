"""The eight guarantees of ingest, each by its name: what a file may do to the store, and what it may not.

Cases stand in tables (`REJECTED`, `UNREADABLE`, `HOSTILE`) that say what is put into a canonical row or file; a feed of
another layout joins by writing the same facts its own way.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import select
import subprocess
import sys
import weakref
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import app
from feeds import ingest as ingesting
from feeds.errors import StoreBusy
from feeds.feed import rows_expected
from feeds.ingest import ingest
from feeds.store import Store
from feeds.writing import FileWriting
from indicators.views import progress

from .conftest import OPTION_HEADER, option_row

ROOT = Path(__file__).parents[2]
ROWS = 100_000
KILLS = 50


def run(store: Store, *paths: Path | str, **options):
    return list(ingest(store, paths, **({"table": "option_trades"} | options)))


def many(path: Path, cents: int) -> Path:
    """A file of `ROWS` prints, one of which is bad; another price is another version of it."""
    lines = [
        f"2025-11-05T14:30:{i % 60:02d}.{i:09d}Z,A{i % 200},2025-11-21,{50 + i % 31},C,{cents // 100}.{i % 100:02d},3"
        for i in range(1, ROWS)
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([OPTION_HEADER, *lines, option_row(1, price="-1")]) + "\n")
    return path


def sound(store: Store) -> dict[str, int]:
    """Prints by the sha256 of the files in force; every way of counting them must agree."""
    one = store._one
    files = store._frame("SELECT * FROM ledger.files WHERE superseded_by IS NULL")
    assert files["logical_name"].n_unique() == files.height
    for file, read, stored, duplicates, rejected in files.select(
        "file", "read", "stored", "duplicates", "rejected"
    ).rows():
        assert read == stored + duplicates + rejected
        assert one("SELECT count(*) FROM tape.option_trades WHERE file = ?", [file]) == stored
        assert one("SELECT sum(rows) FROM ledger.partitions WHERE file = ?", [file]) == stored
        assert one("SELECT count(*) FROM ledger.rejects WHERE file = ?", [file]) == rejected
    total = one("SELECT count(*) FROM tape.option_trades")
    assert total == files["stored"].sum()
    assert one("SELECT count(*) FROM main.option_trades") == total  # every code has its name
    return dict(files.select("sha256", "stored").rows())


class Children:
    """Ingesting processes, one at a time, each of which may be killed."""

    def __init__(self, folder: Path) -> None:
        self.db, self.log = folder / "market.duckdb", folder / "market.duckdb.wal"
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.feeds.forked"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def start(self, path: Path, **more: object) -> int:
        asked = {"db": str(self.db), "paths": [str(path)], "table": "option_trades", **more}
        self.server.stdin.write(json.dumps(asked) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())["pid"]

    def end(self) -> tuple[int, list[str]]:
        """The exit code (minus the signal) and the errors said."""
        errors = []
        while "ended" not in (said := json.loads(self.server.stdout.readline())):
            errors.append(said["error"])
        return said["ended"], errors

    def written(self) -> int:
        """Bytes of the database and of the write-ahead file beside it."""
        total = 0
        for path in (self.db, self.log):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def wait_for(self, growth: int) -> None:
        """Until so many bytes more are written, or the child has something to say."""
        before = self.written()
        while not select.select([self.server.stdout], [], [], 0.0002)[0] and self.written() - before < growth:
            pass


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    made = Children(tmp_path)
    yield made
    made.server.communicate()


# -- 1 -----------------------------------------------------------------------------------------------------------------


def test_guarantee_1_idempotent(store, option_csv):
    """The same bytes store nothing; other bytes of the same name take its rows' place; any other file appends."""
    rows = [option_row(i) for i in range(5)]
    run(store, option_csv("x.csv", rows))
    (again,) = run(store, option_csv("x.csv", rows))
    assert (again.read, again.stored, again.duplicates) == (5, 0, 5)
    run(store, option_csv("y.csv", rows[:2]))
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 7)]
    (fresh,) = run(store, option_csv("second/x.csv", rows[:4]))
    assert (fresh.stored, fresh.replaced) == (4, 5)
    assert store.held_sessions("option_trades") == [(date(2025, 11, 5), 6)]
    superseded = store._frame("SELECT superseded_by, stored FROM ledger.files WHERE superseded_by IS NOT NULL")
    assert superseded.rows() == [(3, 5)]
    sound(store)


def test_guarantee_1_a_missing_sequence_is_the_row_number(store, option_csv):
    run(store, option_csv("x.csv", [option_row(i) for i in range(3)]))
    assert store._frame("SELECT sequence, record FROM tape.option_trades ORDER BY 1").rows() == [(2, 2), (3, 3), (4, 4)]


def test_guarantee_1_keyed_rows_are_duplicates_or_recorded_corrections(store, tmp_path):
    for name, close, found in (("a", "5", (1, 0, 0)), ("b", "5.0", (0, 1, 0)), ("c", "6", (1, 0, 1))):
        (tmp_path / f"{name}.csv").write_text(f"date,index,close\n2025-11-05,SPX,{close}\n")
        (outcome,) = run(store, tmp_path / f"{name}.csv", table="index_levels")
        assert (outcome.stored, outcome.duplicates, outcome.corrected) == found
    assert store.correction_counts() == {"index_levels": 1}


@pytest.mark.parametrize("called", ["max", "copy"])
def test_guarantee_1_a_row_that_a_file_withdraws_comes_back_from_another_that_says_it(store, tmp_path, called):
    """It was a duplicate of a row that is gone: read again, the other file gives it, and contradicts nobody."""

    def told(name: str, **closes: str) -> tuple[int, int, int, int]:
        lines = [f"2025-11-{day[1:]},SPX,{close}" for day, close in closes.items()]
        (tmp_path / f"{name}.csv").write_text("\n".join(["date,index,close", *lines]) + "\n")
        (outcome,) = run(store, tmp_path / f"{name}.csv", table="index_levels")
        return outcome.read, outcome.stored, outcome.duplicates, outcome.corrected

    held = "SELECT day(date), close, logical_name FROM main.index_levels JOIN ledger.files USING (file) ORDER BY 1"
    told("window", d04="4", d05="5")
    assert told("max", d03="3", d04="4", d05="5", d06="6") == (4, 2, 2, 0)
    assert told("mended", d03="3.5") == (1, 1, 0, 1)
    told("window", d05="5", d07="7")
    assert told(called, d03="3", d04="4", d05="5", d06="6") == (4, 1, 3, 0)
    assert store._frame(held).rows() == [
        (3, 3.5, "mended.csv"), (4, 4, "max.csv"), (5, 5, "window.csv"), (6, 6, "max.csv"), (7, 7, "window.csv"),
    ]  # fmt: skip
    assert told(called, d03="3", d04="4", d05="5", d06="6") == (4, 0, 4, 0)
    assert store.correction_counts() == {"index_levels": 1}
    files = "FROM ledger.files WHERE superseded_by IS NULL AND logical_name = 'max.csv'"
    assert store._frame(f"SELECT read, stored, duplicates, rejected {files}").rows() == [(4, 2, 2, 0)]
    held_in = "SELECT day(session), rows FROM ledger.partitions JOIN ledger.files USING (file) WHERE logical_name = ?"
    assert sorted(store._frame(held_in, ["max.csv"]).rows()) == [(4, 1), (6, 1)]


def test_guarantee_1_members_that_a_file_withdraws_come_back_in_both_tables(store, tmp_path):
    path = tmp_path / "constituents_2020-05-29.csv"
    path.write_text("Symbol,Name,Sector\nA,Agilent,Health Care\nB,Barnes,Industrials\n")
    header = "date,index,symbol\n"
    (tmp_path / "few.csv").write_text(header + "2020-05-29,SPX,A\n2020-05-29,SPX,B\n")
    run(store, tmp_path / "few.csv", table="index_members")
    assert [outcome.stored for outcome in run(store, path, table=None)] == [0, 2]
    (tmp_path / "few.csv").write_text(header + "2020-05-29,SPX,A\n")
    run(store, tmp_path / "few.csv", table="index_members")
    assert [(outcome.stored, outcome.duplicates) for outcome in run(store, path, table=None)] == [(1, 1), (0, 2)]
    assert [(outcome.stored, outcome.duplicates) for outcome in run(store, path, table=None)] == [(0, 2), (0, 2)]


# -- 2 -----------------------------------------------------------------------------------------------------------------


def test_guarantee_2_all_or_nothing_under_kills(children, tmp_path):
    """Fifty times a running write is killed at a random moment; each time a file is in whole, or not at all."""
    versions = [many(tmp_path / str(n) / "x.csv", 100 * (n + 1)) for n in range(2)]
    shas = [hashlib.sha256(path.read_bytes()).hexdigest() for path in versions]
    draw = random.Random(5)
    killed, whole, absent = 0, 0, 0
    held: dict[str, int] = {}
    for _ in range(2 * KILLS):
        asked = 1 if shas[0] in held else 0
        pid = children.start(versions[asked])
        children.wait_for(draw.choice([1, draw.randrange(1, 2_000_000), draw.randrange(1, 18_000_000)]))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        code, _ = children.end()
        killed += code == -9
        if children.db.exists():
            before = held
            with Store.open(children.db) as store:
                held = sound(store)
            assert held in (before, {shas[asked]: ROWS - 1})
            whole, absent = whole + (held != before), absent + (held == before)
        if killed == KILLS:
            break
    assert (killed, absent > 0) == (KILLS, True)
    for asked in (0, 1):
        children.start(versions[asked])
        assert children.end() == (0, [])
        with Store.open(children.db) as store:
            assert sound(store) == {shas[asked]: ROWS - 1}
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["market.duckdb"]


@pytest.mark.parametrize("megabytes", [1, 4, 9])
def test_guarantee_2_all_or_nothing_on_a_full_disk(children, tmp_path, megabytes):
    children.start(many(tmp_path / "a" / "y.csv", 300))
    assert children.end() == (0, [])
    with Store.open(children.db) as store:
        before = sound(store)
    path = many(tmp_path / "b" / "x.csv", 500)
    children.start(path, file_size=megabytes << 20)
    code, errors = children.end()
    assert code == 2
    assert len(errors) == 1
    assert "\n" not in errors[0]
    assert "cannot be written" in errors[0]
    assert "Nothing of the file is stored" in errors[0]
    with Store.open(children.db) as store:
        assert sound(store) == before
    children.start(path)
    assert children.end() == (0, [])
    with Store.open(children.db) as store:
        assert len(sound(store)) == 2


def test_guarantee_2_what_a_killed_writer_put_aside_is_swept(tmp_path):
    aside = tmp_path / "market.duckdb.tmp"
    aside.mkdir()
    for name in ("duckdb_temp_1_0_owner", "duckdb_temp_1_0_storage_DEFAULT-0.tmp"):
        (aside / name).write_bytes(b"x")
    with Store.open(tmp_path / "market.duckdb"):
        assert not aside.exists()
    aside.mkdir()
    (aside / "mine.txt").write_text("keep")
    with Store.open(tmp_path / "market.duckdb"):
        assert (aside / "mine.txt").exists()


# -- 3 -----------------------------------------------------------------------------------------------------------------


def test_guarantee_3_conservation(store, option_csv):
    """Rows read = stored + duplicates + rejected, whatever becomes of them, and the ledger says the same."""
    rows = [option_row(i) for i in range(400)]
    rows[7], rows[50], rows[51] = option_row(7, price="0"), "short,line", option_row(3).replace("ACME", "A" * 65)
    (outcome,) = run(store, option_csv("x.csv", rows))
    assert (outcome.read, outcome.stored, outcome.duplicates, outcome.rejected) == (400, 397, 0, 3)
    assert store.rejects()["record"].to_list() == [9, 52, 53]
    sound(store)


@pytest.mark.parametrize("lost", ["staged", "refused", "joined"])
def test_guarantee_3_is_checked_at_every_ingest(store, option_csv, monkeypatch, lost):
    """The planted fault: a row that goes missing on its way into the store stores nothing of its file."""
    add, refuse, run_query = FileWriting.add, FileWriting.refuse, FileWriting._run

    def thinner(self, name, names=None, **values):
        if name == "tape":
            names = names | {"joins": names["joins"] + " WHERE s.record <> 3"}
        return run_query(self, name, names, **values)

    planted = {
        "staged": ("add", lambda self, batch: add(self, batch.head(-1))),
        "refused": ("refuse", lambda self, rejects: refuse(self, rejects.head(-1))),
        "joined": ("_run", thinner),
    }
    monkeypatch.setattr(FileWriting, *planted[lost])
    (outcome,) = run(store, option_csv("x.csv", [option_row(i, price="x" if i == 7 else "1") for i in range(400)]))
    assert "'x.csv': 400 rows read, but 399 stored, duplicate or rejected: nothing stored" in outcome.error
    assert sound(store) == {}


OPEN_QUOTES = {
    "never closed": ((60,), ',"ACME,'),
    "closed by another, lines later, with text behind it": ((60, 90), ',"ACME,'),
    "closed by another, lines later": ((60, 90), None),
    "never closed, in a column of text": ((60,), "text"),
    "closed by another, lines later, in a column of text": ((60, 90), "text"),
}


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        *((case, rows) for case in OPEN_QUOTES for rows in (300, 3_000)),
        ("never closed", 1_200_000),  # beyond the reader's buffer, behind which it finds lines again
    ],
)
def test_guarantee_3_an_open_quote_does_not_take_the_lines_after_it_along(store, tmp_path, case, rows):
    """It is one row to a reader of CSV: as one reject in a thousand it would hide what it took."""
    at, put = OPEN_QUOTES[case]
    lines = [option_row(i) + ",regular" for i in range(rows)]
    for n, line in enumerate(at):
        if put == "text":
            lines[line] = lines[line][:-7] + ('"regular' if n == 0 else 'regular"')
        else:
            lines[line] = lines[line].replace(",ACME,", put or (',"ACME,' if n == 0 else ',ACME",'))
    (tmp_path / "x.csv").write_text("\n".join([OPTION_HEADER + ",conditions", *lines]) + "\n")
    (outcome,) = run(store, tmp_path / "x.csv", most_rejected=0.5)
    assert "'x.csv': expected a quote to close in its line, found one in line 62 " in outcome.error
    assert sound(store) == {}


def test_guarantee_3_a_stray_quote_costs_its_own_line(store, option_csv):
    rows = [option_row(i) for i in range(400)]
    rows[60] = rows[60].replace("ACME", 'AC"M"E').replace("100", '"100"0')
    rows[-1] = rows[-1].replace(",ACME", ',"ACME')
    (outcome,) = run(store, option_csv("x.csv", rows))
    assert (outcome.error, outcome.read, outcome.rejected) == (None, 400, 2)
    assert store.rejects()["record"].to_list() == [62, 401]
    assert all(reason.startswith("a quote that is not closed") for reason in store.rejects()["reason"])


# -- 4 -----------------------------------------------------------------------------------------------------------------

REJECTED = {
    "unparseable price": ("price", "cheap", "`price`, was 'cheap'"),
    "unparseable time": ("ts", "yesterday", "`ts`, was 'yesterday'"),
    "price of zero": ("price", "0", "above zero"),
    "negative price": ("price", "-1.5", "above zero"),
    "absurd price": ("price", "123456789", "absurd"),
    "size of zero": ("size", "0", "above zero"),
    "negative size": ("size", "-4", "above zero"),
    "unknown right": ("right", "X", "one of C, P"),
    "expiry before the trade": ("expiry", "2025-11-04", "before the session"),
    "a time in no session": ("ts", "2025-11-08T17:00:00Z", "no session"),
    "not a number": ("price", "NaN", "`price`, was 'NaN'"),
    "infinite": ("price", "inf", "`price`, was 'inf'"),
    "overflow": ("size", "999999999999999999", "overflows"),
    "overflowing digits": ("size", "9" * 30, "`size`"),
    "more places than six": ("price", "1.0000001", "at most six places"),
    "long symbol": ("underlying", "A" * 10_000, "at most 64 characters"),
    "control character": ("underlying", "A\x07B", "none a control"),
    "NUL": ("underlying", "A\x00B", "none a control"),
    "invalid UTF-8": ("underlying", b"A\xff\xfeB", "expected text in UTF-8"),
    "a field too many": ("size", "3,4,5", "expected 7 fields, found more"),
    "text after a quote": ("size", '"3"4', "a quote that is not closed"),
    "a line too long": ("underlying", '"' + "A" * 17_000_000 + '"', "a line longer than 16,000,000 bytes"),
}
"""Column, what stands in it, and what is said of it."""

PLACE = dict(zip(OPTION_HEADER.split(","), range(7), strict=True))


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("rows", [200, 1500], ids=["short file", "long file"])
def test_guarantee_4_rejects(store, tmp_path, case, rows):
    """A bad row is kept with file, line, reason and raw text, and the run goes on."""
    column, value, said = REJECTED[case]
    raw = value if isinstance(value, bytes) else value.encode()
    lines = [option_row(i).encode() for i in range(rows)]
    cells = lines[120].split(b",")
    cells[PLACE[column]] = raw
    lines[120] = b",".join(cells)
    path = tmp_path / "x.csv"
    path.write_bytes(b"\n".join([OPTION_HEADER.encode(), *lines]) + b"\n")
    (outcome,) = run(store, path)
    assert (outcome.error, outcome.read, outcome.stored, outcome.rejected) == (None, rows, rows - 1, 1)
    (reject,) = store.rejects().rows(named=True)
    assert (reject["path"], reject["record"]) == ("x.csv", 122)
    assert said.lower() in reject["reason"].lower()
    assert cells[0].decode() in reject["raw"] or column == "ts"
    assert len(reject["raw"]) <= 2000


@pytest.mark.parametrize(("bad", "stored"), [(10, True), (11, False)])
def test_guarantee_4_more_than_one_percent_fails_the_file(store, option_csv, bad, stored):
    """The share is exact, whatever batch the bad rows came in."""
    rows = [option_row(i, price="x" if i >= 1000 - bad else "1") for i in range(1000)]
    (outcome,) = run(store, option_csv("x.csv", rows))
    assert (outcome.error is None) == stored
    assert (len(sound(store)) == 1) == stored
    if not stored:
        assert f"11 of 1,000 rows rejected, more than 1%; nothing stored. First: line {1002 - bad}" in outcome.error


# -- 5 -----------------------------------------------------------------------------------------------------------------

GOOD = "\n".join([OPTION_HEADER, *(option_row(i) for i in range(9999))]).encode()


def zst(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def zipped(content: bytes, folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", content)
    return (folder / "made.zip").read_bytes()


UNREADABLE = {
    "truncated gz": (lambda folder: gzip.compress(GOOD)[:-3000], "found"),
    "truncated zst": (lambda folder: zst(GOOD)[:-3000], "found"),
    "zst without its last byte": (lambda folder: zst(GOOD)[:-1], "breaks off"),
    "gz without its last byte": (lambda folder: gzip.compress(GOOD)[:-1], "found"),
    "cut zip": (lambda folder: zipped(GOOD, folder)[:-3000], "expected a zip"),
    "spoilt zip": (lambda folder: zipped(GOOD, folder).replace(b"\x00\x00", b"\xff\x00", 3), "zip"),
    "gz of rubbish": (lambda folder: gzip.compress(bytes(range(256)) * 40), "no line of text"),
    "not Parquet": (lambda folder: b"PAR1" + b"x" * 4000, "expected Parquet"),
    "another table": (lambda folder: b"date,index,close\n2025-11-05,SPX,1\n", "missing ts, underlying"),
    "schema drift": (lambda folder: GOOD.replace(b"price", b"px", 1), "missing price"),
    "an HTML page": (lambda folder: b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "missing ts"),
    "zero bytes": (lambda folder: b"", "zero bytes"),
    "a header only": (lambda folder: OPTION_HEADER.encode() + b"\n", "nothing below it"),
    "a column twice": (lambda folder: GOOD.replace(b"price,size", b"price,size,size", 1), "size twice in the header"),
    "a header without an end": (lambda folder: OPTION_HEADER.encode(), "nothing below it"),
}
"""The file's bytes, and what is said of it."""


@pytest.mark.parametrize("case", UNREADABLE)
def test_guarantee_5_unreadable_files(tmp_path, option_csv, case):
    """One clear line that names the file, exit 2, and the other files go on."""
    make, said = UNREADABLE[case]
    (tmp_path / "bad.csv").write_bytes(make(tmp_path))
    good = option_csv("good.csv", [option_row()])
    db = tmp_path / "market.duckdb"
    done = CliRunner().invoke(
        app, ["ingest", str(tmp_path / "bad.csv"), str(good), "--table", "option_trades", "--db", str(db)]
    )
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert "bad.csv" in line
    assert said in line
    assert "1 stored" in done.stdout
    with Store.open(db, read_only=True) as store:
        assert list(sound(store).values()) == [1]


def test_guarantee_5_a_folder_lists_what_nobody_claims(tmp_path, option_csv):
    option_csv("drop/x.csv", [option_row()])
    (tmp_path / "drop" / "notes.txt").write_text("nothing here\n")
    (tmp_path / "drop" / "page.html").write_text("<html></html>\n")
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "drop"), "--db", str(tmp_path / "m.duckdb")])
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines() if "skipped" in line] == ["notes.txt", "page.html"]
    assert "1 stored" in done.stdout


BROKEN = {
    "cut gz": (lambda: gzip.compress(GOOD[:2000])[:-30], "expected a whole gz file"),
    "a dozen bytes of a gz": (lambda: gzip.compress(GOOD[:2000])[:12], "expected a whole gz file"),
    "gz of nothing": (lambda: gzip.compress(b""), "zero bytes"),
    "gz and more": (lambda: gzip.compress(GOOD[:2000]) + b"more", "expected a whole gz file"),
    "cut zst": (lambda: zst(GOOD[:2000])[:-30], "expected a whole zst file"),
    "page": (lambda: b"<!DOCTYPE html>\n<html><body>busy</body></html>\n", "found an HTML page"),
    "packed page": (lambda: gzip.compress(b"\n<!doctype HTML>\n<p>404</p>\n"), "found an HTML page"),
    "page after a mark": (lambda: b"\xef\xbb\xbf\n <HTML>busy</HTML>\n", "found an HTML page"),
}
"""Small files: what is broken in them lies where a feed looks for a header. The bytes, and what is said of them."""


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("whole", [True, False])
def test_guarantee_5_a_small_broken_file_is_an_error_in_a_folder_too(tmp_path, option_csv, case, whole):
    """The planted fault: a feed that sees no header takes a broken file for somebody else's, and it is passed over."""
    make, said = BROKEN[case]
    option_csv("drop/x.csv", [option_row()])
    bad = tmp_path / "drop" / "bad.csv.gz"
    bad.write_bytes(make())
    given = bad.parent if whole else bad
    done = CliRunner().invoke(app, ["ingest", str(given), "--db", str(tmp_path / "m.duckdb")])
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert "bad.csv.gz" in line
    assert said in line
    assert ("1 stored" in done.stdout) == whole


def test_guarantee_5_a_file_that_may_not_be_read_stops_no_other(tmp_path, option_csv, monkeypatch):
    option_csv("drop/x.csv", [option_row()])
    option_csv("drop/closed.csv", [option_row()])
    whole = Path.open

    def denied(path: Path, *words: object, **more: object):
        if path.name == "closed.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path, *words, **more)

    monkeypatch.setattr(Path, "open", denied)
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "drop"), "--db", str(tmp_path / "m.duckdb")])
    assert (done.exit_code, "1 stored" in done.stdout) == (2, True)
    (line,) = done.stderr.strip().splitlines()
    assert line == "'closed.csv': expected a file that may be read, found: Permission denied"


def test_guarantee_5_a_link_to_a_folder_is_said(tmp_path, option_csv):
    """Links are not followed, as they may go round in a circle; what lies behind one is not passed over in silence."""
    option_csv("drop/x.csv", [option_row()])
    option_csv("elsewhere/y.csv", [option_row()])
    (tmp_path / "drop" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "drop" / "round").symlink_to(tmp_path / "drop")
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "drop"), "--db", str(tmp_path / "m.duckdb")])
    assert (done.exit_code, done.stderr) == (0, "")
    skipped = [line for line in done.stdout.splitlines() if "skipped" in line]
    assert [line.split(":")[0] for line in skipped] == ["link", "round"]
    assert all("a link to a folder" in line for line in skipped)


def test_guarantee_5_lines_that_end_in_two_ways_are_named(tmp_path, option_csv):
    path = option_csv("drop/x.csv", [option_row() for _ in range(3)])
    first, second, *rest = path.read_bytes().split(b"\n")
    path.write_bytes(b"\r\n".join([first, second]) + b"\n" + b"\r\n".join(rest))
    done = CliRunner().invoke(app, ["ingest", str(path), "--db", str(tmp_path / "m.duckdb")])
    assert done.exit_code == 2
    assert "lines that end in CR LF and lines that end in LF" in done.stderr


# -- 6 -----------------------------------------------------------------------------------------------------------------

HOSTILE = {
    "formula": "=cmd()|'/c calc'!A0",
    "at formula": "@SUM(1+1)",
    "markup": "<script>alert(1)</script>",
    "sql": "'; DROP TABLE tape.option_trades;--",
    "quotes": 'a"b""c',
    "delimiters": "a,b;c|d",
    "path": "../../etc/passwd",
    "shell": "$(touch x)`id`",
    "markup of the terminal": "[red]X[/red]",
    "unicode": "中国\u202eX",
}
"""Text that some place would take for more than text: all of it is at most 64 characters without a control."""


@pytest.mark.parametrize("rows", [1, 1100], ids=["short file", "long file"])
@pytest.mark.parametrize("case", HOSTILE)
def test_guarantee_6_untrusted_text(store, option_csv, case, rows):
    """Stays the text that it is, in names, venues and conditions, and gets nowhere unescaped."""
    text = HOSTILE[case]
    quoted = '"' + text.replace('"', '""') + '"'
    header = OPTION_HEADER + ",exchange,conditions"
    row = option_row().replace("ACME", quoted) + f",{quoted},{quoted}"
    (outcome,) = run(store, option_csv("x.csv", [row] * rows, header))
    assert (outcome.error, outcome.stored) == (None, rows)
    found = store._frame("SELECT DISTINCT underlying, exchange, conditions FROM main.option_trades")
    assert found.rows() == [(text, text, text)]
    sound(store)


def test_guarantee_6_a_line_break_inside_quotes_is_a_reject_not_two_rows(store, option_csv):
    rows = [option_row(i) for i in range(200)]
    rows[10] = option_row(10).replace("ACME", '"AC\nME"')
    (outcome,) = run(store, option_csv("x.csv", rows))
    assert (outcome.read, outcome.stored, outcome.rejected) == (200, 199, 1)
    assert "none a control" in store.rejects()["reason"][0]


def test_guarantee_6_a_hostile_file_name_is_shown_as_text(tmp_path, option_csv):
    path = option_csv("[red]'; DROP TABLE x;--\x1b[31m*.csv", [option_row()])
    done = CliRunner().invoke(app, ["ingest", str(path.parent), "--db", str(tmp_path / "m.duckdb")])
    assert done.exit_code == 0, done.output
    assert "1 stored" in done.stdout
    assert "\x1b" not in done.stdout


# -- 7 -----------------------------------------------------------------------------------------------------------------


def test_guarantee_7_progress_is_quiet_in_a_pipe_and_counts_rows(tmp_path, option_csv, store):
    path = option_csv("x.csv", [option_row(i) for i in range(50)])
    seen: list[tuple] = []
    run(store, path, progress=lambda of, *counts: seen.append((of.name, *counts)))
    assert seen == [("x.csv", 50, 51)]
    done = CliRunner().invoke(app, ["ingest", str(path), "--db", str(tmp_path / "m.duckdb")])
    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (0, "", 1)


@pytest.mark.parametrize("form", ["plain", "gz", "zst", "zip", "parquet"])
def test_guarantee_7_the_rows_to_come_are_known_about(tmp_path, form):
    content = "\n".join([OPTION_HEADER, *(option_row(i) for i in range(50_000))]).encode()
    path = tmp_path / "x"
    pack = {"plain": bytes, "gz": lambda c: gzip.compress(c, 1), "zst": zst, "zip": lambda c: zipped(c, tmp_path)}
    if form == "parquet":
        pl.DataFrame({"a": range(50_000)}).write_parquet(path)
    else:
        path.write_bytes(pack[form](content))
    assert 45_000 < rows_expected(path) < 55_000


def test_guarantee_7_the_bar_shows_rows_a_second_and_the_time_left(monkeypatch):
    shown = io.StringIO()
    console = Console(force_terminal=True, width=160, file=shown)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with progress.counting() as count:
        count(Path("[x].csv"), 0, 10_000)
        count(Path("[x].csv"), 5_000, 10_000)
    text = shown.getvalue()
    assert all(word in text for word in ("[x].csv", "5,000 rows", "rows/s", "left")), text


def test_guarantee_7_what_waits_for_its_turn_is_bounded(store, option_csv, monkeypatch):
    """No list grows with the file: a batch is gone, with its rejects, before the next but two is read."""
    alive: list = []
    read = ingesting.check
    monkeypatch.setattr("feeds.delimited.BLOCK_BYTES", 100_000)

    def counted(frame, *rest, **more):
        parted = read(frame, *rest, **more)
        alive.append((weakref.ref(parted), weakref.ref(frame)))
        return parted

    monkeypatch.setattr(ingesting, "check", counted)
    most = 0

    def look(*_: object) -> None:
        nonlocal most
        most = max(most, sum(ref() is not None for pair in alive for ref in pair))

    rows = [option_row(i, price="x" if i % 3 else "1") for i in range(30_000)]
    (outcome,) = run(store, option_csv("x.csv", rows), most_rejected=1.0, progress=look)
    assert (outcome.stored, outcome.rejected) == (10_000, 20_000)
    assert len(alive) >= 5
    assert most <= 4


# -- 8 -----------------------------------------------------------------------------------------------------------------


def test_guarantee_8_one_writer_and_readers_on_a_snapshot(tmp_path, option_csv):
    """A second process that would write gets one line with the holder's pid; one that reads sees the last commit."""
    db = tmp_path / "market.duckdb"
    with Store.open(db) as store:
        run(store, option_csv("x.csv", [option_row(i) for i in range(5)]))
    hold = """import sys
from feeds.store import Store
with Store.open(sys.argv[1]) as store:
    store._db.execute("BEGIN")
    store._db.execute("DELETE FROM tape.option_trades")
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(db)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
    ) as other:  # fmt: skip
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=f"process {other.pid} is writing"), Store.open(db):
            pass
        done = CliRunner().invoke(app, ["ingest", str(tmp_path / "x.csv"), "--db", str(db)])
        assert done.exit_code == 2
        (line,) = done.stderr.strip().splitlines()
        assert f"process {other.pid} is writing to it" in line
        with Store.open(db, read_only=True) as reader:
            assert list(sound(reader).values()) == [5]
        assert CliRunner().invoke(app, ["status", "--db", str(db)]).exit_code == 0
        other.communicate("")


def test_guarantee_8_a_reader_in_the_same_process_keeps_its_snapshot(store, option_csv):
    run(store, option_csv("x.csv", [option_row(i) for i in range(5)]))
    with store._db.cursor() as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM tape.option_trades").fetchall() == [(5,)]
        run(store, option_csv("y.csv", [option_row(i) for i in range(3)]))
        assert reader.execute("SELECT count(*) FROM tape.option_trades").fetchall() == [(5,)]
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM tape.option_trades").fetchall() == [(8,)]


def test_a_bad_row_count_is_caught(store, option_csv):
    """The planted fault: rows that the ledger does not know make `sound` fail."""
    run(store, option_csv("x.csv", [option_row(i) for i in range(5)]))
    store._db.execute("DELETE FROM tape.option_trades WHERE record = 3")
    with pytest.raises(AssertionError):
        sound(store)


def test_frames_of_a_long_file_are_the_same_rows(store, tmp_path):
    """The reader's batches are joined without a row lost or twice: record numbers run through."""
    rows = [option_row(i) for i in range(5000)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([OPTION_HEADER, *rows]) + "\n")
    run(store, path)
    records = store._frame("SELECT record FROM tape.option_trades ORDER BY record")["record"]
    assert records.equals(pl.Series("record", range(2, 5002), dtype=pl.Int64))
