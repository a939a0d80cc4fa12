"""Lee-Ready turnover of instruments, summed over a tape that comes in batches of any length."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.side import read_only

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

SUM_COLUMNS = ("session", "instrument", "buy", "sell", "unknown")
"""Columns of a row: days since 1970, the instrument, and price · size by side, micro-dollars."""

SESSION, INSTRUMENT, BUY, SELL, UNKNOWN = range(5)
PRICE, MOVE = 5, 6
"""Beyond its sums, what is carried of an instrument from print to print: the last price and the sign of its last move.

The session -1 says that no row has been read."""


@jit
def _lee_ready(
    session: I32,
    instrument: I32,
    price: I64,
    size: I64,
    bid: I64,
    ask: I64,
    spread: tuple[int, int],
    carried: I64,
    closed: I64,
) -> int:
    """Add a batch to what is carried, and write the instruments that it ends; returns how many these are."""
    floor, percent = spread
    day, name = carried[SESSION], carried[INSTRUMENT]
    # All that a print changes stays in registers: an array would be written and read again for each.
    signed, net, total = carried[BUY], carried[SELL], carried[UNKNOWN]
    last, move = carried[PRICE], carried[MOVE]
    rows = 0
    for i in range(len(price)):
        paid = price[i]
        if instrument[i] != name or session[i] != day:
            if day >= 0:
                closed[rows, SESSION], closed[rows, INSTRUMENT] = day, name
                closed[rows, BUY], closed[rows, SELL], closed[rows, UNKNOWN] = signed, net, total
                rows += 1
            day, name = np.int64(session[i]), np.int64(instrument[i])
            signed = net = total = move = np.int64(0)
            last = paid
        # Sums in place of branches: which way a print goes is no more to be foreseen than the market, and a branch
        # foretold wrongly costs more than all the rest of the loop.
        step = np.int64(paid > last) - np.int64(paid < last)
        move = step + move * (1 - step * step)
        last = paid
        both, width = bid[i] + ask[i], ask[i] - bid[i]
        narrow = np.int64(width <= floor) | np.int64(200 * width <= percent * both)
        usable = np.int64(bid[i] > 0) & np.int64(width >= 0) & narrow
        by_quote = (np.int64(2 * paid > both) - np.int64(2 * paid < both)) * usable
        side = by_quote + move * (1 - by_quote * by_quote)
        turnover = paid * size[i]
        net += turnover * side
        signed += turnover * (side * side)
        total += turnover
    carried[SESSION], carried[INSTRUMENT] = day, name
    carried[BUY], carried[SELL], carried[UNKNOWN] = signed, net, total
    carried[PRICE], carried[MOVE] = last, move
    return rows


def _by_side(rows: I64) -> I64:
    """Signed, net and total turnover, as they are carried, as turnover bought, sold and unknown."""
    signed, net, total = rows[:, BUY].copy(), rows[:, SELL].copy(), rows[:, UNKNOWN].copy()
    rows[:, BUY], rows[:, SELL], rows[:, UNKNOWN] = (signed + net) // 2, (signed - net) // 2, total - signed
    return rows


def lee_ready(
    batches: Iterable[Mapping[str, npt.NDArray[Any]]], instrument: str, spread_floor: int, spread_percent: int
) -> I64:
    """Sign the prints of a tape by the quote, then by the tick test, and sum price · size by instrument and side.

    For a tape that is longer than memory, where nothing but such sums is asked. The result does not depend on where
    batches end: an instrument's state is carried over.

    Parameters
    ----------
    batches : arrays by column, shape (n,) with any n each: session (int32, days since 1970), the instrument (int32),
        price, bid, ask (int64, micro-dollars; bid and ask -1 where there are none), size (int64, whole); together in
        the order session, instrument, ts, sequence
    instrument : the name of the instrument's column: "contract" or "symbol"
    spread_floor, spread_percent : micro-dollars and per cent of the mid up to which a quote signs, as in `sign_prints`

    Returns
    -------
    int64, shape (k, 5): SUM_COLUMNS, a row for every session and instrument with prints, in the order of the tape.

    Notes
    -----
    Sides are those of `sign_prints` by `RULES["lr"]`; every print has one:

        buy + sell + unknown = Σ price · size, exactly

    Time O(n), memory the result and one batch.

    Raises
    ------
    TypeError : a dtype that does not fit

    References
    ----------
    Lee, C. M. C. & Ready, M. J. (1991), p. 745, as in `indicators/kernels/side.py`.

    Examples
    --------
    Bid 1, ask 3: the first print is at the mid and has no price before it, the second is above the mid, the third is
    at the mid after a fall.

    >>> tape = dict.fromkeys(("session", "contract"), np.zeros(3, np.int32)) | {
    ...     "price": np.array([2, 3, 2]), "size": np.ones(3, int), "bid": np.ones(3, int), "ask": np.full(3, 3)}
    >>> lee_ready([tape], "contract", 5_000_000, 25)
    array([[0, 0, 3, 2, 2]])
    >>> halves = [{name: column[at] for name, column in tape.items()} for at in (slice(0, 1), slice(1, 3))]
    >>> lee_ready(halves, "contract", 5_000_000, 25)
    array([[0, 0, 3, 2, 2]])
    """
    carried = np.zeros(len(SUM_COLUMNS) + 2, np.int64)
    carried[SESSION] = -1
    closed = list(_closed(batches, instrument, (spread_floor, spread_percent), carried))
    if carried[SESSION] >= 0:
        closed.append(carried[None, : len(SUM_COLUMNS)])
    return _by_side(np.concatenate([np.empty((0, len(SUM_COLUMNS)), np.int64), *closed]))


def _closed(
    batches: Iterable[Mapping[str, npt.NDArray[Any]]], instrument: str, spread: tuple[int, int], carried: I64
) -> Iterator[I64]:
    """The rows that each batch ends."""
    space = np.empty((0, len(SUM_COLUMNS)), np.int64)
    for batch in batches:
        names = read_only(batch[instrument], np.int32)
        if len(space) <= len(names):
            space = np.empty((len(names) + 1, len(SUM_COLUMNS)), np.int64)
        price, size, bid, ask = (read_only(batch[name], np.int64) for name in ("price", "size", "bid", "ask"))
        session = read_only(batch["session"], np.int32)
        rows = _lee_ready(session, names, price, size, bid, ask, spread, carried, space)
        yield space[:rows].copy()
