"""What FINRA would publish of the synthetic market: daily short volume off exchange, and weekly volume by venue."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from feeds.synthetic_daily import F64, Daily, Links, days_of, stream, text

FACILITIES = ("Q", "N")
"""The two trade reporting facilities that nearly all off-exchange volume goes through (Nasdaq Carteret, NYSE)."""

VENUES = ("XATS", "YATS", "ZATS")
"""Alternative trading systems, nobody's."""

_SHORT, _WEEKLY = 5, 6
_OFF_EXCHANGE = 0.42
_MEAN_LOG_ODDS = -0.20
"""Short share of off-exchange volume: 45 % where the state does not lean."""

_FIRST_FACILITY = 0.8
_ATS_SHARE = 0.12
_WEEKS = 60
_PUBLISHED_AFTER = timedelta(days=21)
"""Two weeks after the end of the week, for the stocks of the first tier."""


def short_volume(daily: Daily, seed: int, links: Links) -> pl.DataFrame:
    """Short and total volume off exchange, by session, listed symbol and facility.

    off exchange = volume · share, share about 42 %; short share = logistic(−0.2 + `short_sales` · state + noise). Whole
    shares, and never more than the bar's volume; a facility without volume has no row.
    """
    random = stream(seed, _SHORT)
    at = daily.listed
    shape = (len(daily.sessions), len(at), len(FACILITIES))
    lean = links.short_sales * daily.state.astype(float)[:, None, None]
    habit = 0.15 * random.standard_normal(len(at))[None, :, None]
    odds = _MEAN_LOG_ODDS + lean + habit + 0.20 * random.standard_normal(shape)
    off = daily.volume[:, at] * np.clip(_OFF_EXCHANGE + 0.06 * random.standard_normal(shape[:2]), 0.1, 0.8)
    first = np.clip(_FIRST_FACILITY + 0.05 * random.standard_normal(shape[:2]), 0.0, 1.0)
    total: F64 = np.floor(np.stack([off * first, off * (1.0 - first)], axis=2))
    short: F64 = np.floor(total / (1.0 + np.exp(-odds)))
    exempt: F64 = np.floor(short * 0.01 * random.random(shape))
    days = np.repeat(days_of(daily.sessions.dates), shape[1] * shape[2])
    frame = pl.DataFrame(
        {
            "date": pl.Series(days.astype(np.int32)).cast(pl.Date),
            "symbol": text(daily.symbols, np.tile(np.repeat(at, shape[2]), shape[0])),
            "facility": text(FACILITIES, np.tile(np.arange(shape[2]), shape[0] * shape[1])),
            "short_volume": short.ravel(),
            "short_exempt_volume": exempt.ravel(),
            "total_volume": total.ravel(),
        }
    )
    return frame.filter(pl.col("total_volume") > 0)


def ats_weekly(daily: Daily, seed: int) -> pl.DataFrame:
    """Shares and trades of each venue by week and equity, an eighth of the volume, over the last year and a bit.

    What is published after the last session is not in.
    """
    random = stream(seed, _WEEKLY)
    mondays = np.array([_monday(day) for day in daily.sessions.dates], dtype="datetime64[D]")
    weeks, week = np.unique(mondays, return_inverse=True)
    volume = np.zeros((len(weeks), len(daily.equities)))
    np.add.at(volume, week, daily.volume[:, daily.equities])
    weeks, volume = weeks[-_WEEKS:], volume[-_WEEKS:]
    part = _ATS_SHARE / len(VENUES) * np.exp(0.3 * random.standard_normal((*volume.shape, len(VENUES))))
    shares = np.floor(volume[:, :, None] * np.minimum(part, 0.3))
    trades = np.maximum(np.floor(shares / (90.0 + 60.0 * random.random(shares.shape))), 1.0)
    start = pl.Series(np.repeat(weeks, shares[0].size)).cast(pl.Date)
    frame = pl.DataFrame(
        {
            "week_start": start,
            "symbol": text(daily.symbols, np.tile(np.repeat(daily.equities, len(VENUES)), len(weeks))),
            "venue": text(VENUES, np.tile(np.arange(len(VENUES)), len(weeks) * len(daily.equities))),
            "shares": shares.ravel(),
            "trades": trades.ravel(),
            "published": start + _PUBLISHED_AFTER,
        }
    )
    return frame.filter((pl.col("published") < daily.sessions.dates[-1]) & (pl.col("shares") > 0))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
