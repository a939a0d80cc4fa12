"""Five measures of the market's mood, each against its own last year (CHINA, row 6)."""

from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import Floats, History, Weekly, keys_of, number
from indicators.kernels.rank import trailing_percentile

YEAR = 250
SPAN = 500
FEWEST = 60
PARTS = ("turnover", "financed", "advancing", "new_highs", "bias")
NEEDS = {
    "turnover": "an amount of {index}",
    "financed": "financed buying, and an amount of {index} of its day",
    "advancing": "counts of advancers and decliners",
    "new_highs": "counts of new highs",
    "bias": "20 closes of {index} in a row",
}


class SentimentIndex(Weekly):
    """Mean percentile of turnover, financed buying, advancing share, new highs and distance from the 20-day mean.

    Formula
    -------
        value = mean of the parts' percentiles                                            unit: points, 0-100
        part's percentile = 100·(less + ½·equal)/n among its last 250 daily numbers within 500 sessions, n ≥ 60

        turnover   amount of `index`
        financed   financed purchases ÷ amount of the same day (known a day later)
        advancing  advancers ÷ (advancers + decliners)
        new_highs  new highs ÷ (advancers + decliners)
        bias       close ÷ mean of the last 20 closes − 1

    Every part is a component. NaN rule: a part without a number in the week or without 60 of them is null; below
    `fewest` parts the value is null. coverage = parts present ÷ 5.
    Verdict: ours; of the broker's index only "five dimensions" and the scale are known. Source: CHINA, row 6.
    """

    name: ClassVar[str] = "sentiment_index"
    title: ClassVar[str] = "Market sentiment index"
    chinese: ClassVar[str] = "市场情绪指数"
    unit: ClassVar[str] = "points"
    warmup: ClassVar[int] = 11
    pillar: ClassVar[str] = "sentiment"
    row: ClassVar[int] = 6
    verdict: ClassVar[Verdict] = "ours"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_index_bars", "history", columns=("close", "amount")),
        Input("cn_margin", "history", optional=True, columns=("buy",)),
        Input("cn_breadth", "history", optional=True, columns=("advancers", "decliners", "new_highs")),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    index: str = "000985"
    fewest: int = Field(default=3, ge=1, le=5)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        daily = self._daily(history)
        at = np.arange(len(history.weeks.sessions), dtype=np.int64)
        parts = {name: history.last(trailing_percentile(daily[name], at, YEAR, SPAN, FEWEST)) for name in PARTS}
        held = {name: np.cumsum(~np.isnan(daily[name])) for name in PARTS}
        readings = []
        for w in range(history.first, len(history.weeks)):
            components = {name: number(parts[name][w]) for name in PARTS}
            present = [x for x in components.values() if x is not None]
            reasons = {"value": f"needs {self.fewest} of {len(PARTS)} parts, has {len(present)}"}
            for name in PARTS:
                seen = min(int(held[name][history.weeks.last[w]]), FEWEST)
                what = NEEDS[name].format(index=self.index)
                reasons[name] = f"needs {FEWEST} sessions with {what}, one of them in this week, has {seen}"
            value = sum(present) / len(present) if len(present) >= self.fewest else None
            readings.append(history.reading(w, value, components, reasons, len(present) / len(PARTS)))
        return readings

    def _daily(self, history: History) -> dict[str, Floats]:
        mine = pl.col("index") == self.index
        amount = history.daily("cn_index_bars", "amount", mine)
        close = history.daily("cn_index_bars", "close", mine)
        advancers, decliners, highs = (
            history.daily("cn_breadth", name) for name in ("advancers", "decliners", "new_highs")
        )
        counted = np.where(advancers + decliners > 0, advancers + decliners, np.nan)
        mean = np.full_like(close, np.nan)
        for t in range(19, len(close)):
            mean[t] = close[t - 19 : t + 1].mean()
        return {
            "turnover": amount,
            "financed": self._financed(history, amount),
            "advancing": advancers / counted,
            "new_highs": highs / counted,
            "bias": close / mean - 1.0,
        }

    def _financed(self, history: History, amount: Floats) -> Floats:
        """Financed share of a day's amount, at the session on which it is known."""
        out = np.full_like(amount, np.nan)
        frame = history.frames["cn_margin"]
        frame = frame.filter(pl.col("symbol").is_null() & pl.col("buy").is_not_null())
        at = {day: i for i, day in enumerate(history.weeks.sessions.dates)}
        for day, n, buy in frame.select("date", "n", "buy").iter_rows():
            if (i := at.get(day)) is not None and amount[i] > 0:
                out[n] = buy / amount[i]
        return out

    def meaning(self, reading: Reading) -> str:
        """Where the mood stands."""
        if reading.value is None:
            return reading.reason or ""
        if reading.value >= 70:
            return "The mood is hot: most of its parts stand near the top of their last year."
        if reading.value <= 30:
            return "The mood is cold: most of its parts stand near the bottom of their last year."
        return "The mood is even: its parts stand about the middle of their last year."
