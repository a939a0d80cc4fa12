"""Does the index rise because earnings do, or because a dollar of earnings costs more? (INDICATORS 3)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from feeds.schema import Part, Sessions, utc
from indicators.engine.contributions import member_contributions
from indicators.engine.history import Since, added, assumed_notes, month_ends
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.kernels.blend import forward_blend
from indicators.kernels.rank import trailing_percentile
from indicators.kernels.slope import rolling_slope, rolling_std

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]

YEAR = 252
BESIDE = (63, 252)
MAX_AGE_DAYS = 200
MAX_EXTENDED = 2
SLIP_DAYS = 7
MIN_PERCENTILE = 60
NO_BAND = "no error band is defined for published earnings and index closes"
STRAIGHT = "log P/E moved in a straight line: there is no spread to measure its trend against"

FOUND, NO_VINTAGE, STALE, TOO_FEW, NO_GROWTH = range(5)

SLOPES = ("price_slope", "eps_slope", "divergence", "state", "t_rw")
CHANGES = ("price_change", "eps_change", "pe_change")
MEMBERS = ("index_return", "seven_largest", "rest", "residual", "members", "without_return", "weights_of")
NO_WEIGHTS = "no weights of the whole index were known at the close before, or the index has no close on either session"


@dataclass(frozen=True)
class Blend:
    """Forward twelve-month earnings by session: `eps` is NaN where `cause` is not FOUND; `age` in days."""

    eps: Floats
    extended: Ints
    cause: Ints
    age: Ints

    def reason(self, t: int) -> str | None:
        """Why session t has no forward EPS, in words; None where it has one."""
        return {
            NO_VINTAGE: "no EPS vintage was published before this session",
            STALE: f"the newest EPS vintage is {self.age[t]} days old, more than {MAX_AGE_DAYS}",
            TOO_FEW: f"needs EPS for 5 quarters, has {5 - self.extended[t]}; at most {MAX_EXTENDED} may be extended",
            NO_GROWTH: "a missing quarter cannot be extended: the quarters it would grow from are missing or at a loss",
        }.get(int(self.cause[t]))


@dataclass(frozen=True)
class Trend:
    """Slopes of log price and log earnings over `window` sessions, per year; NaN where the window is incomplete."""

    window: int
    price: Floats
    eps: Floats
    t_rw: Floats


@dataclass(frozen=True)
class Series:
    """Everything a reading is cut from, by session. `valued` counts the sessions with a P/E up to each one."""

    index: str
    price: Floats
    blend: Blend
    pe: Floats
    rank: Floats
    valued: Ints
    trends: tuple[Trend, ...]
    notes: list[Since]
    members: dict[date, dict[str, Any]]


class EpsDivergence(Indicator):
    """Slope of forward earnings less slope of price, per year.

    Formula
    -------
    k(q) = newest eps for the calendar quarter q published before session t, actuals included; q0 the quarter of t,
    p the quarter end before it, f = days(p→t)/days(p→q0):

        E_t = (1−f)·k(q0) + k(q1) + k(q2) + k(q3) + f·k(q4)        k(q) missing: k(q−4)·k(q−1)/k(q−5), at most twice
        g_P, g_E = 252 · rolling OLS slope of log P, log E over `lookback` sessions
        value D = g_E − g_P,   slope(log P/E) = −D
        t_rw = slope of log P/E per session / (std(Δ log P/E)·√(1.2/lookback)): a description, never a gate

    States: |D| < band "in line"; else price up: D > 0 "healthy advance", D < 0 "multiple expansion"; price down: D > 0
    "multiple compression", D < 0 "earnings-led decline". `forward_pe_percentile` ranks P/E among its own past.
    `price_change` = `eps_change` + `pe_change` are log changes from the first to the last session of the lookback.

    From the first session on whose weights are stored, `contributions` parts the index's return since the close before
    into Σ w_i·r_i of the seven largest members and of the rest, and the residual that they leave: weights that are
    rounded or old, members without a bar, dividends in adjusted closes. No reading before it knows of them.

    Units: D per year (0.20: the trend of earnings outran that of price by 20 % a year). coverage = (5 − extended)/5.
    NaN rule: a session without a close, without a vintage of the last 200 days or with more than two quarters to extend
    has no P or E, and no window that holds it has a slope; nothing is filled. A quarter is not extended from a base
    k(q−5) ≤ 0: growth from a loss has no meaning. E ≤ 0 has no logarithm: its windows are null.
    `key` is another index's name. Source: INDICATORS, section 3 [A].
    """

    name: ClassVar[str] = "eps_divergence"
    title: ClassVar[str] = "Price slope against forward-EPS slope"
    unit: ClassVar[str] = "per year"
    warmup: ClassVar[int] = 125
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("index_levels", "history"),
        Input("forward_eps", "history"),
        Input("index_members", "history", optional=True),
        Input("daily_bars", "history", optional=True),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "levels": ("session", "index", "date", "known_at", "file", "record"),
        "vintages": ("session", "index", "published", "quarter_end", "known_at", "file", "record"),
        "contributions": ("session", "index", "symbol"),
    }

    index: str = "SPX"
    lookback: int = Field(default=126, ge=5, le=2520)
    band: float = Field(default=0.05, ge=0.0, allow_inf_nan=False)

    def measure(self, part: Part) -> Rows:
        """The index closes and EPS vintages of a history part: their keys, their number, and what was assumed."""
        rows: Rows = {}
        for name, table, number in (("levels", "index_levels", "close"), ("vintages", "forward_eps", "eps")):
            if (frame := part.tables.get(table)) is not None:
                rows[name] = frame.select(*self.keys[name], number, "assumed")
        members, bars = part.tables.get("index_members"), part.tables.get("daily_bars")
        if members is not None and bars is not None and not members.is_empty():
            rows["contributions"] = pl.concat(
                member_contributions(
                    part.tables["index_levels"].filter(pl.col("index") == index), bars, own, list(part.sessions.dates)
                ).with_columns(index=pl.lit(index, dtype=pl.String))
                for (index,), own in members.partition_by("index", as_dict=True).items()
            )
        return rows

    def per_key(self, rows: Rows, sessions: Sessions, session_from: date, session_to: date) -> pl.DataFrame:
        """Members' contributions beside the index's return, for ranking; see `screen.PerKey`."""
        frame = rows.get("contributions", pl.DataFrame(schema={"session": pl.Date, "index": pl.String}))
        return frame.filter(
            (pl.col("index") == self.index)
            & pl.col("session").is_between(session_from, min(session_to, sessions.dates[-1]))
        ).drop("index")

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings from the first session with a close on; see `Indicator.value`."""
        index, count = key or self.index, len(sessions)
        mine = {name: frame.filter(pl.col("index") == index) for name, frame in rows.items()}
        if as_of is not None:
            cut = (as_of - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
            count = int(np.searchsorted(sessions.closes, cut, side="right"))
            mine = {
                name: frame.filter(pl.col("known_at") <= cut) if "known_at" in frame.columns else frame
                for name, frame in mine.items()
            }
        price, price_notes = _closes(mine.get("levels"), sessions, count)
        if np.isnan(price).all():
            return []
        blend, eps_notes = _forward_earnings(mine.get("vintages"), sessions, count)
        members = mine.get("contributions")
        by_member = {} if members is None else _by_session(members)
        series = self._series(index, price, blend, price_notes + eps_notes, by_member)
        first = int(np.argmin(np.isnan(price)))
        readings = [self._reading(series, sessions, t) for t in range(max(first, sessions.on_or_after(since)), count)]
        return readings if period == "session" else month_ends(readings, sessions)

    def _series(
        self, index: str, price: Floats, blend: Blend, notes: list[Since], members: dict[date, dict[str, Any]]
    ) -> Series:
        earning = np.where(blend.eps > 0, blend.eps, np.nan)
        pe = price / earning
        log_price, log_eps = np.log(price), np.log(earning)
        n = len(price)
        return Series(
            index=index,
            price=price,
            blend=blend,
            pe=pe,
            rank=trailing_percentile(pe, np.arange(n, dtype=np.int64), n, n, MIN_PERCENTILE),
            valued=np.cumsum(~np.isnan(pe)),
            trends=tuple(_trend(log_price, log_eps, w) for w in dict.fromkeys((self.lookback, *BESIDE))),
            notes=notes,
            members=members,
        )

    def _reading(self, series: Series, sessions: Sessions, t: int) -> Reading:
        no_price = f"no {series.index} close for this session" if np.isnan(series.price[t]) else None
        no_eps = series.blend.reason(t)
        no_pe = (
            no_price or no_eps or (f"forward EPS is {series.blend.eps[t]:.2f}" if series.blend.eps[t] <= 0 else None)
        )
        slopes, gap = self._slopes(series.trends[0], t), _gap(series, series.trends[0], t, no_price or no_eps)
        reasons: dict[str, str] = {}
        if gap:
            reasons |= dict.fromkeys(("value", *SLOPES, *CHANGES), gap)
        elif slopes["t_rw"] is None:
            reasons["t_rw"] = STRAIGHT
        if no_eps:
            reasons["forward_eps"] = no_eps
        if no_eps and series.blend.cause[t] == NO_VINTAGE:
            reasons["extended"] = no_eps
        if no_pe:
            reasons |= dict.fromkeys(("forward_pe", "forward_pe_percentile"), no_pe)
        elif np.isnan(series.rank[t]):
            reasons["forward_pe_percentile"] = f"needs {MIN_PERCENTILE} sessions of forward P/E, has {series.valued[t]}"
        parts = {}
        if next(iter(series.members), date.max) <= sessions.dates[t]:
            parts["contributions"] = series.members.get(sessions.dates[t], dict.fromkeys(MEMBERS))
            if parts["contributions"]["members"] is None:
                reasons["contributions"] = NO_WEIGHTS
        beside = {}
        for trend in series.trends[1:]:
            beside[str(trend.window)] = s = self._slopes(trend, t)
            if s["t_rw"] is None:
                reasons[f"lookbacks.{trend.window}"] = _gap(series, trend, t, no_price or no_eps) or STRAIGHT
        return Reading(
            session=sessions.dates[t],
            value=slopes["divergence"],
            coverage=None if no_eps else (5 - int(series.blend.extended[t])) / 5,
            reason=next(iter(reasons.values()), None),
            reasons=reasons | {"low": NO_BAND, "high": NO_BAND},
            known_at=utc(sessions.closes[t]),
            notes=tuple(text for since, text in series.notes if since <= t),
            components={
                **slopes,
                "forward_eps": _number(series.blend.eps[t]),
                "forward_pe": _number(series.pe[t]),
                "extended": None if "extended" in reasons else int(series.blend.extended[t]),
                "forward_pe_percentile": _number(series.rank[t]),
                **(dict.fromkeys(CHANGES) if gap else _changes(series, t - self.lookback + 1, t)),
                "lookbacks": beside,
                **parts,
            },
        )

    def _slopes(self, trend: Trend, t: int) -> dict[str, Any]:
        price, eps = float(trend.price[t]), float(trend.eps[t])
        divergence = eps - price
        if np.isnan(divergence):
            return dict.fromkeys(SLOPES)
        if abs(divergence) < self.band:
            state = "in line"
        elif price > 0:
            state = "healthy advance" if divergence > 0 else "multiple expansion"
        else:
            state = "multiple compression" if divergence > 0 else "earnings-led decline"
        return dict(zip(SLOPES, (price, eps, divergence, state, _number(trend.t_rw[t])), strict=True))

    def meaning(self, reading: Reading) -> str:
        """What drives the index: its earnings, or the price paid for them."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        said = {
            "healthy advance": "earnings rise faster than the index, so the advance is paid for",
            "multiple expansion": "the index outruns its earnings, so buyers are paying a higher multiple",
            "multiple compression": "the index falls while its earnings hold up better, so stocks are getting cheaper",
            "earnings-led decline": "earnings estimates fall even faster than the index, so the decline has a cause",
            "in line": "index and earnings move together",
        }[parts["state"]]
        price, eps = (f"{100 * parts[name]:+.0f} % a year" for name in ("price_slope", "eps_slope"))
        return f"Price trend {price}, forward earnings {eps}: {said}."


def _by_session(members: pl.DataFrame) -> dict[date, dict[str, Any]]:
    """`MEMBERS` by session, ascending; what members with a return add up to, what the index's return has beyond it."""
    own = pl.col("contribution")
    groups = members.group_by("session").agg(
        pl.col("index_return").first(),
        seven_largest=own.filter("largest"),
        rest=own.filter(~pl.col("largest")),
        members=pl.len().cast(pl.Int64),
        without_return=own.null_count().cast(pl.Int64),
        weights_of=pl.col("weights_of").first().cast(pl.String),
    )
    summed = added(groups, "seven_largest", "rest")
    whole = summed.with_columns(residual=pl.col("index_return") - pl.col("seven_largest") - pl.col("rest"))
    return {row.pop("session"): row for row in whole.select("session", *MEMBERS).sort("session").iter_rows(named=True)}


def _number(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


def _changes(series: Series, first: int, last: int) -> dict[str, float]:
    """Log changes between two sessions: price = earnings + P/E."""
    price = float(np.log(series.price[last] / series.price[first]))
    eps = float(np.log(series.blend.eps[last] / series.blend.eps[first]))
    return dict(zip(CHANGES, (price, eps, price - eps), strict=True))


def _trend(log_price: Floats, log_eps: Floats, window: int) -> Trend:
    """Slopes over one lookback, null where either series has a gap in it."""
    log_pe = log_price - log_eps
    change = np.full(len(log_pe), np.nan)
    change[1:] = log_pe[1:] - log_pe[:-1]
    slope = rolling_slope(log_pe, window)
    error = rolling_std(change, window - 1) * np.sqrt(1.2 / window)
    whole = np.isfinite(slope)
    return Trend(
        window,
        np.where(whole, YEAR * rolling_slope(log_price, window), np.nan),
        np.where(whole, YEAR * rolling_slope(log_eps, window), np.nan),
        np.where(error > 0, slope / np.where(error > 0, error, 1.0), np.nan),
    )


def _gap(series: Series, trend: Trend, t: int, missing: str | None) -> str | None:
    """Why there is no slope over this lookback at session t; None where there is one."""
    if not np.isnan(trend.price[t]):
        return None
    span = slice(max(0, t - trend.window + 1), t + 1)
    eps, closes = series.blend.eps[span], int(np.count_nonzero(~np.isnan(series.price[span])))
    if missing:
        return missing
    if losses := int(np.count_nonzero(eps <= 0)):
        return f"forward EPS was zero or less on {losses} of the last {trend.window} sessions: a loss has no logarithm"
    if (found := int(np.count_nonzero(~np.isnan(eps)))) < trend.window:
        return f"needs {trend.window} sessions of forward EPS, has {found}"
    return f"needs {trend.window} sessions of {series.index} closes, has {closes}"


def _closes(levels: pl.DataFrame | None, sessions: Sessions, count: int) -> tuple[Floats, list[Since]]:
    """Close by session, NaN where there is none that was known by the session's close."""
    price = np.full(count, np.nan)
    if levels is None or levels.is_empty():
        return price, []
    clock = sessions.frame().select(date="session", n=pl.col("n").cast(pl.Int64), closed="close")
    frame = levels.join(clock, on="date").filter(
        (pl.col("n") < count) & (pl.col("close") > 0) & (pl.col("known_at") <= pl.col("closed"))
    )
    frame = frame.sort("n", "known_at", "file", "record").unique("n", keep="last", maintain_order=True)
    price[frame["n"].to_numpy()] = frame["close"].to_numpy()
    return price, assumed_notes(frame, "index_levels")


def _forward_earnings(vintages: pl.DataFrame | None, sessions: Sessions, count: int) -> tuple[Blend, list[Since]]:
    """Blend the vintages into E_t for the first `count` sessions (formula in `EpsDivergence`)."""
    days = np.array(sessions.dates[:count], dtype="datetime64[D]")
    if vintages is None or vintages.is_empty():
        none = np.zeros(count, dtype=np.int64)
        return Blend(np.full(count, np.nan), none + 5, none + NO_VINTAGE, none), []
    rows, notes = _dated(vintages, days, sessions)
    quarter = _quarter(days)
    before, end = _quarter_end(quarter - 1), _quarter_end(quarter)
    gone = (days - before).astype(np.int64) / (end - before).astype(np.int64)
    since, published, of, k = (rows[name].to_numpy() for name in ("n", "day", "quarter", "eps"))
    eps, extended, newest = forward_blend(since, published, of, k, quarter, gone, MAX_EXTENDED)
    age = days.astype(np.int64) - newest
    causes = (newest < 0, age > MAX_AGE_DAYS, extended > MAX_EXTENDED, np.isnan(eps))
    cause = np.select(causes, (NO_VINTAGE, STALE, TOO_FEW, NO_GROWTH), FOUND).astype(np.int64)
    return Blend(np.where(cause == FOUND, eps, np.nan), extended, cause, age), notes


def _dated(vintages: pl.DataFrame, days: Days, sessions: Sessions) -> tuple[pl.DataFrame, list[Since]]:
    """Give each EPS row the position `n` of the first session that may use it, and its quarter.

    S&P's own workbooks write 2018-12-30 for a quarter that ended on the 31st: the nearest quarter end is meant, up to
    `SLIP_DAYS` away; rows further off are left out, with a note.
    """
    published = vintages["published"].to_numpy().astype("datetime64[D]")
    ends = vintages["quarter_end"].to_numpy().astype("datetime64[D]")
    quarter = _quarter(ends - 2 * SLIP_DAYS)
    since = np.maximum(
        np.searchsorted(days, published, side="right"),
        sessions.first_closing_at_or_after(vintages["known_at"].to_numpy()),
    )
    frame = vintages.with_columns(
        n=pl.Series(since, dtype=pl.Int64),
        day=pl.Series(published.astype(np.int64)),
        quarter=pl.Series(quarter),
        near=pl.Series(np.abs((ends - _quarter_end(quarter)).astype(np.int64)) <= SLIP_DAYS),
    ).filter((pl.col("n") < len(days)) & pl.col("eps").is_finite())
    notes = assumed_notes(frame, "forward_eps")
    if odd := frame.filter(~pl.col("near"))["n"].to_list():
        notes.append((min(odd), "EPS rows whose quarter_end is far from the end of a calendar quarter are left out"))
    return frame.filter("near").sort("n", "day", "known_at", "file", "record"), notes


def _quarter(days: Days) -> Ints:
    """Calendar quarters since the first of 1970."""
    return days.astype("datetime64[M]").astype(np.int64) // 3


def _quarter_end(quarter: Ints) -> Days:
    """The last day of a quarter."""
    after: Days = (3 * (quarter + 1)).astype("datetime64[M]").astype("datetime64[D]")
    return after - 1
