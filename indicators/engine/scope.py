"""What a question covers: which sessions, from where to show, and what may be known. Imports no kernel."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.schema import TABLES, Sessions, utc
from feeds.store import Store

EXCHANGES = {"us": "XNYS", "china": "XSHG"}
"""Where each market's sessions come from."""

PILLARS = {"valuation": "估值", "sentiment": "情绪", "structure": "结构", "funds": "资金"}
"""What the A-share page is divided into, in the broker's order, with the Chinese names (CHINA)."""


@dataclass(frozen=True)
class Scope:
    """The sessions from the first stored one, those to show, and what may be known.

    Attributes
    ----------
    sessions : from the first session of the inputs to the last one asked for
    shown : the part of them that the question is about
    as_of : nanoseconds UTC, or None: every reading knows what its own session knew
    """

    sessions: Sessions
    shown: Sessions
    as_of: int | None

    @property
    def as_of_time(self) -> datetime | None:
        """`as_of` as a time in UTC."""
        return None if self.as_of is None else utc(self.as_of)


def exchange_of(market: str) -> str:
    """A market's exchange; UnknownName lists the markets."""
    if market not in EXCHANGES:
        raise UnknownName("--market", market, EXCHANGES)
    return EXCHANGES[market]


def tables_of(market: str) -> list[str]:
    """The canonical tables of a market."""
    exchange = exchange_of(market)
    return sorted(name for name, table in TABLES.items() if table.exchange == exchange)


def scope(
    store: Store,
    tables: Iterable[str],
    market: str = "us",
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
) -> Scope:
    """The sessions that a question about some tables covers.

    Without `end`, the last session for which a tape or a daily table holds rows: filings and vintages that became known
    after that close wait for the next one.

    Raises
    ------
    NothingToShow : nothing is stored, or nothing that early
    BadValue : a date beyond the last stored session, in no session, or a range that ends before it starts
    """
    names = sorted(set(tables))
    held = store.held_spans(names)
    if not held:
        raise NothingToShow(
            f"nothing is stored of {', '.join(names)}. Fill the store with `bullbear ingest`, or try --demo."
        )
    daily = {name: days for name, days in held.items() if TABLES[name].known in ("tape", "close")} or held
    first = min(since for since, _ in held.values())
    last = max(until for _, until in daily.values())
    every = store.sessions(EXCHANGES[market])
    cut = None
    if as_of is not None:
        seconds = as_of.astimezone(UTC)
        cut = int(seconds.timestamp()) * 1_000_000_000 + seconds.microsecond * 1000
        closed = [day for day, close in zip(every.dates, every.closes.tolist(), strict=True) if close <= cut]
        if not closed or closed[-1] < first:
            raise NothingToShow(f"`--as-of`, was {as_of.isoformat()}: before the first stored session's close, {first}")
        last = min(last, closed[-1])
    if end is not None and end > last:
        raise BadValue("date", end, f"beyond the last stored session, {last}. Ingest it, or ask for an earlier one.")
    if start is not None and end is not None and start > end:
        raise BadValue("--start", start, f"after --end {end}; swap them")
    if start is not None and start > last:
        raise BadValue("--start", start, f"beyond the last stored session, {last}")
    if end is not None and end < first:
        raise NothingToShow(f"`date`, was {end}: before the first stored session, {first}")
    covered = every.window(first, end or last)
    return Scope(covered, covered.window(start, None), cut)


def in_capitals(name: str) -> str:
    """What to say beside a name that nothing is stored under: small letters are not the capitals that feeds write.

    >>> in_capitals("pdd"), in_capitals("PDD"), in_capitals("class:etf")
    ('; did you mean PDD?', '', '')
    """
    return f"; did you mean {name.upper()}?" if name.islower() and ":" not in name else ""


def on_session(store: Store, market: str, day: date) -> date:
    """`day` itself if it is a session; BadValue names the nearest ones if it is not."""
    every = store.sessions(EXCHANGES[market])
    if len(every) and day not in every:
        near = [d for d in every.dates if abs((d - day).days) <= 5]
        around = ", ".join(str(d) for d in near) or f"{every.dates[0]} to {every.dates[-1]}"
        raise BadValue("date", day, f"no session of {EXCHANGES[market]}; sessions near it: {around}")
    return day
