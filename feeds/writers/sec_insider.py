"""SEC Insider Transactions Data Sets: one zip a quarter of filing, `2025q2_form345.zip`."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from feeds.writers.form4 import owners_named

SUBMISSION = (
    *("ACCESSION_NUMBER", "FILING_DATE", "PERIOD_OF_REPORT", "DATE_OF_ORIG_SUB", "NO_SECURITIES_OWNED"),
    *("NOT_SUBJECT_SEC16", "FORM3_HOLDINGS_REPORTED", "FORM4_TRANS_REPORTED", "DOCUMENT_TYPE", "ISSUERCIK"),
    *("ISSUERNAME", "ISSUERTRADINGSYMBOL", "REMARKS", "AFF10B5ONE"),
)
REPORTINGOWNER = (
    *("ACCESSION_NUMBER", "RPTOWNERCIK", "RPTOWNERNAME", "RPTOWNER_RELATIONSHIP", "RPTOWNER_TITLE", "RPTOWNER_TXT"),
    *("RPTOWNER_STREET1", "RPTOWNER_STREET2", "RPTOWNER_CITY", "RPTOWNER_STATE", "RPTOWNER_ZIPCODE"),
    *("RPTOWNER_STATE_DESC", "FILE_NUMBER"),
)
NONDERIV_TRANS = (
    *("ACCESSION_NUMBER", "NONDERIV_TRANS_SK", "SECURITY_TITLE", "SECURITY_TITLE_FN", "TRANS_DATE", "TRANS_DATE_FN"),
    *("DEEMED_EXECUTION_DATE", "DEEMED_EXECUTION_DATE_FN", "TRANS_FORM_TYPE", "TRANS_CODE", "EQUITY_SWAP_INVOLVED"),
    *("EQUITY_SWAP_TRANS_CD_FN", "TRANS_TIMELINESS", "TRANS_TIMELINESS_FN", "TRANS_SHARES", "TRANS_SHARES_FN"),
    *("TRANS_PRICEPERSHARE", "TRANS_PRICEPERSHARE_FN", "TRANS_ACQUIRED_DISP_CD", "TRANS_ACQUIRED_DISP_CD_FN"),
    *("SHRS_OWND_FOLWNG_TRANS", "SHRS_OWND_FOLWNG_TRANS_FN", "VALU_OWND_FOLWNG_TRANS", "VALU_OWND_FOLWNG_TRANS_FN"),
    *("DIRECT_INDIRECT_OWNERSHIP", "DIRECT_INDIRECT_OWNERSHIP_FN", "NATURE_OF_OWNERSHIP", "NATURE_OF_OWNERSHIP_FN"),
)
_FIRST_KEY = 7_400_000
_ROLES = (("director", "Director"), ("officer", "Officer"), ("ten_percent_owner", "TenPercentOwner"))


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Filings without their time of acceptance; every owner named."""
    return {
        name: owners_named(frame).with_columns(known_at=pl.lit(None, frame.schema["known_at"]))
        for name, frame in tables.items()
        if name == "insider_trades"
    }


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """One zip a quarter; see `feeds.writers`."""
    if session is not None or "insider_trades" not in tables:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    lines = tables["insider_trades"].sort("accession", "line")
    quarter = pl.format("{}q{}", pl.col("filing_date").dt.year(), pl.col("filing_date").dt.quarter())
    written = []
    for (name,), part in lines.group_by(quarter, maintain_order=True):
        written.append(folder / f"{name}_form345.zip")
        with zipfile.ZipFile(written[-1], "w", zipfile.ZIP_DEFLATED) as archive:
            for member, header, rows in _members(part):
                archive.writestr(member, _tsv(header, rows))
    return sorted(written)


def _members(part: pl.DataFrame) -> list[tuple[str, tuple[str, ...], list[dict[str, str]]]]:
    filings = [_filing(row) for row in part.unique("accession", keep="first", maintain_order=True).to_dicts()]
    return [
        ("SUBMISSION.tsv", SUBMISSION, [filing for filing, _ in filings]),
        ("REPORTINGOWNER.tsv", REPORTINGOWNER, [owner for _, owners in filings for owner in owners]),
        (
            "NONDERIV_TRANS.tsv",
            NONDERIV_TRANS,
            [_line(key, row) for key, row in enumerate(part.to_dicts(), _FIRST_KEY)],
        ),
    ]


def _filing(row: dict[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    planned = row["plan_10b5_1"]
    filing = {
        "ACCESSION_NUMBER": row["accession"],
        "FILING_DATE": _day(row["filing_date"]),
        "PERIOD_OF_REPORT": _day(row["transaction_date"]),
        "DATE_OF_ORIG_SUB": _day(row["original_filing_date"]),
        "DOCUMENT_TYPE": row["form"],
        "ISSUERCIK": row["issuer_cik"].zfill(10),
        "ISSUERNAME": f"{row['symbol']} INC",
        "ISSUERTRADINGSYMBOL": row["symbol"],
        "AFF10B5ONE": "" if planned is None else str(int(planned)),
    }
    relationship = ",".join(word for role, word in _ROLES if row[role])
    owners = [
        {
            "ACCESSION_NUMBER": row["accession"],
            "RPTOWNERCIK": cik.zfill(10),
            "RPTOWNERNAME": f"Owner {cik}",
            "RPTOWNER_RELATIONSHIP": relationship,
        }
        for cik in row["owner_cik"].split(";")
    ]
    return filing, owners


def _line(key: int, row: dict[str, Any]) -> dict[str, str]:
    return {
        "ACCESSION_NUMBER": row["accession"],
        "NONDERIV_TRANS_SK": str(key),
        "SECURITY_TITLE": row["security_title"],
        "TRANS_DATE": _day(row["transaction_date"]),
        "TRANS_FORM_TYPE": "4",
        "TRANS_CODE": row["code"],
        "EQUITY_SWAP_INVOLVED": "0",
        "TRANS_SHARES": _number(row["shares"]),
        "TRANS_PRICEPERSHARE": _number(row["price"]),
        "TRANS_ACQUIRED_DISP_CD": row["acquired_disposed"],
        "SHRS_OWND_FOLWNG_TRANS": _number(row["shares_after"]),
        "DIRECT_INDIRECT_OWNERSHIP": row["direct_indirect"],
    }


def _day(day: date | None) -> str:
    return "" if day is None else day.strftime("%d-%b-%Y").upper()


def _number(value: Decimal | None) -> str:
    """As the data sets print numbers: 3456.0, 212.01."""
    if value is None:
        return ""
    whole, _, places = f"{value:f}".partition(".")
    return f"{whole}.{places.rstrip('0') or '0'}"


def _tsv(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
