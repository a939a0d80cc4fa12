"""SEC Insider Transactions Data Sets: known rows, every trap of the layout, hostile cells, and the real sample."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.ingest import ingest
from feeds.store import Store
from feeds.writers.sec_insider import NONDERIV_TRANS, REPORTINGOWNER, SUBMISSION

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "insider" / "sec_form345_sample_2025q2"
HEADERS = {"SUBMISSION.tsv": SUBMISSION, "REPORTINGOWNER.tsv": REPORTINGOWNER, "NONDERIV_TRANS.tsv": NONDERIV_TRANS}
ACCESSION = "0001415889-25-018598"
FILING = {
    "ACCESSION_NUMBER": ACCESSION, "FILING_DATE": "30-JUN-2025", "PERIOD_OF_REPORT": "26-JUN-2025",
    "DOCUMENT_TYPE": "4", "ISSUERCIK": "0000100591", "ISSUERTRADINGSYMBOL": "AGX", "AFF10B5ONE": "0",
}  # fmt: skip
OWNER = {
    "ACCESSION_NUMBER": ACCESSION, "RPTOWNERCIK": "0001627519", "RPTOWNERNAME": "Getsinger Peter W",
    "RPTOWNER_RELATIONSHIP": "Director",
}  # fmt: skip
LINE = {
    "ACCESSION_NUMBER": ACCESSION, "NONDERIV_TRANS_SK": "7466214", "SECURITY_TITLE": "Common Stock",
    "TRANS_DATE": "26-JUN-2025", "TRANS_FORM_TYPE": "4", "TRANS_CODE": "S", "TRANS_SHARES": "3456.0",
    "TRANS_PRICEPERSHARE": "212.01", "TRANS_ACQUIRED_DISP_CD": "D", "SHRS_OWND_FOLWNG_TRANS": "14895.0",
    "DIRECT_INDIRECT_OWNERSHIP": "D",
}  # fmt: skip
Rows = Sequence[Mapping[str, str]]


def tsv(header: Sequence[str], rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def contents(filings: Rows = (FILING,), owners: Rows = (OWNER,), lines: Rows = (LINE,)) -> dict[str, str]:
    rows = {"SUBMISSION.tsv": filings, "REPORTINGOWNER.tsv": owners, "NONDERIV_TRANS.tsv": lines}
    return {name: tsv(HEADERS[name], rows[name]) for name in HEADERS}


def zipped(folder: Path, members: Mapping[str, str | bytes], name: str = "2025q2_form345.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return folder / name


def one(store: Store, path: Path, **options):
    (outcome,) = ingest(store, [path], **options)
    assert outcome.error is None, outcome.error
    assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return outcome


def stored(store: Store) -> list[dict]:
    (part,) = store.parts({"insider_trades": "history"}, store.sessions())
    return part.tables["insider_trades"].sort("accession", "line").to_dicts()


def test_a_line_with_its_filing_and_owner(store, tmp_path):
    assert one(store, zipped(tmp_path, contents())).stored == 1
    (row,) = stored(store)
    known = {name: row[name] for name in (
        "accession", "line", "filing_date", "transaction_date", "symbol", "issuer_cik", "owner_cik", "owner", "code",
        "acquired_disposed", "shares", "price", "shares_after", "form", "direct_indirect", "security_title",
        "officer", "director", "ten_percent_owner", "plan_10b5_1", "original_filing_date")}  # fmt: skip
    assert known == {
        "accession": ACCESSION, "line": 1, "filing_date": date(2025, 6, 30), "transaction_date": date(2025, 6, 26),
        "symbol": "AGX", "issuer_cik": "100591", "owner_cik": "1627519", "owner": "Getsinger Peter W", "code": "S",
        "acquired_disposed": "D", "shares": 3_456_000_000, "price": 212_010_000, "shares_after": 14_895_000_000,
        "form": "4", "direct_indirect": "D", "security_title": "Common Stock", "officer": False, "director": True,
        "ten_percent_owner": False, "plan_10b5_1": False, "original_filing_date": None,
    }  # fmt: skip
    # 22:00 in New York is 02:00 UTC of the next day in summer: after the close, so it enters the next session
    assert row["known_at"] == int(datetime(2025, 7, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert row["session"] == date(2025, 7, 1)


def test_several_owners_are_one_row_with_the_set_of_them(store, tmp_path):
    owners = [
        OWNER,
        {**OWNER, "RPTOWNERCIK": "0000315090", "RPTOWNERNAME": "B", "RPTOWNER_RELATIONSHIP": "Officer,TenPercentOwner"},
        {**OWNER, "RPTOWNERNAME": "the same again"},
    ]
    assert one(store, zipped(tmp_path, contents(owners=owners))).stored == 1
    (row,) = stored(store)
    assert row["shares"] == 3_456_000_000
    assert row["owner_cik"] == "1627519;315090"
    assert (row["officer"], row["director"], row["ten_percent_owner"]) == (True, True, True)


def test_lines_are_numbered_as_on_the_form_and_a_repeated_key_is_one_line(store, tmp_path):
    lines = [{**LINE, "NONDERIV_TRANS_SK": key, "TRANS_SHARES": shares} for key, shares in
             (("30", "3.0"), ("10", "1.0"), ("20", "2.0"), ("20", "2.0"))]  # fmt: skip
    outcome = one(store, zipped(tmp_path, contents(lines=lines)))
    assert (outcome.read, outcome.stored, outcome.duplicates) == (4, 3, 1)
    assert [(row["line"], row["shares"]) for row in stored(store)] == [(1, 10**6), (2, 2 * 10**6), (3, 3 * 10**6)]


@pytest.mark.parametrize(
    ("written", "symbol"),
    [("WLY, WLYB", "WLY"), ("NONE", "CIK100591"), ("n/a", "CIK100591"), ("", "CIK100591"), ("BRK.A", "BRK.A"),
     ("agx", "AGX"), ("=cmd()", "=cmd()"), ("<script>", "<script>"), ("'; DROP TABLE x", "'; DROP TABLE x")],
)  # fmt: skip
def test_tickers_as_filers_write_them(store, tmp_path, written, symbol):
    one(store, zipped(tmp_path, contents(filings=[{**FILING, "ISSUERTRADINGSYMBOL": written}])))
    assert [row["symbol"] for row in stored(store)] == [symbol]


@pytest.mark.parametrize(
    ("written", "meant"), [("0", False), ("1", True), ("true", True), ("false", False), ("", None)]
)
def test_the_plan_box_in_all_its_spellings(store, tmp_path, written, meant):
    one(store, zipped(tmp_path, contents(filings=[{**FILING, "AFF10B5ONE": written}])))
    assert [row["plan_10b5_1"] for row in stored(store)] == [meant]


def test_data_sets_before_the_plan_box_have_no_such_column(store, tmp_path):
    header = [name for name in SUBMISSION if name != "AFF10B5ONE"]
    filing = {name: value for name, value in FILING.items() if name != "AFF10B5ONE"}
    one(store, zipped(tmp_path, {**contents(), "SUBMISSION.tsv": tsv(header, [filing])}))
    assert [row["plan_10b5_1"] for row in stored(store)] == [None]


def test_an_amendment_names_the_day_of_its_original_and_a_footnoted_price_is_absent(store, tmp_path):
    filing = {**FILING, "DOCUMENT_TYPE": "4/A", "DATE_OF_ORIG_SUB": "02-JUN-2025"}
    line = {**LINE, "TRANS_PRICEPERSHARE": "", "TRANS_PRICEPERSHARE_FN": "F1"}
    one(store, zipped(tmp_path, contents([filing], lines=[line])))
    (row,) = stored(store)
    assert (row["form"], row["original_filing_date"], row["price"]) == ("4/A", date(2025, 6, 2), None)


def test_what_is_no_transaction_of_a_form_4_is_counted(store, tmp_path):
    others = [{**FILING, "ACCESSION_NUMBER": f"0000000000-25-00000{n}", "DOCUMENT_TYPE": form}
              for n, form in enumerate(("3", "5", "5/A"))]  # fmt: skip
    lines = [LINE, *({**LINE, "ACCESSION_NUMBER": filing["ACCESSION_NUMBER"]} for filing in others[1:])]
    members = contents([FILING, *others], lines=lines)
    members["NONDERIV_HOLDING.tsv"] = "ACCESSION_NUMBER\tNONDERIV_HOLDING_SK\n" + f"{ACCESSION}\t1\n" * 4
    outcome = one(store, zipped(tmp_path, members))
    assert outcome.stored == outcome.read == 1
    assert dict(outcome.aside) == {
        "filings of form 3": 1, "filings of form 5": 1, "filings of form 5/A": 1, "holdings": 4,
        "transactions of form 5": 1, "transactions of form 5/A": 1,
    }  # fmt: skip
    assert outcome.read + outcome.aside["transactions of form 5"] + outcome.aside["transactions of form 5/A"] == len(
        lines
    )


def test_a_quarter_of_forms_3_alone_is_no_error(store, tmp_path):
    outcome = one(store, zipped(tmp_path, contents([{**FILING, "DOCUMENT_TYPE": "3"}], lines=[])))
    assert (outcome.read, dict(outcome.aside)) == (0, {"filings of form 3": 1})


def test_files_of_one_folder_are_read_together(store, tmp_path):
    folder = tmp_path / "2025q2"
    folder.mkdir()
    for name, content in contents().items():
        (folder / name).write_text(content)
    outcomes = {outcome.path.name: outcome for outcome in ingest(store, [folder])}
    assert [outcome.error for outcome in outcomes.values()] == [None] * 3
    assert outcomes["NONDERIV_TRANS.tsv"].stored == 1
    assert dict(outcomes["SUBMISSION.tsv"].aside) == {
        "rows of SUBMISSION.tsv, which is read with NONDERIV_TRANS.tsv": 1
    }
    # a change in a table beside it is a change of the file
    (folder / "SUBMISSION.tsv").write_text(tsv(SUBMISSION, [{**FILING, "ISSUERTRADINGSYMBOL": "NEW"}]))
    (again,) = (outcome for outcome in ingest(store, [folder]) if outcome.path.name == "NONDERIV_TRANS.tsv")
    assert (again.stored, again.replaced) == (1, 1)
    assert [row["symbol"] for row in stored(store)] == ["NEW"]


def test_transactions_alone_are_refused_with_what_is_missing(store, tmp_path):
    (tmp_path / "NONDERIV_TRANS.tsv").write_text(contents()["NONDERIV_TRANS.tsv"])
    (outcome,) = ingest(store, [tmp_path / "NONDERIV_TRANS.tsv"])
    assert "expected SUBMISSION.tsv and REPORTINGOWNER.tsv beside it" in outcome.error
    members = contents()
    del members["REPORTINGOWNER.tsv"]
    (outcome,) = ingest(store, [zipped(tmp_path, members)])
    assert "in one zip, missing REPORTINGOWNER.tsv" in outcome.error


@pytest.mark.parametrize(
    ("table", "column"),
    [("SUBMISSION.tsv", "ISSUERTRADINGSYMBOL"), ("SUBMISSION.tsv", "DOCUMENT_TYPE"),
     ("REPORTINGOWNER.tsv", "RPTOWNERCIK"), ("NONDERIV_TRANS.tsv", "TRANS_SHARES"),
     ("NONDERIV_TRANS.tsv", "NONDERIV_TRANS_SK")],
)  # fmt: skip
def test_a_missing_column_is_named(store, tmp_path, table, column):
    lacking = {**contents(), table: contents()[table].replace(column, "OTHER")}
    (outcome,) = ingest(store, [zipped(tmp_path, lacking)])
    assert f"missing {column}" in outcome.error
    assert "2025q2_form345.zip" in outcome.error
    for name, content in lacking.items():
        (tmp_path / name).write_text(content)
    assert any(f"missing {column}" in str(each.error) for each in ingest(store, [tmp_path / name for name in lacking]))


def test_what_lacks_a_filing_or_an_owner_or_a_day_is_refused_by_what_it_lacks(store, tmp_path):
    lines = [
        LINE,
        {**LINE, "ACCESSION_NUMBER": "0000000000-25-000001"},
        {**LINE, "NONDERIV_TRANS_SK": "7466215", "TRANS_DATE": "31-FEB-2025"},
        {**LINE, "NONDERIV_TRANS_SK": "x"},
        {**LINE, "NONDERIV_TRANS_SK": "7466216", "TRANS_SHARES": ""},
    ]
    outcome = one(store, zipped(tmp_path, contents(lines=lines)), most_rejected=1.0)
    assert (outcome.read, outcome.stored, outcome.rejected) == (5, 1, 4)
    rejects = store.rejects().sort("record")
    assert rejects["record"].to_list() == [3, 4, 5, 6]
    for reason, said in zip(
        rejects["reason"], ("no such accession in SUBMISSION.tsv", "31-FEB-2025", "`line`", "`shares`"), strict=True
    ):
        assert said in reason


def test_hostile_cells_stay_data_or_are_refused(store, tmp_path):
    nasty = ["a\tb", 'say "x"', "new\nline", "<script>alert(1)</script>", "=cmd()", "'; DROP TABLE insider_trades; --"]
    lines = [{**LINE, "NONDERIV_TRANS_SK": str(n), "SECURITY_TITLE": text} for n, text in enumerate(nasty)]
    filings = [FILING, {**FILING, "ACCESSION_NUMBER": "long", "ISSUERTRADINGSYMBOL": "X" * 10_000}]
    lines.append({**LINE, "ACCESSION_NUMBER": "long"})
    owners = [OWNER, {**OWNER, "ACCESSION_NUMBER": "long"}]
    outcome = one(store, zipped(tmp_path, contents(filings, owners, lines)), most_rejected=1.0)
    assert (outcome.stored, outcome.rejected) == (6, 1)
    assert [row["security_title"] for row in stored(store)] == nasty
    assert "at most 64 characters" in store.rejects()["reason"].item()


@pytest.mark.parametrize("where", ["SUBMISSION.tsv", "REPORTINGOWNER.tsv", "NONDERIV_TRANS.tsv"])
def test_bytes_that_are_no_text_are_one_line_or_rejects(store, tmp_path, where):
    members = {name: content.encode() for name, content in contents().items()}
    members[where] = members[where].replace(b"0001415889", b"\xff\xfe\x00")
    (outcome,) = ingest(store, [zipped(tmp_path, members)])
    assert outcome.error is not None
    assert "\n" not in outcome.error


def test_a_truncated_zip_is_one_line(store, tmp_path):
    whole = zipped(tmp_path, contents(lines=[LINE] * 500)).read_bytes()
    for n, cut in enumerate((len(whole) // 3, len(whole) - 30)):
        (tmp_path / f"{n}.zip").write_bytes(whole[:cut])
        (outcome,) = ingest(store, [tmp_path / f"{n}.zip"])
        assert "expected a zip file" in outcome.error


CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "4",
            "4/A",
            "3",
            "30-JUN-2025",
            "0",
            "1",
            "true",
            "1.5",
            "-1",
            "1e9",
            "NONE",
            ACCESSION,
            '"',
            "\x00",
            "\r\n",
        ]
    ),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_cell_breaks_the_reader_and_rows_are_conserved(store, tmp_path, data):
    members: dict[str, bytes] = {}
    for name, good in (("SUBMISSION.tsv", FILING), ("REPORTINGOWNER.tsv", OWNER), ("NONDERIV_TRANS.tsv", LINE)):
        cells = st.dictionaries(st.sampled_from(sorted(good)), CELL, max_size=4)
        rows = [{**good, **changed} for changed in data.draw(st.lists(cells, max_size=4))]
        members[name] = tsv(HEADERS[name], rows).encode()
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(members)))
        members[name] = members[name].split(b"\n")[0] + b"\n" + data.draw(st.binary(max_size=60))
    (outcome,) = ingest(store, [zipped(tmp_path, members)], most_rejected=1.0)
    if outcome.error is None:
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    else:
        assert "\n" not in outcome.error


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_the_real_sample_is_read_whole(store):
    """38 transactions of 28 forms 4; two purchases by six joint owners, 44 dollars each."""
    outcomes = {outcome.path.name: outcome for outcome in ingest(store, [REAL])}
    lines = outcomes["NONDERIV_TRANS.tsv"]
    assert (lines.read, lines.stored, lines.rejected) == (38, 38, 0)
    assert dict(lines.aside) == {"filings of form 3": 1}
    bought = [row for row in stored(store) if row["code"] == "P"]
    assert sum(row["shares"] * row["price"] for row in bought) == (55_191 + 600_309) * 44 * 10**12
    assert [len(row["owner_cik"].split(";")) for row in bought] == [6, 6]
    assert sum(row["price"] is None for row in stored(store)) == 8
