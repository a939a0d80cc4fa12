"""The quote in force at a trade."""

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
