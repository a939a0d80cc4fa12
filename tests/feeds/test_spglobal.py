"""S&P's workbook of index earnings: drifting layouts, the as-of day of the sheet, hostile cells, the real workbooks."""

import csv
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.ingest import ingest
from feeds.spglobal import Spglobal

from .hostile import said_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "index"
VINTAGES = REAL / "spx_eps_vintages_2016_2022.csv"
HEAD = [("QUARTER ", None, "OPERATING", "AS REPORTED", None, "OPERATING", "AS REPORTED")]
QUARTERS = [
    ("ESTIMATES",),
    ("9/30/2022", None, 59, 57.4),
    ("6/30/2022 (5.3%)", None, 55.11, 53.5),
    (None, None, None, None, None, 20.1, "(P/E on Jun price)"),
    ("ACTUALS",),
    (datetime(2022, 3, 31), 4530.41345168347, 49.36, 46.5),
    ("12/31/2008 ", 903.25, -0.09, -23.25),
    (),
    ("Actual earnings are bottom up",),
]


def workbook(path: Path, rows, sheet: str = "ESTIMATES&PEs") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path)) as book:
        day = book.add_format({"num_format": "mm/dd/yyyy"})
        page = book.add_worksheet(sheet)
        for at, row in enumerate(rows):
            for n, cell in enumerate(row):
                if isinstance(cell, datetime):
                    page.write_datetime(at, n, cell, day)
                elif isinstance(cell, str):
                    page.write_string(at, n, cell)
                elif cell is not None:
                    page.write(at, n, cell)
    return path


def titled(as_of=datetime(2022, 7, 14), more=()):
    return [("S&P Dow Jones Indices",), (as_of,), ("REPORT",), (), *more, *HEAD, *QUARTERS]


def one(store, path: Path):
    (outcome,) = ingest(store, [path])
    return outcome


def vintage(store) -> list[tuple]:
    (part,) = store.parts({"forward_eps": "history"}, store.sessions())
    return part.tables["forward_eps"].select("published", "index", "quarter_end", "eps").sort("quarter_end").rows()


def test_quarters_of_both_sections_are_dated_by_the_sheet(store, tmp_path):
    outcome = one(store, workbook(tmp_path / "eps_asof_1999-01-01.xlsx", titled()))
    assert (outcome.stored, outcome.rejected, outcome.source) == (4, 0, "spglobal")
    day = date(2022, 7, 14)
    assert vintage(store) == [
        (day, "SPX", date(2008, 12, 31), -0.09),
        (day, "SPX", date(2022, 3, 31), 49.36),
        (day, "SPX", date(2022, 6, 30), 55.11),
        (day, "SPX", date(2022, 9, 30), 59.0),
    ]


def test_the_later_of_two_days_is_the_day_it_was_known(store, tmp_path):
    more = [("Data as of the close of:", None, None, datetime(2022, 7, 15))]
    one(store, workbook(tmp_path / "a.xlsx", titled(more=more)))
    assert {row[0] for row in vintage(store)} == {date(2022, 7, 15)}


def test_numbers_are_exact(store, tmp_path):
    rows = titled()
    rows[6] = ("9/30/2022", None, 1 / 3, None)
    one(store, workbook(tmp_path / "a.xlsx", rows))
    assert vintage(store)[-1][3] == 1 / 3


def test_a_later_copy_of_a_vintage_replaces_it_under_any_name(store, tmp_path):
    one(store, workbook(tmp_path / "a.xlsx", titled()))
    rows = titled()
    rows[6] = ("9/30/2022", None, 60, None)
    again = one(store, workbook(tmp_path / "b.xlsx", rows))
    assert (again.replaced, again.stored) == (4, 4)
    assert vintage(store)[-1][3] == 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [r for r in rows if r[:1] != (datetime(2022, 7, 14),)], "expected the as-of day"),
        (lambda rows: [r for r in rows if r[:1] != ("QUARTER ",)], "expected a row QUARTER"),
        (lambda rows: [("QUARTER ", None, "AS REPORTED") if r[:1] == ("QUARTER ",) else r for r in rows],
         "expected a column OPERATING beside QUARTER, found QUARTER, AS REPORTED"),
        (lambda rows: rows[:5], "expected quarters below ESTIMATES or ACTUALS"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(store, tmp_path, change, said):
    outcome = one(store, workbook(tmp_path / "a.xlsx", change(titled())))
    assert said in outcome.error
    assert "a.xlsx" in outcome.error
    assert "\n" not in outcome.error


def test_hostile_cells_are_rejects_or_not_read(store, tmp_path):
    rows = titled()
    rows[6] = ("9/30/2022", None, "=cmd()", None)
    rows[7] = ("6/30/2022'; DROP TABLE", None, 55.11)
    rows.insert(8, ("3/31/1066 <script>", None, 1e300))
    rows.insert(8, ("99/99/2022", None, 1))
    path = workbook(tmp_path / "a.xlsx", rows)
    assert "more than 1%;" in one(store, path).error
    (outcome,) = ingest(store, [path], most_rejected=1.0)
    assert outcome.read == outcome.stored + outcome.rejected == 5
    (reject,) = store.rejects().to_dicts()
    assert "`eps`, was '=cmd()'" in reject["reason"]


@pytest.mark.parametrize("cut", [10, 200, 3000])
def test_a_cut_workbook_is_one_line(store, tmp_path, cut):
    path = workbook(tmp_path / "a.xlsx", titled())
    path.write_bytes(path.read_bytes()[:cut])
    outcome = one(store, path)
    assert "a.xlsx" in outcome.error
    assert "\n" not in outcome.error


def test_quarters_without_a_number_are_rejects(store, tmp_path):
    rows = [*titled()[:5], ("ESTIMATES",), ("9/30/2022",), ("6/30/2022",)]
    (outcome,) = ingest(store, [workbook(tmp_path / "a.xlsx", rows)], most_rejected=1.0)
    assert (outcome.error, outcome.read, outcome.rejected) == (None, 2, 2)


def test_another_workbook_is_not_claimed(tmp_path):
    assert Spglobal().claim(workbook(tmp_path / "a.xlsx", [("a", "b"), (1, 2)], sheet="Sheet1")) is None


def test_without_the_extra_it_is_named_and_a_foreign_workbook_is_passed_over(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    workbook(tmp_path / "drop" / "foreign.xlsx", [("a", "b")], sheet="Sheet1")
    (skipped,) = ingest(store, [tmp_path / "drop"])
    assert skipped.skipped
    assert "bullbear[workbooks]" in one(store, workbook(tmp_path / "a.xlsx", titled())).error


def test_a_workbook_that_unpacks_to_too_much_is_refused(store, tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", titled())
    monkeypatch.setattr("feeds.workbook._MOST_BYTES", 1000)
    assert "at most 1,000 bytes" in one(store, path).error


CELLS = st.one_of(st.none(), st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
LABELS = st.one_of(
    CELLS, st.sampled_from(["ESTIMATES", "ACTUAL", "QUARTER", "Date", "9/30/2022", "2/30/2022 x", "0/0/0000"])
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(LABELS, CELLS, st.one_of(CELLS, st.just("OPERATING"))), max_size=12))
def test_any_cells_are_read_or_refused_in_one_line(tmp_path, scratch, rows):
    path = workbook(tmp_path / "fuzz.xlsx", [(datetime(2022, 7, 14),), *HEAD, *rows])
    assert "fuzz.xlsx" in said_of(scratch, "spglobal", path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5000), st.integers(0, 255))
def test_a_damaged_workbook_is_read_or_refused(tmp_path, scratch, at, byte):
    path = workbook(tmp_path / "damaged.xlsx", titled())
    raw = bytearray(path.read_bytes())
    raw[at % len(raw)] = byte
    path.write_bytes(bytes(raw))
    assert "damaged.xlsx" in said_of(scratch, "spglobal", path)


@pytest.mark.skipif(not VINTAGES.exists(), reason="the real workbooks are not at hand")
def test_the_real_workbooks_equal_the_recorded_vintages(store):
    books = sorted((REAL / "spglobal_workbooks").glob("*.xlsx"))
    assert len(books) == 3
    recorded: dict[str, list[tuple[str, float]]] = {}
    with VINTAGES.open() as lines:
        for row in csv.DictReader(lines):
            recorded.setdefault(row["asof"], []).append((row["quarter_end"], float(row["op_eps"])))
    for path in books:
        assert one(store, path).error is None
    found: dict[str, list[tuple[str, float]]] = {}
    for published, _, end, eps in vintage(store):
        found.setdefault(published.isoformat(), []).append((end.isoformat(), eps))
    assert sorted(found) == ["2017-07-13", "2019-04-18", "2022-05-12"]
    for published, quarters in found.items():
        assert quarters == sorted(recorded[published]), published
