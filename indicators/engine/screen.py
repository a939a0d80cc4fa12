"""Rankings: who stands out on one session, by an indicator's components per underlying, symbol or group."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import fsum
from typing import Any, ClassVar, Protocol, runtime_checkable

import polars as pl

from feeds.errors import BadValue, UnknownName
from feeds.schema import MICRO, Sessions
from indicators.engine.indicator import Indicator, Rows
from indicators.engine.money import dollars

Ranked = list[dict[str, Any]]

RANKINGS: dict[str, tuple[str, ...]] = {
    "directional_premium": ("call_put", "imbalance", "growth", "premium"),
    "dark_pool_imbalance": ("imbalance", "notional"),
    "insider_ratio": ("net", "streak"),
    "sector_rotation": ("strength",),
    "eps_divergence": ("contribution",),
}
"""What each indicator can be ranked by (INTERFACE, `rank`); the first is the default."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "directional_premium": (
        *("session", "underlying", "bull", "bear", "unknown"),
        *("call", "put", "call_contracts", "put_contracts"),
        *("institutional_bull", "institutional_bear", "institutional_unknown"),
        *("institutional_call", "institutional_put"),
    ),
    "dark_pool_imbalance": (
        *("session", "symbol", "dark_buy", "dark_sell", "dark_unknown"),
        *("block_buy", "block_sell", "block_unknown"),
        *("institutional_buy", "institutional_sell", "institutional_unknown"),
    ),
    "insider_ratio": ("session", "symbol", "month", "buys", "sells"),
    "sector_rotation": ("session", "group", "strength"),
    "eps_divergence": (
        "session",
        "symbol",
        "weight",
        "return",
        "contribution",
        "largest",
        "weights_of",
        "index_return",
    ),
}
"""The columns of `per_key` that a ranking reads. sector_rotation may add more; they are shown as they are."""

MONEY = {
    *("premium", "bull", "bear", "unknown", "call", "put", "notional", "net", "buys", "sells"),
    *COLUMNS["dark_pool_imbalance"][2:],
    *("institutional_premium", "institutional_notional"),
}
"""Ranking columns that hold money: micro-dollars until a row is shown, then exact dollars."""

FLOORED = {"directional_premium": "premium", "dark_pool_imbalance": "notional"}
"""The column that must reach the floor: B + S + U. Filings and groups have none."""

GROWTH_SESSIONS = 20
GROWTH_MINIMUM = 5
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation under normality (Rousseeuw & Croux 1993, section 1)."""


@runtime_checkable
class PerKey(Protocol):
    """An indicator that can be ranked: its components, one row per session and key.

    `session` is Date, keys and `month` (insiders: "YYYY-MM" of acceptance) are String, money is Int64 micro-dollars,
    contracts are Int64, `strength` (S↑) is Float64. No column of `COLUMNS` is null, save `strength`, and
    `return` and `contribution` of a member without bars; a key without
    rows in a session has no row. call + put = bull + bear + unknown: excluded premium is in none of them.
    """

    name: ClassVar[str]

    def per_key(self, rows: Rows, sessions: Sessions, session_from: date, session_to: date) -> pl.DataFrame:
        """Components of the sessions from `session_from` to `session_to`, both included."""


def rank(
    indicator: Indicator | PerKey,
    rows: Rows,
    sessions: Sessions,
    session: date,
    by: str,
    top: int = 20,
    floor: Decimal = Decimal(100_000),
) -> Ranked:
    """Rank an indicator's keys on one session, highest first; equal ones by name, nulls last.

    Parameters
    ----------
    indicator, rows : a ranked indicator and what its `combine` returned
    sessions : the exchange's sessions, up to `session` or later; nothing later is read
    by : one of `RANKINGS[indicator.name]`
    top : how many rows at most
    floor : dollars that B + S + U of a tape's key must reach on the session

    Returns
    -------
    list of dict : `rank` from 1, the key, and columns in snake_case; money is exact Decimal dollars. A null has its
        `reason`, never an infinite number.
    """
    return ranked_rows(ranked_table(indicator, rows, sessions, session, by, top, floor))


def ranked_rows(ranked: pl.DataFrame) -> Ranked:
    """The rows of `ranked_table` with money as exact dollars."""
    return [
        {name: dollars(cell) if name in MONEY else cell for name, cell in row.items()}
        for row in ranked.iter_rows(named=True)
    ]


def ranked_table(
    indicator: Indicator | PerKey, rows: Rows, sessions: Sessions, session: date, by: str, top: int, floor: Decimal
) -> pl.DataFrame:
    """What `rank` ranks, money in micro-dollars: its columns are there where no row is."""
    if indicator.name not in RANKINGS or not isinstance(indicator, PerKey):
        raise UnknownName("indicator", indicator.name, RANKINGS)
    if by not in RANKINGS[indicator.name]:
        raise UnknownName("by", by, RANKINGS[indicator.name])
    if session not in sessions:
        raise BadValue("session", session, "not an exchange session; give one of the calendar's sessions")
    if top < 1:
        raise BadValue("top", top, "at least 1 row")
    if not floor.is_finite() or floor < 0:
        raise BadValue("floor", floor, "dollars, zero or more")
    last = sessions.position(session)
    start = {"directional_premium": max(last - GROWTH_SESSIONS, 0), "insider_ratio": 0}.get(indicator.name, last)
    frame = indicator.per_key(rows, sessions, sessions.dates[start], session)
    frame = frame.filter(pl.col("session").is_between(sessions.dates[start], session))
    ranked = _BY_INDICATOR[indicator.name](frame, session, by)
    if indicator.name in FLOORED:
        ranked = ranked.filter(pl.col(FLOORED[indicator.name]) >= int(floor * MICRO))
    return ranked.head(top).with_row_index("rank", offset=1)


def _directional_premium(frame: pl.DataFrame, session: date, by: str) -> pl.DataFrame:
    """call_put = call ÷ put premium; imbalance = (B−S)/(B+S); premium = B+S+U; growth against the key's own past.

    `institutional_…` are the same of large orders alone.
    """
    frame = frame.with_columns(premium=pl.col("bull") + pl.col("bear") + pl.col("unknown"))
    today = frame.filter(pl.col("session") == session).with_columns(
        call_put=_call_put(""),
        imbalance=_imbalance(pl.col("bull"), pl.col("bear")),
        coverage=_ratio(pl.col("bull") + pl.col("bear"), pl.col("premium"), pl.col("premium") > 0),
        institutional_premium=pl.sum_horizontal("institutional_bull", "institutional_bear", "institutional_unknown"),
        institutional_call_put=_call_put("institutional_"),
        institutional_imbalance=_imbalance(pl.col("institutional_bull"), pl.col("institutional_bear")),
    )
    large = pl.col("institutional_premium") > 0
    reasons: list[pl.Expr] = [
        *_no_call_put(""),
        pl.when(pl.col("imbalance").is_null()).then(pl.lit("imbalance: no premium has a side")),
        pl.when(~large).then(pl.lit("institutional: no order reached the floor")),
        *(pl.when(large).then(reason) for reason in _no_call_put("institutional_")),
        pl.when(large, pl.col("institutional_imbalance").is_null()).then(
            pl.lit("institutional_imbalance: no premium has a side")
        ),
    ]
    growth: tuple[str, ...] = ()
    if by == "growth":
        growth = ("growth", "growth_z", "growth_sessions")
        today, more = _with_growth(today, frame.filter(pl.col("session") < session))
        reasons += more
    return today.sort([by, "underlying"], descending=[True, False], nulls_last=True).select(
        *("underlying", *growth, "call_put", "imbalance"),
        *("premium", "bull", "bear", "unknown", "call", "put", "call_contracts", "put_contracts", "coverage"),
        *("institutional_premium", "institutional_call_put", "institutional_imbalance"),
        reason=_joined(reasons),
    )


def _call_put(which: str) -> pl.Expr:
    call, put = pl.col(f"{which}call"), pl.col(f"{which}put")
    return _ratio(call, put, (call > 0) & (put > 0))


def _no_call_put(which: str) -> list[pl.Expr]:
    """Why a call/put ratio is null."""
    call, put = pl.col(f"{which}call"), pl.col(f"{which}put")
    return [
        pl.when(put <= 0, call > 0).then(pl.lit(f"{which}call_put: no put premium")),
        pl.when(call <= 0, put > 0).then(pl.lit(f"{which}call_put: no call premium")),
        pl.when(call <= 0, put <= 0).then(pl.lit(f"{which}call_put: no premium")),
    ]


def _with_growth(today: pl.DataFrame, past: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.Expr]]:
    """Today's premium as a multiple of the median of the underlying's own past rows, and its robust z by MAD.

    A session in which an underlying did not trade is no zero: it is not among its sessions.
    """
    past = past.with_columns(_median=pl.col("premium").median().over("underlying"))
    spread = (pl.col("premium") - pl.col("_median")).abs().median()
    typical = past.group_by("underlying").agg(
        pl.col("_median").first(), _mad=spread, growth_sessions=pl.len().cast(pl.Int64)
    )
    joined = today.join(typical, on="underlying", how="left").with_columns(pl.col("growth_sessions").fill_null(0))
    n, median, mad = pl.col("growth_sessions"), pl.col("_median"), pl.col("_mad")
    enough = n >= GROWTH_MINIMUM
    needs = pl.lit(f"growth: needs {GROWTH_MINIMUM} of the previous {GROWTH_SESSIONS} sessions, has ")
    reasons: list[pl.Expr] = [
        pl.when(~enough).then(needs + n.cast(pl.String)),
        pl.when(enough, median <= 0).then(pl.lit("growth: the previous median is zero")),
        pl.when(enough, mad <= 0).then(pl.lit("growth_z: the previous premium did not vary")),
    ]
    return joined.with_columns(
        growth=_ratio(pl.col("premium"), median, enough & (median > 0)),
        growth_z=_ratio(pl.col("premium") - median, MAD_TO_SIGMA * mad, enough & (mad > 0)),
    ), reasons


def _dark_pool_imbalance(frame: pl.DataFrame, session: date, by: str) -> pl.DataFrame:
    """imbalance = (buy−sell)/(buy+sell) over dark and block notional together; notional with the unknown.

    `institutional_…` are the same of large prints alone.
    """
    large = [pl.col(name) for name in COLUMNS["dark_pool_imbalance"][8:]]
    buy, sell = pl.col("dark_buy") + pl.col("block_buy"), pl.col("dark_sell") + pl.col("block_sell")
    today = (
        frame.filter(pl.col("session") == session)
        .with_columns(notional=buy + sell + pl.col("dark_unknown") + pl.col("block_unknown"))
        .with_columns(
            imbalance=_imbalance(buy, sell),
            coverage=_ratio(buy + sell, pl.col("notional"), pl.col("notional") > 0),
            institutional_notional=pl.sum_horizontal(large),
            institutional_imbalance=_imbalance(large[0], large[1]),
        )
    )
    some = pl.col("institutional_notional") > 0
    reasons: list[pl.Expr] = [
        pl.when(pl.col("imbalance").is_null()).then(pl.lit("imbalance: no notional has a side")),
        pl.when(~some).then(pl.lit("institutional: no print reached the floor")),
        pl.when(some, pl.col("institutional_imbalance").is_null()).then(
            pl.lit("institutional_imbalance: no notional has a side")
        ),
    ]
    return today.sort([by, "symbol"], descending=[True, False], nulls_last=True).select(
        *("symbol", "imbalance", "notional", *COLUMNS["dark_pool_imbalance"][2:8], "coverage"),
        *("institutional_notional", "institutional_imbalance"),
        reason=_joined(reasons),
    )


def _insider_ratio(frame: pl.DataFrame, session: date, by: str) -> pl.DataFrame:
    """Net purchases of the month to date; streak = consecutive months with net purchases above zero, ending with it.

    A month still without any purchase or sale does not end a streak: it then ends with the month before.
    """
    month = f"{session:%Y-%m}"
    monthly = frame.group_by("symbol", "month").agg(pl.col("buys", "sells").cast(pl.Int128).sum())
    nets: dict[str, dict[str, int]] = {}
    for symbol, of_month, buys, sells in monthly.iter_rows():
        if buys or sells:
            nets.setdefault(symbol, {})[of_month] = buys - sells
    streaks = {symbol: _streak(by_month, month) for symbol, by_month in nets.items()}
    now = {symbol: (buys, sells) for symbol, m, buys, sells in monthly.iter_rows() if m == month}
    listed = sorted(symbol for symbol in nets if symbol in now or streaks[symbol] > 0)
    table = []
    for symbol in listed:
        buys, sells = now.get(symbol, (0, 0))
        both = buys + sells
        table.append(
            {
                "symbol": symbol,
                "month": month,
                "net": buys - sells,
                "streak": streaks[symbol],
                "buys": buys,
                "sells": sells,
                "net_purchase_ratio": (buys - sells) / both if both > 0 else None,
                "reason": None if both > 0 else "net_purchase_ratio: no purchases or sales this month yet",
            }
        )
    other = "streak" if by == "net" else "net"
    table.sort(key=lambda row: (-row[by], -row[other], row["symbol"]))
    return pl.DataFrame(table, schema_overrides=_INSIDER_DTYPES) if table else pl.DataFrame()


_INSIDER_DTYPES: dict[str, Any] = {
    **dict.fromkeys(("net", "buys", "sells"), pl.Int128),
    "net_purchase_ratio": pl.Float64,
    "reason": pl.String,
}


def _streak(nets: dict[str, int], month: str) -> int:
    year, number = int(month[:4]), int(month[5:])
    step = 12 * year + number - 1
    if month not in nets:
        step -= 1
    count = 0
    while nets.get(f"{step // 12:04d}-{step % 12 + 1:02d}", 0) > 0:
        count, step = count + 1, step - 1
    return count


def _sector_rotation(frame: pl.DataFrame, session: date, by: str) -> pl.DataFrame:
    """Groups by S↑, the mean cross-sectional percentile rank of return, surge and volatility."""
    today = frame.filter(pl.col("session") == session).drop("session")
    none = pl.when(pl.col("strength").is_null()).then(pl.lit("strength: not enough sessions or members"))
    if "reason" not in today.columns:
        today = today.with_columns(reason=none)
    return today.sort([by, "group"], descending=[True, False], nulls_last=True)


def _eps_divergence(frame: pl.DataFrame, session: date, by: str) -> pl.DataFrame:
    """Members by what they added to the index's return; beside each the seven largest, the rest and the residual."""
    today = frame.filter(pl.col("session") == session)
    if today.is_empty():
        return pl.DataFrame()
    own = pl.col("contribution")
    none = pl.when(own.is_null()).then(pl.lit("contribution: no bar on this session or the one before"))
    largest, rest = (fsum(today.filter(pl.col("largest") == of)["contribution"].drop_nulls()) for of in (True, False))
    return (
        today.with_columns(seven_largest=pl.lit(largest), rest=pl.lit(rest), reason=none)
        .with_columns(residual=pl.col("index_return") - pl.col("seven_largest") - pl.col("rest"))
        .sort([by, "symbol"], descending=[True, False], nulls_last=True)
        .select(
            *("symbol", "weight", "return", "contribution"),
            *("index_return", "seven_largest", "rest", "residual", "weights_of", "reason"),
        )
    )


_BY_INDICATOR: dict[str, Callable[[pl.DataFrame, date, str], pl.DataFrame]] = {
    "directional_premium": _directional_premium,
    "dark_pool_imbalance": _dark_pool_imbalance,
    "insider_ratio": _insider_ratio,
    "sector_rotation": _sector_rotation,
    "eps_divergence": _eps_divergence,
}


def _ratio(above: pl.Expr, below: pl.Expr, where: pl.Expr) -> pl.Expr:
    return pl.when(where).then(above / below)


def _imbalance(plus: pl.Expr, minus: pl.Expr) -> pl.Expr:
    return _ratio(plus - minus, plus + minus, plus + minus > 0)


def _joined(reasons: list[pl.Expr]) -> pl.Expr:
    text = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return pl.when(text != "").then(text)
