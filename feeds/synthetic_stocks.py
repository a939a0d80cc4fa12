"""The synthetic stock tape of one session: lit and off-exchange prints with the truth beside, and quotes."""

import numpy as np
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, Links, text
from feeds.synthetic_quotes import in_time, place_prints, quotes_before, quotes_between, spreads_table
from feeds.synthetic_sides import CELLS, INNER, MID, NO_MATCH, OPPOSITE, OUTER, OWN, THROUGH, TOUCH
from feeds.synthetic_tape import (
    F64,
    FIRST_GAP,
    I64,
    MINUTE,
    SECOND,
    Bool,
    Day,
    Prints,
    busy_times,
    false_prints,
    pick,
    present,
    split_orders,
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
        instrument=symbol[order],
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
    prints = prints.and_also(_auctions(random, daily, day, count))
    step = np.full(len(prints.ts), 100 * _TICK)
    return prints.and_also(false_prints(random, prints, step, _SWEEP, _CANCELLED)).as_reported()


def _auctions(random: np.random.Generator, daily: Daily, day: Day, orders: int) -> Prints:
    """An opening and a closing cross of every listed symbol, at the daily bar's prices; nobody initiates them."""
    symbol = np.tile(daily.listed, 2)
    half = len(symbol) // 2
    closing = np.arange(len(symbol)) >= half
    wait = (random.random(len(symbol)) * SECOND).astype(np.int64)
    ts = np.where(closing, day.closes, day.opens) + wait
    price = np.where(closing, day.last[symbol], day.first[symbol])
    shares = np.ceil(np.exp(random.normal(13.5, 0.8, len(symbol))) / (price / MICRO) / 100).astype(np.int64) * 100
    one = np.ones(len(symbol), np.int64)
    return Prints(
        ts=ts,
        report=ts,
        gap=np.full(len(symbol), FIRST_GAP),
        instrument=symbol,
        order=orders + np.arange(len(symbol)),
        side=np.zeros(len(symbol), np.int8),
        size=shares * MICRO,
        venue=symbol % 2,
        condition=np.where(closing, _AUCTION_CLOSE, _AUCTION_OPEN),
        cancelled=np.zeros(len(symbol), bool),
        price=price,
        bid=np.maximum(price - _TICK, _TICK),
        ask=price + _TICK,
        bid_size=one,
        ask_size=one,
    )


def stock_trades(daily: Daily, prints: Prints) -> pl.DataFrame:
    """The prints as a table; even symbols carry the quote before the print."""
    quoted = prints.instrument % 2 == 0
    return pl.DataFrame(
        {
            "ts": times(prints.ts),
            "sequence": np.arange(1, len(prints.ts) + 1),
            "symbol": text(daily.symbols, prints.instrument),
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
    """The quote before every print of an odd symbol, and quotes of any symbol in between."""
    asked = prints.take(np.flatnonzero((prints.instrument % 2 == 1) & ~prints.cancelled))
    count = round(_DECOYS * scale)
    symbol = daily.listed[(random.random(count) * len(daily.listed)).astype(np.int64)]
    when = busy_times(random, day, count)
    quotes = in_time(
        quotes_before(random, day, asked, np.full(len(asked.ts), 10 * _TICK), 100),
        quotes_between(random, when, symbol, day.price_at(symbol, when), np.full(count, _TICK), 4, 100),
    )
    return pl.DataFrame(
        {
            "ts": times(quotes.ts),
            "sequence": np.arange(1, len(quotes.ts) + 1),
            "symbol": text(daily.symbols, quotes.instrument),
            **quotes.columns(),
        }
    )
