"""The quotes of the synthetic tapes: the one that puts a print in its cell, and those that stand around the prints."""

from dataclasses import dataclass, fields

import numpy as np

from feeds.schema import MICRO
from feeds.synthetic_sides import CELLS, INNER, MATCH_OWN, MID, NO_MATCH, OUTER, OWN, THROUGH, TOUCH, UNUSABLE
from feeds.synthetic_tape import F64, FIRST_GAP, I8, I64, SECOND, Day, Prints


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


@dataclass(frozen=True)
class Quotes:
    """A session's quotes as integers, in order of time; shape (quotes,)."""

    ts: I64
    instrument: I64
    bid: I64
    ask: I64
    bid_size: I64
    ask_size: I64

    def columns(self) -> dict[str, I64]:
        """Prices and sizes by canonical name."""
        return {name: getattr(self, name) for name in ("bid", "ask", "bid_size", "ask_size")}


def quotes_before(random: np.random.Generator, day: Day, prints: Prints, step: I64, lot: int) -> Quotes:
    """The quote in force before each print, one in fifty of them minutes old, and misleading ones at its very time.

    A quote stamped like a print is not in force for it: it stands `step` micro-dollars away, and shows who looks ahead.
    `lot` shares or contracts make one unit of quoted size.
    """
    count = len(prints.ts)
    lead = (prints.gap * (0.1 + 0.8 * random.random(count))).astype(np.int64)
    stale = (random.random(count) < 0.02) & (prints.gap == FIRST_GAP)
    lead += np.where(stale, (600 * SECOND * random.random(count)).astype(np.int64), 0)
    # a stale quote of the regular session does not come from before it
    before = np.where(stale & (prints.ts > day.opens), np.maximum(prints.ts - lead, day.opens), prints.ts - lead)
    moved = np.flatnonzero(random.random(count) < 0.03)
    rows = np.concatenate([np.arange(count), moved])
    shift = np.concatenate([np.zeros(count, np.int64), step[moved]])
    return Quotes(
        ts=np.concatenate([before, prints.ts[moved]]),
        instrument=prints.instrument[rows],
        bid=prints.bid[rows] + shift,
        ask=prints.ask[rows] + shift,
        bid_size=prints.bid_size[rows] * lot,
        ask_size=prints.ask_size[rows] * lot,
    )


def quotes_between(
    random: np.random.Generator, ts: I64, instrument: I64, centre: F64, tick: I64, widest: int, lot: int
) -> Quotes:
    """Quotes around `centre` dollars, 1 to `widest` ticks wide.

    One in a hundred is locked, one crossed, one without a bid.
    """
    count = len(ts)
    odd = random.random(count)
    spread = 1 + (random.random(count) * widest).astype(np.int64)
    spread = np.select([odd < 0.01, odd < 0.02], [0, -1], spread)
    bid = np.maximum(np.rint(centre * MICRO / tick - spread / 2), 2.0).astype(np.int64) * tick
    sizes = (1 + random.exponential(25.0, (2, count))).astype(np.int64) * lot
    empty = odd > 0.99
    return Quotes(
        ts=ts,
        instrument=instrument,
        bid=np.where(empty, 0, bid),
        ask=bid + spread * tick,
        bid_size=np.where(empty, 0, sizes[0]),
        ask_size=sizes[1],
    )


def in_time(*parts: Quotes) -> Quotes:
    """All quotes by time."""
    whole = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Quotes)}
    rows = np.argsort(whole["ts"], kind="stable")
    return Quotes(**{name: column[rows] for name, column in whole.items()})
