"""Free-data stand-in for dark-pool flow: the short share of off-exchange volume, from FINRA's daily files."""

from datetime import date, datetime
from typing import Any, ClassVar

import polars as pl

from feeds.schema import CONSOLIDATED, Part, Sessions, utc
from indicators.engine.history import added, assumed_notes, month_ends
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.spans import nanoseconds

NO_BAND = "no error band is defined: the volumes are counted, not estimated"
LABEL = "a stand-in from FINRA's free files: another quantity than the tape's imbalance, never spliced into its history"


class ShortShare(Indicator):
    """Dollar-weighted short share of off-exchange volume over an index's members (INDICATORS 4, stand-in).

    Formula
        share of a symbol = short volume / total volume, of what FINRA's facilities reported (exempt shorts included)
        value = Σ close · short volume / Σ close · total volume over the members, of the session before
        `volume_share` is the same without prices: Σ short volume / Σ total volume.
        A customer's purchase off-exchange is mostly a market maker's short sale: high is bullish.
    Units
        A pure number in [0, 1]. coverage = members with volume and a close ÷ members.
    Null rule
        A session whose session before has no file, or no member with both volume and a close, is null between sessions
        with values; it is never carried forward. Before the first stored members all symbols count, which a note
        says: a list that comes later changes no earlier reading.
    Timing
        FINRA publishes after the close: `lag` 1. Members are those of the newest snapshot at that time.
    Not weighed in the gauge: it stands beside the tape's reading, and takes no part's place.
    Source
        SqueezeMetrics, "Short is Long" (2017), the Dark Index (DIX); FINRA daily short sale volume files.
    """

    name: ClassVar[str] = "short_share"
    title: ClassVar[str] = "Off-exchange short share (free stand-in)"
    unit: ClassVar[str] = "share"
    lag: ClassVar[int] = 1
    weighed: ClassVar[bool] = False
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("short_volume", "history"),
        Input("daily_bars", "history"),
        Input("index_members", "history", optional=True),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "volumes": ("session", "date", "symbol"),
        "members": ("session", "index", "date", "symbol"),
    }

    index: str = "SPX"

    def measure(self, part: Part) -> Rows:
        """Off-exchange volume of each symbol and day with its close, and the members by snapshot."""
        rows: Rows = {}
        volumes, bars = part.tables.get("short_volume"), part.tables.get("daily_bars")
        if volumes is not None and bars is not None:
            whole = pl.col("facility") == CONSOLIDATED
            once = volumes.filter(whole | ~whole.any().over("date", "symbol")).sort("facility")
            closes = bars.select("date", "symbol", "close").unique(["date", "symbol"], keep="last")
            summed = once.group_by("session", "date", "symbol").agg(
                pl.col("short_volume", "total_volume").sum(), pl.col("known_at").max(), pl.col("assumed").first()
            )
            rows["volumes"] = summed.join(closes, on=["date", "symbol"], how="left")
        if (members := part.tables.get("index_members")) is not None:
            rows["members"] = members.select(*self.keys["members"], "known_at")
        return rows

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings from the first file on; `key` is one symbol. See `Indicator.value`."""
        volumes = rows.get("volumes")
        if volumes is None or volumes.is_empty():
            return []
        clock = sessions.frame().select("session", pl.col("n").cast(pl.Int64), closed="close")
        # a file that came late would enter with a newer one: each session reads the day before it, no other
        before = clock.select(session="session", date=pl.col("session").shift(1))
        volumes = volumes.join(clock, on="session").join(before, on=["session", "date"])
        members = rows.get("members")
        if as_of is not None:
            cut = nanoseconds(as_of)
            volumes = volumes.filter(pl.col("known_at") <= cut)
            members = None if members is None else members.filter(pl.col("known_at") <= cut)
        if volumes.is_empty():
            return []
        listed, chosen = self._chosen(volumes, members, clock, key)
        if since is not None:
            chosen = chosen.filter(pl.col("session") >= since)
        by_session = {row["session"]: row for row in self._summed(volumes, chosen).iter_rows(named=True)}
        notes = assumed_notes(volumes, "short_volume")
        first = int(volumes["n"].min())  # type: ignore[arg-type]
        readings = []
        for t in range(max(first, sessions.on_or_after(since)), len(sessions)):
            if as_of is not None and sessions.closes[t] > nanoseconds(as_of):
                break
            whole = () if t >= listed else (f"over all symbols: no members of {self.index} are stored",)
            said = (LABEL, *whole, *(text for since, text in notes if since <= t))
            readings.append(_reading(sessions.dates[t], sessions.dates[t - 1] if t else None, by_session, said))
        return readings if period == "session" else month_ends(readings, sessions)

    def _chosen(
        self, volumes: pl.DataFrame, members: pl.DataFrame | None, clock: pl.DataFrame, key: str | None
    ) -> tuple[int, pl.DataFrame]:
        """Position of the first session with a list of symbols, and those that count on each (session, symbol)."""
        if key is not None:
            return 0, clock.select("session", symbol=pl.lit(key))
        empty = pl.DataFrame(schema={"session": pl.Date, "date": pl.Date, "symbol": pl.String})
        own = empty if members is None else members.filter(pl.col("index") == self.index).select(empty.columns)
        snapshots = own.select(since="session", date="date").unique().sort("since", "date").unique("since", keep="last")
        dated = clock.sort("session").join_asof(snapshots.sort("since"), left_on="session", right_on="since")
        listed = dated["date"].null_count()
        # without a list of members nobody can say who is absent
        everyone = volumes.filter(pl.col("n") < listed).select("session", "symbol")
        members_of = dated.join(own.select("date", "symbol").unique(), on="date").select("session", "symbol")
        return listed, pl.concat([everyone, members_of])

    def _summed(self, volumes: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
        """Dollar sums by session over the chosen symbols that have volume and a close."""
        found = chosen.join(volumes, on=["session", "symbol"], how="left").sort("session", "symbol")
        priced = pl.col("close").is_not_null() & (pl.col("total_volume") > 0)
        groups = found.group_by("session", maintain_order=True).agg(
            short=(pl.col("close") * pl.col("short_volume")).filter(priced),
            total=(pl.col("close") * pl.col("total_volume")).filter(priced),
            shares_short=pl.col("short_volume").filter(priced),
            shares=pl.col("total_volume").filter(priced),
            members=pl.len().cast(pl.Int64),
            counted=priced.fill_null(False).sum().cast(pl.Int64),
            known_at=pl.col("known_at").max(),
        )
        return added(groups, "short", "total", "shares_short", "shares")

    def meaning(self, reading: Reading) -> str:
        """How much of off-exchange volume was sold short."""
        if reading.value is None:
            return reading.reason or ""
        return (
            f"{100 * reading.value:.1f} % of off-exchange dollars of {reading.components['of']} were short sales, most"
            " of them market makers' who filled buyers: compare it with its own past."
        )


def _reading(day: date, before: date | None, by_session: dict[date, dict[str, Any]], notes: tuple[str, ...]) -> Reading:
    row = by_session.get(day)
    components: dict[str, Any] = dict.fromkeys(("volume_share", "symbols", "of"))
    reason = None
    value = coverage = None
    if row is None or not row["counted"]:
        reason = f"no short volume with a close is stored for {before or 'the session before'}"
    else:
        value = row["short"] / row["total"]
        coverage = row["counted"] / row["members"]
        components = {
            "volume_share": row["shares_short"] / row["shares"],
            "symbols": row["counted"],
            "of": str(before),
        }
    reasons = {"low": NO_BAND, "high": NO_BAND}
    if reason:
        reasons |= dict.fromkeys(("value", "coverage", *components), reason)
    return Reading(
        session=day,
        value=value,
        coverage=coverage,
        reason=reason,
        reasons=reasons,
        known_at=None if row is None or row["known_at"] is None else utc(row["known_at"]),
        notes=notes,
        components=components,
    )
