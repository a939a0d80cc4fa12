"""What the two synthetic tapes share: the clock of a session, orders split into prints, prints placed in a quote.

Times are int64 nanoseconds UTC, prices int64 micro-dollars.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, text
from feeds.synthetic_sides import CELLS, INNER, MATCH_OWN, MID, NO_MATCH, OUTER, OWN, THROUGH, TOUCH, UNUSABLE

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
SWEEP_SPAN = 90_000_000
"""An order's prints follow its first within this time, inside the 100 ms that make them one parent order."""

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
        return flat[base] * (1.0 - part) + flat[base + 1] * part


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


def pick(random: np.random.Generator, weights: F64, count: int) -> I64:
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
    gap = np.where(number == 0, SECOND // 2, step[order])
    return order, number, ts[order] + number * step[order], gap


@dataclass(frozen=True)
class Placed:
    """Prints with the quote in force before each; int64 arrays, micro-dollars and sizes."""

    price: I64
    bid: I64
    ask: I64
    bid_size: I64
    ask_size: I64


def _ticks_from_quote(location: I64, spread: I64) -> I64:
    """Half-ticks between a print and the quote on its half of the spread, for a spread in ticks."""
    third = 3 * spread // 10
    return 2 * np.select(
        [location == THROUGH, location == OUTER, location == INNER], [-1, np.maximum(third, 1), third + 1]
    )


def place_prints(
    random: np.random.Generator,
    side: I8,
    cell: I64,
    size: I64,
    centre: F64,
    tick: I64,
    spreads: I64,
    order: I64,
) -> Placed:
    """Give each print the quote that puts it in its cell.

    Parameters
    ----------
    side : the initiator, +1 or -1
    cell : position in CELLS
    size : in the unit of quoted sizes
    centre : dollars around which the quote stands
    tick : micro-dollars
    spreads : int64, shape (5, k): spreads in ticks that each location allows
    order : prints of one order share spread and unusable quotes

    Notes
    -----
    A share UNUSABLE of the orders meets a quote that signs nothing: locked at the price, crossed, or without a bid.
    """
    location, half, match, depth = CELLS[cell].T
    orders = int(order[-1]) + 1 if len(order) else 0
    draw = (random.random(orders) * spreads.shape[1]).astype(np.int64)[order]
    spread = spreads[location, draw]
    from_quote = np.where(location == MID, spread, _ticks_from_quote(location, spread))
    at_ask = half * side == 1
    bid = np.maximum(np.rint(centre * MICRO / tick - spread / 2), 2.0).astype(np.int64) * tick
    ask = bid + spread * tick
    price = np.where(at_ask, ask - from_quote * tick // 2, bid + from_quote * tick // 2)
    bid_size, ask_size = _quoted_sizes(random, side, match, depth, size)
    fault = random.random(orders)[order] / UNUSABLE * 3
    locked, crossed, one_sided = fault < 1, (fault >= 1) & (fault < 2), (fault >= 2) & (fault < 3)
    bid = np.select([locked, crossed, one_sided], [price, price + tick, 0], bid)
    ask = np.select([locked, crossed], [price, price - tick], ask)
    return Placed(price, bid, np.maximum(ask, tick), np.where(one_sided, 0, bid_size), ask_size)


def _quoted_sizes(random: np.random.Generator, side: I8, match: I64, depth: I64, size: I64) -> tuple[I64, I64]:
    """Quoted sizes that equal the print's only where the cell says so, and lean as the cell says at the mid."""
    two = (1 + random.exponential(25.0, (2, len(size)))).astype(np.int64)
    two += two >= size
    # two sizes that both differ from the print's, and from each other where one side must be deeper
    small, large = two.min(axis=0), two.max(axis=0)
    large = np.where(large == small, large + 1, large)
    large = np.where(large == size, large + 1, large)
    wants_large = np.select([depth == 1, depth == 2], [side, -side], np.where(random.random(len(size)) < 0.5, 1, -1))
    ask_size = np.where(wants_large > 0, large, small)
    bid_size = np.where(wants_large > 0, small, large)
    even = (depth == 3) & (match == NO_MATCH)
    bid_size = np.where(even, ask_size, bid_size)
    matched = match != NO_MATCH
    matches_ask = matched & ((match == MATCH_OWN) == (side == OWN))
    return np.where(matched & ~matches_ask, size, bid_size), np.where(matches_ask, size, ask_size)


def spreads_table(touch: tuple[int, ...], outer: tuple[int, ...], inner: tuple[int, ...], mid: tuple[int, ...]) -> I64:
    """Spreads in ticks by location, in the order THROUGH, TOUCH, OUTER, INNER, MID."""
    rows = np.empty((5, len(touch)), np.int64)
    rows[THROUGH], rows[TOUCH], rows[OUTER], rows[INNER], rows[MID] = touch, touch, outer, inner, mid
    return rows


def times(ts: I64) -> pl.Series:
    """A column of Datetime(ns, UTC)."""
    return pl.Series(ts).cast(pl.Datetime("ns", "UTC"))


def present(values: I64, keep: Bool) -> pl.Series:
    """Integers, null where there is none."""
    return pl.select(pl.when(pl.Series(keep)).then(pl.Series(values))).to_series()


def words(conditions: tuple[str, ...], codes: I64) -> pl.Series:
    """Condition texts by position; the empty one is null."""
    return text([word or None for word in conditions], codes)
