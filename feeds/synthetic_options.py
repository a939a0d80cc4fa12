"""The synthetic option tape of one session: orders, their prints with the truth beside, quotes, and open interest."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from feeds.schema import MICRO
from feeds.synthetic_daily import Daily, Links, text
from feeds.synthetic_quotes import in_time, place_prints, quotes_before, quotes_between, spreads_table
from feeds.synthetic_sides import Profile, cell_odds
from feeds.synthetic_tape import (
    F64,
    I8,
    I64,
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

VENUES = ("I", "H", "J", "C", "E", "Z")
"""OPRA codes: ISE and its sisters, then Cboe and its sisters; an order stays within its family."""

_VENUE_ODDS = np.array([[0.84, 0.10, 0.06], [0.84, 0.09, 0.07]])
_FAMILIES: tuple[Profile, ...] = ("ise", "cboe")

CONDITIONS = (
    *("", "sweep", "multi_leg", "late", "average_price", "prior_reference", "contingent", "auction_open"),
    *("auction_close", "floor", "cross", "cancelled", "sweep;cancelled"),
)
_ODDITIES = np.array([0.0, 0.0, 0.040, 0.005, 0.003, 0.001, 0.002, 0.0, 0.0, 0.006, 0.004])
_SWEEP, _LATE, _AUCTION_OPEN, _AUCTION_CLOSE, _CANCELLED = 1, 3, 7, 8, 11

SLOTS = 16
"""Contracts of an underlying that trade in one session."""

_ORDERS = 2_160
_DECOYS = 620
_SPREADS = spreads_table(
    (1, 2, 2, 3, 4, 5, 6, 8), (4, 4, 5, 5, 6, 7, 8, 10), (5, 5, 6, 6, 7, 8, 8, 10), (2, 2, 4, 4, 6, 6, 8, 10)
)

_WANDER = 6.0
"""Standard deviation, in ticks, of a contract's quote around its fair value between orders."""

_LEAN = np.array([0.75, 1.15])
"""Ticks by which the quote stands against the initiator before the print, by family: customers sell what has risen. It
cancels the bounce between bid and ask, which alone would make the tick test right more often than published."""

_ADJUSTED = 370_000
"""Micro-dollars that tell an adjusted strike from a standard one."""


@dataclass(frozen=True)
class Menu:
    """The contracts that trade in one session; shape (symbols · SLOTS,). Volatility is the underlying's, a year's."""

    symbol: I64
    expiry: I64
    strike: I64
    call: Bool
    weight: F64
    multiplier: I64
    volatility: F64

    def codes(self) -> I64:
        """One int64 per contract, the same in every session: symbol, expiry, strike on the cent, right."""
        return ((self.symbol * 40_000 + self.expiry) * 10_000_000 + self.strike // 10_000) * 2 + self.call


def unpack(codes: I64) -> tuple[I64, I64, I64, Bool]:
    """Symbol, expiry (days), strike (micro-dollars) and whether a call, from `Menu.codes`."""
    rest, call = codes // 2, codes % 2 == 1
    rest, strike = rest // 10_000_000, rest % 10_000_000 * 10_000
    return rest // 40_000, rest % 40_000, strike, call


@dataclass(frozen=True)
class Orders:
    """Parent orders of one session; shape (orders,)."""

    contract: I64
    side: I8
    contracts: I64
    prints: I64
    sweep: Bool
    family: I64
    opening: Bool
    ts: I64


def simulate_menu(random: np.random.Generator, daily: Daily, day: Day) -> Menu:
    """Strikes around the open, expiries from the same day to a quarter away.

    The last slot of every fifth symbol is an adjusted contract, told by its odd strike: ten shares for a hundred.
    """
    symbols = len(daily.symbols)
    count = symbols * SLOTS
    symbol = np.repeat(np.arange(symbols), SLOTS)
    slot = np.tile(np.arange(SLOTS), symbols)
    daily_expiry = np.array([kind != "equity" for kind in daily.asset_class])[symbol]
    friday = day.day + (4 - (day.day + 3) % 7) % 7
    ahead = np.array([0, 0, 7, 7, 14, 28, 28, 91])[(random.random(count) * 8).astype(np.int64)]
    expiry = np.where(daily_expiry & (slot % 4 == 0), day.day, friday + ahead)
    spot = day.path[symbol, 0]
    volatility = daily.volatility[symbol]
    grid = np.select([spot < 25, spot < 100, spot < 1000], [0.5, 1.0, 2.5], 25.0)
    away = volatility * np.sqrt(np.maximum(expiry - day.day, 1) / 365.25) * random.standard_normal(count)
    call = slot % 2 == 0
    # more is traded out of the money than in it
    away = np.where(random.random(count) < 0.6, np.abs(away) * np.where(call, 1, -1), away)
    strike = np.maximum(np.rint(spot * np.exp(away) / grid), 1.0) * grid
    adjusted = (slot == SLOTS - 1) & (symbol % 5 == 0)
    micro = np.rint(strike * 100).astype(np.int64) * 10_000 + adjusted * _ADJUSTED
    weight = (1.0 + symbol) ** -0.4 * (1.0 + slot) ** -0.9
    return Menu(symbol, expiry, micro, call, weight, np.where(adjusted, 10, 100), volatility)


def fair_value(day: Day, menu: Menu, contract: I64, ts: I64) -> F64:
    """Black-Scholes dollars without interest, time to the expiry's close at least an hour, never below ten cents."""
    from scipy.special import ndtr

    spot = day.price_at(menu.symbol[contract], ts)
    strike = menu.strike[contract] / MICRO
    left = np.maximum((menu.expiry[contract] - day.day) * 86_400 * SECOND + (day.closes - ts), 3_600 * SECOND)
    width = menu.volatility[contract] * np.sqrt(left / (365.25 * 86_400 * SECOND))
    upper = np.log(spot / strike) / width + width / 2
    worth = spot * ndtr(upper) - strike * ndtr(upper - width)
    price: F64 = np.maximum(np.where(menu.call[contract], worth, worth - spot + strike), 0.10)
    return price


def simulate_orders(random: np.random.Generator, day: Day, menu: Menu, links: Links, scale: float) -> Orders:
    """Orders whose direction leans to the state: P(bullish) = 1/2 ± option_flow; one in six hundred institutional."""
    count = round(_ORDERS * scale)
    contract = pick(random, menu.weight, count)
    bullish = random.random(count) < 0.5 + links.option_flow * day.state
    side = np.where(bullish == menu.call[contract], 1, -1).astype(np.int8)
    institutional = random.random(count) < 0.0016
    several = random.random(count)
    prints = np.where(several < 0.78, 1, 2 + (random.random(count) * 4).astype(np.int64))
    repeated = (several > 0.985) | (institutional & (several > 0.5))
    prints = np.where(repeated, 6 + (random.random(count) * 6).astype(np.int64), prints)
    sweep = (prints > 1) & (random.random(count) < 0.7)
    worth = fair_value(day, menu, contract, np.full(count, day.opens)) * menu.multiplier[contract]
    aim = np.minimum(120_000 * random.random(count) ** (-1 / 1.5), 3e7)
    contracts = np.where(institutional, aim / worth, np.exp(random.normal(1.3, 1.0, count)))
    contracts = np.maximum(np.ceil(contracts).astype(np.int64), prints)
    family = (random.random(count) < 0.5).astype(np.int64)
    return Orders(
        contract, side, contracts, prints, sweep, family, random.random(count) < 0.62, busy_times(random, day, count)
    )


def _conditions(random: np.random.Generator, day: Day, orders: Orders) -> I64:
    """Condition of each order: a sweep, an oddity, an auction near the open or the close, or none."""
    count = len(orders.ts)
    odd = np.searchsorted(np.cumsum(_ODDITIES), random.random(count), side="right")
    code = np.where(odd < len(_ODDITIES), odd, np.where(orders.sweep, _SWEEP, 0))
    lucky = random.random(count)
    code = np.where((orders.ts < day.opens + 60 * SECOND) & (lucky < 0.25), _AUCTION_OPEN, code)
    return np.where((orders.ts > day.closes - 60 * SECOND) & (lucky < 0.05), _AUCTION_CLOSE, code)


def _cells(random: np.random.Generator, family: I64) -> I64:
    """A cell for each order by the odds of its family of venues: all its prints are mis-signed together."""
    draw = random.random(len(family))
    edges = [np.cumsum(cell_odds(profile))[:-1] for profile in _FAMILIES]
    first, second = (np.searchsorted(edge, draw, side="right") for edge in edges)
    return np.where(family == 0, first, second).astype(np.int64)


def _venues(random: np.random.Generator, orders: Orders, order: I64, number: I64) -> I64:
    """Venue of each print: a sweep goes round its family, any other order stays where it is."""
    family = orders.family[order]
    draw = random.random(len(orders.ts))
    first, second = (np.searchsorted(np.cumsum(odds)[:-1], draw, side="right") for odds in _VENUE_ODDS)
    home = np.where(orders.family == 0, first, second)
    venue: I64 = 3 * family + (home[order] + np.where(orders.sweep[order], number, 0)) % 3
    return venue


def _tick(menu: Menu, contract: I64, worth: F64) -> I64:
    """Pennies below three dollars and nickels above in the penny programme, else nickels and dimes."""
    penny = menu.symbol[contract] % 3 != 0
    step: I64 = np.where(penny, np.where(worth < 3.0, 10_000, 50_000), np.where(worth < 3.0, 50_000, 100_000))
    return step


def simulate_prints(random: np.random.Generator, day: Day, menu: Menu, orders: Orders) -> Prints:
    """Orders split, placed in their quotes, with false prints that were cancelled or corrected away."""
    order, number, ts, gap = split_orders(random, orders.prints, orders.ts)
    contract, side = orders.contract[order], orders.side[order]
    each, rest = np.divmod(orders.contracts, orders.prints)
    size = each[order] + (number < rest[order])
    worth = fair_value(day, menu, contract, orders.ts[order])
    tick = _tick(menu, contract, worth)
    wander = (_WANDER * random.standard_normal(len(orders.ts)))[order] - _LEAN[orders.family[order]] * side
    centre = np.maximum(worth + wander * tick / MICRO, 0.02)
    cell = _cells(random, orders.family)[order]
    placed = place_prints(random, side, cell, size, centre, tick, _SPREADS, order)
    condition = _conditions(random, day, orders)[order]
    delay = np.where(condition == _LATE, (10 + 600 * random.random(len(ts))) * SECOND, 0).astype(np.int64)
    auction = (condition == _AUCTION_OPEN) | (condition == _AUCTION_CLOSE)
    prints = Prints(
        ts=ts,
        report=ts + delay,
        gap=gap,
        instrument=contract,
        order=order,
        side=np.where(auction, 0, side).astype(np.int8),
        size=size,
        venue=_venues(random, orders, order, number),
        condition=condition,
        cancelled=np.zeros(len(ts), bool),
        price=placed.price,
        bid=placed.bid,
        ask=placed.ask,
        bid_size=placed.bid_size,
        ask_size=placed.ask_size,
    )
    return prints.and_also(false_prints(random, prints, 10 * tick, _SWEEP, _CANCELLED)).as_reported()


def _contract_columns(daily: Daily, menu: Menu, contract: I64) -> dict[str, pl.Series]:
    return {
        "underlying": text(daily.symbols, menu.symbol[contract]),
        "expiry": pl.Series(menu.expiry[contract].astype(np.int32)).cast(pl.Date),
        "strike": pl.Series(menu.strike[contract]),
        "right": text(("P", "C"), menu.call[contract].astype(np.int64)),
    }


def option_trades(daily: Daily, day: Day, menu: Menu, prints: Prints) -> pl.DataFrame:
    """The prints as a table. Even symbols carry the quote before the print; every tenth has no underlying price."""
    symbol = menu.symbol[prints.instrument]
    quoted = symbol % 2 == 0
    spot = np.rint(day.price_at(symbol, prints.ts) * 100).astype(np.int64) * (MICRO // 100)
    contract = _contract_columns(daily, menu, prints.instrument)
    return pl.DataFrame(
        {
            "ts": times(prints.ts),
            "sequence": np.arange(1, len(prints.ts) + 1),
            "underlying": contract["underlying"],
            "asset_class": text(daily.asset_class, symbol),
            "expiry": contract["expiry"],
            "strike": contract["strike"],
            "right": contract["right"],
            "price": prints.price,
            "size": prints.size,
            "exchange": text(VENUES, prints.venue),
            "conditions": words(CONDITIONS, prints.condition),
            "multiplier": menu.multiplier[prints.instrument],
            "bid": present(prints.bid, quoted),
            "ask": present(prints.ask, quoted),
            "bid_size": present(prints.bid_size, quoted),
            "ask_size": present(prints.ask_size, quoted),
            "underlying_price": present(spot, symbol % 10 != 3),
            "aggressor": pl.repeat(None, len(prints.ts), dtype=pl.String, eager=True),
            "cancelled": prints.cancelled,
        }
    )


def truth(prints: Prints, orders: Orders) -> pl.DataFrame:
    """Row by row of `option_trades`: side Int8 (0 in auctions), parent Int64, opening Boolean."""
    return pl.DataFrame(
        {"side": prints.side, "parent": prints.order, "opening": orders.opening[prints.order]},
        schema={"side": pl.Int8, "parent": pl.Int64, "opening": pl.Boolean},
    )


def option_quotes(
    random: np.random.Generator, daily: Daily, day: Day, menu: Menu, prints: Prints, scale: float
) -> pl.DataFrame:
    """The quote before every print of an odd symbol, and quotes of any contract in between."""
    asked = prints.take(np.flatnonzero((menu.symbol[prints.instrument] % 2 == 1) & ~prints.cancelled))
    step = 10 * _tick(menu, asked.instrument, asked.price / MICRO)
    count = round(_DECOYS * scale)
    contract, when = pick(random, menu.weight, count), busy_times(random, day, count)
    worth = fair_value(day, menu, contract, when)
    tick = _tick(menu, contract, worth)
    quotes = in_time(
        quotes_before(random, day, asked, step, 1), quotes_between(random, when, contract, worth, tick, 10, 1)
    )
    return pl.DataFrame(
        {
            "ts": times(quotes.ts),
            "sequence": np.arange(1, len(quotes.ts) + 1),
            **_contract_columns(daily, menu, quotes.instrument),
            **quotes.columns(),
        }
    )
