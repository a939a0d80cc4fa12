"""What a backtest found: rows, verdicts, curves and what they rest on. INDICATORS 7; INTERFACE: `backtest`."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from indicators.engine.event_study import Event
from indicators.engine.evidence import Interval, Verdict
from indicators.engine.performance import Performance


class Quintile(BaseModel):
    """Outcomes after one fifth of the readings, the lowest readings first; returns are simple, over the horizon.

    `fifth` runs from 1, the lowest, to 5; one that equal readings leave empty is not there. `bootstrap` bounds the mean
    return.
    """

    model_config = ConfigDict(frozen=True)

    fifth: int
    readings: int
    mean_return: float
    share_up: float
    bootstrap: Interval | None = None


class SeriesBacktest(BaseModel):
    """One series at one horizon on one index. Flat figures of performance are those of long or flat; nulls carry a
    `reason`.

    `p_bh` and `p_by` are adjusted over the family. `deflated_sharpe` is the probability that the Sharpe ratio is above
    the best that as many worthless trials would show. `hit_rate` is the share of readings on the side of 50 to which
    the index then went, `base_rate` the share of outcomes that rose.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    index: str = ""
    horizon: int
    first: date | None = None
    last: date | None = None
    sessions: int = 0
    readings: int = 0
    price_derived: bool = False
    information_coefficient: float | None = None
    p_value: float | None = None
    p_bh: float | None = None
    p_by: float | None = None
    scaled_information_coefficient: float | None = None
    scaled_p_value: float | None = None
    newey_west: Interval | None = None
    bootstrap: Interval | None = None
    hit_rate: float | None = None
    base_rate: float | None = None
    quintiles: tuple[Quintile, ...] = ()
    cagr: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sharpe_interval: Interval | None = None
    deflated_sharpe: float | None = None
    sortino: float | None = None
    max_drawdown: float | None = None
    calmar: float | None = None
    turnover: float | None = None
    time_in_market: float | None = None
    long_short: Performance | None = None
    hold: Performance | None = None
    verdict: Verdict = "too short"
    reason: str | None = None


class Curve(BaseModel):
    """What a tear sheet draws of one series held for one session at a time; arrays run over `sessions`.

    `score` is None where there was none: the strategy is then out of the market. A rolling correlation is None where a
    score was missing among its readings.
    """

    model_config = ConfigDict(frozen=True)

    sessions: tuple[date, ...]
    score: tuple[float | None, ...]
    equity: tuple[float, ...]
    drawdown: tuple[float, ...]
    hold_equity: tuple[float, ...]
    hold_drawdown: tuple[float, ...]
    rolling_ic: dict[int, list[tuple[date, float | None]]]
    events: tuple[Event, ...]


class SeriesVerdict(BaseModel):
    """The best-supported horizon of a series, in a word and in a sentence with its numbers."""

    model_config = ConfigDict(frozen=True)

    name: str
    index: str = ""
    verdict: Verdict
    words: str


class IndexHistory(BaseModel):
    """An index that readings were held against: its first and last close in the range, and how many opens are prices
    of their own.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    first: date
    last: date
    sessions: int
    opens_believed: float


class Backtest(BaseModel):
    """The whole outcome (INTERFACE: `backtest`); `curves` by index and series are for pictures.

    `cadence` is that of the market's parts: a weekly reading stays in force, and is counted, at every session until the
    next one. `family` counts the tests on one index, `trials` the strategies on all. `index`, `start`, `end` and
    `opens_believed` are those of the first index. `not_stored` are indices of this market that no file gave.
    """

    model_config = ConfigDict(frozen=True)

    market: str
    index: str
    indices: tuple[IndexHistory, ...]
    not_stored: tuple[str, ...]
    cadence: Literal["session", "week"]
    start: date
    end: date
    cost_bps: float
    weights: str
    shifts: int
    draws: int
    family: int
    trials: int
    opens_believed: float
    dividends: str
    series: tuple[SeriesBacktest, ...]
    verdicts: tuple[SeriesVerdict, ...]
    input_hash: str
    curves: dict[str, dict[str, Curve]] = Field(default_factory=dict)
