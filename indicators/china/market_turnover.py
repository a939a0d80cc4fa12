"""Whether the market grows busier (CHINA, row 13)."""

from typing import ClassVar

import numpy as np
import polars as pl

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import YI, History, Weekly, keys_of, number, ratio


class MarketTurnover(Weekly):
    """Change of mean daily turnover on the week.

    Formula
    -------
        value = 100 · (A_w / A_{w−1} − 1),   A_w = mean daily turnover of `index` in week w              unit: per cent

    `mean` and `before` are A_w and A_{w−1} in 亿元 (100 million yuan). Means run over the sessions with an amount.
    NaN rule: either week without an amount makes the value null. coverage = sessions with an amount ÷ sessions of the
    week. Shown, not weighed: turnover against its peak carries it. Verdict: arithmetic. Source: CHINA, row 13.
    """

    name: ClassVar[str] = "market_turnover"
    title: ClassVar[str] = "Market turnover on the week"
    chinese: ClassVar[str] = "市场量能"
    unit: ClassVar[str] = "%"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "sentiment"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 13
    verdict: ClassVar[Verdict] = "arithmetic"
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_index_bars", "history", columns=("amount",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    index: str = "000985"

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        index = key or self.index
        daily = history.daily("cn_index_bars", "amount", pl.col("index") == index) / YI
        mean = history.mean(daily)
        if key is not None and np.isnan(mean).all():
            return []
        readings = []
        for w in range(history.first, len(history.weeks)):
            before = mean[w - 1] if w else np.nan
            value = 100.0 * (mean[w] / before - 1.0) if before > 0 else np.nan
            now, then = f"no amount of {index} in this week", f"no amount of {index} in the week before"
            components = {"mean": number(mean[w]), "before": number(before)}
            reasons = {"value": now if np.isnan(mean[w]) else then, "mean": now, "before": then}
            span = history.spans()[w]
            traded = int(np.count_nonzero(~np.isnan(daily[span])))
            coverage = ratio(traded, span.stop - span.start)
            readings.append(history.reading(w, number(value), components, reasons, coverage))
        return readings

    def meaning(self, reading: Reading) -> str:
        """How much is traded."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        return f"Daily turnover went from {parts['before']:,.0f} to {parts['mean']:,.0f} 亿元."
