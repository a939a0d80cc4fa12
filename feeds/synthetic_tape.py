"""What the two synthetic tapes share: the clock of a session, orders split into prints, prints placed in a quote.

Times are int64 nanoseconds UTC, prices int64 micro-dollars.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, text

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
SWEEP_SPAN = 90_000_000
"""An order's prints follow its first within this time, inside the 100 ms that make them one parent order."""

FIRST_GAP = SECOND // 2
"""What stands for the gap before an order's first print."""

_CLOCK = np.linspace(0.0, 1.0, 512)
_ACTIVITY = np.cumsum(1.0 + 5.0 * np.abs(2.0 * _CLOCK - 1.0) ** 3)
_ACTIVITY = (_ACTIVITY - _ACTIVITY[0]) / (_ACTIVITY[-1] - _ACTIVITY[0])


@dataclass(frozen=True)
class Day:
    """One session as its tapes need it: shapes (symbols,) and (symbols, minutes + 1).

    Attributes
    ----------
    at : position of the session in the history
    opens, closes : int64 ns, the regular session
    day : days since 1970-01-01
    state : +1 bull, -1 bear
    path : float64 dollars at each minute, from the open to the close, never outside the day's range
    first, last : int64 micro-dollars, the daily bar's open and close
    """

    at: int
    opens: int
    closes: int
    day: int
    state: int
    path: F64
    first: I64
    last: I64

    def price_at(self, symbol: I64, ts: I64) -> F64:
        """Dollars along the path between minutes; before the open and after the close, the nearest end."""
        place = np.clip((ts - self.opens) / (self.closes - self.opens), 0.0, 1.0) * (self.path.shape[1] - 1)
        left = np.minimum(place.astype(np.int64), self.path.shape[1] - 2)
        part = place - left
        flat = self.path.ravel()
        base = symbol * self.path.shape[1] + left
        price: F64 = flat[base] * (1.0 - part) + flat[base + 1] * part
        return price


def simulate_day(random: np.random.Generator, daily: Daily, at: int) -> Day:
    """Minutes of one session: a Brownian bridge from open to close, kept inside the daily bar."""
    opens, closes = int(daily.sessions.opens[at]), int(daily.sessions.closes[at])
    minutes = (closes - opens) // MINUTE
    first, last, high, low = (getattr(daily, name)[at] for name in ("open", "close", "high", "low"))
    steps = random.standard_normal((len(first), minutes))
    walk = np.cumsum(steps, axis=1)
    share = np.arange(1, minutes + 1) / minutes
    width = np.log(high / low) / 1.6 / np.sqrt(minutes)
    bridge = (walk - walk[:, -1:] * share) * width[:, None] + np.log(last / first)[:, None] * share
    path = np.clip(first[:, None] * np.exp(bridge), low[:, None], high[:, None])
    return Day(
        at=at,
        opens=opens,
        closes=closes,
        day=int(np.datetime64(daily.sessions.dates[at], "D").astype(np.int64)),
        state=int(daily.state[at]),
        path=np.hstack([first[:, None], path]),
        first=np.rint(first * 100).astype(np.int64) * (MICRO // 100),
        last=np.rint(last * 100).astype(np.int64) * (MICRO // 100),
    )


def busy_times(random: np.random.Generator, day: Day, count: int) -> I64:
    """Times within the regular session, busiest at its ends, two seconds clear of them."""
    share = np.interp(random.random(count), _ACTIVITY, _CLOCK)
    return (day.opens + 2 * SECOND + share * (day.closes - day.opens - 4 * SECOND)).astype(np.int64)


def pick(random: np.random.Generator, weights: npt.NDArray[np.floating], count: int) -> I64:
    """Positions drawn with the given weights."""
    return np.searchsorted(np.cumsum(weights / weights.sum())[:-1], random.random(count), side="right")


def split_orders(random: np.random.Generator, prints: I64, ts: I64) -> tuple[I64, I64, I64, I64]:
    """Split orders into prints a few milliseconds apart.

    Returns
    -------
    order : int64, the order of each print
    number : int64, the print's place within its order, from 0
    when : int64 ns
    gap : int64 ns, time since the order's print before (half a second for the first)
    """
    order = np.repeat(np.arange(len(prints)), prints)
    number = np.arange(len(order)) - np.repeat(np.cumsum(prints) - prints, prints)
    step = (SWEEP_SPAN * (0.05 + 0.9 * random.random(len(prints))) / np.maximum(prints, 6)).astype(np.int64)
    gap = np.where(number == 0, FIRST_GAP, step[order])
    return order, number, ts[order] + number * step[order], gap


@dataclass(frozen=True)
class Prints:
    """A session's prints as integers, before they become a table; shape (prints,).

    Attributes
    ----------
    ts, report : int64 ns, when it was executed and when it was reported
    gap : int64 ns since the order's print before
    instrument : position of the contract in the session's menu, or of the symbol
    order : the parent order; side : its initiator, +1, -1, or 0 in an auction
    size : contracts, or micro-shares
    venue, condition : positions in the tape's VENUES and CONDITIONS
    price, bid, ask : micro-dollars; the quote is the one in force before the print
    """

    ts: I64
    report: I64
    gap: I64
    instrument: I64
    order: I64
    side: I8
    size: I64
    venue: I64
    condition: I64
    cancelled: Bool
    price: I64
    bid: I64
    ask: I64
    bid_size: I64
    ask_size: I64

    def take(self, rows: I64) -> "Prints":
        """These rows, in this order."""
        return Prints(*(getattr(self, field.name)[rows] for field in fields(self)))

    def and_also(self, more: "Prints") -> "Prints":
        """These prints, then others."""
        return Prints(*(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self)))

    def as_reported(self) -> "Prints":
        """In the order of their reports."""
        return self.take(np.argsort(self.report, kind="stable"))


def false_prints(random: np.random.Generator, prints: Prints, step: I64, sweep: int, cancelled: int) -> Prints:
    """Prints that never held: half at a price `step` too high, corrected a moment later; half plain doubles.

    `sweep` and `cancelled` are positions of conditions; the one after `cancelled` is "sweep;cancelled".
    """
    rows = np.flatnonzero((random.random(len(prints.ts)) < 0.004) & (prints.side != 0))
    copies = prints.take(rows)
    wrong = np.arange(len(rows)) % 2 == 0
    return replace(
        copies,
        report=copies.report - 1,
        condition=cancelled + (copies.condition == sweep),
        cancelled=np.ones(len(rows), bool),
        price=copies.price + np.where(wrong, step[rows], 0),
    )


def times(ts: I64) -> pl.Series:
    """A column of Datetime(ns, UTC)."""
    return pl.Series(ts).cast(pl.Datetime("ns", "UTC"))


def present(values: I64, keep: Bool) -> pl.Series:
    """Integers, null where there is none."""
    return pl.select(pl.when(pl.Series(keep)).then(pl.Series(values))).to_series()


def words(conditions: tuple[str, ...], codes: I64) -> pl.Series:
    """Condition texts by position; the empty one is null."""
    return text([word or None for word in conditions], codes)
