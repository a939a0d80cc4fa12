"""Exchange sessions: which days traded, when they opened and closed, and to which one a time belongs."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from feeds.schema import Sessions

ZONES = {"XNYS": "America/New_York", "XSHG": "Asia/Shanghai"}
"""Where each exchange's clock hangs."""

_HOUR = 3600 * 1_000_000_000
_DAY = 24 * _HOUR
_RECORDED = {"XNYS": date.min, "XSHG": date(1990, 12, 19)}
"""Where an exchange's history, or the record of its holidays, begins: Shanghai's first session."""

_EVENING = 20
"""From 20:00 New York a print belongs to the next session (INDICATORS: conventions)."""


def exchange_sessions(exchange: str, start: date, end: date) -> Sessions:
    """Sessions of an exchange from `start` to `end`, both included.

    Parameters
    ----------
    exchange : "XNYS" or "XSHG"
    start, end : any days; the calendar knows about a year ahead, later sessions are not given

    Examples
    --------
    >>> exchange_sessions("XNYS", date(2025, 1, 8), date(2025, 1, 10)).dates
    (datetime.date(2025, 1, 8), datetime.date(2025, 1, 10))
    """
    import exchange_calendars  # half a second to import: only an ingest needs it

    # the default calendar starts twenty years back; its end is about a year ahead of today
    start = max(start, _RECORDED[exchange])
    first = max(start - timedelta(days=10), _RECORDED[exchange])
    calendar = exchange_calendars.get_calendar(exchange, start=first.isoformat())
    schedule = calendar.schedule.loc[start.isoformat() : min(end, calendar.last_session.date()).isoformat()]
    return Sessions(
        tuple(schedule.index.to_numpy("datetime64[D]").tolist()),
        schedule["open"].to_numpy("datetime64[ns]").astype(np.int64),
        schedule["close"].to_numpy("datetime64[ns]").astype(np.int64),
    )


def session_of(ts: pl.Series, sessions: Sessions, exchange: str = "XNYS") -> pl.Series:
    """The session to which each time belongs (Date), null where it belongs to none.

    Parameters
    ----------
    ts : Int64 series, nanoseconds UTC
    sessions : must reach a few sessions beyond the last time

    Notes
    -----
    00:00-20:00 New York belongs to that day when it is a session (option night sessions end in it); from 20:00 a time
    belongs to the next session, provided that the day itself or the day after is one. The rest (a Saturday noon, a
    holiday) is a time in no session.
    """
    first, last = ts.min(), ts.max()
    if isinstance(first, int) and isinstance(last, int) and last - first < _DAY and not ts.null_count():
        hours = pl.Series("hour", range(first // _HOUR, last // _HOUR + 1), dtype=pl.Int64)
        of_hours = _sessions_of_hours(hours, sessions, exchange)["session"]
        # Most lots of a tape are of one session, which their first and last time show without a look at the others.
        if of_hours.n_unique() == 1:
            return of_hours.new_from_index(0, ts.len())
    # A tape holds few distinct hours: decide once for each.
    given = (ts // _HOUR).alias("hour").to_frame()
    known = _sessions_of_hours(given["hour"].unique(), sessions, exchange)
    return given.join(known, on="hour", how="left", maintain_order="left", nulls_equal=True)["session"]


def _sessions_of_hours(hours: pl.Series, sessions: Sessions, exchange: str) -> pl.DataFrame:
    """`hour`, counted since 1970, and its `session`. Offsets from UTC have been whole hours since 1950."""
    days = (
        hours.to_frame()
        .with_columns(
            pl.from_epoch(pl.col("hour") * 3600)
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(ZONES[exchange])
            .alias("local")
        )
        .select("hour", day=pl.col("local").dt.date(), evening=pl.col("local").dt.hour() >= _EVENING)
    )
    answers = []
    for day, evening in days.select("day", "evening").iter_rows():
        answer: date | None = None
        if day is not None:
            if not evening:
                answer = day if day in sessions else None
            elif day in sessions or day + timedelta(days=1) in sessions:
                at = int(np.searchsorted(sessions.days, np.datetime64(day), side="right"))
                answer = sessions.dates[at] if at < len(sessions) else None
        answers.append(answer)
    return days.select("hour", session=pl.Series(answers, dtype=pl.Date))
