"""Forms 4 as full submissions, `edgar/data/<issuer>/<accession>.txt`, gathered in one zip a month of filing."""

import zipfile
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl

from feeds.calendar import ZONES

_BOX_SINCE = date(2023, 4, 1)
"""From here on forms have a box for 10b5-1 plans: schema X0508, before it X0306."""


def owners_named(frame: pl.DataFrame) -> pl.DataFrame:
    """Filings with every owner's name beside the set of their CIKs, as a form lists them all."""
    names = pl.col("owner_cik").str.split(";").list.eval(pl.format("Owner {}", pl.element())).list.join("; ")
    return frame.with_columns(owner=names)


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Filings with every owner named."""
    return {name: owners_named(frame) for name, frame in tables.items() if name == "insider_trades"}


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """One zip a month; see `feeds.writers`."""
    if session is not None or "insider_trades" not in tables:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    lines = tables["insider_trades"].sort("accession", "line")
    accepted = pl.col("known_at").dt.convert_time_zone(ZONES["XNYS"]).dt.strftime("%Y%m%d%H%M%S")
    month = pl.col("filing_date").dt.strftime("%Y-%m")
    written = []
    for (name,), part in lines.with_columns(accepted=accepted).group_by(month, maintain_order=True):
        written.append(folder / f"form4_{name}.zip")
        with zipfile.ZipFile(written[-1], "w", zipfile.ZIP_DEFLATED) as archive:
            for _, filing in part.group_by("accession", maintain_order=True):
                rows = filing.to_dicts()
                archive.writestr(f"edgar/data/{rows[0]['issuer_cik']}/{rows[0]['accession']}.txt", _submission(rows))
    return sorted(written)


def _submission(rows: list[dict[str, Any]]) -> str:
    row = rows[0]
    filed = row["filing_date"].strftime("%Y%m%d")
    accession = row["accession"]
    return f"""<SEC-DOCUMENT>{accession}.txt : {filed}
<SEC-HEADER>{accession}.hdr.sgml : {filed}
<ACCEPTANCE-DATETIME>{row["accepted"]}
ACCESSION NUMBER:\t\t{accession}
CONFORMED SUBMISSION TYPE:\t{row["form"]}
PUBLIC DOCUMENT COUNT:\t\t1
CONFORMED PERIOD OF REPORT:\t{row["transaction_date"].strftime("%Y%m%d")}
FILED AS OF DATE:\t\t{filed}
DATE AS OF CHANGE:\t\t{filed}
</SEC-HEADER>
<DOCUMENT>
<TYPE>{row["form"]}
<SEQUENCE>1
<FILENAME>form4.xml
<DESCRIPTION>PRIMARY DOCUMENT
<TEXT>
<XML>
{_document(rows)}
</XML>
</TEXT>
</DOCUMENT>
</SEC-DOCUMENT>
"""


def _document(rows: list[dict[str, Any]]) -> str:
    row = rows[0]
    boxed = row["filing_date"] >= _BOX_SINCE
    original = row["original_filing_date"]
    owners = "".join(_owner(row, cik) for cik in row["owner_cik"].split(";"))
    box = f"\n    <aff10b5One>{_flag(row['plan_10b5_1'])}</aff10b5One>\n" if boxed else ""
    amends = f"\n    <dateOfOriginalSubmission>{original}</dateOfOriginalSubmission>\n" if original else ""
    return f"""<?xml version="1.0"?>
<ownershipDocument>

    <schemaVersion>{"X0508" if boxed else "X0306"}</schemaVersion>

    <documentType>{row["form"]}</documentType>

    <periodOfReport>{row["transaction_date"]}</periodOfReport>
{amends}
    <issuer>
        <issuerCik>{row["issuer_cik"].zfill(10)}</issuerCik>
        <issuerName>{escape(row["symbol"])} INC</issuerName>
        <issuerTradingSymbol>{escape(row["symbol"])}</issuerTradingSymbol>
    </issuer>
{owners}{box}
    <nonDerivativeTable>
{"".join(_transaction(line) for line in rows)}    </nonDerivativeTable>

    <footnotes></footnotes>

    <ownerSignature>
        <signatureName>/s/ Owner</signatureName>
        <signatureDate>{row["filing_date"]}</signatureDate>
    </ownerSignature>
</ownershipDocument>"""


def _owner(row: Mapping[str, Any], cik: str) -> str:
    return f"""
    <reportingOwner>
        <reportingOwnerId>
            <rptOwnerCik>{cik.zfill(10)}</rptOwnerCik>
            <rptOwnerName>Owner {cik}</rptOwnerName>
        </reportingOwnerId>
        <reportingOwnerRelationship>
            <isDirector>{_flag(row["director"])}</isDirector>
            <isOfficer>{_flag(row["officer"])}</isOfficer>
            <isTenPercentOwner>{_flag(row["ten_percent_owner"])}</isTenPercentOwner>
            <isOther>0</isOther>
        </reportingOwnerRelationship>
    </reportingOwner>
"""


def _transaction(line: Mapping[str, Any]) -> str:
    return f"""        <nonDerivativeTransaction>
            <securityTitle>
                <value>{escape(line["security_title"])}</value>
            </securityTitle>
            <transactionDate>
                <value>{line["transaction_date"]}</value>
            </transactionDate>
            <transactionCoding>
                <transactionFormType>4</transactionFormType>
                <transactionCode>{line["code"]}</transactionCode>
                <equitySwapInvolved>0</equitySwapInvolved>
            </transactionCoding>
            <transactionAmounts>
                <transactionShares>
                    <value>{_number(line["shares"])}</value>
                </transactionShares>
                <transactionPricePerShare>
                    <value>{_number(line["price"])}</value>
                </transactionPricePerShare>
                <transactionAcquiredDisposedCode>
                    <value>{line["acquired_disposed"]}</value>
                </transactionAcquiredDisposedCode>
            </transactionAmounts>
            <postTransactionAmounts>
                <sharesOwnedFollowingTransaction>
                    <value>{_number(line["shares_after"])}</value>
                </sharesOwnedFollowingTransaction>
            </postTransactionAmounts>
            <ownershipNature>
                <directOrIndirectOwnership>
                    <value>{line["direct_indirect"]}</value>
                </directOrIndirectOwnership>
            </ownershipNature>
        </nonDerivativeTransaction>
"""


def _flag(value: bool | None) -> str:
    return "" if value is None else str(int(value))


def _number(value: Decimal | None) -> str:
    """As filers write numbers: 3456, 212.01."""
    text = "" if value is None else f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
