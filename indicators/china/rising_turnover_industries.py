"""In how many industries shares change hands faster than the week before (CHINA, row 4)."""

from typing import ClassVar

import numpy as np

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, History, Weekly, industry_name, keys_of, ratio


class RisingTurnoverIndustries(Weekly):
    """Share of level-1 industries whose turnover rate rose on the week.

    Formula
    -------
        value = 100 · #{i : T_i,w > T_i,w−1} / n,   T_i,w = mean daily turnover rate of industry i in week w

    n are the industries with a rate in both weeks (31 since 2021; 6 of 31 → 19 %).            unit: per cent
    `count` is the numerator, `rising` its industries, the fastest first.

    NaN rule: an industry without a rate in one of the two weeks leaves both counts; below 3 industries the value is
    null. coverage = n ÷ industries with a close in the week.
    Verdict: arithmetic. Source: CHINA, row 4.
    """

    name: ClassVar[str] = "rising_turnover_industries"
    title: ClassVar[str] = "Industries with rising turnover"
    chinese: ClassVar[str] = "换手率上升行业"
    unit: ClassVar[str] = "% of industries"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "sentiment"
    row: ClassVar[int] = 4
    verdict: ClassVar[Verdict] = "arithmetic"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_industry_bars", "history", columns=("close", "turnover_rate")),
    )  # fmt: skip
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    fewest: int = 3

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        names, rate = history.grid("cn_industry_bars", "industry", "turnover_rate", LEVEL_ONE)
        _, close = history.grid("cn_industry_bars", "industry", "close", LEVEL_ONE)
        mean, listed = history.mean(rate), (~np.isnan(history.last(close))).sum(axis=1)
        readings = []
        for w in range(history.first, len(history.weeks)):
            before = mean[w - 1] if w else np.full(len(names), np.nan)
            rise = mean[w] / np.where(before > 0, before, np.nan) - 1.0
            both = ~np.isnan(rise)
            n, up = int(both.sum()), [int(i) for i in np.argsort(-rise, kind="stable") if rise[i] > 0]
            enough = n >= self.fewest
            gap = f"needs {self.fewest} industries with a turnover rate in this week and the one before, has {n}"
            components = {
                "count": len(up) if enough else None,
                "share": len(up) / n if enough else None,
                "industries": n,
                "rising": [industry_name(names[i]) for i in up] if enough else None,
            }
            reasons = dict.fromkeys(("value", "count", "share", "rising"), gap)
            value = 100.0 * len(up) / n if enough else None
            readings.append(history.reading(w, value, components, reasons, ratio(n, int(listed[w]))))
        return readings

    def meaning(self, reading: Reading) -> str:
        """How broad the interest is."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        said = f"Turnover rose in {parts['count']} of {parts['industries']} industries"
        if not parts["rising"]:
            return f"{said}."
        return f"{said}, most in {', '.join(parts['rising'][:3])}."
