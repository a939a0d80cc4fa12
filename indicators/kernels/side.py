"""Trade side: who started a print, the buyer (+1), the seller (-1), or nobody can say (0).

Layers are stacked; each passes on what it cannot decide, and what no layer decides stays 0.

    layer       decides where                                       +1 when
    aggressor   the feed flags the print                            the flag says buyer
    trade_size  the size equals one quoted size and not the other   it equals the bid size
    quote       the price is off the mid                            2·price > bid + ask
    depth       the price is at the mid, sizes differ               ask size > bid size
    tick        an earlier print had another price                  price > the last different price
    rev_tick    a later print has another price                     price > the next different price
    touch       the price is at the bid or at the ask               price = ask
    outer       the price lies in an outer 30 % of the spread       10·(ask - price) ≤ 3·(ask - bid), price ≤ ask

References
----------
Lee, C. M. C. & Ready, M. J. (1991). Inferring trade direction from intraday data. Journal of Finance 46(2), 733-746:
tick and reverse tick test pp. 735-736, `lr` p. 745.
Ellis, K., Michaely, R. & O'Hara, M. (2000). The accuracy of trade classification rules: evidence from Nasdaq. Journal
of Financial and Quantitative Analysis 35(4), 529-551: `emo` pp. 535-536.
Chakrabarty, B., Li, B., Nguyen, V. & Van Ness, R. A. (2007). Trade classification algorithms for electronic
communications network trades. Journal of Banking & Finance 31(12), 3806-3821: `clnv` pp. 3811-3812.
Grauer, C., Schuster, P. & Uhrig-Homburg, M. (2023). Option trade classification. SSRN 4098475: trade size, depth and
their stacking (`gsu`) pp. 14-15.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
_Scalar = TypeVar("_Scalar", bound=np.generic)

AGGRESSOR = 1
TRADE_SIZE = 2
QUOTE = 3
DEPTH = 4
TICK = 5
REV_TICK = 6
TOUCH = 7
OUTER = 8

LAYER_NAMES: dict[int, str] = {
    AGGRESSOR: "aggressor",
    TRADE_SIZE: "trade_size",
    QUOTE: "quote",
    DEPTH: "depth",
    TICK: "tick",
    REV_TICK: "rev_tick",
    TOUCH: "touch",
    OUTER: "outer",
}
"""Layer code → name; 0, the rule of an unsigned print, has none."""

RULES: dict[str, tuple[int, ...]] = {
    "lr": (QUOTE, TICK),
    "emo": (TOUCH, TICK),
    "clnv": (OUTER, TICK),
    "gsu": (TRADE_SIZE, QUOTE, DEPTH, REV_TICK),
    "quote": (QUOTE,),
    "tick": (TICK,),
    "rev_tick": (REV_TICK,),
    "depth": (DEPTH,),
    "trade_size": (TRADE_SIZE,),
    "aggressor": (AGGRESSOR,),
}
"""The rules of the literature by name, as the layers they stack."""


def read_only(array: npt.ArrayLike, dtype: type[_Scalar]) -> npt.NDArray[_Scalar]:
    """View an array as a kernel takes it: this dtype, contiguous, not to be written.

    Arrays from Arrow and Polars arrive read-only, computed ones do not, and a kernel is compiled once more for every
    mixture of the two: passed through here, there is one. Nothing is copied unless dtype or layout differ; a dtype
    that could lose a value raises TypeError.

    >>> read_only(np.array([1, 2], np.int32), np.int64).flags.writeable
    False
    """
    view = np.ascontiguousarray(np.asarray(array).astype(dtype, casting="safe", copy=False)).view()
    view.flags.writeable = False
    return view


@jit
def _moves(instrument: I32, price: I64, eligible: Bool, step: int) -> I8:
    """Sign of each price against its instrument's nearest different one, earlier (`step` 1) or later (-1)."""
    n = len(price)
    out = np.zeros(n, np.int8)
    current = different = np.int64(-1)
    for k in range(n):
        i = k if step > 0 else n - 1 - k
        if k > 0 and instrument[i] != instrument[i - step]:
            current = different = np.int64(-1)
        if not eligible[i]:
            continue
        if price[i] != current:
            different = current
            current = price[i]
        if different >= 0:
            out[i] = 1 if current > different else -1
    return out


@jit
def usable_quote(price: int, bid: int, ask: int, floor: int, percent: int) -> bool:
    """Whether a quote may sign a print: two-sided, not crossed, not locked at the price, not too wide."""
    narrow = (ask - bid <= floor) | (200 * (ask - bid) <= percent * (bid + ask))
    return (bid > 0) & (ask >= bid) & ((ask != bid) | (price != bid)) & narrow


@jit
def quote_side(layer: int, price: int, size: int, bid: int, ask: int, bid_size: int, ask_size: int) -> int:
    """Side by one of the layers that read a usable quote."""
    if layer == QUOTE:
        return int(2 * price > bid + ask) - int(2 * price < bid + ask)
    if layer == TOUCH:
        return int(price == ask) - int(price == bid)
    if layer == OUTER:
        near_bid = price >= bid and 10 * (price - bid) <= 3 * (ask - bid)
        near_ask = price <= ask and 10 * (ask - price) <= 3 * (ask - bid)
        return int(near_ask) - int(near_bid)
    if bid_size < 0 or ask_size < 0:
        return 0
    if layer == TRADE_SIZE:
        return int(size == bid_size) - int(size == ask_size)
    if layer == DEPTH and 2 * price == bid + ask:
        return int(ask_size > bid_size) - int(ask_size < bid_size)
    return 0


@jit
def _sign(
    layers: I8,
    price: I64,
    size: I64,
    bid: I64,
    ask: I64,
    bid_size: I64,
    ask_size: I64,
    aggressor: I8,
    eligible: Bool,
    before: I8,
    after: I8,
    floor: int,
    percent: int,
) -> tuple[I8, I8]:
    n = len(price)
    side = np.zeros(n, np.int8)
    rule = np.zeros(n, np.int8)
    for i in range(n):
        if not eligible[i]:
            continue
        usable = usable_quote(price[i], bid[i], ask[i], floor, percent)
        for layer in layers:
            found = 0
            if layer == AGGRESSOR:
                found = aggressor[i]
            elif layer == TICK:
                found = before[i]
            elif layer == REV_TICK:
                found = after[i]
            elif usable:
                found = quote_side(layer, price[i], size[i], bid[i], ask[i], bid_size[i], ask_size[i])
            if found != 0:
                side[i] = found
                rule[i] = layer
                break
    return side, rule


def sign_prints(
    layers: I8,
    instrument: I32,
    price: I64,
    size: I64,
    bid: I64,
    ask: I64,
    bid_size: I64,
    ask_size: I64,
    aggressor: I8,
    eligible: Bool,
    spread_floor: int,
    spread_percent: int,
) -> tuple[I8, I8]:
    """Sign the prints of one session by stacked layers.

    Rows are sorted by (instrument, ts, sequence), every instrument's rows contiguous and whole; all arrays but `layers`
    have shape (n,). Writable and read-only arrays are served by the same compiled code.

    Parameters
    ----------
    layers : int8, shape (m,), layer codes in the order in which they are asked, e.g. `np.array(RULES["lr"], np.int8)`
    instrument : int32
    price : int64, micro-dollars, above zero
    size : int64, in the unit of the quoted sizes wherever TRADE_SIZE is among the layers
    bid, ask : int64, micro-dollars, the quote in force; -1 where there is none
    bid_size, ask_size : int64, -1 where there is none
    aggressor : int8, +1 buyer, -1 seller, 0 the feed does not say
    eligible : bool, False for prints that carry no side: excluded ones and auctions
    spread_floor : int64, micro-dollars, the spread up to which a quote always signs (5_000_000)
    spread_percent : int64, per cent of the mid up to which it signs too (equities 0, options 25)

    Returns
    -------
    side : int8, shape (n,), +1, -1, or 0 unknown
    rule : int8, shape (n,), code of the layer that decided, 0 where none did

    Notes
    -----
    The formulas stand at the head of this file. With spread = ask - bid, a quote signs only if bid > 0, ask ≥ bid and

        spread ≤ max(spread_floor, spread_percent/100 · (bid + ask)/2)

    and it is not locked at the price (bid = ask = price); otherwise every layer that reads the quote passes. Ties pass:
    a price at the mid in `quote`, equal sizes in `depth`, a size that equals both quoted sizes in `trade_size`, a price
    never seen to differ in `tick` and `rev_tick`. An absent size makes `trade_size` and `depth` pass. A print that is
    not eligible gets 0 and 0 and is no reference of `tick` and `rev_tick`. All comparisons are of integers, exact for
    prices below 46 billion dollars. Time O(n·m), two bytes a row beside the result.

    Departures: unsigned prints stay 0, where the sources toss a coin; both boundaries of `outer` are included, where
    the source leaves the inner one open to either reading.

    Raises
    ------
    ValueError : an unknown layer code, or arrays of different lengths
    TypeError : a dtype that does not fit

    References
    ----------
    INDICATORS, section 0; the papers at the head of this file.

    Examples
    --------
    Bid 0.10, ask 0.20: 0.15 is the mid, so the tick test signs it against the 0.20 before; none signs the first print
    of the second instrument, which has no quote.

    >>> flat = np.full(3, -1)
    >>> bid, ask = np.array([100_000, 100_000, -1]), np.array([200_000, 200_000, -1])
    >>> side, rule = sign_prints(
    ...     np.array(RULES["lr"], np.int8), np.array([0, 0, 1], np.int32), np.array([200_000, 150_000, 70_000]),
    ...     np.ones(3, int), bid, ask, flat, flat, np.zeros(3, np.int8), np.ones(3, bool), 5_000_000, 25)
    >>> side, [LAYER_NAMES.get(int(code)) for code in rule]
    (array([ 1, -1,  0], dtype=int8), ['quote', 'tick', None])
    """
    codes = read_only(layers, np.int8)
    unknown = sorted(set(codes.tolist()) - set(LAYER_NAMES))
    if unknown:
        raise ValueError(f"`layers`, was {codes.tolist()}: no such layer as {unknown}; use the codes of LAYER_NAMES")
    names, flags, may = read_only(instrument, np.int32), read_only(aggressor, np.int8), read_only(eligible, np.bool_)
    prices, sizes = read_only(price, np.int64), read_only(size, np.int64)
    bids, asks = read_only(bid, np.int64), read_only(ask, np.int64)
    bid_sizes, ask_sizes = read_only(bid_size, np.int64), read_only(ask_size, np.int64)
    columns = (names, flags, may, prices, sizes, bids, asks, bid_sizes, ask_sizes)
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise ValueError(f"the columns of one tape must be equally long, were {lengths}")
    # A reference that no layer asks for is not worked out; the empty stand-in is never read.
    nothing = np.zeros(0, np.int8)
    before = _moves(names, prices, may, 1) if TICK in codes else nothing
    after = _moves(names, prices, may, -1) if REV_TICK in codes else nothing
    return _sign(
        *(codes, prices, sizes, bids, asks, bid_sizes, ask_sizes, flags, may, before, after),
        spread_floor,
        spread_percent,
    )
