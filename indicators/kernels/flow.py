"""Sums of signed money over a tape: option premium by stratum, off-exchange and block notional of stocks.

Sums are int64 micro-dollars, squares of whole dollars are kept as two additive int64 sums, so that adding the tables of
any partition of a session gives the same integers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.side import AGGRESSOR, read_only

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

MICRO = 1_000_000
LOW_32 = (1 << 32) - 1

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

ORDER_COLUMNS = ("bull", "bear", "unknown", "size", "prints", "venues", "last_ts")
"""Columns of `describe_orders`."""

STOCK_COLUMNS = (
    *("buy", "sell", "unknown", "excluded", "auction", "block_sized"),
    *("prints", "excluded_prints", "unquoted", "bars", "parents", "square_high", "square_low", "last_ts"),
)
"""Columns of `stock_flow`'s table. Micro-dollars: buy, sell, unknown, excluded, auction, which sum to all, and
`block_sized`, how much of all has the size of a block. Then counts (`unquoted`: no quote in force), squares, time."""

BUY, SELL, STOCK_UNKNOWN, STOCK_EXCLUDED, STOCK_AUCTION, BLOCK_SIZED = range(6)
STOCK_PRINTS, STOCK_EXCLUDED_PRINTS, UNQUOTED, STOCK_BARS = range(6, 10)
STOCK_PARENTS, STOCK_SQUARE_HIGH, STOCK_SQUARE_LOW, STOCK_LAST_TS = range(10, 14)

DARK, BLOCK = 0, 1

NARROW: dict[str, type[np.generic]] = {
    **dict.fromkeys(("multiplier", "venue", "flags"), np.int32),
    **dict.fromkeys(("asset_class", "side", "rule"), np.int8),
    "off_exchange": np.bool_,
}
"""Columns that are not int64."""


def _as_taken(prints: Mapping[str, npt.NDArray[Any]], *names: str) -> dict[str, Any]:
    return {name: read_only(prints[name], NARROW.get(name, np.int64)) for name in names}


@jit
def _masks(flags: I32, unsigned: int, alone: int, sweep: int) -> tuple[Bool, Bool, Bool]:
    n = len(flags)
    signable, orderly, swept = np.empty(n, np.bool_), np.empty(n, np.bool_), np.empty(n, np.bool_)
    for i in range(n):
        signable[i] = not flags[i] & unsigned
        orderly[i] = not flags[i] & alone
        swept[i] = flags[i] & sweep != 0
    return signable, orderly, swept


def print_masks(flags: I32, unsigned: int, alone: int, sweep: int) -> tuple[Bool, Bool, Bool]:
    """Tell the prints that may have a side, those that may belong to a parent order, and the sweeps, in one pass.

    Parameters
    ----------
    flags : int32, shape (n,)
    unsigned, alone, sweep : flag bits that forbid a side, that forbid a parent order, and that mark a sweep

    Returns
    -------
    signable, orderly, swept : bool, shape (n,)

    Examples
    --------
    >>> [mask.tolist() for mask in print_masks(np.array([0, 1, 6], np.int32), 1, 3, 4)]
    [[True, False, True], [True, False, False], [False, False, True]]
    """
    masks: tuple[Bool, Bool, Bool] = _masks(read_only(flags, np.int32), unsigned, alone, sweep)
    return masks


def block_starts(instrument: I32) -> I64:
    """Row bounds of the runs of equal instrument: where each starts, and the number of rows.

    >>> block_starts(np.array([4, 4, 9], np.int32))
    array([0, 2, 3])
    """
    heads = np.flatnonzero(instrument[1:] != instrument[:-1]) + 1
    ends = [len(instrument)] if len(instrument) else []
    return np.concatenate([[0], heads, ends]).astype(np.int64)


@jit
def square_of_dollars(micros: np.int64) -> tuple[np.int64, np.int64]:
    """Square an amount, rounded to whole dollars, as (high, low) 32 bits: square = high·2³² + low, low < 2³².

    The amount is rounded half away from zero, so that an amount and its mirror image have one square.

    >>> [int(part) for part in square_of_dollars(np.int64(-70_000_400_000))]
    [1, 605032704]
    """
    dollars = (abs(micros) + MICRO // 2) // MICRO
    upper = dollars >> 32
    lower = np.uint64(dollars & LOW_32)
    square = lower * lower
    high = (upper * upper << 32) + 2 * upper * np.int64(lower) + np.int64(square >> np.uint64(32))
    return high, np.int64(square & np.uint64(LOW_32))


@jit
def notional(price: int, size: int) -> int:
    """Multiply micro-dollars by micro-shares, in micro-dollars, the last half rounded to even.

    >>> int(notional(np.int64(10_000_001), np.int64(1_500_000)))
    15000002
    """
    shares = size // MICRO
    remainder = size - shares * MICRO
    if remainder == 0:
        return price * shares
    part = price * remainder
    fraction = part // MICRO
    rest = part - fraction * MICRO
    down = price * shares + fraction
    return down + int(2 * rest > MICRO or (2 * rest == MICRO and down % 2 == 1))


@jit
def _stack(rule: int, bid: int, ask: int, bid_size: int, ask_size: int, reads_sizes: bool) -> int:
    if rule == 0:
        return NO_RULE
    if rule == AGGRESSOR:
        return BY_AGGRESSOR
    if bid < 0 or ask < 0:
        return WITHOUT_QUOTE
    if reads_sizes and (bid_size < 0 or ask_size < 0):
        return WITHOUT_SIZES
    return BY_RULE


@jit
def _end_of_parent(head: int, end: int, parent: I64, flags: I32, alone: int) -> int:
    """First row after `head` that starts another parent; rows that stand alone in between end nothing."""
    j = head + 1
    if flags[head] & alone:
        return j
    while j < end and (parent[j] == head or flags[j] & alone):
        j += 1
    return j


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
    side: I8,
    rule: I8,
    parent: I64,
    groups: int,
    excluded: int,
    auction: int,
    bar: int,
    reads_sizes: bool,
    floor: int,
    order_floor: int,
) -> tuple[I64, Bool, I64]:
    width = len(OPTION_COLUMNS)
    # One flat table: a view of a row for every print would cost more than the sums themselves.
    table = np.zeros(groups * CLASSES * PROFILES * STACKS * 2 * width, np.int64)
    is_order = np.zeros(len(ts), np.bool_)
    volume = np.zeros(len(group), np.int64)
    alone = excluded | auction | bar
    for b in range(len(group)):
        i, end = starts[b], starts[b + 1]
        up = 1 if is_call[b] else -1
        premium_column, contracts_column = (CALL, CALL_CONTRACTS) if is_call[b] else (PUT, PUT_CONTRACTS)
        while i < end:
            stop = _end_of_parent(i, end, parent, flags, alone)
            total = net = largest = np.int64(0)
            squared_at = i
            if stop > i + 1:
                for j in range(i, stop):
                    if parent[j] == i:
                        premium = price[j] * size[j] * multiplier[j]
                        signed = premium * side[j] * up
                        total += premium
                        net += signed
                        if abs(signed) > largest:
                            largest = abs(signed)
                            squared_at = j
            for j in range(i, stop):
                premium = price[j] * size[j] * multiplier[j]
                direction = side[j] * up
                own = stop == i + 1 or parent[j] != i
                judged = premium if own else total
                profile = profile_of[venue[j]] if 0 <= venue[j] < len(profile_of) else np.int8(0)
                stack = _stack(rule[j], bid[j], ask[j], bid_size[j], ask_size[j], reads_sizes)
                cell = ((group[b] * CLASSES + asset_class[j]) * PROFILES + profile) * STACKS + stack
                flag = flags[j]
                single = not flag & bar
                if (own or j == i) and single and judged >= order_floor and not flag & excluded:
                    is_order[j] = True
                for large in range(2 if single and judged >= floor else 1):
                    at = (2 * cell + large) * width
                    table[at + LAST_TS] = max(table[at + LAST_TS], ts[j])
                    if not single:
                        table[at + BARS] += 1
                    if flag & excluded:
                        table[at + EXCLUDED] += premium
                        table[at + EXCLUDED_PRINTS] += 1
                        continue
                    table[at + PRINTS] += 1
                    table[at + premium_column] += premium
                    table[at + contracts_column] += size[j]
                    table[at + (BULL if direction > 0 else (BEAR if direction < 0 else UNKNOWN))] += premium
                    if flag & auction:
                        table[at + AUCTION] += premium
                    elif own or j == squared_at:
                        high, low = square_of_dollars(premium * direction if own else net)
                        table[at + PARENTS] += 1
                        table[at + SQUARE_HIGH] += high
                        table[at + SQUARE_LOW] += low
                if not flag & excluded:
                    volume[b] += size[j]
            i = stop
    return table.reshape((-1, 2, width)), is_order, volume


def option_flow(
    contracts: tuple[I64, I64, Bool],
    profile_of: I8,
    prints: Mapping[str, npt.NDArray[Any]],
    groups: int,
    masks: tuple[int, int, int],
    reads_sizes: bool,
    floors: tuple[int, int],
) -> tuple[I64, Bool, I64]:
    """Sum option premium by (group, asset class, venue profile, way of signing), for all prints and for large orders.

    Parameters
    ----------
    contracts : blocks of equal contract: row bounds int64 (m+1,); group of each, int64 (m,), e.g. its underlying; and
        whether it is a call, bool (m,)
    profile_of : int8, venue id → profile, 0 … 2; an id beyond it has profile 0
    prints : arrays of shape (n,) in tape order: ts, price, size, multiplier, venue, flags, asset_class, bid, ask,
        bid_size, ask_size (the quote in force), side and rule (`sign_prints`), parent (`parent_orders`)
    groups : number of groups
    masks : flag bits of excluded prints, of auctions, of bars
    reads_sizes : whether the rule asks for quoted sizes
    floors : micro-dollars from which a parent order is large, and from which it is marked as an order

    Returns
    -------
    table : int64, shape (groups·4·3·5, 2, 16), [:, 0] over all prints and [:, 1] over the prints of large parents, with
        OPTION_COLUMNS; rows ((group·4 + asset class)·3 + profile)·5 + way of signing
    is_order : bool, shape (n,), the first print of every parent at or above the second floor, excluded prints and bars
        apart
    volume : int64, shape (m,), contracts per block, excluded prints apart

    Notes
    -----
        premium = price · multiplier · size
        bull = buy-call + sell-put, bear = buy-put + sell-call, unknown = no side, excluded = by flag
        bull + bear + unknown + excluded = total, exactly

    A parent's net signed premium is squared into the cell of its largest signed print, the first of equals. Auctions
    and excluded prints have no parent: each is large by its own premium. A bar is no order, so never large.

    References
    ----------
    INDICATORS, sections 0 and 1.
    """
    names = ("ts", "price", "size", "multiplier", "venue", "flags", "asset_class")
    columns = _as_taken(prints, *names, "bid", "ask", "bid_size", "ask_size", "side", "rule", "parent")
    starts, group, is_call = contracts
    blocks = read_only(starts, np.int64), read_only(group, np.int64), read_only(is_call, np.bool_)
    summed: tuple[I64, Bool, I64] = _option_flow(
        *blocks,
        read_only(profile_of, np.int8),
        **columns,
        groups=groups,
        excluded=masks[0],
        auction=masks[1],
        bar=masks[2],
        reads_sizes=reads_sizes,
        floor=floors[0],
        order_floor=floors[1],
    )
    return summed


@jit
def _describe_orders(
    heads: I64,
    ends: I64,
    is_call: Bool,
    ts: I64,
    price: I64,
    size: I64,
    multiplier: I32,
    venue: I32,
    flags: I32,
    side: I8,
    parent: I64,
    alone: int,
) -> I64:
    out = np.zeros((len(heads), len(ORDER_COLUMNS)), np.int64)
    for k in range(len(heads)):
        head = heads[k]
        row = out[k]
        for j in range(head, _end_of_parent(head, ends[k], parent, flags, alone)):
            if parent[j] != head:
                continue
            direction = side[j] if is_call[k] else -side[j]
            column = 0 if direction > 0 else (1 if direction < 0 else 2)
            row[column] += price[j] * size[j] * multiplier[j]
            row[3] += size[j]
            row[4] += 1
            row[6] = ts[j]
            seen = False
            for before in range(head, j):
                seen = seen or (parent[before] == head and venue[before] == venue[j])
            row[5] += not seen
    return out


def describe_orders(heads: I64, ends: I64, is_call: Bool, prints: Mapping[str, npt.NDArray[Any]], alone: int) -> I64:
    """Add up parent orders, given their first prints.

    Parameters
    ----------
    heads : int64, shape (k,), rows of first prints
    ends : int64, shape (k,), row after the last one of the order's contract
    is_call : bool, shape (k,)
    prints : as in `option_flow`: ts, price, size, multiplier, venue, flags, side, parent
    alone : flag bits of prints that are in no parent order (excluded ones, auctions, bars)

    Returns
    -------
    int64, shape (k, 7), ORDER_COLUMNS: bull, bear and unknown premium in micro-dollars, contracts, prints, different
    venues, and the last print's time in nanoseconds.

    References
    ----------
    INDICATORS, section 1 (parent orders, unusual orders).
    """
    columns = _as_taken(prints, "ts", "price", "size", "multiplier", "venue", "flags", "side", "parent")
    at = read_only(heads, np.int64), read_only(ends, np.int64), read_only(is_call, np.bool_)
    described: I64 = _describe_orders(*at, **columns, alone=alone)
    return described


@jit
def _close_parent(table: I64, at: int, net: np.int64) -> None:
    high, low = square_of_dollars(net)
    table[at + STOCK_PARENTS] += 1
    table[at + STOCK_SQUARE_HIGH] += high
    table[at + STOCK_SQUARE_LOW] += low


@jit
def _stock_flow(
    starts: I64,
    ts: I64,
    price: I64,
    size: I64,
    off_exchange: Bool,
    flags: I32,
    bid: I64,
    ask: I64,
    side: I8,
    excluded: int,
    auction: int,
    bar: int,
    block_shares: int,
    block_dollars: int,
    floor: int,
    window_ns: int,
) -> I64:
    width = len(STOCK_COLUMNS)
    # One flat table: a view of a row for every print would cost more than the sums themselves.
    table = np.zeros((len(starts) - 1) * 4 * width, np.int64)
    first = np.zeros(2, np.int64)
    net = np.zeros(4, np.int64)
    is_open = np.zeros(4, np.bool_)
    for b in range(len(starts) - 1):
        for i in range(starts[b], starts[b + 1]):
            money = notional(price[i], size[i])
            block_sized = size[i] >= block_shares or money >= block_dollars
            if not off_exchange[i] and not block_sized:
                continue
            kind = DARK if off_exchange[i] else BLOCK
            flag = flags[i]
            if not flag & (excluded | auction) and (not is_open[2 * kind] or ts[i] - first[kind] > window_ns):
                for cell in range(2 * kind, 2 * kind + 2):
                    if is_open[cell]:
                        _close_parent(table, (4 * b + cell) * width, net[cell])
                    is_open[cell] = False
                    net[cell] = 0
                first[kind] = ts[i]
            single = not flag & bar
            for cell in range(2 * kind, 2 * kind + (2 if single and money >= floor else 1)):
                at = (4 * b + cell) * width
                table[at + STOCK_LAST_TS] = max(table[at + STOCK_LAST_TS], ts[i])
                if not single:
                    table[at + STOCK_BARS] += 1
                if flag & excluded:
                    table[at + STOCK_EXCLUDED] += money
                    table[at + STOCK_EXCLUDED_PRINTS] += 1
                    continue
                table[at + STOCK_PRINTS] += 1
                if block_sized:
                    table[at + BLOCK_SIZED] += money
                if flag & auction:
                    table[at + STOCK_AUCTION] += money
                    continue
                if bid[i] < 0 or ask[i] < 0:
                    table[at + UNQUOTED] += 1
                is_open[cell] = True
                net[cell] += money * side[i]
                table[at + (BUY if side[i] > 0 else (SELL if side[i] < 0 else STOCK_UNKNOWN))] += money
        for cell in range(4):
            if is_open[cell]:
                _close_parent(table, (4 * b + cell) * width, net[cell])
            is_open[cell] = False
            net[cell] = 0
    return table.reshape((-1, 2, 2, width))


def stock_flow(
    starts: I64,
    prints: Mapping[str, npt.NDArray[Any]],
    masks: tuple[int, int, int],
    block: tuple[int, int],
    floor: int,
    window_ns: int,
) -> I64:
    """Sum off-exchange and block notional of stocks, for prints of every size and for large prints.

    Parameters
    ----------
    starts : int64, shape (m+1,), row bounds of the m instruments
    prints : arrays of shape (n,) in tape order: ts, price (micro-dollars), size (micro-shares), off_exchange, flags,
        bid, ask (the quote in force), side
    masks : flag bits of excluded prints, of auctions, of bars
    block : micro-shares and micro-dollars from which an on-exchange print is a block
    floor : micro-dollars from which a print is large
    window_ns : nanoseconds that a parent lasts from its first print on

    Returns
    -------
    int64, shape (m, 2, 2, 14): instrument × (dark, block) × (all, large) × STOCK_COLUMNS.

    Notes
    -----
        notional = price · shares, half micro-dollars to even
        dark = off-exchange at any size; block = on-exchange, shares ≥ 10,000 or notional ≥ $200,000
        buy + sell + unknown + excluded + auction = notional of the prints summed, exactly

    On-exchange prints below a block are skipped. Prints of one instrument and kind within `window_ns` of the first of
    them form one parent, whose net is squared; a tape of stocks gives no other sign of who traded on.

    References
    ----------
    INDICATORS, sections 0 and 4.
    """
    columns = _as_taken(prints, "ts", "price", "size", "off_exchange", "flags", "bid", "ask", "side")
    table: I64 = _stock_flow(
        read_only(starts, np.int64),
        **columns,
        excluded=masks[0],
        auction=masks[1],
        bar=masks[2],
        block_shares=block[0],
        block_dollars=block[1],
        floor=floor,
        window_ns=window_ns,
    )
    return table
