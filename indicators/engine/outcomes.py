"""What a reading could have earned: prices at which it could be acted on, and returns from there. INDICATORS 7.

A reading at session t is acted on at the next session: at its open, or at its close where the open cannot be believed.

    open is believed   unless missing, equal to the close before, or open = high = low = close
    x_u                log(P_{u+1} / P_u), P the price acted on: what holding from session u to the next one earns
    y_u(h)             x_u + … + x_{u+h−1}, which a reading known before session u has ahead of it

Most opens of the S&P 500 before 2005 repeat a close. Closes are the index's own: dividends are not in them.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.errors import NothingToShow
from feeds.schema import Sessions
from indicators.kernels.volatility import trailing_deviation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

VOLATILITY_SESSIONS, VOLATILITY_MINIMUM = 63, 21
"""Returns behind the volatility that scales an outcome, and the fewest that give one."""


@dataclass(frozen=True)
class Market:
    """The sessions at which an index could be bought and sold, ascending.

    Attributes
    ----------
    dates : the sessions with a price
    before : int64 (n + 1,), position among all sessions of the session whose reading is acted on; −1 before the first
    price : float64 (n + 1,), index points
    at_open : bool (n + 1,), whether the price is the open
    returns : float64 (n,), x_u
    volatility : float64 (n + 1,), standard deviation of the 63 returns completed by each session; NaN below 21
    """

    dates: tuple[date, ...]
    before: Ints
    price: Floats
    at_open: npt.NDArray[np.bool_]
    returns: Floats
    volatility: Floats


def believed_opens(open_: Floats, high: Floats, low: Floats, close: Floats) -> npt.NDArray[np.bool_]:
    """Which opens are prices of their own; all arrays (n,), NaN = missing, the sessions consecutive ones with a close.

    >>> x = np.array([10.0, 10.5, 11.0, np.nan])
    >>> believed_opens(x, x + 1, x - 1, np.array([10.5, 11.5, 12.0, 12.0])).tolist()
    [True, False, True, False]
    """
    previous = np.concatenate([[np.nan], close[:-1]])
    flat = (open_ == high) & (high == low) & (low == close)
    return np.asarray((open_ > 0) & (open_ != previous) & ~flat)


def market_of(bars: pl.DataFrame, sessions: Sessions) -> Market:
    """The index as it could be traded over some sessions; a session without a close is no session to trade at.

    Parameters
    ----------
    bars : one index's `date`, `close` and, where the source has them, `open`, `high`, `low`

    Raises
    ------
    NothingToShow : fewer than two closes
    """
    columns = [pl.col(name) if name in bars.columns else pl.lit(None, pl.Float64).alias(name) for name in _PRICES]
    known = bars.select("date", *columns).filter(pl.col("close") > 0).unique("date", keep="last")
    held = sessions.frame().select("n", date="session").join(known, on="date", how="inner", maintain_order="left")
    if held.height < 2:
        raise NothingToShow(f"{held.height} closes of the index in the sessions asked for: no return to earn")
    open_, high, low, close = (held[name].cast(pl.Float64).to_numpy(writable=True) for name in _PRICES)
    at_open = believed_opens(open_, high, low, close)
    price = np.where(at_open, open_, close)
    returns = np.diff(np.log(price))
    return Market(
        tuple(held["date"].to_list()),
        held["n"].to_numpy().astype(np.int64) - 1,
        price,
        at_open,
        returns,
        trailing_volatility(returns),
    )


_PRICES = ("open", "high", "low", "close")


def trailing_volatility(returns: Floats) -> Floats:
    """Standard deviation of the up to 63 returns completed before each session, (n + 1,); NaN below 21 or at zero."""
    return trailing_deviation(returns, VOLATILITY_SESSIONS, VOLATILITY_MINIMUM)
