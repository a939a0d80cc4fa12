"""How fast the order of industries changes (CHINA, row 2)."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, Floats, History, Ints, Weekly, keys_of, number, ratio
from indicators.kernels.rank import rank_moves

FEWEST = 3


class RotationStrength(Weekly):
    """Mean change of the industries' ranks by return, and its moving average.

    Formula
    -------
        K_w = rank of each level-1 industry's return over week w (ties share the mean rank)
        R_w = 100 · mean|K_w − K_{w−1}| / (n − 1)            `raw`
        value = mean of the last 5 R_w (`ma5`)               unit: per cent of n − 1
        warning = ma5 > 40

    A random permutation gives E|Δrank| = (n² − 1)/(3n), that is R = 34.4 for n = 31; 40 is about the 99th percentile of
    the average over 2015-2026. n are the industries with a return in both weeks: one that is new moves nobody.
    Parameters: `horizon` "week" | "5day" (returns over 5 sessions against the 5 before) | "day"; `scaling` "n-1" |
    "mean" (|Δrank|) | "sum" | "max" (per cent of ⌊n²/2⌋); `ma` and `level`. By day or 5 days the average is over the
    last `ma` sessions up to the week's end.

    NaN rule: fewer than 3 industries in common give no R_w; the average needs all of its R, else the value is null.
    coverage = industries ranked ÷ industries with a close in the week. Low readings say that leaders keep their lead;
    bearish when high.
    Verdict: the family is found (level 32.3 against 34 printed, directions right). Source: CHINA, row 2.
    """

    name: ClassVar[str] = "rotation_strength"
    title: ClassVar[str] = "Rotation strength"
    chinese: ClassVar[str] = "行业轮动强度"
    unit: ClassVar[str] = "% of n − 1"
    direction: ClassVar[Literal[1, -1]] = -1
    warmup: ClassVar[int] = 6
    pillar: ClassVar[str] = "structure"
    row: ClassVar[int] = 2
    verdict: ClassVar[Verdict] = "family"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (Input("cn_industry_bars", "history", columns=("close",)),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    horizon: Literal["week", "5day", "day"] = "week"
    scaling: Literal["n-1", "mean", "sum", "max"] = "n-1"
    ma: int = Field(default=5, ge=1, le=250)
    level: float = Field(default=40.0, ge=0.0, allow_inf_nan=False)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        _, close = history.grid("cn_industry_bars", "industry", "close", LEVEL_ONE)
        if key is not None:
            return []
        raw, common = self._strength(history, close)
        average = np.full_like(raw, np.nan)
        for t in range(self.ma - 1, len(raw)):
            average[t] = raw[t - self.ma + 1 : t + 1].mean()
        at = np.arange(len(history.weeks)) if self.horizon == "week" else history.weeks.last
        listed = (~np.isnan(history.last(close))).sum(axis=1)
        readings = []
        for w in range(history.first, len(history.weeks)):
            t = int(at[w])
            strength, smooth = number(raw[t]), number(average[t])
            rows = "weeks" if self.horizon == "week" else "sessions"
            have = int(np.count_nonzero(~np.isnan(raw[max(0, t - self.ma + 1) : t + 1])))
            short = f"needs {FEWEST} industries with a return now and before, has {common[t]}"
            gap = short if strength is None else f"the average needs {self.ma} {rows}, has {have}"
            components = {
                "raw": strength,
                "ma5": smooth,
                "warning": None if smooth is None else smooth > self.level,
                "industries": int(common[t]),
            }
            reasons = {"value": gap, "raw": short, "ma5": gap, "warning": gap}
            readings.append(history.reading(w, smooth, components, reasons, ratio(int(common[t]), int(listed[w]))))
        return readings

    def _strength(self, history: History, close: Floats) -> tuple[Floats, Ints]:
        back = {"week": 1, "5day": 5, "day": 1}[self.horizon]
        if self.horizon == "week":
            moves = history.returns(close)
        else:
            moves = np.full_like(close, np.nan)
            moves[back:] = close[back:] / close[:-back] - 1.0
        total, common = rank_moves(moves, back)
        n = common.astype(np.float64)
        scale = {
            "n-1": 100.0 / np.maximum(n * (n - 1), 1.0),
            "mean": 1.0 / np.maximum(n, 1.0),
            "sum": np.ones_like(n),
            "max": 100.0 / np.maximum(n * n // 2, 1.0),
        }[self.scaling]
        return np.where(common >= FEWEST, total * scale, np.nan), common

    def flag(self, reading: Reading) -> str | None:
        """Which side of the warning level the average stands on."""
        warned = reading.components["warning"]
        return None if warned is None else f"above {self.level:g}" if warned else f"below {self.level:g}"

    def meaning(self, reading: Reading) -> str:
        """Whether leaders last."""
        if reading.value is None:
            return reading.reason or ""
        if reading.components["warning"]:
            return f"Industries change places so fast that no lead lasts: above the warning level of {self.level:g}."
        if reading.value >= 34.4:
            return "Industries change places about as often as if by chance."
        return "Leading industries keep their lead more often than by chance."
