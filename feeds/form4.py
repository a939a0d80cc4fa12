"""Forms 3, 4 and 5 as EDGAR publishes them: the XML document, or the full submission with its header; single or zipped.

    ownershipDocument (X0206 … X0508)   form, issuer, owners, transactions; no accession, no filing date
    <SEC-DOCUMENT> … (.txt)             header with ACCESSION NUMBER, ACCEPTANCE-DATETIME (New York), FILED AS OF DATE
    <SUBMISSION> … (.nc)                header with ACCESSION-NUMBER and FILING-DATE, no time of acceptance

Only non-derivative transactions of forms 4 and 4/A are rows of insider_trades; the rest is counted and set aside.

What an XML alone does not say is assumed and flagged. The accession is taken from its file name or folder
(0001234567-25-000001, or its eighteen digits), else from the document's sha256. The filing date is the latest of the
signature and the deadline, two business days after the last transaction (17 CFR 240.16a-3(g)): a form filed in time is
never known too early by it.

The parser is defusedxml's with document types forbidden: it expands no entity and fetches nothing, which lxml needs
three switches for. Layout: EDGAR Ownership XML Technical Specification, version 3.
"""

import hashlib
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from feeds.calendar import ZONES
from feeds.edgar import central_index_key, ticker
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, magic, open_text, zip_members
from feeds.schema import Sessions

_HEAD = 1 << 20
"""Bytes in which the document must begin: the header of a submission with many owners comes before it."""

_LARGEST = 64 << 20
"""Bytes of one submission: forms have kilobytes, their exhibits perhaps megabytes."""

_LARGEST_XML = 8 << 20

_TRIED = 8
"""Files of a zip that are looked into before it is taken for no collection of forms."""

_ROOT = re.compile(rb"<(?:\w+:)?ownershipDocument[\s>]")
_SUBMISSION = (b"<SEC-DOCUMENT>", b"<IMS-DOCUMENT>", b"<SUBMISSION>")
_XML = (b"<?xml", b"<ownershipDocument", b"<!--", b"<!DOCTYPE ownershipDocument")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ACCESSION = re.compile(r"(?<!\d)(\d{10})-?(\d{2})-?(\d{6})(?!\d)")
_ROWS = 1 << 16

_COLUMNS = (
    *(
        "accession",
        "line",
        "known_at",
        "filing_date",
        "transaction_date",
        "ticker",
        "cik",
        "owner_cik",
        "owner",
        "officer",
    ),
    *("director", "ten_percent_owner", "code", "acquired_disposed", "security_title", "direct_indirect", "shares"),
    *("price", "shares_after", "form", "original_filing_date", "plan_10b5_1"),
)
_ROLES = {"officer": "isOfficer", "director": "isDirector", "ten_percent_owner": "isTenPercentOwner"}
_ASIDE = {
    "nonDerivativeTable/nonDerivativeHolding": "holdings",
    "derivativeTable/derivativeTransaction": "derivative transactions",
    "derivativeTable/derivativeHolding": "derivative holdings",
}


@dataclass(frozen=True)
class Form4(Feed):
    """Ownership documents."""

    name = "form4"
    fills = ("insider_trades",)
    about = "SEC forms 3, 4, 5: ownership XML and full submissions (txt, nc), single or zipped"

    def claim(self, path: Path) -> Claim | None:
        """By the root element within the first bytes, whatever stands before it; of a zip, by its first document."""
        kind = magic(path)
        if kind == "zip":
            return _claim_zip(path)
        if kind in ("parquet", "empty"):
            return None
        try:
            with open_text(path) as stream:
                head = stream.read(_HEAD)
        except (OSError, EOFError):
            return None
        if not _is_form(head):
            return None
        name = "/".join(path.parts[-3:])
        accession = _in_header(head) or _in_name(name)
        # the XML of a filing is no later version of its submission: it says less
        logical_name = f"{accession}{'' if _header_of(head) else '.xml'}" if accession else path.name
        return Claim("insider_trades", logical_name, _assumed({_said(head, name)}))

    def frames(
        self,
        path: Path,
        claim: Claim,
        desk: Desk,
    ) -> Iterator[pl.DataFrame]:
        """One row a non-derivative transaction of a form 4 or 4/A; of a zip, a document that is broken is refused."""
        rows: list[dict[str, Any]] = []
        at = refused = 0
        zipped = magic(path) == "zip"
        for name, content in _documents(path):
            if not _is_form(content[:_HEAD]):
                desk.aside["files that hold no ownership document"] += 1
                continue
            try:
                rows += _filing(content, name, desk)
            except UnreadableFile as error:
                if not zipped:
                    raise
                refused += 1
                desk.refused.append(_refused(at + len(rows) + refused, str(error), name))
            if len(rows) >= _ROWS:
                yield _frame(rows, at)
                at, rows = at + len(rows), []
        if rows:
            yield _frame(rows, at)


def _is_form(head: bytes) -> bool:
    return head.lstrip(_BLANK).startswith(_XML + _SUBMISSION) and _ROOT.search(head) is not None


def _claim_zip(path: Path) -> Claim | None:
    names = zip_members(path)
    if not names or not any(name.lower().endswith((".xml", ".txt", ".nc")) for name in names):
        return None
    said: set[tuple[bool, bool]] = set()
    try:
        with zipfile.ZipFile(path) as archive:
            for at, name in enumerate(names):
                with archive.open(name) as stream:
                    head = stream.read(1 << 14 if said else _HEAD)
                if _is_form(head) or (said and head.startswith(_SUBMISSION)):
                    said.add(_said(head, name))
                elif not said and at + 1 >= _TRIED:
                    return None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        if not said:
            return None
        raise UnreadableFile(f"'{path.name}': expected a whole zip file, found: {error}") from None
    return Claim("insider_trades", path.name, _assumed(said)) if said else None


def _said(head: bytes, name: str) -> tuple[bool, bool]:
    """Whether a document's accession, and its time of filing, are read rather than assumed."""
    header = _header_of(head)
    return bool(_in_header(head) or _in_name(name)), bool(header and _filed(header, name)[1])


def _assumed(said: set[tuple[bool, bool]]) -> str | None:
    names = [name for at, name in enumerate(("accession", "filing_date")) if any(not pair[at] for pair in said)]
    return ",".join(names) or None


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; one that is larger than any form makes the whole unreadable."""
    try:
        if magic(path) == "zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if not member.is_dir():
                        with archive.open(member) as stream:
                            yield member.filename, _whole(stream, member.filename)
        else:
            with open_text(path) as stream:
                yield "/".join(path.parts[-3:]), _whole(stream, path.name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise UnreadableFile(f"'{path.name}': expected a whole file, found: {error}") from None


def _whole(stream: Any, name: str) -> bytes:
    content: bytes = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UnreadableFile(f"'{name}': expected a form of at most {_LARGEST >> 20} MB, found more")
    return content


def _refused(record: int, reason: str, raw: str) -> pl.DataFrame:
    schema = {"record": pl.Int64, "reason": pl.String, "raw": pl.String}
    return pl.DataFrame([(record, reason[:500], raw[:2000])], schema=schema, orient="row")


def _header_of(content: bytes) -> str | None:
    """What stands before the document in a full submission; None where the file is the XML alone."""
    found = _ROOT.search(content)
    head = content[: found.start()] if found else content
    if not head.lstrip(_BLANK).startswith(_SUBMISSION):
        return None
    return head.decode("utf-8", "replace")


def _in_header(content: bytes) -> str | None:
    header = _header_of(content)
    found = re.search(r"ACCESSION[ -]NUMBER[:>]\s*(\d{10}-\d{2}-\d{6})", header) if header else None
    return found.group(1) if found else None


def _in_name(name: str) -> str | None:
    """The accession in a file's name, else in that of the nearest folder above it.

    >>> _in_name("edgar/data/1750/000112760225001055/form4.xml")
    '0001127602-25-001055'
    """
    for part in reversed(PurePosixPath(name).parts):
        if found := _ACCESSION.search(part):
            return "-".join(found.groups())
    return None


def _filed(header: str, name: str) -> tuple[str | None, str | None]:
    """Time of acceptance (ISO-8601 with offset) and filing date (ISO) of a submission's header."""
    accepted = re.search(r"ACCEPTANCE-DATETIME>\s*(\d{14})", header)
    day = re.search(r"(?:FILED AS OF DATE:|FILING-DATE>)\s*(\d{8})", header)
    try:
        known = (
            datetime.strptime(accepted.group(1), "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo(ZONES["XNYS"])).isoformat()
            if accepted
            else None
        )
        filed = date.fromisoformat(day.group(1)).isoformat() if day else known[:10] if known else None
    except ValueError as error:
        raise UnreadableFile(f"'{name}': expected a date and time of filing in its header, found: {error}") from None
    return known, filed


def _parsed(content: bytes, name: str) -> Any:
    """The document's root element; of a submission, what stands in the <XML> block that holds it."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if _header_of(content) is not None:
        at = _ROOT.search(content)
        start = content.rfind(b"<XML>", 0, at.start()) + len(b"<XML>") if at else 0
        end = content.find(b"</XML>", start)
        content = content[start : end if end >= 0 else len(content)]
    if len(content) > _LARGEST_XML:
        raise UnreadableFile(f"'{name}': expected a form of at most {_LARGEST_XML >> 20} MB, found more")
    try:
        root = fromstring(content.strip(_BLANK), forbid_dtd=True)
    except DefusedXmlException:
        raise UnreadableFile(f"'{name}': expected a form without a document type, found one: it is not read") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableFile(f"'{name}': expected well-formed XML, found: {error}") from None
    for element in root.iter():  # forms are written with and without a namespace
        if isinstance(element.tag, str):
            element.tag = element.tag.rsplit("}", 1)[-1]
    if root.tag != "ownershipDocument":
        raise UnreadableFile(f"'{name}': expected an ownershipDocument, found '{str(root.tag)[:80]}'")
    return root


def _filing(content: bytes, name: str, desk: Desk) -> list[dict[str, Any]]:
    """A document's rows as text; what is no row of insider_trades is counted at the desk."""
    root = _parsed(content, name)
    form = _text(root, "documentType")
    if not form:
        raise UnreadableFile(f"'{name}': expected a documentType (3, 4, 5 or an amendment), found none")
    lines = root.findall("nonDerivativeTable/nonDerivativeTransaction")
    counted = Counter({said: len(root.findall(path)) for path, said in _ASIDE.items()})
    if form not in ("4", "4/A"):
        counted[f"filings of form {form[:20]}"] += 1
        counted[f"transactions of form {form[:20]}"] += len(lines)
        lines = []
    elif not lines:
        counted["filings without a transaction in shares"] += 1
    desk.aside.update(+counted)
    header = _header_of(content)
    known_at, filing_date = _filed(header, name) if header else (None, None)
    days = [_day(_text(line, "transactionDate/value")) for line in lines]
    signed = [_day(_text(signature, "signatureDate")) for signature in root.findall("ownerSignature")]
    shared = {
        "accession": _in_header(content) or _in_name(name) or f"sha256:{hashlib.sha256(content).hexdigest()[:32]}",
        "known_at": known_at,
        "filing_date": filing_date or _latest_filing(days, signed, desk.sessions),
        "form": form,
        "original_filing_date": _day(_text(root, "dateOfOriginalSubmission")),
        "plan_10b5_1": _text(root, "aff10b5One"),
        **_parties(root),
    }
    return [{**shared, "line": str(number), **_line(line)} for number, line in enumerate(lines, 1)]


def _text(element: Any, path: str) -> str | None:
    """What stands in an element, blanks joined to one; None where there is nothing."""
    found = element.findtext(path)
    return " ".join(found.split()) or None if found else None


def _day(text: str | None) -> str | None:
    """An XML date without its zone: 2025-04-30-05:00 is the 30th, wherever it was typed."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})?", text) if text else None
    return found.group(1) if found else text


def _parties(root: Any) -> dict[str, str | None]:
    """Issuer, and the owners as a set by CIK: in what any of them is, all are."""
    owners: dict[str, str] = {}
    for owner in root.findall("reportingOwner"):
        cik = (_text(owner, "reportingOwnerId/rptOwnerCik") or "").lstrip("0")
        owners.setdefault(cik, _text(owner, "reportingOwnerId/rptOwnerName") or "")
    named = [(cik, owners[cik]) for cik in sorted(owners) if cik]
    found: dict[str, str | None] = {
        "ticker": _text(root, "issuer/issuerTradingSymbol"),
        "cik": _text(root, "issuer/issuerCik"),
        "owner_cik": ";".join(cik for cik, _ in named) or None,
        "owner": "; ".join(name for _, name in named if name) or None,
    }
    for role, tag in _ROLES.items():
        said = {_text(each, f"reportingOwnerRelationship/{tag}") or "0" for each in root.findall("reportingOwner")}
        # the schema's default is false; what is no boolean goes on, to be refused by what it is
        odd = sorted(said - {"0", "1", "true", "false"})
        found[role] = odd[0] if odd else "true" if said & {"1", "true"} else "false"
    return found


def _line(line: Any) -> dict[str, str | None]:
    """One transaction; a price that stands in a footnote is absent."""
    amounts = "transactionAmounts"
    return {
        "transaction_date": _day(_text(line, "transactionDate/value")),
        "code": _text(line, "transactionCoding/transactionCode"),
        "acquired_disposed": _text(line, f"{amounts}/transactionAcquiredDisposedCode/value"),
        "security_title": _text(line, "securityTitle/value"),
        "direct_indirect": _text(line, "ownershipNature/directOrIndirectOwnership/value"),
        "shares": _text(line, f"{amounts}/transactionShares/value"),
        "price": _text(line, f"{amounts}/transactionPricePerShare/value"),
        "shares_after": _text(line, "postTransactionAmounts/sharesOwnedFollowingTransaction/value"),
    }


def _latest_filing(days: list[str | None], signed: list[str | None], sessions: Sessions) -> str | None:
    """The day by which a form was filed, if it was filed in time or signed when it was filed late."""
    dates = []
    for text, business_days in [*((day, 2) for day in days), *((day, 0) for day in signed)]:
        try:
            day = date.fromisoformat(text or "")
            at = int(np.searchsorted(sessions.days, np.datetime64(day))) + business_days
            dates.append(sessions.dates[at] if at < len(sessions) else day + timedelta(days=4))
        except (ValueError, OverflowError):
            continue
    return max(dates).isoformat() if dates else None


def _frame(rows: list[dict[str, Any]], at: int) -> pl.DataFrame:
    raw = pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String))
    return (
        raw.with_columns(issuer_cik=central_index_key("cik"))
        .with_columns(
            symbol=ticker("ticker", "issuer_cik"),
            record=pl.int_range(at + 1, at + raw.height + 1, dtype=pl.Int64),
        )
        .drop("ticker", "cik")
    )
