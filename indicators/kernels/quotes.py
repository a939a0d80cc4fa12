"""The quote in force at a trade."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.kernels._jit import jit
from indicators.kernels.side import read_only

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@jit
def _merge(trade_instrument: I32, trade_ts: I64, quote_instrument: I32, quote_ts: I64) -> I64:
    n, m = len(trade_ts), len(quote_ts)
    out = np.empty(n, np.int64)
    j = 0
    for i in range(n):
        instrument, ts = trade_instrument[i], trade_ts[i]
        while j < m and (quote_instrument[j] < instrument or (quote_instrument[j] == instrument and quote_ts[j] < ts)):
            j += 1
        out[i] = j - 1 if j > 0 and quote_instrument[j - 1] == instrument else -1
    return out


def quotes_in_force(trade_instrument: I32, trade_ts: I64, quote_instrument: I32, quote_ts: I64) -> I64:
    """Find for each trade the last quote of its instrument that stood before it.

    Trades and quotes are each sorted by (instrument, ts, sequence), instruments ascending. Writable and read-only
    arrays are served by the same compiled code.

    Parameters
    ----------
    trade_instrument : int32, shape (n,)
    trade_ts : int64, shape (n,), nanoseconds, the execution time
    quote_instrument : int32, shape (m,)
    quote_ts : int64, shape (m,), nanoseconds

    Returns
    -------
    int64, shape (n,): row of the quote, -1 where the instrument had none before the trade.

    Notes
    -----
        row_i = max { j : quote_instrument_j = trade_instrument_i and quote_ts_j < trade_ts_i }

    Strictly before: a quote stamped with the trade's own nanosecond may be its consequence and does not sign it. Of
    quotes with one timestamp the later row, which has the higher sequence, holds. A quote of no use (crossed,
    one-sided) is in force like any other. Time O(n + m), one merge.

    Raises
    ------
    ValueError : times and instruments of different lengths
    TypeError : a dtype that does not fit

    References
    ----------
    INDICATORS, section 0. Holden, C. W. & Jacobsen, S. (2014). Liquidity measurement problems in fast, competitive
    markets. Journal of Finance 69(4), 1747-1785: the quote of the instant before, with interpolated times.

    Examples
    --------
    >>> one = np.zeros(3, np.int32)
    >>> quotes_in_force(one, np.array([10, 11, 12]), one, np.array([10, 10, 11]))
    array([-1,  1,  2])
    """
    trades, at = read_only(trade_instrument, np.int32), read_only(trade_ts, np.int64)
    quotes, since = read_only(quote_instrument, np.int32), read_only(quote_ts, np.int64)
    if len(trades) != len(at):
        raise ValueError(f"`trade_instrument` and `trade_ts` must be equally long, were {len(trades)}, {len(at)}")
    if len(quotes) != len(since):
        raise ValueError(f"`quote_instrument` and `quote_ts` must be equally long, were {len(quotes)}, {len(since)}")
    return _merge(trades, at, quotes, since)


@jit
def _fill(
    at: int,
    name: I32,
    ts: I64,
    fields: tuple[I64, I64, I64, I64],
    quote_name: I32,
    quote_ts: I64,
    quoted: tuple[I64, I64, I64, I64],
    q: int,
    held: I64,
    sized: bool,
    over: bool,
) -> tuple[int, int]:
    """Fill the trades from `at` on, as far as a batch of quotes says from `q` on; returns where both now stand.

    `held` is the last quote before the batch: its instrument, -1 for none, bid, ask, and sizes. `over`: no more come.
    """
    bid, ask, bid_size, ask_size = fields
    quote_bid, quote_ask, quote_bid_size, quote_ask_size = quoted
    n, m = len(ts), len(quote_ts)
    waiting = False
    while at < n and not waiting:
        ours = name[at]
        q += np.searchsorted(quote_name[q:], ours)
        end = q + np.searchsorted(quote_name[q:], ours, side="right")
        while at < n and name[at] == ours:
            while q < end and quote_ts[q] < ts[at]:
                q += 1
            waiting = q == m and not over
            if waiting:
                break
            if bid[at] < 0 or ask[at] < 0:
                if q > 0 and quote_name[q - 1] == ours:
                    bid[at], ask[at] = quote_bid[q - 1], quote_ask[q - 1]
                    if sized:
                        bid_size[at], ask_size[at] = quote_bid_size[q - 1], quote_ask_size[q - 1]
                elif q == 0 and held[0] == ours:
                    bid[at], ask[at] = held[1], held[2]
                    if sized:
                        bid_size[at], ask_size[at] = held[3], held[4]
            at += 1
    if q == m and m > 0:
        held[0], held[1], held[2] = quote_name[m - 1], quote_bid[m - 1], quote_ask[m - 1]
        if sized:
            held[3], held[4] = quote_bid_size[m - 1], quote_ask_size[m - 1]
    return at, q


def in_force(
    trades: Iterable[Mapping[str, npt.NDArray[Any]]],
    quotes: Iterable[Mapping[str, npt.NDArray[Any]]],
    instrument: str,
    fields: Sequence[str],
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Trades with the quote in force, where they do not carry their own, both tapes coming in batches of any length.

    Of the quotes one batch is held, however many there are. Where batches end leaves no trace.

    Parameters
    ----------
    trades : arrays by column, shape (n,) with any n each: the instrument (int32), ts (int64 ns), and `fields`
        (int64, -1 where there is none); together in the order instrument, ts
    quotes : likewise, in the same order
    instrument : the name of the instrument's column: "contract" or "symbol"
    fields : "bid", "ask", and, if their sizes are asked too, "bid_size", "ask_size"

    Yields
    ------
    Each batch of trades, the fields of trades without a bid or an ask of their own replaced, all of them together, by
    those of the last quote strictly before, as `quotes_in_force` finds it. A quote's batch is asked for when the trades
    have come so far; those behind the last trade are not asked for.

    Notes
    -----
    Time O(n + m), one merge.

    Examples
    --------
    >>> trade = {"symbol": np.zeros(2, np.int32), "ts": np.array([5, 9]), "bid": np.array([-1, -1])}
    >>> quote = {"symbol": np.zeros(2, np.int32), "ts": np.array([5, 6]), "bid": np.array([1, 2])}
    >>> trade["ask"], quote["ask"] = trade["bid"], np.array([3, 4])
    >>> [filled["bid"].tolist() for filled in in_force([trade], [quote], "symbol", ("bid", "ask"))]
    [[-1, 2]]
    """
    upcoming = iter(quotes)
    sized = len(fields) == 4
    nothing = np.empty(0, np.int64)
    no_quotes: Mapping[str, npt.NDArray[Any]] = {
        instrument: np.empty(0, np.int32),
        "ts": nothing,
        **dict.fromkeys(fields, nothing),
    }
    held = np.full(5, -1, np.int64)
    first = next(upcoming, None)
    if first is None:
        yield from map(dict, trades)
        return
    batch: Mapping[str, npt.NDArray[Any]] = first
    q, over = 0, False
    for trade in trades:
        filled = dict(trade) | {field: trade[field].astype(np.int64) for field in fields}
        name, ts = read_only(trade[instrument], np.int32), read_only(trade["ts"], np.int64)
        own = _four([filled[field] for field in fields])
        at = 0
        while True:
            its = (read_only(batch[instrument], np.int32), read_only(batch["ts"], np.int64))
            quoted = _four([read_only(batch[field], np.int64) for field in fields])
            at, q = _fill(at, name, ts, own, *its, quoted, q, held, sized, over)
            if at == len(ts):
                break
            following = next(upcoming, None)
            over = following is None
            batch, q = no_quotes if following is None else following, 0
        yield filled


def _four(columns: Sequence[I64]) -> tuple[I64, I64, I64, I64]:
    """Bid, ask and their sizes; the prices stand in for sizes that nobody asks for."""
    bid, ask, *sizes = columns
    bid_size, ask_size = sizes or (bid, ask)
    return bid, ask, bid_size, ask_size
