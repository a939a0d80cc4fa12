"""Which themes run hottest (CHINA, row 15)."""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import History, Weekly, keys_of, ratio


class ThemeHeat(Weekly):
    """Mean return of the week's three best concept indices.

    Formula
    -------
        value = mean of the `top` (3) highest r,   r = 100·(last close of the week ÷ last close of the week before − 1)

    unit: per cent. `themes` names them with their returns, the highest first, ties by name; `concepts` counts those
    with a return. NaN rule: fewer than `top` concepts with a close in both weeks: null. coverage = concepts with a
    return ÷ concepts with a close in the week. Shown, not weighed. Verdict: ours. Source: CHINA, row 15.
    """

    name: ClassVar[str] = "theme_heat"
    title: ClassVar[str] = "Theme heat"
    chinese: ClassVar[str] = "主题热度"
    unit: ClassVar[str] = "%"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "structure"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 15
    verdict: ClassVar[Verdict] = "ours"
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_concept_bars", "history", columns=("close",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    top: int = Field(default=3, ge=1, le=100)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        names, close = history.grid("cn_concept_bars", "concept", "close")
        moves, listed = history.returns(close), ~np.isnan(history.last(close))
        readings = []
        for w in range(history.first, len(history.weeks)):
            told = np.flatnonzero(~np.isnan(moves[w]))
            best = told[np.argsort(-moves[w][told], kind="stable")][: self.top]
            enough = len(best) == self.top
            themes: list[dict[str, Any]] = [{"concept": names[i], "return": float(moves[w, i])} for i in best]
            components = {"themes": themes if enough else None, "concepts": len(told)}
            gap = f"needs {self.top} concepts with a close in this week and the one before, has {len(told)}"
            value = float(moves[w][best].mean()) if enough else None
            coverage = ratio(len(told), int(listed[w].sum()))
            readings.append(history.reading(w, value, components, {"value": gap, "themes": gap}, coverage))
        return readings

    def meaning(self, reading: Reading) -> str:
        """The hottest themes."""
        if reading.value is None:
            return reading.reason or ""
        return f"The hottest themes of the week: {', '.join(row['concept'] for row in reading.components['themes'])}."
