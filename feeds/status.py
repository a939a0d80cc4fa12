"""What a store holds: sessions, gaps against the calendar, rejects, and how far behind its source a table is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from feeds.schema import TABLES, Sessions, Table, utc
from feeds.store import Store

State = Literal["available", "degraded", "pending", "missing"]


@dataclass(frozen=True)
class Lag:
    """When a source publishes, in hours after the close of the session in whose reading its rows enter.

    From `first` on a row may be there, from `last` on it should be: between the two a table without it is pending.
    """

    first: float
    last: float
    source: str


_MORNING = Lag(0, 18, "a session's flat files are there by 10:00 New York of the next day (vendors' delivery times)")
_EVENING = Lag(0, 4, "final values are there the same evening")
_EVENING_BEFORE = Lag(-24, -20, "posted on the evening of the trade date, known from the next session on")

LAGS: dict[str, Lag] = {
    **dict.fromkeys(("option_trades", "option_quotes", "stock_trades", "stock_quotes"), _MORNING),
    "open_interest": Lag(-24, -6.5, "OCC publishes the evening's positions before the next session opens"),
    "insider_trades": Lag(0, 4 * 24, "Exchange Act 16(a)(2)(C): a Form 4 within two business days; a weekend between"),
    "index_levels": _EVENING,
    "forward_eps": Lag(100 * 24, 200 * 24, "S&P's workbook is revised through each quarter; 200 days is its age limit"),
    "daily_bars": _EVENING,
    "short_volume": _EVENING_BEFORE,
    "ats_weekly": Lag(
        14 * 24, 28 * 24, "FINRA Rules 6110, 6610: two weeks after the week for NMS Tier 1, four for the rest"
    ),
    "put_call_volume": _EVENING_BEFORE,
    **dict.fromkeys(
        ("cn_industry_bars", "cn_index_bars", "cn_stock_bars", "cn_concept_bars", "cn_breadth", "cn_northbound"),
        Lag(0, 4, "the exchanges', CSI's and Shenwan's closing values are there the same evening"),
    ),
    "cn_bond_yields": Lag(-22, -18, "ChinaBond gives a day's curve that evening, known from the next session on"),
    **dict.fromkeys(
        ("cn_margin", "cn_etf_shares"),
        Lag(-24, -5, "the exchanges publish a day's positions before ten of the next morning (CHINA: known next day)"),
    ),
}
"""By table; the others (sectors, index_members, cn_members, cn_new_funds) change when they change, and are never late.
"""


class TableStatus(BaseModel):
    """One table's standing.

    `gaps` counts sessions between the first and the last without a row, for tables that should have one every session;
    null for those that need not. Of a table of indices the one with the most rows counts, for gaps and for `behind`: a
    monthly index beside a daily one misses nothing, and makes up for nothing. `due` is the newest session whose rows
    the source should have published by `as_of`, `behind` how many sessions the table is short of it; both null without
    a known lag. state: missing = no row; degraded = behind, gaps, or rejected rows; pending = the source may have
    published more and may yet be on time; available = none of these.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    rows: int
    files: int
    sessions: int
    first: date | None
    last: date | None
    gaps: int | None
    gap_sessions: tuple[date, ...]
    rejected: int
    reasons: dict[str, int]
    corrections: int
    assumed: tuple[str, ...]
    due: date | None
    behind: int | None
    lag: str | None
    state: State


class Status(BaseModel):
    """The whole store's standing at a moment."""

    model_config = ConfigDict(frozen=True)

    as_of: datetime | None
    tables: list[TableStatus]
    unknown_conditions: dict[str, int]


def status(store: Store, as_of: datetime | None = None) -> Status:
    """Every canonical table, held or not, in the order of the schema.

    Parameters
    ----------
    as_of : against which freshness is judged; by default the close of the newest session with a price in the store
    """
    reasons: dict[str, dict[str, int]] = {}
    for refusing, reason, n in store.reject_counts():
        reasons.setdefault(refusing, {})[reason] = n
    held = {name: store.held_sessions(name) for name in TABLES}
    files, corrections = store.file_counts(), store.correction_counts()
    moment = as_of or _newest_close(store, held)
    tables = []
    for name, table in TABLES.items():
        days, refused, lag = [day for day, _ in held[name]], reasons.get(name, {}), LAGS.get(name)
        known = store.sessions(table.exchange)
        regular = _of_daily_index(store, table, days, known)
        missed = _missed(table, regular, known)
        may, must = (_due(known, moment, hours) for hours in ((lag.first, lag.last) if lag else (None, None)))
        behind = None if must is None or not days else len(known.window(regular[-1] + timedelta(days=1), must))
        state: State = "available"
        if not days:
            state = "missing"
        elif missed or refused or behind:
            state = "degraded"
        elif may is not None and regular[-1] < may:
            state = "pending"
        tables.append(
            TableStatus(
                table=name,
                rows=sum(n for _, n in held[name]),
                files=files.get(name, 0),
                sessions=len(days),
                first=days[0] if days else None,
                last=days[-1] if days else None,
                gaps=None if missed is None else len(missed),
                gap_sessions=tuple((missed or [])[:20]),
                rejected=sum(refused.values()),
                reasons=refused,
                corrections=corrections.get(name, 0),
                assumed=tuple(store.assumptions(name)),
                due=must,
                behind=behind,
                lag=lag.source if lag else None,
                state=state,
            )
        )
    return Status(as_of=moment, tables=tables, unknown_conditions=dict(store.unknown_conditions()))


def _newest_close(store: Store, held: dict[str, list[tuple[date, int]]]) -> datetime | None:
    """The close of the newest session with a print, a quote or a closing price, whatever its exchange."""
    closes = [
        int(known.closes[known.position(held[name][-1][0])])
        for name, table in TABLES.items()
        if table.known in ("tape", "close") and held[name] and len(known := store.sessions(table.exchange))
    ]
    return utc(max(closes)) if closes else None


def _of_daily_index(store: Store, table: Table, days: list[date], known: Sessions) -> list[date]:
    """The sessions of the index with the most rows, in a table whose rows are by index; else those of the table."""
    if table.known != "close" or table.key != ("date", "index") or not days:
        return days
    (part,) = store.parts({table.name: "history"}, known, table.exchange)
    rows = part.tables[table.name].select("index", "session")
    name = rows.group_by("index").len().sort("len", "index", descending=[True, False])["index"][0]
    return sorted(rows.filter(rows["index"] == name)["session"].unique())


def _missed(table: Table, days: list[date], known: Sessions) -> list[date] | None:
    """Sessions between the first and the last without a row; None for a table that need not have one in each."""
    if table.known not in ("tape", "close", "next"):
        return None
    have = set(days)
    return [day for day in known.window(days[0], days[-1]).dates if day not in have] if days else []


def _due(known: Sessions, moment: datetime | None, hours: float | None) -> date | None:
    """The newest session whose close lies at least so many hours back."""
    if moment is None or hours is None:
        return None
    latest = moment.astimezone(UTC) - timedelta(hours=hours)
    at = int(np.searchsorted(known.closes, int(latest.timestamp()) * 1_000_000_000, side="right"))
    return known.dates[at - 1] if at else None
