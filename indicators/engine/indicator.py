"""The shape of an indicator: its parameters, its inputs, and four pure steps from tape to score.

measure(part)   → Rows     any part, any order, any thread; integers by key
combine(parts)  → Rows     concatenate and sort: the same bytes however the parts were cut
value(rows, …)  → readings lookbacks, months, cross-section, coverage, error band, reasons
score(readings) → 0-100    against the readings' own past only
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from feeds.schema import Part, Sessions
from indicators.engine.told import Told
from indicators.kernels.rank import trailing_percentile

Rows = dict[str, pl.DataFrame]
"""What `measure` returns and `value` reads: named frames, each led by its key columns."""

Period = Literal["session", "month"]

Verdict = Literal["reproduced", "family", "arithmetic", "consistent", "sign only", "input only", "ours", ""]
"""How a formula stands to numbers published elsewhere: reproduced on real data, its family found, plain arithmetic,
consistent with them, its sign only, its input only, or our own; "" where nothing was published."""


@dataclass(frozen=True)
class Input:
    """A table an indicator reads. `session`: whole (session, instrument) blocks; `history`: the whole small table.

    `columns` are those of a tape that `measure` looks at; empty means all. A small table always comes whole.
    """

    table: str
    split: Literal["session", "history"]
    optional: bool = False
    columns: tuple[str, ...] = ()


class Reading(BaseModel):
    """One value of an indicator, with everything needed to trust or doubt it.

    Money among the components is `Decimal`, exact dollars. `reason` is set when the value or any component is null;
    `reasons` says so per component. `notes` are flags that hold for the number (an assumed column, month-to-date, …).
    """

    model_config = ConfigDict(frozen=True)

    session: date
    month: str | None = None
    value: float | None
    coverage: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    reasons: dict[str, str] = Field(default_factory=dict)
    known_at: datetime | None = None
    notes: tuple[str, ...] = ()
    components: dict[str, Any] = Field(default_factory=dict)


class Indicator(BaseModel, ABC):
    """A frozen set of parameters, with pure methods. Subclasses state formula, units, NaN rule and source.

    Class attributes beside those that say how to run it:

    pillar : the group that shares one weight in the gauge; "" for an indicator that stands alone
    weighed : False for one that is shown and not weighed
    row : its place on its market's page
    chinese : its Chinese name, shown beside the English one
    verdict : what its numbers may claim
    relative : whether its change on the week is a percentage of the week before, not a difference
    in_key_order : rows that `measure` returns in the order of their keys already, none of them null
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    market: ClassVar[Literal["us", "china"]] = "us"
    direction: ClassVar[Literal[1, -1]] = 1
    lag: ClassVar[int] = 0
    warmup: ClassVar[int] = 0
    cadence: ClassVar[Literal["session", "week"]] = "session"
    weighed: ClassVar[bool] = True
    pillar: ClassVar[str] = ""
    row: ClassVar[int] = 0
    chinese: ClassVar[str] = ""
    verdict: ClassVar[Verdict] = ""
    relative: ClassVar[bool] = False
    inputs: ClassVar[tuple[Input, ...]]
    keys: ClassVar[dict[str, tuple[str, ...]]]
    in_key_order: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def measure(self, part: Part) -> Rows:
        """Rows by keys from one part; each key comes from exactly one part."""

    def combine(self, parts: Iterable[Rows]) -> Rows:
        """Concatenate and sort by keys, so that the order in which parts arrive leaves no trace."""
        gathered: dict[str, list[pl.DataFrame]] = {}
        for rows in parts:
            for name, frame in rows.items():
                gathered.setdefault(name, []).append(frame)
        return {name: self._sorted(name, frames) for name, frames in sorted(gathered.items())}

    def _sorted(self, name: str, frames: list[pl.DataFrame]) -> pl.DataFrame:
        """Frames as one, by keys; of those in order already only such are sorted as lie over one another."""
        keys = self.keys[name]
        held = [frame for frame in frames if frame.height] if name in self.in_key_order else []
        if not held:
            return pl.concat(frames, how="vertical").sort(keys, nulls_last=True)
        first, *others = sorted(held, key=lambda frame: (frame[keys[0]][0], frame[keys[0]][-1]))
        stretches = [[first]]
        for frame in others:
            if frame[keys[0]][0] > max(part[keys[0]][-1] for part in stretches[-1]):
                stretches.append([frame])
            else:
                stretches[-1].append(frame)
        return pl.concat([s[0] if len(s) == 1 else pl.concat(s).sort(keys) for s in stretches], how="vertical")

    @abstractmethod
    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings for every session that the rows allow, in order.

        Parameters
        ----------
        rows : what `combine` returned
        sessions : the exchange's sessions up to the last one asked for; readings stand on these dates only
        as_of : use nothing that became known later (None: each reading uses what its own session knew)
        key : one symbol, underlying or group instead of the market
        period : "session", or "month" (the last month may be unfinished: noted "month-to-date")
        since : tell nothing of earlier sessions; what is told is the same as without it
        """

    def gauge_value(self, reading: Reading) -> float | None:
        """The number of a reading that the gauge ranks; the value unless the indicator says otherwise."""
        return reading.value

    def flag(self, reading: Reading) -> str | None:  # noqa: ARG002 - most have none
        """The named band or warning level that a reading stands in; None where there is none."""
        return None

    def meaning(self, reading: Reading) -> str:
        """One plain sentence on what the reading says, for the report."""
        return reading.reason or ""

    def ranked(self, readings: Sequence[Reading]) -> npt.NDArray[np.float64]:
        """The numbers of readings that the gauge ranks; NaN for null."""
        if isinstance(readings, Told):
            return readings.ranked
        return np.array([np.nan if (v := self.gauge_value(r)) is None else v for r in readings], dtype=np.float64)

    def score(self, readings: Sequence[Reading], sessions: Sessions) -> list[float | None]:
        """Trailing percentile of each reading among its last 252 non-null ones within 504 sessions (INDICATORS 6).

        100·(number less + ½·equal)/n including today's; null below n = 60. A bearish direction is mirrored.
        """
        window, span = (252, 504) if self.cadence == "session" else (260, 260 * 5)
        ranks = trailing_percentile(self.ranked(readings), positions(readings, sessions), window, span, 60)
        if self.direction < 0:
            ranks = 100.0 - ranks
        return [None if np.isnan(s) else float(s) for s in ranks]


def days_of(readings: Sequence[Reading]) -> Sequence[date]:
    """The sessions of readings; kept ones are not read for it."""
    return readings.days if isinstance(readings, Told) else [reading.session for reading in readings]


def positions(readings: Sequence[Reading], sessions: Sessions) -> npt.NDArray[np.int64]:
    """The positions of readings among sessions."""
    return np.array([sessions.position(day) for day in days_of(readings)], dtype=np.int64)
