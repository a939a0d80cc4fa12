"""Where picking stocks pays more than picking the industry (CHINA, row 16)."""

from math import ceil
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, History, Weekly, industry_name, keys_of, ratio, roster


class AlphaIndustries(Weekly):
    """Number of industries whose stocks part widely while the industry itself goes nowhere.

    Formula
    -------
        d_i = std (ddof 1) of the week's returns of the members of industry i;   r_i = the industry's own return
        value = #{i : d_i among the highest ceil(n/3) of d, and r_i ≤ median of r}                    unit: industries

    Returns run from the last close of the week before to the week's last close; a stock counts with a bar on the last
    sessions of both weeks, so that the suspended leave. Members are those of the date. n are the industries with both
    numbers; ties by code. `chosen` lists them with dispersion and return, the widest first.

    NaN rule: below `members` stocks an industry has no dispersion; below 3 industries the value is null.
    coverage = n ÷ industries with a close in the week. Shown, not weighed. Verdict: ours. Source: CHINA, row 16.
    """

    name: ClassVar[str] = "alpha_industries"
    title: ClassVar[str] = "Stock-picking industries"
    chinese: ClassVar[str] = "α机会"
    unit: ClassVar[str] = "industries"
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "structure"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 16
    verdict: ClassVar[Verdict] = "ours"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_stock_bars", "history", columns=("adj_close",)),
        Input("cn_members", "history", columns=("to_date",)),
        Input("cn_industry_bars", "history", columns=("close",)),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    members: int = Field(default=3, ge=2, le=500)
    fewest: int = Field(default=3, ge=3, le=500)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        symbols, close = history.grid("cn_stock_bars", "symbol", "adj_close")
        names, member = roster(history, symbols)
        listed, levels = history.grid("cn_industry_bars", "industry", "close", LEVEL_ONE)
        own, present = history.returns(levels), ~np.isnan(history.last(levels))
        at_end = close[history.weeks.last]
        readings = []
        for w in range(history.first, len(history.weeks)):
            moves = 100.0 * (at_end[w] / at_end[w - 1] - 1.0) if w else np.full(len(symbols), np.nan)
            rows: list[dict[str, Any]] = []
            for i, name in enumerate(names):
                mine = moves[(member[w] == i) & ~np.isnan(moves)]
                if name in listed and len(mine) >= self.members and not np.isnan(r := own[w, listed.index(name)]):
                    rows.append(
                        {
                            "industry": name,
                            "name": industry_name(name),
                            "dispersion": float(mine.std(ddof=1)),
                            "return": float(r),
                        }
                    )
            n, median = len(rows), float(np.median([row["return"] for row in rows])) if rows else 0.0
            widest = sorted(rows, key=lambda row: -row["dispersion"])[: ceil(n / 3)]
            chosen = [row for row in widest if row["return"] <= median]
            enough = n >= self.fewest
            components = {"chosen": chosen if enough else None, "industries": n}
            gap = f"needs {self.fewest} industries with {self.members} moving members and a return, has {n}"
            value = float(len(chosen)) if enough else None
            coverage = ratio(n, int(present[w].sum()))
            readings.append(history.reading(w, value, components, {"value": gap, "chosen": gap}, coverage))
        return readings

    def meaning(self, reading: Reading) -> str:
        """Where stocks part."""
        if reading.value is None:
            return reading.reason or ""
        if not reading.components["chosen"]:
            return "No quiet industry has stocks that part widely."
        names = ", ".join(row["name"] for row in reading.components["chosen"][:5])
        return f"Stocks part widely while their industry is quiet in {names}."
