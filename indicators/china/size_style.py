"""Whether small companies lead (CHINA, row 8)."""

from typing import ClassVar

import numpy as np
import polars as pl

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import History, Weekly, keys_of, number

SMALL = {"csi2000_excess": "small", "csi1000_excess": "mid", "micro_excess": "micro"}


class SizeStyle(Weekly):
    """Return of small companies on the week less that of all companies.

    Formula
    -------
        value = r(CSI 2000) − r(CSI all-share),   r = 100·(last close of the week ÷ last close of the week before − 1)

    unit: percentage points. Beside it the same for the CSI 1000 and, where an index of them is stored, for micro-caps.
    NaN rule: an index without a close in both weeks makes its own difference null. coverage = differences present ÷ 3.
    Shown, not weighed: which side leads is no statement on the market. Verdict: ours. Source: CHINA, row 8.
    """

    name: ClassVar[str] = "size_style"
    title: ClassVar[str] = "Size style"
    chinese: ClassVar[str] = "小盘/微盘"
    unit: ClassVar[str] = "points"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "structure"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 8
    verdict: ClassVar[Verdict] = "ours"
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_index_bars", "history", columns=("close",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    small: str = "932000"
    mid: str = "000852"
    micro: str = "868008"
    against: str = "000985"

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        codes = {name: getattr(self, parameter) for name, parameter in SMALL.items()}
        returns = {
            code: history.returns(history.daily("cn_index_bars", "close", pl.col("index") == code))
            for code in {*codes.values(), self.against}
        }
        readings = []
        for w in range(history.first, len(history.weeks)):
            excess = {name: returns[code][w] - returns[self.against][w] for name, code in codes.items()}
            components = {name: number(x) for name, x in excess.items()}
            reasons = {
                name: f"needs closes of {code} and {self.against} in this week and the one before"
                for name, code in codes.items()
            }
            reasons["value"] = reasons["csi2000_excess"]
            present = int(np.count_nonzero(~np.isnan(list(excess.values()))))
            readings.append(history.reading(w, components["csi2000_excess"], components, reasons, present / len(codes)))
        return readings

    def meaning(self, reading: Reading) -> str:
        """Who leads."""
        if reading.value is None:
            return reading.reason or ""
        if reading.value >= 0:
            return f"Small companies led by {reading.value:.1f} points on the week."
        return f"Small companies fell behind by {-reading.value:.1f} points on the week."
