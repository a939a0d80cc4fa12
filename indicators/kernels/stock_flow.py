"""Off-exchange and block notional of stocks, signed and summed in one pass over the tape.

Sums are int64 micro-dollars, squares of whole dollars are kept as two additive int64 sums, so that adding the tables of
any partition of a session gives the same integers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.money import notional, square_of_dollars
from indicators.kernels.side import OUTER, QUOTE, TICK, TOUCH, quote_side, read_only, usable_quote

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

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

NARROW: dict[str, type[np.generic]] = {"flags": np.int32, "off_exchange": np.bool_}
"""Columns that are not int64."""


@jit
def _close_parent(table: I64, at: int, net: np.int64) -> None:
    high, low = square_of_dollars(net)
    table[at + STOCK_PARENTS] += 1
    table[at + STOCK_SQUARE_HIGH] += high
    table[at + STOCK_SQUARE_LOW] += low


@jit
def _side(price: int, bid: int, ask: int, moved: int, layers: tuple[int, bool], spread_floor: int) -> int:
    """Side of a print by the layer that reads the quote, else by the tick test, where either is asked."""
    by_price, by_tick = layers
    found = 0
    if by_price != 0 and usable_quote(price, bid, ask, spread_floor, 0):
        found = quote_side(by_price, price, 0, bid, ask, -1, -1)
    return moved if found == 0 and by_tick else found


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
    lit: tuple[int, bool],
    off: tuple[int, bool],
    spread_floor: int,
    masks: tuple[int, int, int],
    block: tuple[int, int],
    floor: int,
    window_ns: int,
) -> I64:
    excluded, auction, bar = masks
    block_shares, block_dollars = block
    width = len(STOCK_COLUMNS)
    # One flat table: a view of a row for every print would cost more than the sums themselves.
    table = np.zeros((len(starts) - 1) * 4 * width, np.int64)
    first = np.zeros(2, np.int64)
    net = np.zeros(4, np.int64)
    is_open = np.zeros(4, np.bool_)
    for b in range(len(starts) - 1):
        current = different = np.int64(-1)
        for i in range(starts[b], starts[b + 1]):
            now = ts[i]
            flag = flags[i]
            has_side = not flag & (excluded | auction)
            if has_side and price[i] != current:
                different = current
                current = price[i]
            money = notional(price[i], size[i])
            block_sized = size[i] >= block_shares or money >= block_dollars
            if not off_exchange[i] and not block_sized:
                continue
            kind = DARK if off_exchange[i] else BLOCK
            if has_side and (not is_open[2 * kind] or now - first[kind] > window_ns):
                for cell in range(2 * kind, 2 * kind + 2):
                    if is_open[cell]:
                        _close_parent(table, (4 * b + cell) * width, net[cell])
                    is_open[cell] = False
                    net[cell] = 0
                first[kind] = now
            low, high = bid[i], ask[i]
            moved = 0
            if different >= 0:
                moved = 1 if current > different else -1
            side = _side(price[i], low, high, moved, off if off_exchange[i] else lit, spread_floor) if has_side else 0
            single = not flag & bar
            for cell in range(2 * kind, 2 * kind + (2 if single and money >= floor else 1)):
                at = (4 * b + cell) * width
                table[at + STOCK_LAST_TS] = max(table[at + STOCK_LAST_TS], now)
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
                if low < 0 or high < 0:
                    table[at + UNQUOTED] += 1
                is_open[cell] = True
                net[cell] += money * side
                table[at + (BUY if side > 0 else (SELL if side < 0 else STOCK_UNKNOWN))] += money
        for cell in range(4):
            if is_open[cell]:
                _close_parent(table, (4 * b + cell) * width, net[cell])
            is_open[cell] = False
            net[cell] = 0
    return table.reshape((-1, 2, 2, width))


def _layers(codes: Sequence[int]) -> tuple[int, bool]:
    """The layer that reads the quote's prices (0 for none), and whether the tick test follows."""
    by_price = [code for code in codes if code in (QUOTE, TOUCH, OUTER)]
    by_tick = TICK in codes
    if [*by_price, *([TICK] if by_tick else [])] != list(codes) or len(by_price) > 1:
        raise ValueError(f"layers, was {list(codes)}: one of quote, touch and outer, then tick, are all that is read")
    return by_price[0] if by_price else 0, by_tick


def stock_flow(
    starts: I64,
    prints: Mapping[str, npt.NDArray[Any]],
    layers: tuple[Sequence[int], Sequence[int]],
    spread_floor: int,
    masks: tuple[int, int, int],
    block: tuple[int, int],
    floor: int,
    window_ns: int,
) -> I64:
    """Sign prints, and sum off-exchange and block notional, of every size and of large prints.

    Parameters
    ----------
    starts : int64, shape (m+1,), row bounds of the m instruments
    prints : arrays of shape (n,) in tape order: ts, price (micro-dollars), size (micro-shares), off_exchange, flags,
        bid, ask (the quote in force, -1 where there is none)
    layers : layers that sign on-exchange prints, and those that sign off-exchange ones, as in `sign_prints`: at most
        one of QUOTE, TOUCH and OUTER, then TICK or nothing
    spread_floor : micro-dollars, the widest spread that signs
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

    Sides are those of `sign_prints`; the tick test looks at every print that is neither excluded nor
    an auction, on or off exchange. On-exchange prints below a block are not summed. Prints of one instrument and kind
    within `window_ns` of the first of them form one parent, whose net is squared; a tape of stocks gives no other sign
    of who traded on. Time O(n).

    Raises
    ------
    ValueError : layers that are not read here
    TypeError : a dtype that does not fit

    References
    ----------
    INDICATORS, sections 0 and 4.
    """
    names = ("ts", "price", "size", "off_exchange", "flags", "bid", "ask")
    columns: dict[str, Any] = {name: read_only(prints[name], NARROW.get(name, np.int64)) for name in names}
    table: I64 = _stock_flow(
        read_only(starts, np.int64),
        **columns,
        lit=_layers(layers[0]),
        off=_layers(layers[1]),
        spread_floor=spread_floor,
        masks=masks,
        block=block,
        floor=floor,
        window_ns=window_ns,
    )
    return table
