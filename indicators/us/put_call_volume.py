"""Traditional put/call ratio by contracts, from Cboe's daily volumes: what the press calls the put/call ratio."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Literal

import polars as pl

from feeds.schema import Part, Sessions, utc
from indicators.engine.history import assumed_notes, month_ends
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.spans import nanoseconds

CLASSES = ("equity", "index", "etp", "total")
NO_BAND = "no error band is defined: the volumes are counted, not estimated"
LONGEST_BREAK = timedelta(days=7)
"""No two US sessions since 2001 lie further apart."""

LABEL = "contracts of Cboe's own exchanges, bought and sold alike: it says nothing of who started a trade"


class PutCallVolume(Indicator):
    """Put volume over call volume of a class of options, as Cboe publishes it (INDICATORS 1, beside the premium).

    Formula
        value = put contracts / call contracts of the class `of`, of the session before
    Units
        A pure number; high is bearish (`direction` −1); coverage 1: every contract of the class is counted.
        Components: the ratio of every class, and the contracts of `of`.
        The same ratio over a stored tape is `put_call_volume` among the components of `directional_premium`.
    Null rule
        A session whose session before has no row of the class, or no call contracts in it, is null between sessions
        with values; it is never carried forward.
    Timing
        Cboe publishes after the close: `lag` 1.
    Not weighed in the gauge: it stands beside the tape's reading, and takes no part's place.
    Source
        Cboe Global Markets, U.S. options market statistics, daily volume and put/call ratios; golden figures with their
        sources in `seeds/put_call_golden.toml`.
    """

    name: ClassVar[str] = "put_call_volume"
    title: ClassVar[str] = "Put/call by volume (Cboe)"
    unit: ClassVar[str] = "ratio"
    direction: ClassVar[Literal[1, -1]] = -1
    lag: ClassVar[int] = 1
    weighed: ClassVar[bool] = False
    inputs: ClassVar[tuple[Input, ...]] = (Input("put_call_volume", "history"),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = {"volumes": ("session", "date", "class")}

    of: Literal["equity", "index", "etp", "total"] = "total"

    def measure(self, part: Part) -> Rows:
        """The volumes as they rest."""
        volumes = part.tables.get("put_call_volume")
        if volumes is None:
            return {}
        return {"volumes": volumes.select(*self.keys["volumes"], "puts", "calls", "known_at", "assumed")}

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings from the first row on; `key` is a class of options instead of `of`. See `Indicator.value`."""
        of = key or self.of
        volumes = rows.get("volumes")
        if volumes is None or volumes.is_empty() or of not in CLASSES:
            return []
        clock = sessions.frame().select("session", n=pl.col("n").cast(pl.Int64))
        # a row that came late would enter with a newer one: each session reads the day before it, no other
        before = clock.select("session", date=pl.col("session").shift(1, fill_value=_day_before(volumes, sessions)))
        volumes = volumes.join(clock, on="session").join(before, on=["session", "date"])
        if as_of is not None:
            volumes = volumes.filter(pl.col("known_at") <= nanoseconds(as_of))
        if volumes.is_empty():
            return []
        notes = assumed_notes(volumes, "put_call_volume")
        by_session: dict[Any, dict[str, dict[str, Any]]] = {}
        for row in volumes.iter_rows(named=True):
            by_session.setdefault(row["session"], {})[row["class"]] = row
        readings = []
        first = int(volumes["n"].min())  # type: ignore[arg-type]
        for t in range(max(first, sessions.on_or_after(since)), len(sessions)):
            if as_of is not None and sessions.closes[t] > nanoseconds(as_of):
                break
            said = (LABEL, *(text for since, text in notes if since <= t))
            readings.append(_reading(sessions, t, by_session.get(sessions.dates[t], {}), of, said))
        return readings if period == "session" else month_ends(readings, sessions)

    def meaning(self, reading: Reading) -> str:
        """How many puts were traded for a call."""
        if reading.value is None:
            return reading.reason or ""
        return f"{reading.value:.2f} puts were traded for every call on {reading.components['of']}."


def _day_before(volumes: pl.DataFrame, sessions: Sessions) -> date | None:
    """The session before the first one, which no calendar of stored sessions has: the newest day that it knew."""
    first = sessions.dates[0]
    near = pl.col("date").is_between(first - LONGEST_BREAK, first, closed="left")
    found = volumes.filter(pl.col("session") == first, near)["date"].max()
    return found if isinstance(found, date) else None


def _reading(sessions: Sessions, t: int, rows: dict[str, dict[str, Any]], of: str, notes: tuple[str, ...]) -> Reading:
    before = sessions.dates[t - 1] if t else None
    ratios = {name: _ratio(rows.get(name)) for name in CLASSES}
    own = rows.get(of)
    components: dict[str, Any] = {
        **ratios,
        "puts": own["puts"] if own else None,
        "calls": own["calls"] if own else None,
        "of": str(own["date"]) if own else None,
    }
    reasons = {"low": NO_BAND, "high": NO_BAND}
    for name in CLASSES:
        if ratios[name] is None:
            what = "no call contracts to divide by" if name in rows else f"no {name} volumes are stored"
            reasons[name] = f"{what} for {before or 'the session before'}"
    if own is None:
        reasons |= dict.fromkeys(("puts", "calls", "of"), reasons[of])
    if ratios[of] is None:
        reasons["value"] = reasons["coverage"] = reasons[of]
    known = [row["known_at"] for row in rows.values()]
    return Reading(
        session=sessions.dates[t],
        value=ratios[of],
        coverage=None if ratios[of] is None else 1.0,
        reason=reasons.get("value"),
        reasons=reasons,
        known_at=utc(max(known)) if known else None,
        notes=notes,
        components=components,
    )


def _ratio(row: dict[str, Any] | None) -> float | None:
    return None if row is None or not row["calls"] else float(row["puts"] / row["calls"])
