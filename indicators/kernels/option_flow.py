"""Option premium by stratum and the large parent orders of one session, in one pass over the tape.

Sums are int64 micro-dollars, squares of whole dollars are kept as two additive int64 sums, so that adding the tables of
any partition of a session gives the same integers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.money import square_of_dollars
from indicators.kernels.parents import MOST_UNREPEATED, REPEATED, SINGLE, SWEEP
from indicators.kernels.side import (
    AGGRESSOR,
    DEPTH,
    OUTER,
    QUOTE,
    REV_TICK,
    TICK,
    TOUCH,
    TRADE_SIZE,
    quote_side,
    read_only,
    usable_quote,
)

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

OPTION_COLUMNS = (
    *("bull", "bear", "unknown", "excluded", "auction", "call", "put", "call_contracts", "put_contracts"),
    *("prints", "excluded_prints", "bars", "parents", "square_high", "square_low", "last_ts"),
)
"""Columns of `option_flow`'s table. Micro-dollars: bull, bear, unknown (auctions included), excluded, auction, and call
and put premium, bull + bear + unknown = call + put. Then contracts, counts, the parents' squares, and nanoseconds."""

BULL, BEAR, UNKNOWN, EXCLUDED, AUCTION, CALL, PUT, CALL_CONTRACTS, PUT_CONTRACTS = range(9)
PRINTS, EXCLUDED_PRINTS, BARS, PARENTS, SQUARE_HIGH, SQUARE_LOW, LAST_TS = range(9, 16)

CLASSES = 4
"""Asset classes of an option print."""

PROFILES = 3
"""Venue profiles."""

NO_RULE, BY_AGGRESSOR, BY_RULE, WITHOUT_SIZES, WITHOUT_QUOTE, STACKS = range(6)
"""How a print came by its side: not at all, by the feed, by the rule in full, by the rule where the quote has no sizes,
by the rule where no quote was in force; and how many ways there are."""

ORDER_COLUMNS = ("head", "block", "kind", "bull", "bear", "unknown", "size", "prints", "venues", "last_ts", "flags")
"""Columns of an order: row of its first print, its block, its kind (`parents`), premium in micro-dollars by direction,
contracts, prints, different venues, the last print's time in nanoseconds, and the flags that any of its prints has."""

HEAD, ORDER_BLOCK, KIND, ORDER_BULL, ORDER_BEAR, ORDER_UNKNOWN, ORDER_SIZE, ORDER_PRINTS, VENUES = range(9)
ORDER_LAST_TS, ORDER_FLAGS = 9, 10

NARROW: dict[str, type[np.generic]] = {
    **dict.fromkeys(("multiplier", "venue", "flags"), np.int32),
    **dict.fromkeys(("asset_class", "aggressor"), np.int8),
}
"""Columns that are not int64."""


@jit
def _way(found: int, by_feed: int, has_quote: bool, has_sizes: bool) -> int:
    if found == 0:
        return NO_RULE
    if by_feed != 0:
        return BY_AGGRESSOR
    if not has_quote:
        return WITHOUT_QUOTE
    return BY_RULE if has_sizes else WITHOUT_SIZES


@jit
def _sign_block(
    start: int,
    end: int,
    price: I64,
    size: I64,
    bid: I64,
    ask: I64,
    bid_size: I64,
    ask_size: I64,
    aggressor: I8,
    flags: I32,
    stack: tuple[bool, bool, int, bool, int],
    unsigned: int,
    floor: int,
    percent: int,
    side: I8,
    way: I8,
) -> None:
    """Sign the prints of one contract as `sign_prints` does, into the first places of `side` and `way`.

    The block is walked backwards where the rule looks ahead, so that the nearest different price is always known.
    """
    by_feed, by_size, by_price, by_depth, by_tick = stack
    back = by_tick == REV_TICK
    current = different = np.int64(-1)
    for k in range(end - start):
        i = end - 1 - k if back else start + k
        side[i - start] = 0
        way[i - start] = NO_RULE
        if flags[i] & unsigned:
            continue
        paid, low, high = price[i], bid[i], ask[i]
        # Sums in place of branches, as in `lee_ready`: of two layers the first that is not 0 is a + (1 - a·a)·b.
        different += (current - different) * np.int64(paid != current)
        current = paid
        told = np.int64(aggressor[i]) * by_feed
        has_sizes = (bid_size[i] >= 0) & (ask_size[i] >= 0)
        found = np.int64(size[i] == bid_size[i]) - np.int64(size[i] == ask_size[i])
        found *= by_size & has_sizes
        if by_price == QUOTE:
            beyond = np.int64(2 * paid > low + high) - np.int64(2 * paid < low + high)
            found += (1 - found * found) * beyond
        elif by_price != 0:
            found += (1 - found * found) * quote_side(by_price, paid, size[i], low, high, bid_size[i], ask_size[i])
        if by_depth:
            deeper = np.int64(ask_size[i] > bid_size[i]) - np.int64(ask_size[i] < bid_size[i])
            found += (1 - found * found) * deeper * ((2 * paid == low + high) & has_sizes)
        found *= usable_quote(paid, low, high, floor, percent)
        found = told + (1 - told * told) * found
        if by_tick != 0:
            moved = np.int64(current > different) - np.int64(current < different)
            found += (1 - found * found) * moved * (different >= 0)
        side[i - start] = found
        way[i - start] = _way(int(found), int(told), low >= 0 and high >= 0, has_sizes or not by_size)


@jit
def _add(
    table: I64,
    at: int,
    premium: int,
    size: int,
    ts: int,
    direction: int,
    columns: tuple[int, int],
    kind: tuple[bool, bool, bool],
) -> None:
    """Add one print to the sums that start at a place of the table."""
    is_excluded, is_auction, is_bar = kind
    table[at + LAST_TS] = max(table[at + LAST_TS], ts)
    table[at + BARS] += is_bar
    if is_excluded:
        table[at + EXCLUDED] += premium
        table[at + EXCLUDED_PRINTS] += 1
        return
    table[at + PRINTS] += 1
    table[at + columns[0]] += premium
    table[at + columns[1]] += size
    table[at + (BULL if direction > 0 else (BEAR if direction < 0 else UNKNOWN))] += premium
    if is_auction:
        table[at + AUCTION] += premium


@jit
def _order(
    orders: I64,
    at: int,
    start: int,
    head: int,
    end: int,
    up: int,
    alone: int,
    columns: tuple[I64, I64, I32, I32, I64, I32, I8],
) -> None:
    """Describe the parent order of the prints from `head` to `end` in a row of zeros."""
    price, size, multiplier, venue, ts, flags, side = columns
    orders[at, HEAD] = head
    for j in range(head, end):
        if j > head and flags[j] & alone:
            continue
        direction = side[j - start] * up
        column = ORDER_BULL if direction > 0 else (ORDER_BEAR if direction < 0 else ORDER_UNKNOWN)
        orders[at, column] += price[j] * size[j] * multiplier[j]
        orders[at, ORDER_SIZE] += size[j]
        orders[at, ORDER_PRINTS] += 1
        orders[at, ORDER_LAST_TS] = ts[j]
        orders[at, ORDER_FLAGS] |= flags[j]
        seen = False
        for before in range(head, j):
            seen = seen or (not flags[before] & alone and venue[before] == venue[j])
        orders[at, VENUES] += not seen


@jit
def _option_flow(
    starts: I64,
    group: I64,
    is_call: Bool,
    profile_of: I8,
    ts: I64,
    price: I64,
    size: I64,
    multiplier: I32,
    venue: I32,
    flags: I32,
    asset_class: I8,
    bid: I64,
    ask: I64,
    bid_size: I64,
    ask_size: I64,
    aggressor: I8,
    table: I64,
    stack: tuple[bool, bool, int, bool, int],
    masks: tuple[int, int, int, int, int],
    spread: tuple[int, int],
    window_ns: int,
    floors: tuple[int, int],
) -> tuple[I64, I64]:
    excluded, auction, bar, sweep, cancelled = masks
    floor, order_floor = floors
    alone = excluded | auction | bar
    width = len(OPTION_COLUMNS)
    volume = np.zeros(len(group), np.int64)
    orders = np.zeros((64, len(ORDER_COLUMNS)), np.int64)
    listed = 0
    longest = 0
    for b in range(len(group)):
        longest = max(longest, starts[b + 1] - starts[b])
    # Scratch for one contract stays in the processor's first cache; columns for the whole tape would not.
    side, way = np.empty(longest, np.int8), np.empty(longest, np.int8)
    for b in range(len(group)):
        start, end = starts[b], starts[b + 1]
        if listed + end - start > len(orders):
            orders = np.concatenate((orders, np.zeros((max(len(orders), end - start), len(ORDER_COLUMNS)), np.int64)))
        _sign_block(
            start, end, price, size, bid, ask, bid_size, ask_size, aggressor, flags,
            stack, excluded | auction, spread[0], spread[1], side, way,
        )  # fmt: skip
        up = 1 if is_call[b] else -1
        columns = (CALL, CALL_CONTRACTS) if is_call[b] else (PUT, PUT_CONTRACTS)
        traded = np.int64(0)
        i = start
        while i < end:
            # The rows from i on that one parent order may span, and whether it is one.
            stop = i + 1
            members = 1
            swept = flags[i] & sweep != 0 and not flags[i] & alone
            if not flags[i] & alone:
                while stop < end and ts[stop] - ts[i] <= window_ns:
                    if not flags[stop] & alone:
                        members += 1
                        swept = swept or flags[stop] & sweep != 0 or venue[stop] != venue[i]
                    stop += 1
            gathered = members > 1 and (swept or members > MOST_UNREPEATED)
            kind = SWEEP if swept else (REPEATED if gathered else SINGLE)
            total = net = largest = np.int64(0)
            squared_at = i
            if gathered:
                for j in range(i, stop):
                    if not flags[j] & alone:
                        premium = price[j] * size[j] * multiplier[j]
                        signed = premium * side[j - start] * up
                        total += premium
                        net += signed
                        if abs(signed) > largest:
                            largest = abs(signed)
                            squared_at = j
            for j in range(i, stop):
                flag = flags[j]
                stands_alone = flag & alone != 0
                own = stands_alone or not gathered
                premium = price[j] * size[j] * multiplier[j]
                judged = premium if own else total
                direction = side[j - start] * up
                profile = profile_of[venue[j]] if 0 <= venue[j] < len(profile_of) else np.int8(0)
                cell = ((group[b] * CLASSES + asset_class[j]) * PROFILES + profile) * STACKS + way[j - start]
                at = 2 * cell * width
                what = (flag & excluded != 0, flag & auction != 0, flag & bar != 0)
                large = judged >= floor and not what[2]
                _add(table, at, premium, size[j], ts[j], direction, columns, what)
                if large:
                    _add(table, at + width, premium, size[j], ts[j], direction, columns, what)
                if not flag & cancelled:
                    traded += size[j]
                if what[0]:
                    continue
                if (own or j == squared_at) and not what[1]:
                    high, low = square_of_dollars(premium * direction if own else net)
                    for place in range(at, at + (2 if large else 1) * width, width):
                        table[place + PARENTS] += 1
                        table[place + SQUARE_HIGH] += high
                        table[place + SQUARE_LOW] += low
                if judged >= order_floor and (own or j == i) and not what[2]:
                    orders[listed, ORDER_BLOCK] = b
                    orders[listed, KIND] = SINGLE if stands_alone else kind
                    taken = (price, size, multiplier, venue, ts, flags, side)
                    _order(orders, listed, start, j, j + 1 if own else stop, up, alone, taken)
                    listed += 1
            i = stop
        volume[b] = traded
    return orders[:listed], volume


RANK = {AGGRESSOR: 0, TRADE_SIZE: 1, QUOTE: 2, TOUCH: 2, OUTER: 2, DEPTH: 3, TICK: 4, REV_TICK: 4}
"""The order in which layers may be stacked here, one of each rank: that of every rule in `RULES`."""


def _stack_of(layers: Sequence[int]) -> tuple[bool, bool, int, bool, int]:
    """Which layers are asked: aggressor, trade size, the one that reads the price, depth, the tick test."""
    ranks = [RANK[layer] for layer in layers]
    if ranks != sorted(set(ranks)):
        raise ValueError(f"`layers`, was {list(layers)}: must be of ascending rank in {RANK}")
    at = dict(zip(ranks, layers, strict=True))
    return 0 in at, 1 in at, at.get(2, 0), 3 in at, at.get(4, 0)


def option_flow(
    contracts: tuple[I64, I64, Bool],
    profile_of: I8,
    prints: Mapping[str, npt.NDArray[Any]],
    table: I64,
    layers: Sequence[int],
    masks: tuple[int, int, int, int, int],
    spread: tuple[int, int],
    window_ns: int,
    floors: tuple[int, int],
) -> tuple[I64, I64]:
    """Sign prints, gather them into parent orders and add up their premium, for all prints and for large orders.

    Parameters
    ----------
    contracts : blocks of equal contract: row bounds int64 (m+1,); group of each, int64 (m,), e.g. its underlying; and
        whether it is a call, bool (m,)
    profile_of : int8, venue id → profile, 0 … 2; an id beyond it has profile 0
    prints : arrays of shape (n,) in tape order: ts, price, size, multiplier, venue, flags, asset_class, bid, ask,
        bid_size, ask_size (the quote in force), aggressor
    table : int64, shape (groups·4·3·5, 2, 16), contiguous, what the prints are added to, as a tape comes in pieces:
        [:, 0] over all prints and [:, 1] over the prints of large parents, with OPTION_COLUMNS;
        rows ((group·4 + asset class)·3 + profile)·5 + way of signing
    layers : layers of the rule as in `sign_prints`, in the order of `RANK`
    masks : flag bits of excluded prints, of auctions, of bars, of sweeps, of cancelled prints (excluded ones too)
    spread : micro-dollars and per cent of the mid up to which a quote signs, as in `sign_prints`
    window_ns : nanoseconds that a parent order lasts from its first print on, as in `parent_orders`
    floors : micro-dollars from which a parent order is large, and from which it is listed

    Raises
    ------
    ValueError : layers stacked in another order than RANK's, or two of one rank
    TypeError : a dtype that does not fit

    Returns
    -------
    orders : int64, shape (k, 11), ORDER_COLUMNS of every parent at or above the second floor, in order of their first
        prints, excluded prints and bars apart
    volume : int64, shape (m,), contracts per block, cancelled prints apart: what has no direction was traded too

    Notes
    -----
        premium = price · multiplier · size
        bull = buy-call + sell-put, bear = buy-put + sell-call, unknown = no side, excluded = by flag
        bull + bear + unknown + excluded = total, exactly

    Sides are those of `sign_prints`, where excluded prints and auctions have none; parents those of `parent_orders`,
    where they and bars stand alone. A parent's net signed premium is squared into the cell of its largest signed print,
    the first of equals. A print that stands alone is large by its own premium. A bar is no order, so never large.

    References
    ----------
    INDICATORS, sections 0 and 1.
    """
    names: tuple[str, ...] = ("ts", "price", "size", "multiplier", "venue", "flags", "asset_class")
    names += ("bid", "ask", "bid_size", "ask_size", "aggressor")
    starts, group, is_call = contracts
    blocks = read_only(starts, np.int64), read_only(group, np.int64), read_only(is_call, np.bool_)
    columns: dict[str, Any] = {name: read_only(prints[name], NARROW.get(name, np.int64)) for name in names}
    summed: tuple[I64, I64] = _option_flow(
        *blocks,
        read_only(profile_of, np.int8),
        **columns,
        # Flat: a view of a row for every print would cost more than the sums themselves.
        table=table.reshape(-1),
        stack=_stack_of(layers),
        masks=masks,
        spread=spread,
        window_ns=window_ns,
        floors=floors,
    )
    return summed
