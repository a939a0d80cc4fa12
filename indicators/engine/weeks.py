"""Weekly readings: ISO weeks on an exchange's sessions, and what every indicator of weeks does alike.

A week ends on its last session, as the calendar knows it, and only then has a reading. A row belongs to the week of the
session into whose reading it enters: what becomes known a day late counts a day late. Short weeks have means, not sums.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import TABLES, Part, Sessions, utc
from indicators.engine.history import assumed_notes
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.spans import nanoseconds
from seeds.shenwan import industries

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YI = 1e8
"""亿: the hundred million in which the A-share market counts money and shares."""

NO_BAND = "no error band is defined"
FRIDAY = 4


@dataclass(frozen=True)
class Weeks:
    """Finished ISO weeks: positions of the first and the last session of each, ascending."""

    sessions: Sessions
    first: Ints
    last: Ints

    @classmethod
    def finished(cls, sessions: Sessions, as_of: datetime | None = None) -> "Weeks":
        """The weeks that have ended within the sessions, and by `as_of`.

        The last session ends its week if the session after it, where the calendar knows it, lies in another one.
        """
        number = week_number(sessions.days)
        if not len(number):
            return cls(sessions, number, number)
        starts = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
        ends = np.append(starts[1:] - 1, len(number) - 1)
        newest, after = sessions.dates[-1], sessions.following
        over = newest.weekday() >= FRIDAY if after is None else after - newest > timedelta(6 - newest.weekday())
        count = len(ends) - (not over)
        if as_of is not None:
            count = min(count, int(np.searchsorted(sessions.closes[ends], nanoseconds(as_of), side="right")))
        return cls(sessions, starts[:count].astype(np.int64), ends[:count].astype(np.int64))

    def __len__(self) -> int:
        return len(self.last)

    def day(self, week: int) -> date:
        """The date on which a week's reading stands."""
        return self.sessions.dates[int(self.last[week])]

    @cached_property
    def iso(self) -> list[tuple[int, int]]:
        """ISO year and week number of each week."""
        return [self.day(w).isocalendar()[:2] for w in range(len(self))]


def week_number(days: npt.NDArray[np.datetime64]) -> Ints:
    """Monday-based weeks since the one of 1970-01-01."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) // 7


@dataclass(frozen=True)
class History:
    """An indicator's tables on the sessions, cut at what may be known.

    `frames` hold each table's rows with `n`, the position of the session that the row enters, oldest first; `since` is
    the position of the first session whose reading is asked for.
    """

    weeks: Weeks
    frames: Mapping[str, pl.DataFrame]
    required: tuple[str, ...]
    _notes: list[tuple[int, str]] = field(default_factory=list)
    since: int = 0

    @property
    def first(self) -> int:
        """The first week to tell: of those that end at `since` or later, one with or after a row of a required table.

        The number of weeks if there is none.
        """
        heads = [int(frame["n"][0]) for name in self.required if (frame := self.frames[name]).height]
        return int(np.searchsorted(self.weeks.last, max(min(heads), self.since))) if heads else len(self.weeks)

    def grid(self, table: str, by: str, column: str, where: pl.Expr | None = None) -> tuple[list[str], Floats]:
        """One column as a matrix (sessions, names), names in code order; NaN where there is no row."""
        frame = self.frames[table] if where is None else self.frames[table].filter(where)
        names = sorted(frame[by].drop_nulls().unique().to_list())
        places = pl.DataFrame({by: names, "at": range(len(names))}, schema={by: pl.String, "at": pl.Int64})
        placed = frame.join(places, on=by, maintain_order="left")
        out = np.full((len(self.weeks.sessions), len(names)), np.nan)
        out[placed["n"].to_numpy(), placed["at"].to_numpy()] = placed[column].fill_null(np.nan).to_numpy()
        return names, out

    def daily(self, table: str, column: str, where: pl.Expr | None = None) -> Floats:
        """One column by session; NaN where there is no row. Of several rows of a session the latest date's counts."""
        frame = self.frames[table] if where is None else self.frames[table].filter(where)
        out = np.full(len(self.weeks.sessions), np.nan)
        frame = frame.filter(pl.col(column).is_not_null())
        out[frame["n"].to_numpy()] = frame[column].to_numpy()
        return out

    def spans(self) -> list[slice]:
        """Each week's sessions."""
        return [slice(int(a), int(z) + 1) for a, z in zip(self.weeks.first, self.weeks.last, strict=True)]

    def mean(self, daily: Floats) -> Floats:
        """Mean by week over the sessions that have a number, along the first axis; NaN where none has."""
        out = np.full((len(self.weeks), *daily.shape[1:]), np.nan)
        for w, span in enumerate(self.spans()):
            present = ~np.isnan(daily[span])
            count = present.sum(axis=0)
            total = np.where(present, daily[span], 0.0).sum(axis=0)
            out[w] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return out

    def last(self, daily: Floats) -> Floats:
        """The week's last number, along the first axis; NaN where the week has none."""
        out = np.full((len(self.weeks), *daily.shape[1:]), np.nan)
        for w, span in enumerate(self.spans()):
            for row in daily[span]:
                out[w] = np.where(np.isnan(row), out[w], row)
        return out

    def returns(self, daily: Floats) -> Floats:
        """Return on the week, in per cent, from the last close of the week before to this week's."""
        closes = self.last(daily)
        out = np.full_like(closes, np.nan)
        out[1:] = 100.0 * (closes[1:] / closes[:-1] - 1.0)
        return out

    def known_at(self, week: int) -> datetime:
        """When all that a week's reading may rest on was known: its close, or the evening after it."""
        return utc(int(self._known[self.weeks.last[week]]))

    @cached_property
    def _known(self) -> Ints:
        known: Ints = self.weeks.sessions.closes.astype(np.int64).copy()
        for frame in self.frames.values():
            np.maximum.at(known, frame["n"].to_numpy(), frame["known_at"].to_numpy())
        return np.maximum.accumulate(known)

    def reading(
        self,
        week: int,
        value: float | None,
        components: dict[str, Any],
        reasons: Mapping[str, str],
        coverage: float | None,
        notes: Sequence[str] = (),
    ) -> Reading:
        """A week's reading; every null among value and components must have its reason."""
        said = {name: text for name, text in reasons.items() if name == "value" or components.get(name, 0) is None}
        if value is not None:
            said.pop("value", None)
        assumed = [text for since, text in self._notes if since <= self.weeks.last[week]]
        return Reading(
            session=self.weeks.day(week),
            value=value,
            coverage=coverage,
            reason=next(iter(said.values()), None),
            reasons=said | {"low": NO_BAND, "high": NO_BAND},
            known_at=self.known_at(week),
            notes=(*assumed, *notes),
            components=components,
        )


def keys_of(inputs: Sequence[Input]) -> dict[str, tuple[str, ...]]:
    """The keys of the frames that `Weekly.measure` returns, one a table."""
    return {need.table: ("session", *TABLES[need.table].key) for need in inputs}


class Weekly(Indicator):
    """An indicator of the A-share market with one reading a week; subclasses give `weekly`."""

    market: ClassVar[Literal["us", "china"]] = "china"
    cadence: ClassVar[Literal["session", "week"]] = "week"

    @abstractmethod
    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """Readings of `history.weeks` from `history.first` on."""

    def measure(self, part: Part) -> Rows:
        """The columns of each table that the indicator looks at, with their keys."""
        rows: Rows = {}
        for need in self.inputs:
            if (frame := part.tables.get(need.table)) is None:
                continue
            absent = [pl.lit(None, pl.Float64).alias(name) for name in need.columns if name not in frame.columns]
            names = dict.fromkeys(
                (*self.keys[need.table], *need.columns, *(("date",) if "date" in frame.columns else ()))
            )
            rows[need.table] = frame.with_columns(absent).select(*names, "known_at", "assumed")
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
        """One reading a finished week, from the first week with a row on; see `Indicator.value`."""
        clock = sessions.frame().select("session", n=pl.col("n").cast(pl.Int64))
        frames, notes = {}, []
        for need in self.inputs:
            if (frame := rows.get(need.table)) is None:
                kinds = dict.fromkeys((*self.keys[need.table], *need.columns), pl.Null())
                frame = pl.DataFrame(
                    schema=kinds | {"session": pl.Date(), "known_at": pl.Int64(), "assumed": pl.String()}
                )
            if as_of is not None:
                frame = frame.filter(pl.col("known_at") <= nanoseconds(as_of))
            frames[need.table] = frame.join(clock, on="session", maintain_order="left")
            notes += assumed_notes(frames[need.table], need.table)
        required = tuple(need.table for need in self.inputs if not need.optional)
        weeks = Weeks.finished(sessions, as_of)
        found = self.weekly(History(weeks, frames, required, notes, sessions.on_or_after(since)), key)
        return found if period == "session" else month_ends(found, sessions)


def month_ends(readings: Sequence[Reading], sessions: Sessions) -> list[Reading]:
    """The last weekly reading of each month; noted month-to-date where another week may still end in the month."""
    last = {f"{reading.session:%Y-%m}": reading for reading in readings}
    after = sessions.following or (sessions.dates[-1] + timedelta(days=1) if len(sessions) else date.max)
    out = []
    for month, reading in last.items():
        running = reading is readings[-1] and (reading.session + timedelta(days=7)).month == reading.session.month
        notes = (*reading.notes, "month-to-date") if running and after.month == reading.session.month else reading.notes
        out.append(reading.model_copy(update={"month": month, "notes": notes}))
    return out


def number(x: float) -> float | None:
    """A float, None for NaN."""
    return None if np.isnan(x) else float(x)


def ratio(part: int, whole: int) -> float | None:
    """part/whole, None where there is nothing to divide by."""
    return part / whole if whole else None


LEVEL_ONE = pl.col("industry").is_in(list(industries())) | ~pl.col("industry").str.contains(r"^8[05]\d{4}$")
"""Rows of level-1 industries: a code in Shenwan's style that is none of them is a finer industry or a market index."""


def industry_name(code: str) -> str:
    """An industry's English and Chinese names; a code that nobody named stands for itself.

    >>> industry_name("801780"), industry_name("X1")
    ('Banks 银行', 'X1')
    """
    found = industries().get(code)
    return f"{found.english} {found.chinese}" if found else code


def roster(history: History, symbols: Sequence[str]) -> tuple[list[str], Ints]:
    """Each stock's industry at each week's end.

    Returns
    -------
    names : industries in code order
    member : int64 (weeks, symbols), position in names, -1 where a stock has none. The row that began last holds.
    """
    rows = history.frames["cn_members"].sort("from_date", maintain_order=True)
    names = sorted(rows["industry"].unique().to_list())
    place = {name: i for i, name in enumerate(names)}
    column = {symbol: j for j, symbol in enumerate(symbols)}
    ends = history.weeks.sessions.days[history.weeks.last]
    member = np.full((len(history.weeks), len(symbols)), -1, dtype=np.int64)
    for industry, symbol, until, n in rows.select("industry", "symbol", "to_date", "n").iter_rows():
        if (j := column.get(symbol)) is None:
            continue
        first = int(np.searchsorted(history.weeks.last, n))
        member[first:, j] = place[industry]
        if until is not None:
            member[max(first, int(np.searchsorted(ends, np.datetime64(until), side="right"))) :, j] = -1
    return names, member
