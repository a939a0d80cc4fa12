"""How many stocks are in a steady advance (CHINA, row 7)."""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import History, Weekly, industry_name, keys_of, ratio, roster
from indicators.kernels.alignment import LONGEST, NOT_COUNTED, bull_aligned


class BullAlignment(Weekly):
    """Share of stocks whose moving averages stand in bullish order.

    Formula
    -------
        value = 100 · #{stocks with MA5 > MA10 > MA20 > MA60} / #{stocks counted}, at the week's end  unit: per cent

    on back-adjusted closes: forward-adjusted ones change with every later dividend. Averages run over a stock's own
    last bars. A stock counts with a bar on the week's last session and at least 60 up to it: the suspended and the new
    leave both counts. `industries` gives the share for each level-1 industry with members of the date; `key` is one.

    NaN rule: no stock counted, null; without dated members the industries are null. coverage = counted ÷ stocks seen in
    the last 60 sessions. Verdict: ours. Source: CHINA, row 7.
    """

    name: ClassVar[str] = "bull_alignment"
    title: ClassVar[str] = "Stocks in bullish order"
    chinese: ClassVar[str] = "多头个股占比"
    unit: ClassVar[str] = "% of stocks"
    warmup: ClassVar[int] = 11
    pillar: ClassVar[str] = "structure"
    row: ClassVar[int] = 7
    verdict: ClassVar[Verdict] = "ours"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_stock_bars", "history", columns=("adj_close",)),
        Input("cn_members", "history", optional=True, columns=("to_date",)),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    leaders: int = Field(default=5, ge=1, le=500)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        symbols, close = history.grid("cn_stock_bars", "symbol", "adj_close")
        last = history.weeks.last
        aligned = bull_aligned(close, last)
        names, member = roster(history, symbols)
        if key is not None and key not in names:
            return []
        readings = []
        for w in range(history.first, len(history.weeks)):
            counted = aligned[w] != NOT_COUNTED
            up = aligned[w] == 1
            mine = member[w] == names.index(key) if key is not None else np.ones(len(symbols), dtype=bool)
            n = int(np.count_nonzero(counted & mine))
            recent = (~np.isnan(close[max(0, last[w] - LONGEST + 1) : last[w] + 1])).any(axis=0) & mine
            rows = self._industries(names, member[w], counted, up)
            components: dict[str, Any] = {
                "aligned": int(np.count_nonzero(up & mine)) if n else None,
                "stocks": n,
                "industries": rows or None,
            }
            gap = "no stock has a bar at the week's end and 60 up to it"
            reasons = {"value": gap, "aligned": gap}
            reasons["industries"] = "no dated industry members are stored" if counted.any() else gap
            value = 100.0 * components["aligned"] / n if n else None
            coverage = ratio(n, int(np.count_nonzero(recent)))
            readings.append(history.reading(w, value, components, reasons, coverage))
        return readings

    def _industries(
        self, names: list[str], member: np.ndarray, counted: np.ndarray, up: np.ndarray
    ) -> list[dict[str, Any]]:
        """Share by industry, the highest first, ties by code."""
        rows = []
        for i, name in enumerate(names):
            mine = counted & (member == i)
            if n := int(np.count_nonzero(mine)):
                share = 100.0 * int(np.count_nonzero(mine & up)) / n
                rows.append({"industry": name, "name": industry_name(name), "share": share, "stocks": n})
        return sorted(rows, key=lambda row: -row["share"])

    def meaning(self, reading: Reading) -> str:
        """How broad the advance is, and where."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        said = f"{parts['aligned']} of {parts['stocks']} stocks advance steadily"
        if not parts["industries"]:
            return f"{said}."
        best = ", ".join(row["name"] for row in parts["industries"][:3])
        return f"{said}, the largest share in {best}."
