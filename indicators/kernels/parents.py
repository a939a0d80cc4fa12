"""Parent orders: the prints that one order left on the tape."""

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.side import read_only

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

SINGLE = 0
SWEEP = 1
REPEATED = 2

MOST_UNREPEATED = 5
"""More prints than these on one venue within the window are a repeated hit."""


@jit
def _parents(instrument: I32, ts: I64, venue: I32, sweep: Bool, eligible: Bool, window_ns: int) -> tuple[I64, I8]:
    n = len(ts)
    parent = np.arange(n)
    kind = np.zeros(n, np.int8)
    first = 0
    while first < n:
        if not eligible[first]:
            first += 1
            continue
        prints = 0
        swept = False
        end = first
        while end < n and instrument[end] == instrument[first] and ts[end] - ts[first] <= window_ns:
            if eligible[end]:
                prints += 1
                swept = swept or sweep[end] or venue[end] != venue[first]
            end += 1
        if swept or prints > MOST_UNREPEATED:
            for i in range(first, end):
                if eligible[i]:
                    parent[i] = first
                    kind[i] = SWEEP if swept else REPEATED
        first = end
    return parent, kind


def parent_orders(instrument: I32, ts: I64, venue: I32, sweep: Bool, eligible: Bool, window_ns: int) -> tuple[I64, I8]:
    """Gather the prints of one session into parent orders.

    Rows are sorted by (instrument, ts, sequence), every instrument's rows contiguous and whole; all arrays have shape
    (n,). Writable and read-only arrays are served by the same compiled code.

    Parameters
    ----------
    instrument : int32, the contract
    ts : int64, nanoseconds
    venue : int32
    sweep : bool, the print carries an intermarket-sweep flag
    eligible : bool, False for prints that carry no side: excluded ones and auctions
    window_ns : int64, nanoseconds a parent lasts from its first print on, both ends included (100 ms)

    Returns
    -------
    parent : int64, shape (n,), row of the parent's first print; a row's own number where the print stands alone
    kind : int8, shape (n,), SWEEP = 1, REPEATED = 2 or SINGLE = 0

    Notes
    -----
    A candidate starts at the first eligible print not yet taken and takes the eligible prints of its instrument with

        ts - ts(first) ≤ window_ns

    measured from that first print, so that a chain of prints cannot grow without end. A candidate with two or more
    venues or any sweep flag is a SWEEP, even one print alone with a flag; else with more than 5 prints it is REPEATED;
    else each of its prints stays alone, SINGLE, and none of them starts another candidate. A print that is not eligible
    stands alone and neither ends nor joins the candidate around it. Time O(n).

    Raises
    ------
    ValueError : arrays of different lengths, or a negative window
    TypeError : a dtype that does not fit

    References
    ----------
    INDICATORS, section 1 (parent orders).

    Examples
    --------
    Two venues 4 ns apart are a sweep; the third print comes 12 ns after the first.

    >>> yes = np.ones(3, bool)
    >>> parent_orders(np.zeros(3, np.int32), np.array([0, 4, 12]), np.array([7, 8, 8], np.int32), ~yes, yes, 10)
    (array([0, 0, 2]), array([1, 1, 0], dtype=int8))
    """
    names, places = read_only(instrument, np.int32), read_only(venue, np.int32)
    times, swept, may = read_only(ts, np.int64), read_only(sweep, np.bool_), read_only(eligible, np.bool_)
    lengths = sorted({len(column) for column in (names, places, times, swept, may)})
    if len(lengths) > 1:
        raise ValueError(f"the columns of one tape must be equally long, were {lengths}")
    if window_ns < 0:
        raise ValueError(f"`window_ns`, was {window_ns}: must be zero or more")
    return _parents(names, times, places, swept, may, window_ns)


@jit
def _sides(parent: I64, side: I8) -> I8:
    n = len(parent)
    buys = np.zeros(n, np.bool_)
    sells = np.zeros(n, np.bool_)
    for i in range(n):
        if parent[i] < 0 or parent[i] >= n:
            raise ValueError("`parent` must hold row numbers of the same tape")
        buys[parent[i]] |= side[i] > 0
        sells[parent[i]] |= side[i] < 0
    out = np.empty(n, np.int8)
    for i in range(n):
        out[i] = int(buys[parent[i]]) - int(sells[parent[i]])
    return out


def parent_sides(parent: I64, side: I8) -> I8:
    """Give each print the side of its parent order.

    Parameters
    ----------
    parent : int64, shape (n,), rows of the parents' first prints, from `parent_orders`
    side : int8, shape (n,), the prints' own sides, from `sign_prints`

    Returns
    -------
    int8, shape (n,): the one non-zero side among the parent's prints; 0 where there is none or where both occur.

    Notes
    -----
        side(parent) = [some print bought] - [some print sold]

    Raises
    ------
    ValueError : arrays of different lengths, or a parent outside them
    TypeError : a dtype that does not fit

    References
    ----------
    INDICATORS, section 1 (parent orders).

    Examples
    --------
    >>> parent_sides(np.array([0, 0, 2, 2]), np.array([0, 1, 1, -1], np.int8))
    array([1, 1, 0, 0], dtype=int8)
    """
    if len(parent) != len(side):
        raise ValueError(f"`parent` and `side` must be equally long, were {len(parent)}, {len(side)}")
    return _sides(read_only(parent, np.int64), read_only(side, np.int8))
