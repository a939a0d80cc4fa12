"""The SEC: Insider Transactions Data Sets by quarter, the quarters' form indexes, and form 4 submissions.

Fair access (https://www.sec.gov/os/accessing-edgar-data): at most ten requests a second, and a User-Agent that names
who asks with an address. The data sets from the second quarter of 2026 on stand in another folder than those before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from feeds.errors import UnreadableFile
from feeds.fetch.checks import contains, last_line, zip_with
from feeds.fetch.client import Polite, Wanted
from feeds.fetch.source import Asked, Fetched, Source, quarter_over

HOME = "https://www.sec.gov"
_SETS = (
    "files/structureddata/data/insider-transactions-data-sets",
    "files/datastandardsinnovation/data/insider-transactions-data-sets",
)
_FORMS = frozenset({"4", "4/A"})
_PLACE = re.compile(r"edgar/data/\d{1,10}/(\d{1,10}-\d{2}-\d{1,6}\.txt)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ENDS = ("</SEC-DOCUMENT>", "-----END PRIVACY-ENHANCED MESSAGE-----")  # the latter of EDGAR's older submissions


@dataclass(frozen=True)
class SecInsider(Source):
    """Insider Transactions Data Sets."""

    base: str = HOME
    name = "sec_insider"
    about = "SEC Insider Transactions Data Sets, a zip a quarter"
    a_second = 8.0
    names_itself = True

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """One zip for each quarter that the span touches."""
        for year, quarter in asked.quarters():
            name = f"{year}q{quarter}_form345.zip"
            yield polite.file(Wanted(name, tuple(f"{self.base}/{place}/{name}" for place in _SETS), _is_set))


@dataclass(frozen=True)
class SecIndex(Source):
    """EDGAR's index of all filings by form."""

    base: str = HOME
    name = "sec_index"
    about = "EDGAR full index by form, a file a quarter"
    a_second = 8.0
    names_itself = True

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """One index for each quarter that the span touches; that of the running quarter grows."""
        for year, quarter in asked.quarters():
            yield polite.file(_index(self.base, year, quarter, asked.today))


@dataclass(frozen=True)
class SecForm4(Source):
    """Form 4 and 4/A submissions, as filed."""

    base: str = HOME
    name = "sec_form4"
    about = "form 4 and 4/A submissions filed in the span, a text file each"
    a_second = 8.0
    names_itself = True

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """The indexes of the span's quarters, then every submission they name once, by day of filing."""
        for year, quarter in asked.quarters():
            index = _index(self.base, year, quarter, asked.today)
            found = polite.file(index)
            yield found
            if found.state in ("failed", "unpublished"):
                continue
            for filed, place in _submissions(polite.folder / index.name, asked.start, asked.end):
                name = f"{filed}/{place.rsplit('/', 1)[1]}"
                yield polite.file(Wanted(name, (f"{self.base}/Archives/{place}",), _is_submission))


def _index(base: str, year: int, quarter: int, today: date) -> Wanted:
    url = f"{base}/Archives/edgar/full-index/{year}/QTR{quarter}/form.idx"
    return Wanted(f"{year}q{quarter}_form.idx", (url,), _is_index, settled=quarter_over(year, quarter, today))


def _submissions(path: Path, start: date, end: date) -> Iterator[tuple[str, str]]:
    """Day of filing and place of each form 4 in an index: an issuer and its owners each have a line for the same one.

    Columns are padded with spaces: form type first, day of filing and place last.
    """
    seen: set[str] = set()
    with path.open(encoding="latin-1") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) < 5 or fields[0] not in _FORMS:
                continue
            filed, place = fields[-2], fields[-1]
            found = _PLACE.fullmatch(place)
            if found is None or not _DAY.fullmatch(filed) or not start.isoformat() <= filed <= end.isoformat():
                continue  # both become a path: nothing but digits goes into it
            if found[1] not in seen:
                seen.add(found[1])
                yield filed, place


def _is_set(path: Path) -> None:
    zip_with(path, "SUBMISSION.tsv", "REPORTINGOWNER.tsv", "NONDERIV_TRANS.tsv")


def _is_index(path: Path) -> None:
    contains(path, "Form Type", "Company Name", "Date Filed", "File Name")
    if not (last := last_line(path)).endswith((".txt", "---")):
        raise UnreadableFile(f"expected an index whose last line names a file, found {last[-100:]!r}")


def _is_submission(path: Path) -> None:
    contains(path, "<SEC-DOCUMENT>", "<ownershipDocument>", within=1 << 20)
    if (last := last_line(path)) not in _ENDS:
        raise UnreadableFile(f"expected a submission that ends with </SEC-DOCUMENT>, found {last[-100:]!r}")
