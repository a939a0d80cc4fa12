"""A report as it is published: looked up where it was computed before from the same code and input, else computed.

Looking one up imports no kernel: a warm report is a query and its rendering.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from feeds.errors import StoreBusy, StoreFull, StoreUnreadable
from feeds.store import Store
from indicators.engine.recipe import code_hash
from indicators.engine.scope import on_session, scope, tables_of
from indicators.views.report import Report, package_version, report_of

if TYPE_CHECKING:
    from indicators.engine.run import Kept


@dataclass(frozen=True)
class Published:
    """A report; with what to keep of its making, when it was made and not found."""

    report: Report
    key: str | None = None
    kept: "Kept | None" = None


def published(
    store: Store,
    market: str = "us",
    session: date | None = None,
    as_of: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> Published:
    """The report on a session, the latest by default; with `as_of` always computed.

    Raises
    ------
    NothingToShow, BadValue : as `scope`
    """
    key = None
    if session is not None:
        on_session(store, market, session)
    if as_of is None:
        tables, covered = tables_of(market), scope(store, tables_of(market), market, end=session).sessions
        last, calendar = covered.dates[-1], (covered.closes.tolist(), covered.following)
        told_by = (code_hash(), package_version(), market)
        rests_on = (*told_by, calendar, store.partition_state(tables, last), store.reject_counts())
        key = hashlib.sha256(repr(rests_on).encode()).hexdigest()
        if (document := store.kept_report(key)) is not None:
            return Published(Report.model_validate_json(document))
    from indicators.engine.day import day_of
    from indicators.engine.run import Kept

    kept = Kept()
    report = report_of(day_of(store, market, session, as_of, progress=progress, kept=kept), store)
    return Published(report, key, kept) if key else Published(report)


def keep(path: str, made: Published) -> None:
    """Keep what was computed for the next time; not in a store that somebody else holds or that takes nothing more."""
    if made.kept is None or made.key is None:
        return
    key, document = made.key, made.report.to_json()
    keep_measured(path, made.kept, lambda store: store.keep_report(key, document))


def keep_measured(path: str, kept: "Kept", more: Callable[[Store], None] | None = None) -> None:
    """Keep what was measured, and what else `more` writes, where the store may be written."""
    try:
        with Store.open(path) as store:
            kept.save(store)
            if more is not None:
                more(store)
    except (StoreBusy, StoreFull, StoreUnreadable):
        return
