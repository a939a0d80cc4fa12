"""FINRA: the consolidated daily short-volume files, and ATS weekly volumes by symbol from the query API.

The files of a day stand on the CDN from that evening on; where there is none it answers 403. The API's dataset
weeklySummary of group otcMarket needs no key, holds about twelve months and is read in pages of 5,000 records; the
header Record-Total says how many there are. Tier 1 is published two weeks after a week, tier 2 and OTC four weeks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from feeds.errors import BullbearError, UnreadableFile
from feeds.fetch.checks import first_line, json_of
from feeds.fetch.client import Polite, Refused, Wanted
from feeds.fetch.source import Asked, Fetched, Source, no_session

_PAGE = 5_000
_TIERS = {"T1": 2, "T2": 4, "OTCE": 4}
_SETTLES = timedelta(days=90)


@dataclass(frozen=True)
class FinraShort(Source):
    """Daily short-volume files."""

    base: str = "https://cdn.finra.org"
    name = "finra_short"
    about = "FINRA consolidated daily short-volume files, a text file a session"
    a_second = 4.0

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """One file a session."""
        for day in asked.days():
            if not asked.is_session(day):
                yield no_session(day)
                continue
            name = f"CNMSshvol{day:%Y%m%d}.txt"
            url = f"{self.base}/equity/regsho/daily/{name}"
            yield polite.file(Wanted(name, (url,), _is_short_volume, frozenset({403, 404})))


@dataclass(frozen=True)
class FinraAts(Source):
    """Weekly ATS volumes by symbol."""

    base: str = "https://api.finra.org"
    name = "finra_ats"
    about = "FINRA ATS weekly volumes by symbol, a JSON file a week and tier"
    a_second = 2.0

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """Three files for each week that begins in the span; a young one is asked for again, as it may be amended."""
        for monday in (day for day in asked.days() if day.weekday() == 0):
            for tier, weeks in _TIERS.items():
                name = f"ats_weekly_{monday}_{tier}.json"
                if asked.today < monday + timedelta(weeks=weeks):
                    yield Fetched(name, "unpublished", f"tier {tier} is published {weeks} weeks after a week")
                elif asked.today > monday + _SETTLES and (polite.folder / name).exists():
                    yield Fetched(name, "present")
                else:
                    yield self._week(polite, name, monday, tier)

    def _week(self, polite: Polite, name: str, monday: date, tier: str) -> Fetched:
        records: list[Any] = []
        total = None
        try:
            while total is None or len(records) < total:
                page, said = self._page(polite, monday, tier, len(records))
                total = said if total is None else total
                if said not in (None, total):
                    raise UnreadableFile(f"expected {total:,} records, found {said:,}: they changed while being read")
                records += page
                if len(page) < (_PAGE if total is None else 1):
                    break
        except BullbearError as error:
            if isinstance(error, Refused) and error.status == 404:
                return Fetched(name, "unpublished", "the server has no such week")
            return Fetched(name, "failed", " ".join(str(error).split())[:300])
        if total is not None and len(records) != total:
            return Fetched(name, "failed", f"expected {total:,} records, found {len(records):,}; kept nothing of them")
        if not records:
            return Fetched(name, "unpublished", "the server has no records of that week")
        return polite.keep(name, json.dumps(records, indent=1).encode(), _is_weekly)

    def _page(self, polite: Polite, monday: date, tier: str, offset: int) -> tuple[list[Any], int | None]:
        wanted = {"summaryTypeCode": "ATS_W_SMBL", "weekStartDate": monday.isoformat(), "tierIdentifier": tier}
        body = {
            "limit": _PAGE,
            "offset": offset,
            "compareFilters": [
                {"compareType": "EQUAL", "fieldName": field, "fieldValue": value} for field, value in wanted.items()
            ],
        }
        url = f"{self.base}/data/group/otcMarket/name/weeklySummary"
        answer = polite.answer("POST", url, body, {"Accept": "application/json"})
        total = answer.headers.get("Record-Total", "")
        if answer.status == 204:
            return [], 0 if not offset else None
        try:
            page = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise UnreadableFile(f"{url}: expected JSON, found {answer.content[:80]!r}") from None
        if not isinstance(page, list):
            raise UnreadableFile(f"{url}: expected a list of records, found {answer.content[:80]!r}")
        return page, int(total) if total.isdigit() else None


def _is_short_volume(path: Path) -> None:
    """The header, and as many rows as the last line says."""
    first_line(path, "Date", "Symbol", "ShortVolume", "TotalVolume", "Market", delimiter="|")
    rows, last = -1, b""
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                rows, last = rows + 1, line.strip()
    if not last.isdigit() or int(last) != rows - 1:
        found = last[:60].decode("utf-8", "replace")
        raise UnreadableFile(f"expected a last line that counts {max(rows - 1, 0):,} rows, found {found!r}")


def _is_weekly(path: Path) -> None:
    records = json_of(path)
    wanted = {"weekStartDate", "summaryTypeCode", "issueSymbolIdentifier", "totalWeeklyShareQuantity"}
    if any(not isinstance(record, dict) or wanted - set(record) for record in records):
        raise UnreadableFile(f"expected records with {', '.join(sorted(wanted))}, found {str(records[0])[:100]}")
