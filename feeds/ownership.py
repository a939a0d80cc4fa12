"""One insider filing as EDGAR publishes it: the header of a submission, and the ownership document in XML.

The parser is defusedxml's with document types forbidden: it expands no entity and fetches nothing, which lxml needs
three switches for. Layout: EDGAR Ownership XML Technical Specification, version 3.
"""

import hashlib
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from feeds.calendar import ZONES
from feeds.errors import UnreadableFile
from feeds.schema import Sessions

_LARGEST_XML = 8 << 20
"""Bytes of one document: forms have kilobytes."""

SUBMISSION = (b"<SEC-DOCUMENT>", b"<IMS-DOCUMENT>", b"<SUBMISSION>", b"-----BEGIN PRIVACY-ENHANCED MESSAGE-----")
"""How a full submission begins; EDGAR's older ones stand in a signed message."""

_XML = (b"<?xml", b"<ownershipDocument", b"<!--", b"<!DOCTYPE ownershipDocument")
_ROOT = re.compile(rb"<(?:\w+:)?ownershipDocument[\s>]")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ACCESSION = re.compile(r"(?<!\d)(\d{10})-?(\d{2})-?(\d{6})(?!\d)")
_ROLES = {"officer": "isOfficer", "director": "isDirector", "ten_percent_owner": "isTenPercentOwner"}
_ASIDE = {
    "nonDerivativeTable/nonDerivativeHolding": "holdings",
    "derivativeTable/derivativeTransaction": "derivative transactions",
    "derivativeTable/derivativeHolding": "derivative holdings",
}


def is_form(head: bytes) -> bool:
    """Whether a file that begins so holds an ownership document, alone or in a submission."""
    return head.lstrip(_BLANK).startswith(_XML + SUBMISSION) and _ROOT.search(head) is not None


def header_of(content: bytes) -> str | None:
    """What stands before the document in a full submission; None where the file is the XML alone."""
    found = _ROOT.search(content)
    head = content[: found.start()] if found else content
    if not head.lstrip(_BLANK).startswith(SUBMISSION):
        return None
    return head.decode("utf-8", "replace")


def accession_in_header(content: bytes) -> str | None:
    """The accession that a submission's header names; None for an XML alone."""
    header = header_of(content)
    found = re.search(r"ACCESSION[ -]NUMBER[:>]\s*(\d{10}-\d{2}-\d{6})", header) if header else None
    return found.group(1) if found else None


def accession_in_name(name: str) -> str | None:
    """The accession in a file's name, else in that of the nearest folder above it.

    >>> accession_in_name("edgar/data/1750/000112760225001055/form4.xml")
    '0001127602-25-001055'
    """
    for part in reversed(PurePosixPath(name).parts):
        if found := _ACCESSION.search(part):
            return "-".join(found.groups())
    return None


def filed(header: str, name: str) -> tuple[str | None, str | None]:
    """Time of acceptance (ISO-8601 with offset) and filing date (ISO) of a submission's header."""
    accepted = re.search(r"ACCEPTANCE-DATETIME>\s*(\d{14})", header)
    day = re.search(r"(?:FILED AS OF DATE:|FILING-DATE>)\s*(\d{8})", header)
    try:
        known = (
            datetime.strptime(accepted.group(1), "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo(ZONES["XNYS"])).isoformat()
            if accepted
            else None
        )
        filing_date = date.fromisoformat(day.group(1)).isoformat() if day else known[:10] if known else None
    except ValueError as error:
        raise UnreadableFile(f"'{name}': expected a date and time of filing in its header, found: {error}") from None
    return known, filing_date


def _parsed(content: bytes, name: str) -> Any:
    """The document's root element; of a submission, what stands in the <XML> block that holds it."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if header_of(content) is not None:
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


def filing(content: bytes, name: str, sessions: Sessions) -> tuple[list[dict[str, str | None]], Counter[str]]:
    """A document's rows as text under the names of insider_trades, and what of it is no such row, counted.

    The ticker and the issuer's CIK come as they are written, as `ticker` and `cik`.

    Raises
    ------
    UnreadableFile : no well-formed ownership document, or one that declares a document type
    """
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
    header = header_of(content)
    known_at, filing_date = filed(header, name) if header else (None, None)
    days = [_day(_text(line, "transactionDate/value")) for line in lines]
    signed = [_day(_text(signature, "signatureDate")) for signature in root.findall("ownerSignature")]
    shared = {
        "accession": accession_in_header(content) or accession_in_name(name) or _digest(content),
        "known_at": known_at,
        "filing_date": filing_date or _latest_filing(days, signed, sessions),
        "form": form,
        "original_filing_date": _day(_text(root, "dateOfOriginalSubmission")),
        "plan_10b5_1": _text(root, "aff10b5One"),
        **_parties(root),
    }
    return [{**shared, "line": str(number), **_line(line)} for number, line in enumerate(lines, 1)], +counted


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()[:32]}"


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
