"""The daily tables of the synthetic market: what of its days is published, in canonical columns."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from feeds.synthetic_daily import I64, INDEX, SECTORS, Daily, Links, days_of, stream, text


def _day_column(days: I64) -> pl.Series:
    return pl.Series(days.astype(np.int32)).cast(pl.Date)


def index_levels(daily: Daily) -> pl.DataFrame:
    """Open, high, low and close of the index."""
    days = _day_column(days_of(daily.sessions.dates))
    if INDEX in daily.symbols:
        at = daily.symbols.index(INDEX)
        columns = {n: getattr(daily, n)[:, at] for n in ("open", "high", "low", "close")}
    else:
        level = daily.capitalisation.sum(axis=1)
        columns = {n: np.rint(level / level[0] * 420_000.0) / 100 for n in ("open", "high", "low", "close")}
    return pl.DataFrame({"date": days, "index": pl.repeat(INDEX, len(days), eager=True), **columns})


def daily_bars(daily: Daily) -> pl.DataFrame:
    """Bars of everything listed, by session and symbol; no dividends or splits, so `adj_close` is `close`."""
    at = daily.listed
    days = np.repeat(days_of(daily.sessions.dates), len(at))
    columns = {name: getattr(daily, name)[:, at].ravel() for name in ("open", "high", "low", "close", "volume")}
    symbols = text(daily.symbols, np.tile(at, len(daily.sessions)))
    return pl.DataFrame(
        {"date": _day_column(days), "symbol": symbols, **columns, "adj_close": columns["close"]},
    )


def index_members(daily: Daily) -> pl.DataFrame:
    """Each equity's share in the index at each session's close."""
    at = daily.equities
    weights = daily.capitalisation / daily.capitalisation.sum(axis=1, keepdims=True)
    days = np.repeat(days_of(daily.sessions.dates), len(at))
    return pl.DataFrame(
        {
            "date": _day_column(days),
            "index": pl.repeat(INDEX, len(days), eager=True),
            "symbol": text(daily.symbols, np.tile(at, len(daily.sessions))),
            "weight": weights.ravel(),
        }
    )


def sectors(daily: Daily) -> pl.DataFrame:
    """GICS sectors from the first session, and two themes whose members come and go."""
    first, dates = daily.sessions.dates[0], daily.sessions.dates
    joined, left = dates[len(dates) // 2], dates[3 * len(dates) // 4]
    shares = daily.capitalisation[-1] / daily.capitalisation[-1].sum()
    rows: list[tuple[str, str, str, date, date | None, float | None]] = [
        ("gics", SECTORS[daily.sector[i]], daily.symbols[i], first, None, float(shares[i])) for i in daily.equities
    ]
    equities = [daily.symbols[i] for i in daily.equities]
    rows += [("theme", "space", symbol, joined, None, None) for symbol in equities[6:10]]
    rows += [("theme", "remote_work", symbol, first, left, None) for symbol in equities[1:4]]
    rows += [("theme", "remote_work", symbol, first, None, None) for symbol in equities[4:6]]
    names = ("scheme", "group", "symbol", "from_date", "to_date", "weight")
    kinds = (pl.String, pl.String, pl.String, pl.Date, pl.Date, pl.Float64)
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


def _quarter_end(quarter: int) -> date:
    """Last day of a quarter counted from 1970."""
    year, rest = divmod(quarter + 1, 4)
    return date(1970 + year, 3 * rest + 1, 1) - timedelta(days=1)


def forward_eps(daily: Daily, seed: int) -> pl.DataFrame:
    """Vintages every tenth session: the last six quarters ended and the next seven.

    eps(q) = base · e^(7 % a year + season + revision up to min(published, 30 days after q)) · noise of the vintage.
    What is reported no longer moves.
    """
    random = stream(seed, 4)
    dates, days = daily.sessions.dates, days_of(daily.sessions.dates)
    base = index_levels(daily)["close"][0] / 20.0 / 4.0
    season = np.array([-0.03, 0.0, 0.01, 0.02])
    published: list[date] = []
    ends: list[date] = []
    values: list[float] = []
    for at in range(len(dates) % 10, len(dates), 10):
        now = (dates[at].year - 1970) * 4 + (dates[at].month - 1) // 3
        surprise = float(random.normal(0.0, 0.0015))
        for quarter in range(now - 6, now + 7):
            end = _quarter_end(quarter)
            final = days_of([end])[0] + 30
            known = min(at, max(int(np.searchsorted(days, final, side="right")) - 1, 0))
            # what lies further ahead is revised more
            ahead = min(1.0, max(0.0, 0.6 + (quarter - now) * 0.1)) if final > days[at] else 0.6
            growth = 0.07 * (days_of([end])[0] - days[0]) / 365.25
            noise = surprise if final > days[at] else 0.0
            published.append(dates[at])
            ends.append(end)
            values.append(base * float(np.exp(growth + season[quarter % 4] + ahead * daily.revision[known] + noise)))
    return pl.DataFrame(
        {
            "published": published,
            "index": [INDEX] * len(published),
            "quarter_end": ends,
            "eps": [round(value, 4) for value in values],
        }
    )


_PUT_CALL = (("equity", 2_400_000, 0.55, 0.09), ("index", 1_100_000, 1.25, 0.13), ("etp", 1_300_000, 0.95, 0.11))
"""Class, calls of a quiet session, puts for a call, and the standard deviation of its logarithm."""


def put_call_volume(daily: Daily, seed: int, links: Links) -> pl.DataFrame:
    """Puts and calls by class: fewer puts in a bull state where `option_flow` links them; the total is their sum."""
    random = stream(seed, 7)
    days, state = _day_column(days_of(daily.sessions.dates)), daily.state
    frames = []
    for name, quiet, typical, spread in _PUT_CALL:
        calls = np.rint(quiet * np.exp(0.2 * random.standard_normal(len(days))))
        ratio = typical * np.exp(spread * random.standard_normal(len(days)) - links.option_flow * state)
        frames.append(pl.DataFrame({"date": days, "class": name, "puts": np.rint(calls * ratio), "calls": calls}))
    classes = pl.concat(frames)
    total = classes.group_by("date").agg(pl.lit("total").alias("class"), pl.col("puts", "calls").sum())
    return pl.concat([classes, total]).sort("date", "class")
