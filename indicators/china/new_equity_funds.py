"""How eagerly new equity funds are bought (CHINA, row 12)."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import History, Ints, Weekly, Weeks, keys_of, number

EQUITY = r"^(股票|指数型-股票|混合型-偏股)"
CLOSURE = 7


class NewEquityFunds(Weekly):
    """Units raised by newly founded equity funds, a day, over days with data.

    Formula
    -------
        value = Σ units of the week / number of its days with data              unit: 亿份 a day (100 million units)

    A fund counts on the day of its foundation, in the week of the session on or after it; funds of no told kind count,
    else those whose kind is equity (股票型, 指数型-股票, 混合型-偏股). `year_before` is the same ISO week a year
    earlier, `yoy` the change on it in per cent, `week_before` and `wow` likewise; week 53, and a week without a
    counterpart, has none. `spring_festival` marks weeks that touch the exchange's closure for the festival, which moves
    by up to a month, in this year or in the one compared with.

    NaN rule: a week without a day of data is null. coverage = 1 with a value, else 0: days without a foundation are no
    gaps. Verdict: reproduced, exact on real data. Source: CHINA, row 12.
    """

    name: ClassVar[str] = "new_equity_funds"
    title: ClassVar[str] = "New equity funds"
    chinese: ClassVar[str] = "新成立偏股型基金"
    unit: ClassVar[str] = "亿份 a day"
    pillar: ClassVar[str] = "funds"
    row: ClassVar[int] = 12
    verdict: ClassVar[Verdict] = "reproduced"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_new_funds", "history", columns=("kind", "units")),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        weeks = history.weeks
        mean, days = self._daily_mean(history)
        place = {iso: w for w, iso in enumerate(weeks.iso)}
        festival = spring_festival(weeks)
        readings = []
        for w in range(history.first, len(weeks)):
            year, week = weeks.iso[w]
            then = place.get((year - 1, week)) if week != 53 else None
            before, earlier = mean[w - 1] if w else np.nan, np.nan if then is None else mean[then]
            components: dict[str, Any] = {
                "days": int(days[w]),
                "year_before": number(earlier),
                "yoy": number(100.0 * (mean[w] / earlier - 1.0)) if earlier > 0 else None,
                "week_before": number(before),
                "wow": number(100.0 * (mean[w] / before - 1.0)) if before > 0 else None,
            }
            none = "no equity fund was founded in this week"
            no_year = (
                "week 53 has no counterpart a year before"
                if week == 53
                else f"nothing is stored for week {week} of {year - 1}"
            )
            no_week = "nothing is stored for the week before"
            reasons = {
                "value": none,
                "year_before": no_year,
                "yoy": none if np.isnan(mean[w]) else no_year,
                "week_before": no_week,
                "wow": none if np.isnan(mean[w]) else no_week,
            }
            touched = bool(festival[w]) or (then is not None and bool(festival[then]))
            components["spring_festival"] = touched
            notes = ("the week, or the same one a year before, touches the Spring Festival",) if touched else ()
            coverage = float(not np.isnan(mean[w]))
            readings.append(history.reading(w, number(mean[w]), components, reasons, coverage, notes))
        return readings

    def _daily_mean(self, history: History) -> tuple[np.ndarray, Ints]:
        """Units a day by week, and the days with data."""
        frame = history.frames["cn_new_funds"]
        kind = pl.col("kind").cast(pl.String)
        frame = frame.filter(kind.is_null() | kind.str.contains(EQUITY))
        total, days = np.zeros(len(history.weeks)), np.zeros(len(history.weeks), dtype=np.int64)
        seen: set[tuple[int, Any]] = set()
        at = np.searchsorted(history.weeks.last, frame["n"].to_numpy())
        for w, day, units in zip(at.tolist(), frame["date"], frame["units"], strict=True):
            if w < len(total):
                total[w] += units
                days[w] += (w, day) not in seen
                seen.add((w, day))
        return np.where(days > 0, total / np.maximum(days, 1), np.nan), days

    def meaning(self, reading: Reading) -> str:
        """Whether savers come."""
        if reading.value is None:
            return reading.reason or ""
        yoy = reading.components["yoy"]
        said = f"New equity funds raised {reading.value:.2f} 亿份 a day"
        if yoy is None:
            return f"{said}."
        return f"{said}, {yoy:+.0f} % on the same week a year before."


def spring_festival(weeks: Weeks) -> np.ndarray:
    """Weeks that touch the exchange's longest closure between 10 January and 5 March.

    Returns bool (weeks,): the week that ends with the closure, those within and the one that begins after it.
    """
    days = [*weeks.sessions.dates, *([weeks.sessions.following] if weeks.sessions.following else [])]
    touched = np.zeros(len(weeks), dtype=bool)
    for i in range(len(days) - 1):
        gap = (days[i + 1] - days[i]).days
        winter = (days[i].month, days[i].day) >= (1, 10) and (days[i + 1].month, days[i + 1].day) <= (3, 5)
        if winter and days[i].month <= 3 and gap >= CLOSURE:
            ends, begins = np.searchsorted(weeks.last, i), np.searchsorted(weeks.last, i + 1)
            touched[ends : begins + 1] = True
    return touched
