"""SEC Insider Transactions Data Sets: forms 3, 4 and 5 of a quarter as tab-separated tables, zipped or in a folder.

    SUBMISSION.tsv       one row a filing: accession, dates as 30-JUN-2025, form, issuer, ticker, 10b5-1 box
    REPORTINGOWNER.tsv   one row an owner of a filing
    NONDERIV_TRANS.tsv   one row a transaction in shares: these are the rows of insider_trades

The transactions lack form, ticker and owners, so the three are read together: as members of the quarter's zip, or as
files of one folder, where NONDERIV_TRANS.tsv is the one that fills the table; alone it is refused. A filing is known at
22:00 New York of its filing date, as the data sets hold no time of day. Several owners of a filing are one row with the
set of their CIKs.

Layout: SEC, "Insider Transactions Data Sets" readme and FORM_345_metadata.json.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.edgar import central_index_key, ticker
from feeds.errors import UnreadableFile
from feeds.feed import UNREADABLE_ZIP, Claim, Desk, Feed, header_of, magic, unknown_to, zip_members

_FILINGS = ("ACCESSION_NUMBER", "FILING_DATE", "DATE_OF_ORIG_SUB", "DOCUMENT_TYPE", "ISSUERCIK", "ISSUERTRADINGSYMBOL")
_OWNERS = ("ACCESSION_NUMBER", "RPTOWNERCIK", "RPTOWNERNAME", "RPTOWNER_RELATIONSHIP")
_LINES = (
    *("ACCESSION_NUMBER", "NONDERIV_TRANS_SK", "SECURITY_TITLE", "TRANS_DATE", "TRANS_CODE", "TRANS_SHARES"),
    *("TRANS_PRICEPERSHARE", "TRANS_ACQUIRED_DISP_CD", "SHRS_OWND_FOLWNG_TRANS", "DIRECT_INDIRECT_OWNERSHIP"),
)
_NEEDED = {"SUBMISSION.tsv": _FILINGS, "REPORTINGOWNER.tsv": _OWNERS, "NONDERIV_TRANS.tsv": _LINES}

_COUNTED = {
    "NONDERIV_HOLDING.tsv": "holdings",
    "DERIV_TRANS.tsv": "derivative transactions",
    "DERIV_HOLDING.tsv": "derivative holdings",
}
"""Tables of which no row is a transaction in shares, and what their rows are."""

_KEYS = {
    "NONDERIV_TRANS_SK": "NONDERIV_TRANS.tsv", "NONDERIV_HOLDING_SK": "NONDERIV_HOLDING.tsv",
    "DERIV_TRANS_SK": "DERIV_TRANS.tsv", "DERIV_HOLDING_SK": "DERIV_HOLDING.tsv", "RPTOWNERCIK": "REPORTINGOWNER.tsv",
    "FOOTNOTE_ID": "FOOTNOTES.tsv", "OWNERSIGNATURENAME": "OWNER_SIGNATURE.tsv", "DOCUMENT_TYPE": "SUBMISSION.tsv",
    "ISSUERTRADINGSYMBOL": "SUBMISSION.tsv", "RPTOWNERNAME": "REPORTINGOWNER.tsv", "TRANS_CODE": "NONDERIV_TRANS.tsv",
}  # fmt: skip
"""The columns by which each table is told, in the order in which they are asked for, whatever its file is called."""

_NO_SUBMISSION = "no such accession in SUBMISSION.tsv"
_ROLES = {"officer": "officer", "director": "director", "ten_percent_owner": "tenpercentowner"}


@dataclass(frozen=True)
class SecInsider(Feed):
    """The quarterly data sets."""

    name = "sec_insider"
    fills = ("insider_trades",)
    about = "SEC Insider Transactions Data Sets: a quarter's zip, or its tables in a folder (tsv)"

    def claim(self, path: Path) -> Claim | None:
        """By the tables in a zip, or by a table's own header; of a folder, the transactions speak for the three."""
        kind = magic(path)
        if kind == "zip":
            members = {name.rsplit("/", 1)[-1] for name in zip_members(path)}
            if "NONDERIV_TRANS.tsv" not in members:
                return None
            if missing := unknown_to(tuple(_NEEDED), tuple(members)):
                raise UnreadableFile(
                    f"'{path.name}': expected {', '.join(_NEEDED)} in one zip, missing {', '.join(missing)};"
                    f" found {', '.join(sorted(members))[:200]}"
                )
            return Claim("insider_trades", path.name)
        if kind in ("parquet", "empty"):
            return None
        columns = header_of(path, "\t")
        if columns is None or columns[0] != "ACCESSION_NUMBER" or len(columns) < 2:
            return None
        table = _table_of(columns)
        if table is None:
            return None
        _has(path.name, columns, _NEEDED.get(table, ()))
        # a quarter's folder tells one NONDERIV_TRANS.tsv from the next
        logical_name = "/".join(path.parts[-3:])
        return Claim("insider_trades", logical_name, beside=_beside(path) if table == "NONDERIV_TRANS.tsv" else ())

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The transactions of forms 4 and 4/A, each with its filing and the set of its owners."""
        if magic(path) == "zip":
            with _unzipped(path) as tables:
                try:
                    yield from _joined(tables, desk)
                except UnreadableFile as error:
                    raise UnreadableFile(f"'{path.name}': {error}") from None
        elif claim.beside:
            submission, owners = claim.beside
            yield from _joined(
                {"SUBMISSION.tsv": submission, "REPORTINGOWNER.tsv": owners, "NONDERIV_TRANS.tsv": path}, desk
            )
        else:
            table = _table_of(_header(path)) or ""
            said = _COUNTED.get(table, f"rows of {table}, which is read with NONDERIV_TRANS.tsv")
            desk.aside[said] += _count(path, desk)


def _table_of(columns: tuple[str, ...]) -> str | None:
    return next((table for column, table in _KEYS.items() if column in columns), None)


def _has(name: str, columns: tuple[str, ...], needed: tuple[str, ...]) -> None:
    if missing := unknown_to(needed, columns):
        raise UnreadableFile(
            f"'{name}': expected the columns of the SEC's data set, missing {', '.join(missing)};"
            f" found {', '.join(columns)[:200]}"
        )


def _header(path: Path) -> tuple[str, ...]:
    columns = header_of(path, "\t")
    if columns is None:
        raise UnreadableFile(f"'{path.name}': expected a header line of text, found none")
    if len(set(columns)) != len(columns) or "" in columns:
        raise UnreadableFile(f"'{path.name}': expected one name a column, found {', '.join(columns)[:200]}")
    return columns


def _beside(path: Path) -> tuple[Path, ...]:
    """SUBMISSION.tsv and REPORTINGOWNER.tsv of the same folder and quarter, in this order."""
    wanted = [path.with_name(path.name.replace("NONDERIV_TRANS", table)) for table in ("SUBMISSION", "REPORTINGOWNER")]
    if missing := [other.name for other in wanted if other == path or not other.is_file()]:
        raise UnreadableFile(
            f"'{path.name}': expected {' and '.join(missing)} beside it: form, ticker and owners of its transactions"
            " stand there. Put the tables of a quarter in one folder, or give the SEC's zip as it is."
        )
    return tuple(wanted)


@contextmanager
def _unzipped(path: Path) -> Iterator[dict[str, Path]]:
    """The zip's tables that are read or counted, unpacked for a while: the text reader reads files."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Path] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    name = member.filename.rsplit("/", 1)[-1]
                    if name not in _NEEDED and name not in _COUNTED:
                        continue
                    found[name] = Path(folder) / name
                    with archive.open(member) as source, found[name].open("wb") as target:
                        while block := source.read(1 << 20):
                            target.write(block)
        except UNREADABLE_ZIP as error:
            raise UnreadableFile(f"'{path.name}': expected a whole zip file, found: {error}") from None
        yield found


def _joined(tables: dict[str, Path], desk: Desk) -> Iterator[pl.DataFrame]:
    filings, owners = _filings(tables["SUBMISSION.tsv"], desk), _owners(tables["REPORTINGOWNER.tsv"], desk)
    for table, what in _COUNTED.items():
        if table in tables and (rows := _count(tables[table], desk)):
            desk.aside[what] += rows
    path = tables["NONDERIV_TRANS.tsv"]
    columns = _header(path)
    _has(path.name, columns, _LINES)
    numbers = _line_numbers(path, columns, desk)
    text = desk.read_text(path, "\t", columns)
    at = 0
    for batch in text.batches():
        lines = pl.concat([batch, numbers[at : at + batch.height]], how="horizontal")
        at += batch.height
        joined = lines.join(filings, on="ACCESSION_NUMBER", how="left", maintain_order="left").join(
            owners, on="ACCESSION_NUMBER", how="left", maintain_order="left"
        )
        other = pl.col("form").is_in(["3", "3/A", "5", "5/A"])
        for form, rows in joined.filter(other).group_by("form", maintain_order=True).len().iter_rows():
            desk.aside[f"transactions of form {form}"] += rows
        yield _trades(joined.filter(~other.fill_null(False)))
    desk.refused.append(text.misfits())


def _count(path: Path, desk: Desk) -> int:
    return sum(batch.height for batch in desk.read_text(path, "\t", _header(path)).batches())


def _read(path: Path, needed: tuple[str, ...], optional: tuple[str, ...], desk: Desk) -> pl.DataFrame:
    """The wanted columns of a side table, whole: a quarter has some 60,000 filings. Lines that do not fit are counted;
    transactions that miss them are refused by name."""
    columns = _header(path)
    _has(path.name, columns, needed)
    wanted = [*needed, *(name for name in optional if name in columns)]
    text = desk.read_text(path, "\t", columns)
    frames = [batch.select(wanted) for batch in text.batches()]
    if unfit := text.misfits().height:
        desk.aside[f"lines of {path.name} that do not fit its header"] += unfit
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))


def _filings(path: Path, desk: Desk) -> pl.DataFrame:
    """One row an accession under canonical names, the last row of a repeated one."""
    frame = _read(path, _FILINGS, ("AFF10B5ONE",), desk)
    forms = frame.group_by(form=pl.col("DOCUMENT_TYPE").fill_null("")).len().sort("form")
    for form, rows in forms.iter_rows():
        if form.startswith(("3", "5")):
            desk.aside[f"filings of form {form}"] += rows
    plan = pl.col("AFF10B5ONE") if "AFF10B5ONE" in frame.columns else pl.lit(None, pl.String)
    return (
        frame.with_columns(cik=central_index_key("ISSUERCIK"))
        .select(
            "ACCESSION_NUMBER",
            filing_date=_day("FILING_DATE"),
            symbol=ticker("ISSUERTRADINGSYMBOL", "cik"),
            issuer_cik="cik",
            form="DOCUMENT_TYPE",
            original_filing_date=_day("DATE_OF_ORIG_SUB"),
            plan_10b5_1=plan,
        )
        .unique("ACCESSION_NUMBER", keep="last", maintain_order=True)
    )


def _owners(path: Path, desk: Desk) -> pl.DataFrame:
    """One row an accession: its owners as a set, and what any of them is."""
    frame = _read(path, _OWNERS, (), desk).with_columns(
        cik=central_index_key("RPTOWNERCIK"),
        roles=pl.col("RPTOWNER_RELATIONSHIP").str.to_lowercase().str.replace_all(" ", "").str.split(","),
    )
    known = pl.col("roles").is_not_null()
    return (
        frame.unique(["ACCESSION_NUMBER", "cik"], keep="first", maintain_order=True)
        .sort("ACCESSION_NUMBER", "cik")
        .group_by("ACCESSION_NUMBER", maintain_order=True)
        .agg(
            owner_cik=pl.col("cik").drop_nulls().str.join(";"),
            owner=pl.col("RPTOWNERNAME").drop_nulls().str.join("; "),
            **{
                role: pl.when(known).then(pl.col("roles").list.contains(word)).any(ignore_nulls=False).cast(pl.String)
                for role, word in _ROLES.items()
            },
        )
    )


def _line_numbers(path: Path, columns: tuple[str, ...], desk: Desk) -> pl.DataFrame:
    """Each transaction's number within its filing, in the order of the form: surrogate keys rise with it, rows do not.

    So a line has the number that it has in the form's own XML, and a filing read from both is not counted twice; a key
    that is repeated is the same line.
    """
    picked = ("ACCESSION_NUMBER", "NONDERIV_TRANS_SK")
    batches = desk.read_text(path, "\t", columns).batches()
    keys = pl.concat(
        [pl.DataFrame(schema=dict.fromkeys(picked, pl.String)), *(batch.select(picked) for batch in batches)]
    )
    order = pl.col("NONDERIV_TRANS_SK").cast(pl.Int64, strict=False)
    numbered: pl.DataFrame = keys.select(line=order.rank("dense").over("ACCESSION_NUMBER").cast(pl.Int64))
    return numbered


def _day(name: str) -> pl.Expr:
    """30-JUN-2025 as 2025-06-30; anything else stays, to be refused by what it is."""
    text = pl.col(name).str.strip_chars()
    shaped = text.str.contains(r"^\d{2}-[A-Za-z]{3}-\d{4}$")
    parsed = pl.when(shaped).then(text).str.to_date("%d-%b-%Y", strict=False).dt.to_string("%Y-%m-%d")
    return pl.coalesce(parsed, text)


def _trades(joined: pl.DataFrame) -> pl.DataFrame:
    return joined.select(
        "record",
        "line",
        accession="ACCESSION_NUMBER",
        # a transaction whose filing is missing is refused, and says why
        filing_date=pl.when(pl.col("form").is_null()).then(pl.lit(_NO_SUBMISSION)).otherwise("filing_date"),
        transaction_date=_day("TRANS_DATE"),
        **{
            name: pl.col(name)
            for name in ("symbol", "issuer_cik", "owner_cik", "owner", *_ROLES, "form", "original_filing_date")
        },
        plan_10b5_1="plan_10b5_1",
        code="TRANS_CODE",
        acquired_disposed="TRANS_ACQUIRED_DISP_CD",
        security_title="SECURITY_TITLE",
        direct_indirect="DIRECT_INDIRECT_OWNERSHIP",
        shares="TRANS_SHARES",
        price="TRANS_PRICEPERSHARE",
        shares_after="SHRS_OWND_FOLWNG_TRANS",
    )
