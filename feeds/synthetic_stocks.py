"""The synthetic stock tape of one session: lit and off-exchange prints with the truth beside, and quotes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, Links, text
from feeds.synthetic_sides import CELLS, INNER, MID, NO_MATCH, OPPOSITE, OUTER, OWN, THROUGH, TOUCH
from feeds.synthetic_tape import (
    F64,
    I8,
    I64,
    MINUTE,
    SECOND,
    Bool,
    Day,
    busy_times,
    pick,
    place_prints,
    present,
    split_orders,
    spreads_table,
    times,
    words,
)

VENUES = ("N", "Q", "P", "Z", "K", "D")
"""Lit exchanges, and last the facilities to which off-exchange prints are reported."""

_DARK = len(VENUES) - 1

CONDITIONS = (
    *("", "sweep", "late", "average_price", "prior_reference", "contingent", "cross", "form_t;extended_hours"),
    *("auction_open", "auction_close", "cancelled", "sweep;cancelled"),
)
_ODDITIES = np.array([0.0, 0.0, 0.004, 0.003, 0.002, 0.001, 0.002])
_SWEEP, _LATE, _EXTENDED, _AUCTION_OPEN, _AUCTION_CLOSE, _CANCELLED = 1, 2, 7, 8, 9, 10

_ORDERS = 2_000
_DECOYS = 1_700
_TICK = 10_000
_SPREADS = spreads_table(
    (1, 1, 1, 1, 1, 2, 2, 3), (4, 4, 4, 5, 5, 5, 6, 6), (5, 5, 5, 6, 6, 6, 7, 8), (1, 1, 1, 2, 2, 3, 3, 4)
)

_LOCATION_ODDS: dict[tuple[int, int], float] = {
    (THROUGH, OWN): 0.020,
    (TOUCH, OWN): 0.380,
    (OUTER, OWN): 0.100,
    (INNER, OWN): 0.070,
    (MID, OWN): 0.125,
    (INNER, OPPOSITE): 0.040,
    (OUTER, OPPOSITE): 0.055,
    (TOUCH, OPPOSITE): 0.200,
    (THROUGH, OPPOSITE): 0.010,
}
"""Odds of each location given the initiator: a quote rule that decides is right in 65 %, the accuracy assumed for
off-exchange and block prints, for which none is published."""


def _cell_odds() -> F64:
    plain = CELLS[:, 2] == NO_MATCH
    # three cells share the mid, told apart by depth: the first of them stands for all
    first_at_mid = int(np.flatnonzero(plain & (CELLS[:, 0] == MID))[0])
    odds = [
        _LOCATION_ODDS[int(row[0]), int(row[1])] if keep and (row[0] != MID or at == first_at_mid) else 0.0
        for at, (row, keep) in enumerate(zip(CELLS, plain, strict=True))
    ]
    return np.array(odds) / sum(odds)


@dataclass(frozen=True)
class Prints:
    """A session's stock prints as integers, before they become a table; shape (prints,). Sizes in micro-shares."""

    ts: I64
    report: I64
    gap: I64
    symbol: I64
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
        return Prints(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def _sizes(random: np.random.Generator, dark: Bool, block: Bool, price: F64) -> I64:
    """Micro-shares: odd and round lots, fractions off exchange, and blocks with a heavy tail from 200,000 dollars."""
    count = len(price)
    shares = np.ceil(np.exp(random.normal(4.5, 1.1, count)))
    shares = np.where(random.random(count) < 0.5, np.ceil(shares / 100) * 100, shares)
    notional = np.minimum(210_000 * random.random(count) ** (-1 / 1.6), 2e8)
    shares = np.where(block, np.ceil(notional / price / 100) * 100, np.minimum(shares, np.ceil(190_000 / price)))
    fraction = dark & ~block & (random.random(count) < 0.06)
    return np.where(fraction, 1 + (random.random(count) * MICRO).astype(np.int64), shares.astype(np.int64) * MICRO)


def _extended_times(random: np.random.Generator, day: Day, count: int) -> I64:
    """Times in the five hours before the open and the three after the close, on the same day in New York."""
    share = random.random(count)
    early = day.opens - ((1.0 - share) * 300 * MINUTE).astype(np.int64) - SECOND
    return np.where(share < 0.5, early, day.closes + SECOND + (share * 180 * MINUTE).astype(np.int64))


def simulate_prints(random: np.random.Generator, daily: Daily, day: Day, links: Links, scale: float) -> Prints:
    """Orders off and on exchange; off-exchange and block orders lean to the state: P(buy) = 1/2 ± stock_flow."""
    count = round(_ORDERS * scale)
    listed = daily.listed
    symbol = listed[pick(random, (1.0 + np.arange(len(listed))) ** -0.3, count)]
    dark = random.random(count) < 0.475
    block = random.random(count) < 0.022
    lean = np.where(dark | block, links.stock_flow * day.state, 0.0)
    side = np.where(random.random(count) < 0.5 + lean, 1, -1).astype(np.int8)
    several = ~dark & (random.random(count) < 0.14)
    pieces = np.where(several, 2 + (random.random(count) * 3).astype(np.int64), 1)
    extended = random.random(count) < 0.008
    start = np.where(extended, _extended_times(random, day, count), busy_times(random, day, count))
    order, number, ts, gap = split_orders(random, pieces, start)
    spot = day.price_at(symbol[order], start[order])
    size = _sizes(random, dark[order], block[order], spot)
    cell = np.searchsorted(np.cumsum(_cell_odds())[:-1], random.random(count), side="right")[order]
    wander = random.standard_normal(count)[order]
    tick = np.full(len(order), _TICK)
    placed = place_prints(
        random, side[order], cell, size // MICRO, spot + wander * 2 * _TICK / MICRO, tick, _SPREADS, order
    )
    odd = np.searchsorted(np.cumsum(_ODDITIES), random.random(count), side="right")
    code = np.where(odd < len(_ODDITIES), odd, np.where(several, _SWEEP, 0))
    code = np.where(extended, _EXTENDED, code)[order]
    late = np.where(code == _LATE, (10 + 900 * random.random(len(order))) * SECOND, 0).astype(np.int64)
    home = (random.random(count) * _DARK).astype(np.int64)[order]
    prints = Prints(
        ts=ts,
        report=ts + late,
        gap=gap,
        symbol=symbol[order],
        order=order,
        side=side[order],
        size=size,
        venue=np.where(dark[order], _DARK, (home + number) % _DARK),
        condition=code,
        cancelled=np.zeros(len(order), bool),
        price=placed.price,
        bid=placed.bid,
        ask=placed.ask,
        bid_size=placed.bid_size,
        ask_size=placed.ask_size,
    )
    return _in_order(_with_false_prints(random, _with_auctions(random, daily, day, prints, count)))


def _append(prints: Prints, more: Prints) -> Prints:
    return Prints(*(np.concatenate([getattr(prints, n), getattr(more, n)]) for n in prints.__dataclass_fields__))


def _in_order(prints: Prints) -> Prints:
    return prints.take(np.argsort(prints.report, kind="stable"))


def _with_auctions(random: np.random.Generator, daily: Daily, day: Day, prints: Prints, orders: int) -> Prints:
    """An opening and a closing cross of every listed symbol, at the daily bar's prices; nobody initiates them."""
    symbol = np.tile(daily.listed, 2)
    half = len(symbol) // 2
    closing = np.arange(len(symbol)) >= half
    wait = (random.random(len(symbol)) * SECOND).astype(np.int64)
    ts = np.where(closing, day.closes, day.opens) + wait
    price = np.where(closing, day.last[symbol], day.first[symbol])
    shares = np.ceil(np.exp(random.normal(13.5, 0.8, len(symbol))) / (price / MICRO) / 100).astype(np.int64) * 100
    nothing = np.zeros(len(symbol), np.int64)
    crosses = Prints(
        ts=ts,
        report=ts,
        gap=np.full(len(symbol), SECOND // 2),
        symbol=symbol,
        order=orders + np.arange(len(symbol)),
        side=np.zeros(len(symbol), np.int8),
        size=shares * MICRO,
        venue=symbol % 2,
        condition=np.where(closing, _AUCTION_CLOSE, _AUCTION_OPEN),
        cancelled=np.zeros(len(symbol), bool),
        price=price,
        bid=np.maximum(price - _TICK, _TICK),
        ask=price + _TICK,
        bid_size=nothing + 1,
        ask_size=nothing + 1,
    )
    return _append(prints, crosses)


def _with_false_prints(random: np.random.Generator, prints: Prints) -> Prints:
    """Add prints that never held: half at a wrong price, reported just before the right one; half plain doubles."""
    false = np.flatnonzero((random.random(len(prints.ts)) < 0.004) & (prints.side != 0))
    copies = prints.take(false)
    copies.cancelled[:] = True
    copies.condition[:] = _CANCELLED + (prints.condition[false] == _SWEEP)
    copies.price[:] += np.where(np.arange(len(false)) % 2 == 0, 100 * _TICK, 0)
    copies.report[:] -= 1
    return _append(prints, copies)


def stock_trades(daily: Daily, prints: Prints) -> pl.DataFrame:
    """The prints as a table; even symbols carry the quote before the print."""
    quoted = prints.symbol % 2 == 0
    return pl.DataFrame(
        {
            "ts": times(prints.ts),
            "sequence": np.arange(1, len(prints.ts) + 1),
            "symbol": text(daily.symbols, prints.symbol),
            "price": prints.price,
            "size": prints.size,
            "exchange": text(VENUES, prints.venue),
            "off_exchange": prints.venue == _DARK,
            "conditions": words(CONDITIONS, prints.condition),
            "bid": present(prints.bid, quoted),
            "ask": present(prints.ask, quoted),
            "cancelled": prints.cancelled,
        }
    )


def truth(prints: Prints) -> pl.DataFrame:
    """Row by row of `stock_trades`: side Int8 (0 in auctions), parent Int64."""
    return pl.DataFrame({"side": prints.side, "parent": prints.order}, schema={"side": pl.Int8, "parent": pl.Int64})


def stock_quotes(random: np.random.Generator, daily: Daily, day: Day, prints: Prints, scale: float) -> pl.DataFrame:
    """The quote before every print of an odd symbol, later ones at the very time of some prints, and quotes in between.

    A quote stamped like a print is not in force for it: it stands ten ticks away, and shows who looks ahead.
    """
    asked = np.flatnonzero((prints.symbol % 2 == 1) & ~prints.cancelled)
    before = (prints.gap[asked] * (0.1 + 0.8 * random.random(len(asked)))).astype(np.int64)
    moved = asked[random.random(len(asked)) < 0.03]
    count = round(_DECOYS * scale)
    between = daily.listed[(random.random(count) * len(daily.listed)).astype(np.int64)]
    when = busy_times(random, day, count)
    odd = random.random(count)
    spread = np.select([odd < 0.01, odd < 0.02], [0, -1], 1 + (random.random(count) * 4).astype(np.int64))
    bid = np.maximum(np.rint(day.price_at(between, when) * MICRO / _TICK - spread / 2), 2.0).astype(np.int64) * _TICK
    sizes = (1 + random.exponential(6.0, (2, count))).astype(np.int64) * 100
    ts = np.concatenate([prints.ts[asked] - before, prints.ts[moved], when])
    shift = 10 * _TICK
    columns = {
        "bid": np.concatenate([prints.bid[asked], prints.bid[moved] + shift, np.where(odd > 0.99, 0, bid)]),
        "ask": np.concatenate([prints.ask[asked], prints.ask[moved] + shift, bid + spread * _TICK]),
        "bid_size": np.concatenate(
            [prints.bid_size[asked] * 100, prints.bid_size[moved] * 100, np.where(odd > 0.99, 0, sizes[0])]
        ),
        "ask_size": np.concatenate([prints.ask_size[asked] * 100, prints.ask_size[moved] * 100, sizes[1]]),
    }
    rows = np.argsort(ts, kind="stable")
    symbol = np.concatenate([prints.symbol[asked], prints.symbol[moved], between])[rows]
    return pl.DataFrame(
        {
            "ts": times(ts[rows]),
            "sequence": np.arange(1, len(ts) + 1),
            "symbol": text(daily.symbols, symbol),
            **{name: column[rows] for name, column in columns.items()},
        }
    )
