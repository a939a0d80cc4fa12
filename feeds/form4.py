"""Forms 3, 4 and 5 as EDGAR publishes them: the XML document, or the full submission with its header; single or zipped.

    ownershipDocument (X0206 … X0508)   form, issuer, owners, transactions; no accession, no filing date
    <SEC-DOCUMENT> … (.txt)             header with ACCESSION NUMBER, ACCEPTANCE-DATETIME (New York), FILED AS OF DATE;
                                        the same inside a privacy-enhanced (signed) message, as EDGAR kept older ones
    <SUBMISSION> … (.nc)                header with ACCESSION-NUMBER and FILING-DATE, no time of acceptance

Only non-derivative transactions of forms 4 and 4/A are rows of insider_trades; the rest is counted and set aside.

What an XML alone does not say is assumed and flagged. The accession is taken from its file name or folder
(0001234567-25-000001, or its eighteen digits), else from the document's sha256. The filing date is the latest of the
signature and the deadline, two business days after the last transaction (17 CFR 240.16a-3(g)): a form filed in time is
never known too early by it.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from feeds.edgar import central_index_key, ticker
from feeds.errors import UnreadableFile
from feeds.feed import UNREADABLE_ZIP, Claim, Desk, Feed, dated_name, magic, open_text, zip_members
from feeds.ownership import (
    SUBMISSION,
    accession_in_header,
    accession_in_name,
    filed,
    filing,
    header_of,
    is_form,
)

_HEAD = 1 << 20
"""Bytes in which the document must begin: the header of a submission with many owners comes before it."""

_LARGEST = 64 << 20
"""Bytes of one submission: forms have kilobytes, their exhibits perhaps megabytes."""

_TRIED = 8
"""Files of a zip that are looked into before it is taken for no collection of forms."""

_ROWS = 1 << 16

_COLUMNS = (
    *("accession", "line", "known_at", "filing_date", "transaction_date", "ticker", "cik", "owner_cik", "owner"),
    *("officer", "director", "ten_percent_owner", "code", "acquired_disposed", "security_title", "direct_indirect"),
    *("shares", "price", "shares_after", "form", "original_filing_date", "plan_10b5_1"),
)


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
        if not is_form(head):
            return None
        name = "/".join(path.parts[-3:])
        accession = accession_in_header(head) or accession_in_name(name)
        # the XML of a filing is no later version of its submission: it says less
        logical_name = f"{accession}{'' if header_of(head) else '.xml'}"
        if accession is None:  # two filings may both be called form4.xml
            logical_name = f"{path.name} {hashlib.sha256(head).hexdigest()[:32]}"
        return Claim("insider_trades", logical_name, _assumed({_said(head, name)}))

    def frames(
        self,
        path: Path,
        claim: Claim,
        desk: Desk,
    ) -> Iterator[pl.DataFrame]:
        """One row a non-derivative transaction of a form 4 or 4/A; of a zip, a document that is broken is refused."""
        rows: list[dict[str, str | None]] = []
        at = refused = 0
        zipped = magic(path) == "zip"
        for name, content in _documents(path):
            if not is_form(content[:_HEAD]):
                desk.aside["files that hold no ownership document"] += 1
                continue
            try:
                lines, aside = filing(content, name, desk.sessions)
            except UnreadableFile as error:
                if not zipped:
                    raise
                refused += 1
                desk.refused.append(_refused(at + len(rows) + refused, str(error), name))
            else:
                rows += lines
                desk.aside.update(aside)
            if len(rows) >= _ROWS:
                yield _frame(rows, at)
                at, rows = at + len(rows), []
        if rows:
            yield _frame(rows, at)


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
                if is_form(head) or (said and head.startswith(SUBMISSION)):
                    said.add(_said(head, name))
                elif not said and at + 1 >= _TRIED:
                    return None
    except UNREADABLE_ZIP as error:
        if not said:
            return None
        raise UnreadableFile(f"'{path.name}': expected a whole zip file, found: {error}") from None
    return Claim("insider_trades", dated_name(path), _assumed(said)) if said else None


def _said(head: bytes, name: str) -> tuple[bool, bool]:
    """Whether a document's accession, and its time of filing, are read rather than assumed."""
    header = header_of(head)
    return bool(accession_in_header(head) or accession_in_name(name)), bool(header and filed(header, name)[1])


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
    except UNREADABLE_ZIP as error:
        raise UnreadableFile(f"'{path.name}': expected a whole file, found: {error}") from None


def _whole(stream: Any, name: str) -> bytes:
    content: bytes = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UnreadableFile(f"'{name}': expected a form of at most {_LARGEST >> 20} MB, found more")
    return content


def _refused(record: int, reason: str, raw: str) -> pl.DataFrame:
    schema = {"record": pl.Int64, "reason": pl.String, "raw": pl.String}
    return pl.DataFrame([(record, reason[:500], raw[:2000])], schema=schema, orient="row")


def _frame(rows: list[dict[str, str | None]], at: int) -> pl.DataFrame:
    raw = pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String))
    return (
        raw.with_columns(issuer_cik=central_index_key("cik"))
        .with_columns(
            symbol=ticker("ticker", "issuer_cik"),
            record=pl.int_range(at + 1, at + raw.height + 1, dtype=pl.Int64),
        )
        .drop("ticker", "cik")
    )
