"""The synthetic insiders: forms 4 and 4/A of people who lean against the market.

Prices and shares are int64 micro-dollars and micro-shares, as everywhere in this market.
"""

from dataclasses import dataclass, fields
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, Links, days_of, stream, text

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
PLANS_SINCE = date(2023, 4, 1)
"""From here on the form has a box for 10b5-1 plans; before, nobody knows."""

OWNERS = 8
"""Insiders per company."""

_FILINGS_PER_SESSION = 5.0
_NEW_YORK = ZoneInfo("America/New_York")
_OTHER_CODES = ("M", "A", "F", "G")
_CODES = ("P", "S", *_OTHER_CODES)
_AD = ("A", "D", "A", "A", "D", "D")
"""Acquired or disposed, by position in the codes."""


@dataclass(frozen=True)
class Lines:
    """Transaction lines; int64 arrays of one length. `owner` counts insiders over all companies."""

    filing: I64
    line: I64
    at: I64
    known_at: I64
    symbol: I64
    owner: I64
    joint: Bool
    code: I64
    shares: I64
    price: I64
    after: I64
    direct: Bool
    planned: Bool
    amended: Bool
    original: I64

    def take(self, rows: I64 | Bool) -> "Lines":
        """These rows, in this order."""
        return Lines(*(getattr(self, f.name)[rows] for f in fields(self)))

    def changed(self, **columns: npt.NDArray[np.generic]) -> "Lines":
        """The same lines with other columns."""
        return Lines(**{f.name: columns.get(f.name, getattr(self, f.name)) for f in fields(self)})


def _appended(*parts: Lines) -> Lines:
    return Lines(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lines)))


def _accepted(random: np.random.Generator, daily: Daily, at: I64) -> I64:
    """Acceptance in New York: on the trade's own evening, or in the two sessions after, three in five in the evening.

    What would come after the history is put off to the end of time.
    """
    sessions = len(daily.sessions)
    lag = (random.random(len(at)) * 3).astype(np.int64)
    evening = (lag == 0) | (random.random(len(at)) < 0.6)
    second = np.where(evening, 16.1 + 5.7 * random.random(len(at)), 8.0 + 8.0 * random.random(len(at))) * 3600
    # 09:30 in New York is the open: it carries daylight saving
    midnight = daily.sessions.opens[np.minimum(at + lag, sessions - 1)] - (9 * 3600 + 1800) * SECOND
    return np.where(at + lag < sessions, midnight + second.astype(np.int64) * SECOND, np.iinfo(np.int64).max)


def _trade_days(random: np.random.Generator, daily: Daily, equities: I64) -> tuple[I64, I64]:
    """Session and insider of each filing: most at random, and the routine ones in their own month of every year."""
    history = len(daily.sessions)
    count = int(_FILINGS_PER_SESSION * history)
    at = np.sort((random.random(count) * history).astype(np.int64))
    # within a company the first insiders trade most
    person = np.minimum((random.exponential(2.0, count)).astype(np.int64), OWNERS - 2)
    owner = (random.random(count) * len(equities)).astype(np.int64) * OWNERS + person
    months = np.array([d.year * 12 + d.month - 1 for d in daily.sessions.dates])
    routine = np.arange(len(equities)) * OWNERS + OWNERS - 1
    favourite = (random.random(len(routine)) * 12).astype(np.int64)
    month, who = (grid.ravel() for grid in np.meshgrid(np.unique(months), np.arange(len(routine)), indexing="ij"))
    due = month % 12 == favourite[who]
    month, who = month[due], who[due]
    first, last = np.searchsorted(months, month), np.searchsorted(months, month, side="right")
    routine_at = first + (random.random(len(month)) * (last - first)).astype(np.int64)
    return np.concatenate([at, routine_at]), np.concatenate([owner, routine[who]])


def _originals(random: np.random.Generator, daily: Daily, links: Links) -> Lines:
    """First filings, one to three lines each; odds of a purchase fall with the state."""
    equities = daily.equities
    filing_at, filing_owner = _trade_days(random, daily, equities)
    order = np.argsort(filing_at, kind="stable")
    filing_at, filing_owner = filing_at[order], filing_owner[order]
    count = len(filing_at)
    pieces = 1 + (random.random(count) ** 2 * 3).astype(np.int64)
    log_odds = -0.9 - links.insiders * daily.state[filing_at]
    buys = random.random(count) < 1 / (1 + np.exp(-log_odds))
    planned = ~buys & (random.random(count) < 0.35)
    other = random.random(count) < 0.12
    accepted = _accepted(random, daily, filing_at)
    joint, direct = random.random(count) < 0.03, random.random(count) < 0.85
    size = random.normal(7.5, 1.3, count)
    filing = np.repeat(np.arange(count), pieces)
    lines = len(filing)
    line = np.arange(lines) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 1
    at = filing_at[filing]
    symbol = equities[filing_owner[filing] // OWNERS]
    code = np.where(other[filing], 2 + (random.random(lines) * len(_OTHER_CODES)).astype(np.int64), ~buys[filing])
    low, high = daily.low[at, symbol], daily.high[at, symbol]
    cents = np.rint((low + (high - low) * random.random(lines)) * 100).astype(np.int64)
    cents = np.clip(cents, np.rint(low * 100).astype(np.int64), np.rint(high * 100).astype(np.int64))
    wrong = random.random(lines) < 0.004
    price = np.where(wrong, cents * 100, cents) * (MICRO // 100)
    shares = np.ceil(np.exp(size[filing] + 0.3 * random.standard_normal(lines))).astype(np.int64)
    return Lines(
        filing=filing,
        line=line,
        at=at,
        known_at=accepted[filing],
        symbol=symbol,
        owner=filing_owner[filing],
        joint=joint[filing],
        code=code,
        # a reinvested dividend leaves fractions
        shares=shares * MICRO + np.where(random.random(lines) < 0.03, 250_000, 0),
        price=np.where((code == 3) | (code == 5), 0, price),
        after=(shares * 3 + (random.exponential(50_000.0, lines)).astype(np.int64)) * MICRO,
        direct=direct[filing],
        planned=planned[filing],
        amended=np.zeros(lines, bool),
        original=np.full(lines, -1),
    )


def _amendments(random: np.random.Generator, daily: Daily, first: Lines) -> Lines:
    """One filing in fifty is amended within three weeks: the same lines, some with other shares or prices."""
    filings = int(first.filing[-1]) + 1
    chosen = random.random(filings) < 0.02
    wait = (1 + (random.random(filings) * 14).astype(np.int64))[first.filing]
    lines = first.take(chosen[first.filing] & (first.at + wait + 2 < len(daily.sessions)))
    wait = wait[chosen[first.filing] & (first.at + wait + 2 < len(daily.sessions))]
    days = days_of(daily.sessions.dates)
    filed = np.searchsorted(days, lines.known_at // DAY - (lines.known_at % DAY < 4 * 3600 * SECOND))
    filed = np.minimum(filed, len(days) - 1)
    later = np.minimum(filed + wait, len(days) - 1)
    moved = daily.sessions.opens[later] - daily.sessions.opens[filed]
    factor = np.where(random.random(len(lines.at)) < 0.7, 1 + (random.random(len(lines.at)) * 3).astype(np.int64), 1)
    return lines.changed(
        filing=lines.filing + filings,
        known_at=lines.known_at + moved,
        shares=lines.shares * factor,
        amended=np.ones(len(lines.at), bool),
        original=lines.known_at,
    )


def _chain_copies(random: np.random.Generator, first: Lines) -> Lines:
    """The same trade reported once more by a holder further up the chain, under its own accession, within a day."""
    filings = int(first.filing[-1]) + 1
    chosen = random.random(filings) < 0.015
    lines = first.take(chosen[first.filing])
    return lines.changed(
        filing=lines.filing + 2 * filings,
        owner=lines.owner - lines.owner % OWNERS + (lines.owner + 1) % OWNERS,
        known_at=lines.known_at + 7 * 60 * SECOND,
        direct=np.zeros(len(lines.at), bool),
    )


def insider_trades(daily: Daily, seed: int, links: Links) -> pl.DataFrame:
    """All forms 4 and 4/A accepted by 22:00 New York on the last session, ordered by acceptance."""
    random = stream(seed, 1)
    first = _originals(random, daily, links)
    everything = _appended(first, _amendments(random, daily, first), _chain_copies(random, first))
    end = int(daily.sessions.opens[-1]) + 25 * 1800 * SECOND
    everything = everything.take(everything.known_at <= end)
    return _table(daily, everything.take(np.lexsort((everything.line, everything.filing, everything.known_at))))


def _table(daily: Daily, lines: Lines) -> pl.DataFrame:
    """Lines as the canonical table."""
    known = pl.Series(lines.known_at).cast(pl.Datetime("ns", "UTC"))
    filed = known.dt.convert_time_zone(str(_NEW_YORK)).dt.date()
    original = pl.Series(np.maximum(lines.original, 0)).cast(pl.Datetime("ns", "UTC"))
    traded = pl.Series(days_of(daily.sessions.dates)[lines.at].astype(np.int32)).cast(pl.Date)
    person = lines.owner % OWNERS
    owner = 1_800_000 + lines.owner
    owners = pl.DataFrame({"one": owner, "two": 1_900_000 + lines.owner // OWNERS, "joint": lines.joint}).select(
        pl.when("joint").then(pl.format("{};{}", "one", "two")).otherwise(pl.col("one").cast(pl.String))
    )
    return pl.DataFrame(
        {
            "accession": _accessions(filed, lines.filing),
            "line": lines.line,
            "known_at": known,
            "filing_date": filed,
            "transaction_date": traded,
            "symbol": text(daily.symbols, lines.symbol),
            "issuer_cik": pl.Series(1_700_000 + lines.symbol).cast(pl.String),
            "owner_cik": owners.to_series(),
            "owner": pl.select(pl.format("Owner {}", pl.Series(owner))).to_series(),
            "officer": person < 5,
            "director": (person >= 4) & (person < 7),
            "ten_percent_owner": person == OWNERS - 1,
            "code": text(_CODES, lines.code),
            "acquired_disposed": text(_AD, lines.code),
            "security_title": text(("Common Stock",), np.zeros(len(lines.at), np.int64)),
            "direct_indirect": text(("I", "D"), lines.direct.astype(np.int64)),
            "shares": lines.shares,
            "price": lines.price,
            "shares_after": lines.after,
            "form": text(("4", "4/A"), lines.amended.astype(np.int64)),
            "original_filing_date": original.dt.convert_time_zone(str(_NEW_YORK)).dt.date(),
            "plan_10b5_1": lines.planned,
        }
    ).with_columns(
        pl.when(pl.col("form") == "4/A").then("original_filing_date"),
        pl.when(pl.col("filing_date") >= PLANS_SINCE).then("plan_10b5_1"),
    )


def _accessions(filed: pl.Series, filing: I64) -> pl.Series:
    """Accession numbers as EDGAR writes them: filer agent, year, a number within the year's."""
    return pl.select(
        pl.format(
            "000{}-{}-{}",
            pl.lit(1_234_567),
            filed.dt.strftime("%y"),
            pl.Series(filing).cast(pl.String).str.zfill(6),
        )
    ).to_series()
