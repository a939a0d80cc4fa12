"""Cboe's daily put/call volumes: one JSON document a session since 7 October 2019, three CSV archives before.

A day that Cboe has no statistics of is answered with 403.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from feeds.errors import UnreadableFile
from feeds.fetch.checks import contains, json_of
from feeds.fetch.client import Polite, Wanted
from feeds.fetch.source import Asked, Fetched, Source, no_session

FIRST_DOCUMENT = date(2019, 10, 7)
_ARCHIVES = ("totalpc.csv", "equitypc.csv", "indexpc.csv")
_NONE = frozenset({403, 404})


@dataclass(frozen=True)
class Cboe(Source):
    """Put/call volumes by class."""

    base: str = "https://cdn.cboe.com"
    name = "cboe"
    about = "Cboe daily put/call volumes, a JSON file a session since 2019-10-07, CSV archives before"
    a_second = 2.0

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """The archives where the span begins before the documents do, then a document a session."""
        if asked.start < FIRST_DOCUMENT:
            for name in _ARCHIVES:
                url = f"{self.base}/resources/options/volume_and_call_put_ratios/{name}"
                yield polite.file(Wanted(name, (url,), _is_archive, _NONE))
        for day in (day for day in asked.days() if day >= FIRST_DOCUMENT):
            if not asked.is_session(day):
                yield no_session(day)
                continue
            url = f"{self.base}/data/us/options/market_statistics/daily/{day}_daily_options"
            yield polite.file(Wanted(f"{day}_daily_options.json", (url,), _is_document, _NONE))


def _is_archive(path: Path) -> None:
    contains(path, "date", "call", "put", "total")


def _is_document(path: Path) -> None:
    found = json_of(path)
    if not isinstance(found, dict) or "SUM OF ALL PRODUCTS" not in found:
        raise UnreadableFile(f"expected the day's statistics with SUM OF ALL PRODUCTS, found {str(found)[:100]}")
