"""A seeded market with known truth: the source of the demo, of fixtures and of calibration (INDICATORS, section 8).

    market(...) → Market    .tables()        everything daily, and filings
                            .tape(session)   prints and quotes of one session
                            .truth(session)  what no table says: initiators, parents, the state

Prices, strikes and decimals are Int64 micro-dollars, stock sizes Int64 micro-shares, as they reach a kernel;
`canonical` turns a frame into the Decimal columns of a file. A session's tape depends on the market's arguments and the
session alone, not on what was drawn before it.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa

from feeds import synthetic_options as options
from feeds import synthetic_stocks as stocks
from feeds.errors import BadValue
from feeds.schema import TABLES, Sessions
from feeds.synthetic_china import China, china_tables, simulate_china
from feeds.synthetic_daily import Daily, Links, days_of, simulate_daily, stream, text
from feeds.synthetic_filings import insider_trades
from feeds.synthetic_off_exchange import ats_weekly, short_volume
from feeds.synthetic_tables import daily_bars, forward_eps, index_levels, index_members, put_call_volume, sectors
from feeds.synthetic_tape import I64, Day, Prints, simulate_day

__all__ = ["Links", "Market", "canonical", "market"]

_DAY, _ORDERS, _OPTIONS, _STOCKS, _QUOTES = 10, 11, 12, 13, 14


@dataclass(frozen=True)
class _Traded:
    day: Day
    menu: options.Menu
    orders: options.Orders
    option_prints: Prints
    stock_prints: Prints


@dataclass(frozen=True)
class Market:
    """The whole synthetic market; see `market`.

    Attributes
    ----------
    sessions : the sessions that have a tape, the last of the history
    history : all sessions of the daily tables and filings
    china : the A shares, on as many sessions of their own exchange
    """

    seed: int
    links: Links
    scale: float
    sessions: Sessions
    daily: Daily
    china: China

    @property
    def history(self) -> Sessions:
        """All sessions of the daily tables."""
        return self.daily.sessions

    def state(self, session: date) -> int:
        """The hidden state of a session: +1 bull, -1 bear."""
        return int(self.daily.state[self.history.position(session)])

    def tables(self) -> dict[str, pl.DataFrame]:
        """Every daily table and the filings, by canonical name."""
        return {
            "index_levels": index_levels(self.daily),
            "forward_eps": forward_eps(self.daily, self.seed),
            "daily_bars": daily_bars(self.daily),
            "sectors": sectors(self.daily),
            "index_members": index_members(self.daily),
            "insider_trades": insider_trades(self.daily, self.seed, self.links),
            "open_interest": self._open_interest(),
            "short_volume": short_volume(self.daily, self.seed, self.links),
            "ats_weekly": ats_weekly(self.daily, self.seed),
            **china_tables(self.china),
            "put_call_volume": put_call_volume(self.daily, self.seed, self.links),
        }

    def tape(self, session: date) -> dict[str, pl.DataFrame]:
        """The four tape tables of one session, each in the order in which its rows were reported.

        Raises
        ------
        KeyError : the day is no session of the tape
        """
        traded = self._traded(session)
        random = stream(self.seed, _QUOTES, traded.day.day)
        daily, day, menu = self.daily, traded.day, traded.menu
        return {
            "option_trades": options.option_trades(daily, day, menu, traded.option_prints),
            "option_quotes": options.option_quotes(random, daily, day, menu, traded.option_prints, self.scale),
            "stock_trades": stocks.stock_trades(daily, traded.stock_prints),
            "stock_quotes": stocks.stock_quotes(random, daily, day, traded.stock_prints, self.scale),
        }

    def truth(self, session: date) -> dict[str, pl.DataFrame]:
        """What the tables of a session do not say.

        Returns
        -------
        option_trades : row by row of that table: side Int8 (+1 the buyer started it, -1 the seller, 0 nobody, it was an
            auction), parent Int64 (the order it is part of), opening Boolean
        stock_trades : row by row of that table: side Int8, parent Int64
        state : one row: session Date, state Int8 (+1 bull, -1 bear)
        """
        traded = self._traded(session)
        return {
            "option_trades": options.truth(traded.option_prints, traded.orders),
            "stock_trades": stocks.truth(traded.stock_prints),
            "state": pl.DataFrame(
                {"session": [session], "state": [traded.day.state]}, schema={"session": pl.Date, "state": pl.Int8}
            ),
        }

    def _day(self, session: date) -> Day:
        self.sessions.position(session)
        at = self.history.position(session)
        return simulate_day(stream(self.seed, _DAY, int(days_of([session])[0])), self.daily, at)

    def _orders(self, day: Day) -> tuple[options.Menu, options.Orders]:
        random = stream(self.seed, _ORDERS, day.day)
        menu = options.simulate_menu(random, self.daily, day)
        return menu, options.simulate_orders(random, day, menu, self.links, self.scale)

    def _traded(self, session: date) -> _Traded:
        day = self._day(session)
        menu, orders = self._orders(day)
        option_prints = options.simulate_prints(stream(self.seed, _OPTIONS, day.day), day, menu, orders)
        random = stream(self.seed, _STOCKS, day.day)
        stock_prints = stocks.simulate_prints(random, self.daily, day, self.links, self.scale)
        return _Traded(day, menu, orders, option_prints, stock_prints)

    def _open_interest(self) -> pl.DataFrame:
        """Open interest of each contract at the close before and the close of every session in which it traded.

        It rises by opening and falls by closing orders; what was open before the tape begins is drawn per contract. The
        volume beside it is what the tape prints and does not cancel, unknown before the tape begins.
        """
        days, codes, changes, traded = [], [], [], []
        for session in self.sessions.dates:
            day = self._day(session)
            menu, orders = self._orders(day)
            days.append(np.full(len(orders.contract), day.day))
            codes.append(menu.codes()[orders.contract])
            changes.append(np.where(orders.opening, orders.contracts, -orders.contracts))
            traded.append(orders.contracts)
        columns = (np.concatenate(each) for each in (days, codes, changes, traded))
        return _open_interest_table(self.daily, *columns)


def _open_interest_table(daily: Daily, days: I64, codes: I64, changes: I64, traded: I64) -> pl.DataFrame:
    """Sum changes and volume by contract and session, and give the level before and after each."""
    sessions = days_of(daily.sessions.dates)
    flows = (
        pl.DataFrame({"code": codes, "day": days, "change": changes, "volume": traded})
        .group_by("code", "day")
        .agg(pl.col("change", "volume").sum())
        .sort("code", "day")
        .with_columns(after=pl.col("change").cum_sum().over("code"))
    )
    # enough was open at first for the level never to fall below what was closed
    lowest = pl.min_horizontal(pl.col("after").min().over("code"), 0)
    drawn = 50 + pl.col("code") % 1_000_003 * 7_919 % 4_000
    flows = flows.with_columns(after=pl.col("after") - lowest + drawn)
    at = np.searchsorted(sessions, flows["day"].to_numpy())
    earlier = pl.Series(sessions[np.maximum(at - 1, 0)])
    before = flows.select(
        "code",
        day=earlier,
        level=pl.col("after") - pl.col("change"),
        volume=pl.when(earlier >= flows["day"].min()).then(pl.lit(0, pl.Int64)),
    )
    levels = (
        pl.concat([flows.select("code", "day", "volume", level="after").select(before.columns), before])
        .unique(["code", "day"], keep="first")
        .sort("day", "code")
    )
    symbol, expiry, strike, call = options.unpack(levels["code"].to_numpy())
    return pl.DataFrame(
        {
            "date": levels["day"].cast(pl.Int32).cast(pl.Date),
            "underlying": text(daily.symbols, symbol),
            "expiry": pl.Series(expiry.astype(np.int32)).cast(pl.Date),
            "strike": strike,
            "right": text(("P", "C"), call.astype(np.int64)),
            "open_interest": levels["level"],
            "volume": levels["volume"],
        }
    )


def market(
    seed: int = 7,
    sessions: int = 260,
    symbols: int = 40,
    history: int = 1500,
    end: date = date(2025, 12, 31),
    links: Links | None = None,
    scale: float = 1.0,
) -> Market:
    """A market whose truth is known, the same for the same arguments.

    Parameters
    ----------
    seed : any integer from 0
    sessions : sessions with a tape, the last ones of the history
    symbols : underlyings: one index and one fund in ten, if there are four or more, the rest equities
    history : sessions of the daily tables and filings
    end : the last session, or a day soon after it
    links : how strongly the hidden state shows in what is seen; `Links.none()` for a market without any signal
    scale : orders and quotes per session as a multiple of the demo's (about 11,500 rows)

    Raises
    ------
    BadValue : a count out of range

    Examples
    --------
    >>> small = market(sessions=2, symbols=5, history=30)
    >>> small.sessions.dates
    (datetime.date(2025, 12, 30), datetime.date(2025, 12, 31))
    >>> sorted(small.tape(small.sessions.dates[0]))
    ['option_quotes', 'option_trades', 'stock_quotes', 'stock_trades']
    """
    if not 1 <= symbols <= 500:
        raise BadValue("symbols", symbols, "1 to 500 are allowed")
    if not 20 <= history <= 8_000:
        raise BadValue("history", history, "20 to 8,000 sessions are allowed")
    if not 1 <= sessions < history:
        raise BadValue("sessions", sessions, f"1 to {history - 1} are allowed, fewer than `history`")
    if not 0 < scale <= 1_000:
        raise BadValue("scale", scale, "above 0 and up to 1,000 is allowed")
    bonds = Links() if links is None else links
    daily = simulate_daily(seed, history, symbols, end, bonds)
    china = simulate_china(seed, history, end, bonds)
    return Market(seed, bonds, scale, daily.sessions.window(daily.sessions.dates[-sessions], None), daily, china)


def canonical(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """A frame of this market with its prices and decimals as Decimal(18, 6), for writing to files; exact."""
    exact = {column.name for column in TABLES[table].columns if column.kind in ("price", "decimal")}
    return frame.with_columns(_decimal(frame[name]) for name in frame.columns if name in exact)


def _decimal(micro: pl.Series) -> pl.Series:
    """Int64 micros seen as Decimal(18, 6): the same bytes under another name, ten times faster than a division."""
    array = micro.rechunk().to_arrow()
    seen = pa.Array.from_buffers(pa.decimal64(18, 6), len(array), array.buffers(), offset=array.offset)
    return pl.Series(micro.name, seen)
