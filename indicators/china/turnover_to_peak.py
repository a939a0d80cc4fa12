"""How much of the busiest week's money is still in the market (CHINA, row 3)."""

from typing import ClassVar

import numpy as np
import polars as pl

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import YI, History, Weekly, keys_of, number, ratio


class TurnoverToPeak(Weekly):
    """Mean daily turnover of the week against the highest weekly mean so far.

    Formula
    -------
        value = 100 · A_w / max(A_1 … A_w),   A_w = mean daily turnover of `index` in week w       unit: per cent

    The maximum runs from the first stored week, this one included; `since` says which one that is, as a shorter history
    has a lower peak. Amounts of components are 亿元 (100 million yuan). `index`: 000985, the CSI all-share.

    NaN rule: a week without an amount is null and sets no peak; means run over the sessions that have one, so a holiday
    week is not a small one. coverage = sessions with an amount ÷ sessions of the week.
    Verdict: reproduced, exact on real data. Source: CHINA, row 3.
    """

    name: ClassVar[str] = "turnover_to_peak"
    title: ClassVar[str] = "Turnover against its peak"
    chinese: ClassVar[str] = "成交额占前高比例"
    unit: ClassVar[str] = "%"
    pillar: ClassVar[str] = "sentiment"
    row: ClassVar[int] = 3
    verdict: ClassVar[Verdict] = "reproduced"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_index_bars", "history", columns=("amount",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    index: str = "000985"

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        daily = history.daily("cn_index_bars", "amount", pl.col("index") == (key or self.index)) / YI
        mean = history.mean(daily)
        told = np.flatnonzero(~np.isnan(mean))
        if key is not None and not len(told):
            return []
        readings = []
        for w in range(history.first, len(history.weeks)):
            so_far = told[told <= w]
            best = int(so_far[np.argmax(mean[so_far])]) if len(so_far) else None
            peak = None if best is None else float(mean[best])
            value = None if np.isnan(mean[w]) or not peak else 100.0 * float(mean[w]) / peak
            none = f"no amount of {key or self.index} in this week"
            never = f"no amount of {key or self.index} so far"
            components = {
                "mean": number(mean[w]),
                "peak": peak,
                "peak_week": None if best is None else history.weeks.day(best).isoformat(),
                "since": None if best is None else history.weeks.day(int(so_far[0])).isoformat(),
            }
            reasons = {"value": none, "mean": none, "peak": never, "peak_week": never, "since": never}
            span = history.spans()[w]
            traded = int(np.count_nonzero(~np.isnan(daily[span])))
            readings.append(history.reading(w, value, components, reasons, ratio(traded, span.stop - span.start)))
        return readings

    def meaning(self, reading: Reading) -> str:
        """How busy the market is."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        return (
            f"Daily turnover of {parts['mean']:,.0f} 亿元 is {reading.value:.1f} % of the peak of the week of"
            f" {parts['peak_week']}."
        )
