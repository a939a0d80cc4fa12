"""The synthetic market day by day: a hidden bull/bear state, and the prices, sectors, weights and EPS it drives.

state      two-state Markov chain, +1 bull, -1 bear
market     log return = ±drift + volatility(state)·z
sectors    a slow leader factor per sector (AR(1), sized by `leaders`) and noise
stocks     beta·market + sector + own noise; the index is their capitalisation-weighted mean, to the cent
EPS        estimates of one vintage move together, towards the state (`eps`)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from feeds.calendar import exchange_sessions
from feeds.schema import Sessions

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]

INDEX = "SPX"

SECTORS = (
    *("Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials", "Health Care"),
    *("Industrials", "Information Technology", "Materials", "Real Estate", "Utilities"),
)
"""The eleven GICS sectors, by name."""

_HEADS = ("QX", "ZV", "XQ", "VJ", "JQ", "ZQ", "QV", "XJ", "VQ", "ZX")
_TAILS = ("AR", "EN", "OL", "UM", "IT", "ES", "ON", "AK", "IR", "ED")

_STAY_BULL, _STAY_BEAR = 0.97, 0.95
_MEAN_STATE = 0.25
"""Mean of the state under the chain's stationary odds, five bull sessions to three."""

_VOLATILITY = {1: 0.0075, -1: 0.0150}
_OVERNIGHT = 0.2
"""Share of a session's variance that falls between the close before and the open."""


class Links(BaseModel):
    """How strongly the hidden state shows in each observable; zero severs a link.

    drift : half the gap between bull and bear drift of the market, log return per session
    option_flow, stock_flow : excess over one half of the probability that an order goes with the state
    insiders : log-odds by which insiders buy in a bear state and sell in a bull state
    eps : log revision of all estimates per session, in the direction of the state
    leaders : standard deviation of a sector's persistent log return per session
    short_sales : log-odds by which the short share of off-exchange volume rises in a bull and falls in a bear state:
        who sells to an off-exchange buyer is mostly a dealer, and sells short
    china : how far turnover, breadth, margin and new funds of the A-share tables lean with their own state
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drift: float = Field(default=0.0011, ge=0.0, le=0.01)
    option_flow: float = Field(default=0.12, ge=0.0, le=0.5)
    stock_flow: float = Field(default=0.14, ge=0.0, le=0.5)
    insiders: float = Field(default=0.7, ge=0.0, le=5.0)
    eps: float = Field(default=0.0006, ge=0.0, le=0.01)
    leaders: float = Field(default=0.0020, ge=0.0, le=0.02)
    short_sales: float = Field(default=0.12, ge=0.0, le=2.0)
    china: float = Field(default=1.0, ge=0.0, le=5.0)

    @classmethod
    def none(cls) -> "Links":
        """Every link severed: equal drift in both states, flow, filings, estimates and short sales blind to them."""
        return cls(**dict.fromkeys(cls.model_fields, 0.0))


@dataclass(frozen=True)
class Daily:
    """Everything that happens once a session; shapes (sessions,) and (sessions, symbols).

    Attributes
    ----------
    sessions : the history's sessions
    state : int8, +1 bull, -1 bear: the hidden truth
    symbols, asset_class, sector : per symbol its name, "equity" | "etf" | "index", and position in SECTORS (-1 none)
    open, high, low, close : float64 dollars on the cent; volume : float64 shares
    revision : float64, log revision of earnings estimates accumulated since the first session
    """

    sessions: Sessions
    state: I8
    symbols: tuple[str, ...]
    asset_class: tuple[str, ...]
    sector: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    capitalisation: F64
    revision: F64

    @cached_property
    def volatility(self) -> F64:
        """Standard deviation of log returns over the history, a year's, per symbol."""
        yearly: F64 = np.diff(np.log(self.close), axis=0).std(axis=0) * np.sqrt(252.0)
        return yearly

    @property
    def equities(self) -> I64:
        """Positions of the equities."""
        return np.flatnonzero(self.sector >= 0)

    @property
    def listed(self) -> I64:
        """Positions of what trades as a share: all but the index."""
        return np.flatnonzero(np.array([kind != "index" for kind in self.asset_class]))


def stream(seed: int, *key: int) -> np.random.Generator:
    """The random numbers of one purpose and session: they do not depend on what was drawn before."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def invented_symbols(count: int) -> tuple[str, ...]:
    """Tickers that look real and are nobody's.

    >>> invented_symbols(3)
    ('QXAR', 'ZVEN', 'XQOL')
    """
    names = []
    for i in range(count):
        turn = i // len(_HEADS)
        tail = _TAILS[(i + turn) % len(_TAILS)]
        names.append(_HEADS[i % len(_HEADS)] + tail + ("" if turn < len(_TAILS) else str(turn)))
    return tuple(names)


def hidden_state(random: np.random.Generator, count: int) -> I8:
    """A Markov path of +1 and -1 from the chain's stationary odds."""
    draws = random.random(count + 1)
    state = np.empty(count, np.int8)
    now = 1 if draws[count] < (1 - _STAY_BEAR) / (2 - _STAY_BULL - _STAY_BEAR) else -1
    for i in range(count):
        if draws[i] > (_STAY_BULL if now > 0 else _STAY_BEAR):
            now = -now
        state[i] = now
    return state


def leader_factor(random: np.random.Generator, count: int, groups: int, size: float) -> F64:
    """AR(1) with a half-life of about 23 sessions and standard deviation `size`, shape (count, groups)."""
    phi = 0.97
    shocks = random.standard_normal((count, groups)) * np.sqrt(1 - phi * phi)
    factor = np.empty_like(shocks)
    level = random.standard_normal(groups)
    for i in range(count):
        level = phi * level + shocks[i]
        factor[i] = level
    sized: F64 = factor * size
    return sized


def _cents(dollars: F64) -> F64:
    rounded: F64 = np.maximum(np.rint(dollars * 100), 1.0) / 100
    return rounded


def _bars(random: np.random.Generator, close: F64, first: F64, inside: F64) -> tuple[F64, F64, F64]:
    """Open, high and low that fit the closes; `inside` is the volatility within the session."""
    before = np.vstack([first, close[:-1]])
    share = _OVERNIGHT + 0.1 * random.standard_normal(close.shape)
    opened = _cents(before * np.exp(share * np.log(close / before)))
    reach = np.abs(random.standard_normal((2, *close.shape))) * inside * 0.6
    high = np.maximum(_cents(np.maximum(opened, close) * np.exp(reach[0])), np.maximum(opened, close))
    low = np.minimum(_cents(np.minimum(opened, close) * np.exp(-reach[1])), np.minimum(opened, close))
    return opened, high, low


def simulate_daily(seed: int, history: int, symbols: int, end: date, links: Links) -> Daily:
    """The state and everything daily, from the first session of the history to the last on or before `end`."""
    calendar = exchange_sessions("XNYS", end - timedelta(days=int(history * 1.47) + 30), end)
    sessions = calendar.window(calendar.dates[-history], None)
    random = stream(seed, 0)
    indices, funds = (1, max(1, symbols // 10)) if symbols >= 4 else (0, 0)
    equities = symbols - indices - funds
    state = hidden_state(random, history)
    volatility = np.where(state > 0, _VOLATILITY[1], _VOLATILITY[-1])
    drift = 0.0004 + links.drift * (state - _MEAN_STATE)
    market = drift + volatility * random.standard_normal(history)
    groups = leader_factor(random, history, len(SECTORS), links.leaders) + 0.004 * random.standard_normal(
        (history, len(SECTORS))
    )
    sector = np.arange(equities) % len(SECTORS)
    beta = 0.7 + 0.6 * random.random(equities)
    own = (0.006 + 0.012 * random.random(equities)) * random.standard_normal((history, equities))
    # each equity starts anywhere between 20 and 300 dollars
    start = _cents(20 * 15 ** random.random(equities))
    moves = beta * market[:, None] + groups[:, sector] + own
    close = _cents(start * np.exp(np.cumsum(moves - 0.5 * moves.var(axis=0), axis=0)))
    shares = np.exp(random.normal(20.0, 1.0, equities))
    worth = shares * close
    level = worth.sum(axis=1) * (4200.0 / (shares * start).sum())
    fund_close = _funds(random, funds, level, close, sector)
    prices = np.hstack([close, fund_close, _cents(level)[:, None][:, :indices]])
    beginning = prices[0] / np.exp(0.002 * random.standard_normal(symbols))
    opened, high, low = _bars(random, prices, beginning, 0.8 * volatility[:, None])
    moved = np.abs(np.diff(np.log(prices), axis=0, prepend=np.log(prices[:1])))
    turnover = np.exp(random.normal(17.5, 0.9, symbols) + 0.35 * random.standard_normal(prices.shape) + 12 * moved)
    names = invented_symbols(equities + funds)
    return Daily(
        sessions=sessions,
        state=state,
        symbols=(*names, *([INDEX] * indices)),
        asset_class=("equity",) * equities + ("etf",) * funds + ("index",) * indices,
        sector=np.concatenate([sector, np.full(symbols - equities, -1)]),
        open=opened,
        high=high,
        low=low,
        close=prices,
        volume=np.rint(turnover / prices),
        capitalisation=worth,
        revision=np.cumsum(links.eps * (state - _MEAN_STATE)),
    )


def _funds(random: np.random.Generator, count: int, level: F64, close: F64, sector: I64) -> F64:
    """Closes of the funds: the first follows the index at a tenth, the others one sector each."""
    columns = []
    for i in range(count):
        members = np.flatnonzero(sector == (i - 1) % len(SECTORS)) if i else np.array([], np.int64)
        basket = close[:, members].mean(axis=1) if len(members) else level / 10
        columns.append(_cents(basket * np.exp(0.0003 * random.standard_normal(len(level)))))
    return np.column_stack(columns) if columns else np.empty((len(level), 0))


def days_of(dates: Sequence[date]) -> I64:
    """Days since 1970-01-01, int64."""
    return np.array(dates, dtype="datetime64[D]").astype(np.int64)


def text(values: Sequence[str | None], codes: npt.NDArray[np.integer]) -> pl.Series:
    """Text looked up by position: a column of strings without a string made per row."""
    return pl.Series(values, dtype=pl.String).gather(codes)
