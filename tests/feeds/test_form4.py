"""Forms 3, 4 and 5: known documents, every trap of the layout, hostile XML, and the real filings."""

import gzip
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.form4 import Form4
from feeds.ingest import ingest
from feeds.store import Store

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "insider" / "form_xml"
ACCESSION = "0001127602-25-001055"


def transaction(
    shares: str = "1500", price: str = "<value>66.903</value>", day: str = "2025-01-10", code: str = "S"
) -> str:
    return f"""<nonDerivativeTransaction>
      <securityTitle><value>Common Stock</value><footnoteId id="F1"/></securityTitle>
      <transactionDate><value>{day}</value></transactionDate>
      <transactionCoding><transactionFormType>4</transactionFormType><transactionCode>{code}</transactionCode>
        <equitySwapInvolved>0</equitySwapInvolved></transactionCoding>
      <transactionAmounts><transactionShares><value>{shares}</value></transactionShares>
        <transactionPricePerShare>{price}</transactionPricePerShare>
        <transactionAcquiredDisposedCode><value>D</value></transactionAcquiredDisposedCode></transactionAmounts>
      <postTransactionAmounts><sharesOwnedFollowingTransaction><value>37565</value></sharesOwnedFollowingTransaction>
      </postTransactionAmounts>
      <ownershipNature><directOrIndirectOwnership><value>D</value></directOrIndirectOwnership></ownershipNature>
    </nonDerivativeTransaction>"""


def owner(cik: str = "0001806647", name: str = "Garascia Jessica A.", roles: str = "<isOfficer>1</isOfficer>") -> str:
    return f"""<reportingOwner><reportingOwnerId><rptOwnerCik>{cik}</rptOwnerCik><rptOwnerName>{name}</rptOwnerName>
    </reportingOwnerId><reportingOwnerRelationship>{roles}</reportingOwnerRelationship></reportingOwner>"""


def document(
    lines: str | None = None,
    form: str = "4",
    owners: str | None = None,
    more: str = "",
    ticker: str = "AIR",
    end: str = "",
) -> str:
    return f"""<?xml version="1.0"?>
<ownershipDocument>
    <schemaVersion>X0508</schemaVersion>
    <documentType>{form}</documentType>
    <periodOfReport>2025-01-10</periodOfReport>{more}
    <issuer><issuerCik>0000001750</issuerCik><issuerName>AAR CORP</issuerName>
      <issuerTradingSymbol>{ticker}</issuerTradingSymbol></issuer>
    {owner() if owners is None else owners}
    <nonDerivativeTable>{transaction() if lines is None else lines}</nonDerivativeTable>{end}
    <ownerSignature><signatureName>/s/ x</signatureName><signatureDate>2025-01-13</signatureDate></ownerSignature>
</ownershipDocument>"""


def submission(content: str, accession: str = ACCESSION, accepted: str = "20250110160730") -> str:
    return f"""<SEC-DOCUMENT>{accession}.txt : 20250110
<SEC-HEADER>{accession}.hdr.sgml : 20250110
<ACCEPTANCE-DATETIME>{accepted}
ACCESSION NUMBER:\t\t{accession}
CONFORMED SUBMISSION TYPE:\t4
FILED AS OF DATE:\t\t20250110
</SEC-HEADER>
<DOCUMENT>
<TYPE>4
<TEXT>
<XML>
{content}
</XML>
</TEXT>
</DOCUMENT>
</SEC-DOCUMENT>
"""


def written(folder: Path, content: str | bytes, name: str = "filing.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def one(store: Store, path: Path, **options):
    (outcome,) = ingest(store, [path], **options)
    assert outcome.error is None, outcome.error
    assert outcome.source == "form4"
    assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return outcome


def stored(store: Store) -> list[dict]:
    (part,) = store.parts({"insider_trades": "history"}, store.sessions())
    return part.tables["insider_trades"].sort("accession", "line").to_dicts()


def test_a_submission_is_known_when_it_was_accepted(store, tmp_path):
    assert one(store, written(tmp_path, submission(document()))).assumed is None
    (row,) = stored(store)
    # 16:07:30 in New York is 21:07:30 UTC in winter, after the close of the tenth: it enters the thirteenth
    assert row["known_at"] == int(datetime(2025, 1, 10, 21, 7, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert row["session"] == date(2025, 1, 13)
    known = {name: row[name] for name in (
        "accession", "line", "filing_date", "transaction_date", "symbol", "issuer_cik", "owner_cik", "owner", "code",
        "acquired_disposed", "shares", "price", "shares_after", "form", "direct_indirect", "security_title",
        "officer", "director", "ten_percent_owner", "plan_10b5_1", "original_filing_date")}  # fmt: skip
    assert known == {
        "accession": ACCESSION, "line": 1, "filing_date": date(2025, 1, 10), "transaction_date": date(2025, 1, 10),
        "symbol": "AIR", "issuer_cik": "1750", "owner_cik": "1806647", "owner": "Garascia Jessica A.", "code": "S",
        "acquired_disposed": "D", "shares": 1_500_000_000, "price": 66_903_000, "shares_after": 37_565_000_000,
        "form": "4", "direct_indirect": "D", "security_title": "Common Stock", "officer": True, "director": False,
        "ten_percent_owner": False, "plan_10b5_1": None, "original_filing_date": None,
    }  # fmt: skip


def signed(content: str) -> str:
    """A submission as EDGAR kept older ones: inside a privacy-enhanced message."""
    head = "Proc-Type: 2001,MIC-CLEAR\nOriginator-Name: webmaster@www.sec.gov\nMIC-Info: RSA-MD5,RSA,\n AAAA==\n\n"
    ends = [f"-----{word} PRIVACY-ENHANCED MESSAGE-----\n" for word in ("BEGIN", "END")]
    return f"{ends[0]}{head}{content}{ends[1]}"


def test_a_submission_in_a_signed_message_is_the_submission(store, tmp_path):
    with Store.memory() as other:
        one(other, written(tmp_path, submission(document())))
        plain = stored(other)
    assert one(store, written(tmp_path, signed(submission(document())), "old.txt")).assumed is None
    assert stored(store) == plain


def test_the_tagged_header_has_a_day_and_no_time(store, tmp_path):
    head = f"<SUBMISSION>\n<ACCESSION-NUMBER>{ACCESSION}<TYPE>4<FILING-DATE>20250108<DOCUMENT><TEXT><XML>"
    assert (
        one(store, written(tmp_path, head + document() + "</XML></TEXT></DOCUMENT></SUBMISSION>", "x.nc")).assumed
        is None
    )
    (row,) = stored(store)
    assert (row["accession"], row["filing_date"]) == (ACCESSION, date(2025, 1, 8))
    assert row["known_at"] == int(datetime(2025, 1, 9, 3, tzinfo=UTC).timestamp()) * 1_000_000_000  # 22:00 New York


@pytest.mark.parametrize(
    ("name", "accession", "assumed"),
    [
        (f"{ACCESSION}.xml", ACCESSION, "filing_date"),
        ("000112760225001055/form4.xml", ACCESSION, "filing_date"),
        ("form4.xml", None, "accession,filing_date"),
    ],
)
def test_what_an_xml_alone_does_not_say_is_assumed_and_flagged(store, tmp_path, name, accession, assumed):
    assert one(store, written(tmp_path, document(), name)).assumed == assumed
    (row,) = stored(store)
    assert row["assumed"] == assumed
    assert row["accession"] == accession or (accession is None and row["accession"].startswith("sha256:"))
    # traded on Friday the tenth, signed on the thirteenth: due, at 22:00, on the fourteenth
    assert row["filing_date"] == date(2025, 1, 14)


def test_two_filings_of_one_name_are_two_filings(store, tmp_path):
    one(store, written(tmp_path, document(), "a/form4.xml"))
    assert one(store, written(tmp_path, document(transaction("7")), "b/form4.xml")).replaced == 0
    assert sorted(row["shares"] for row in stored(store)) == [7_000_000, 1_500_000_000]


def test_a_form_signed_late_was_filed_when_it_was_signed(store, tmp_path):
    late = document().replace("2025-01-13", "2025-03-03")
    one(store, written(tmp_path, late, "form4.xml"))
    assert [row["filing_date"] for row in stored(store)] == [date(2025, 3, 3)]


@pytest.mark.parametrize("order", [("x.txt", f"{ACCESSION}.xml"), (f"{ACCESSION}.xml", "x.txt")])
def test_the_submission_stands_against_its_own_xml_whichever_comes_first(store, tmp_path, order):
    for name in order:
        one(store, written(tmp_path, document() if name.endswith("xml") else submission(document()), name))
    (row,) = stored(store)
    assert (row["filing_date"], row["assumed"]) == (date(2025, 1, 10), None)


def test_owners_are_a_set_and_any_role_counts(store, tmp_path):
    owners = owner() + owner("0000315090", "B", "<isTenPercentOwner>true</isTenPercentOwner>") + owner(name="again")
    one(store, written(tmp_path, submission(document(owners=owners))))
    (row,) = stored(store)
    assert (row["owner_cik"], row["owner"]) == ("1806647;315090", "Garascia Jessica A.; B")
    assert (row["officer"], row["director"], row["ten_percent_owner"]) == (True, False, True)


@pytest.mark.parametrize(("box", "meant"), [("0", False), ("1", True), ("true", True), ("false", False), ("", None)])
def test_the_plan_box_and_the_original_of_an_amendment(store, tmp_path, box, meant):
    more = "<dateOfOriginalSubmission>2025-01-08-05:00</dateOfOriginalSubmission>" + f"<aff10b5One>{box}</aff10b5One>"
    one(store, written(tmp_path, submission(document(form="4/A", more=more))))
    (row,) = stored(store)
    assert (row["form"], row["plan_10b5_1"], row["original_filing_date"]) == ("4/A", meant, date(2025, 1, 8))


def test_days_with_a_zone_and_prices_in_a_footnote(store, tmp_path):
    lines = transaction(price='<footnoteId id="F1"/>', day="2025-01-10-05:00") + transaction("7")
    one(store, written(tmp_path, submission(document(lines))))
    assert [(row["line"], row["price"], row["transaction_date"]) for row in stored(store)] == [
        (1, None, date(2025, 1, 10)), (2, 66_903_000, date(2025, 1, 10)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "aside"),
    [
        (document("", form="3"), {"filings of form 3": 1}),
        (document(form="5"), {"filings of form 5": 1, "transactions of form 5": 1}),
        (
            document("", end="<derivativeTable><derivativeTransaction/><derivativeHolding/></derivativeTable>"),
            {"derivative transactions": 1, "derivative holdings": 1, "filings without a transaction in shares": 1},
        ),
        (document("<nonDerivativeHolding/>"), {"holdings": 1, "filings without a transaction in shares": 1}),
    ],
)
def test_what_is_no_transaction_of_a_form_4_is_counted_and_no_error(store, tmp_path, content, aside):
    outcome = one(store, written(tmp_path, submission(content)))
    assert (outcome.read, dict(outcome.aside)) == (0, aside)
    assert store.held_sessions("insider_trades") == []


def test_a_zip_of_filings_is_read_one_by_one_and_a_broken_one_is_refused(store, tmp_path):
    path = tmp_path / "filings.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "forms of a day")
        for n in range(3):
            archive.writestr(f"edgar/data/{n}.txt", submission(document(), f"0001127602-25-00000{n}"))
        archive.writestr("../../bad.txt", submission("<ownershipDocument><documentType>4</ownershipDocument>"))
        archive.writestr("000112760225000009/a.xml", document(form="3"))
    (strict,) = ingest(store, [path])
    assert "1 of 4 rows rejected" in strict.error
    outcome = one(store, path, most_rejected=0.5)
    assert (outcome.read, outcome.stored, outcome.rejected) == (4, 3, 1)
    assert outcome.assumed == "filing_date"
    assert dict(outcome.aside) == {
        "files that hold no ownership document": 1, "filings of form 3": 1, "transactions of form 3": 1,
    }  # fmt: skip
    assert [row["accession"] for row in stored(store)] == [f"0001127602-25-00000{n}" for n in range(3)]
    (reject,) = store.rejects().to_dicts()
    assert "expected well-formed XML" in reject["reason"]
    assert reject["raw"] == "../../bad.txt"


def test_gzip_and_a_submission_twice_in_one_zip(store, tmp_path):
    one(store, written(tmp_path, gzip.compress(submission(document()).encode()), "a.txt.gz"))
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", submission(document()))
        archive.writestr("b.txt", submission(document()) + "\n")
    outcome = one(store, path)
    assert (outcome.read, outcome.stored, outcome.duplicates) == (2, 0, 2)


BOMB = '<!DOCTYPE ownershipDocument [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB + "]>",
        '<!DOCTYPE ownershipDocument [<!ENTITY i SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE ownershipDocument SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_no_entity_is_expanded_or_fetched(store, tmp_path, doctype, whole):
    declared = document(ticker="&i;").replace("<ownershipDocument>", doctype + "<ownershipDocument>", 1)
    path = written(tmp_path, submission(declared) if whole else declared)
    (outcome,) = ingest(store, [path])
    assert "expected a form without a document type" in outcome.error
    assert store.held_sessions("insider_trades") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (submission(document())[:-400], "expected well-formed XML"),
        (submission(document().replace("<documentType>4</documentType>", "")), "expected a documentType"),
        (submission(document(), accepted="20251350996000"), "expected a date and time of filing"),
        (submission(document(ticker="\x00")), "expected well-formed XML"),
        (submission(document()).encode().replace(b"AAR CORP", b"\xff\xfe"), "expected well-formed XML"),
        ("<?xml version='1.0'?>" + "<a>" * 20_000 + "<ownershipDocument />", "expected well-formed XML"),
    ],
)
def test_a_broken_document_is_one_line(store, tmp_path, content, said):
    (outcome,) = ingest(store, [written(tmp_path, content)])
    assert said in outcome.error
    assert "filing.txt" in outcome.error
    assert "\n" not in outcome.error


def test_hostile_text_stays_data_or_is_refused(store, tmp_path):
    names = ["=cmd()", "&lt;script&gt;", "'; DROP TABLE x", "a &amp; b"]
    for n, name in enumerate(names):
        content = submission(document(owners=owner(name=name), ticker=name), f"0001127602-25-00000{n}")
        one(store, written(tmp_path, content, f"{n}.txt"))
    meant = ["=cmd()", "<script>", "'; DROP TABLE x", "a & b"]
    assert [row["owner"] for row in stored(store)] == meant
    assert [row["symbol"] for row in stored(store)] == meant
    (outcome,) = ingest(store, [written(tmp_path, submission(document(ticker="X" * 10_000)))])
    assert "at most 64 characters" in outcome.error


def test_other_filings_and_pages_are_not_claimed(tmp_path):
    for content in (submission("<informationTable/>"), "<html><ownershipDocument></html>", document()[:20]):
        assert Form4().claim(written(tmp_path, content)) is None


WHOLE = submission(document(transaction() * 2)).encode()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_document_breaks_the_reader_and_rows_are_conserved(store, tmp_path, data):
    content = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(at, min(at + 40, len(content))))
        content = content[:at] + data.draw(st.one_of(st.binary(max_size=8), st.just(b"</value>"))) + content[end:]
    conserved(store, written(tmp_path, content))


VALUE = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="<>&"), max_size=12),
    st.sampled_from(["", "4", "-1", "1e400", "9" * 30, "2025-02-30", "9999-12-31", "0001-01-01", "true", "NONE"]),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUE, VALUE, VALUE, VALUE, VALUE, st.booleans())
def test_no_value_breaks_the_reader_and_rows_are_conserved(store, tmp_path, shares, day, code, ticker, role, whole):
    lines = transaction() + transaction(shares, day=day, code=code)
    content = document(lines, ticker=ticker, owners=owner(roles=f"<isOfficer>{role}</isOfficer>"))
    content = content.replace("2025-01-13", day)
    conserved(store, written(tmp_path, submission(content) if whole else content))


def conserved(store: Store, path: Path) -> None:
    (outcome,) = ingest(store, [path], most_rejected=1.0)
    if outcome.error is None:
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    else:
        assert "\n" not in outcome.error


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_the_real_filings_are_read_whole(store):
    """Fourteen documents of nine filings; the recorded web answers and the specification are nobody's."""
    outcomes = {outcome.path.name: outcome for outcome in ingest(store, [REAL])}
    read = {name: outcome for name, outcome in outcomes.items() if not outcome.skipped}
    assert len(read) == 14
    assert [outcome.error for outcome in read.values()] == [None] * 14
    assert {outcome.source for outcome in read.values()} == {"form4"}
    assert sum(outcome.read for outcome in read.values()) == 29
    assert not any(outcome.rejected for outcome in read.values())
    assert dict(read["form5.snow.xml"].aside) == {
        "holdings": 2, "filings of form 5": 1, "transactions of form 5": 1,
    }  # fmt: skip
    rows = stored(store)
    assert len(rows) == 18
    (sale,) = (row for row in rows if row["accession"] == ACCESSION)
    # the submission says when; its XML, read after it, does not take that away
    assert sale["known_at"] == int(datetime(2025, 1, 10, 21, 7, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert (sale["shares"], sale["price"], sale["assumed"]) == (1_500_000_000, 66_903_000, None)
