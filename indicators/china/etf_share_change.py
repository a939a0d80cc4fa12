"""Shares created and redeemed in the broad index ETFs (CHINA, row 10)."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import YI, Floats, History, Weekly, keys_of


class EtfShareChange(Weekly):
    """Change of the shares of a listed set of broad ETFs on the week.

    Formula
    -------
        value = Σ (shares at the week's end − shares at the end of the week before) over `codes`     unit: 亿份

    亿份 = 100 million fund shares. Shares of a day are published before the next session opens and enter that session's
    reading (lag: one session). A day on which a fund's shares grow by half or shrink by a third or more is a split, not
    a flow: the fund leaves that week's sum, and the notes say so.

    NaN rule: a fund without shares in both weeks leaves the sum; without any fund the value is null.
    coverage = funds in the sum ÷ funds listed. Shown, not weighed: state buying is contrarian.
    Verdict: consistent with printed figures. Source: CHINA, row 10.
    """

    name: ClassVar[str] = "etf_share_change"
    title: ClassVar[str] = "Broad-ETF share change"
    chinese: ClassVar[str] = "主要指数ETF变动"
    unit: ClassVar[str] = "亿份"
    lag: ClassVar[int] = 1
    warmup: ClassVar[int] = 1
    pillar: ClassVar[str] = "funds"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 10
    verdict: ClassVar[Verdict] = "consistent"
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_etf_shares", "history", columns=("shares",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    codes: str = "510050,510300,510310,510330,159919,588000"
    split: float = Field(default=1.5, gt=1.0, le=100.0)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        listed = [code.strip() for code in (key or self.codes).split(",") if code.strip()]
        names, shares = history.grid("cn_etf_shares", "code", "shares", pl.col("code").is_in(listed))
        if key is not None and not names:
            return []
        ends = history.last(shares)
        splits = self._splits(history, names, shares)
        readings = []
        for w in range(history.first, len(history.weeks)):
            changes: dict[str, float] = {}
            for j, name in enumerate(names):
                if w and name not in splits[w] and not np.isnan(change := (ends[w, j] - ends[w - 1, j]) / YI):
                    changes[name] = float(change)
            components: dict[str, Any] = {"funds": changes or None}
            gap = "no listed fund has shares in this week and the one before"
            notes = tuple(f"{name}: {said}, left out" for name, said in splits[w].items())
            value = sum(changes.values()) if changes else None
            reading = history.reading(
                w, value, components, {"value": gap, "funds": gap}, len(changes) / len(listed), notes
            )
            readings.append(reading)
        return readings

    def _splits(self, history: History, names: list[str], shares: Floats) -> list[dict[str, str]]:
        """By week, the funds whose shares jumped from one known day to the next, and by how much."""
        found: list[dict[str, str]] = [{} for _ in range(len(history.weeks))]
        for j, name in enumerate(names):
            held = np.flatnonzero(~np.isnan(shares[:, j]))
            jumps = shares[held[1:], j] / shares[held[:-1], j]
            for k in np.flatnonzero((jumps >= self.split) | (jumps <= 1 / self.split)).tolist():
                w = int(np.searchsorted(history.weeks.last, held[k + 1]))
                if w < len(found):
                    found[w][name] = f"shares ×{jumps[k]:.2f} in a day is a split"
        return found

    def meaning(self, reading: Reading) -> str:
        """Whether the broad ETFs grow or shrink."""
        if reading.value is None:
            return reading.reason or ""
        if reading.value >= 0:
            return f"The broad ETFs grew by {reading.value:,.1f} 亿份 on the week; state buying shows here first."
        return f"The broad ETFs shrank by {-reading.value:,.1f} 亿份 on the week."
