"""What rose and what fell on the week (CHINA, row 14)."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, History, Weekly, industry_name, keys_of, number, ratio


class LeadersLaggards(Weekly):
    """Number of level-1 industries that rose on the week, with the week's returns.

    Formula
    -------
        value = #{i : r_i > 0},   r = 100·(last close of the week ÷ last close of the week before − 1)
    unit: industries

    `leaders` and `laggards` are the first and last `show` industries by return, ties by code; `indices` the returns of
    every stored index, broad ones and styles, in per cent.

    NaN rule: an industry or index without a close in both weeks has no return; without any industry the value is null.
    coverage = industries with a return ÷ industries with a close in the week. Shown, not weighed.
    Verdict: arithmetic. Source: CHINA, row 14.
    """

    name: ClassVar[str] = "leaders_laggards"
    title: ClassVar[str] = "Leaders and laggards"
    chinese: ClassVar[str] = "领涨领跌"
    unit: ClassVar[str] = "industries"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "structure"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 14
    verdict: ClassVar[Verdict] = "arithmetic"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_industry_bars", "history", columns=("close",)),
        Input("cn_index_bars", "history", optional=True, columns=("close",)),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    show: int = Field(default=5, ge=1, le=500)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        names, close = history.grid("cn_industry_bars", "industry", "close", LEVEL_ONE)
        indices, levels = history.grid("cn_index_bars", "index", "close", pl.col("close").is_not_null())
        moves, others, listed = history.returns(close), history.returns(levels), ~np.isnan(history.last(close))
        readings = []
        for w in range(history.first, len(history.weeks)):
            told = np.flatnonzero(~np.isnan(moves[w]))
            order = told[np.argsort(-moves[w][told], kind="stable")]
            rows: list[dict[str, Any]] = [
                {"industry": names[i], "name": industry_name(names[i]), "return": float(moves[w, i])} for i in order
            ]
            up = int(np.count_nonzero(moves[w][told] > 0)) if len(told) else None
            broad = {name: x for j, name in enumerate(indices) if (x := number(others[w, j])) is not None}
            components = {
                "up": up,
                "industries": len(told),
                "leaders": rows[: self.show] or None,
                "laggards": rows[::-1][: self.show] or None,
                "indices": broad or None,
            }
            gap = "no industry has a close in this week and the one before"
            reasons = dict.fromkeys(("value", "up", "leaders", "laggards"), gap)
            reasons["indices"] = "no index has a close in this week and the one before"
            coverage = ratio(len(told), int(listed[w].sum()))
            readings.append(history.reading(w, None if up is None else float(up), components, reasons, coverage))
        return readings

    def meaning(self, reading: Reading) -> str:
        """Who led and who lagged."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        first, last = (", ".join(row["name"] for row in parts[side][:3]) for side in ("leaders", "laggards"))
        return f"{parts['up']} of {parts['industries']} industries rose. First: {first}. Last: {last}."
