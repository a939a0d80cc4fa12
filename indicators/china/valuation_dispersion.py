"""How far apart industries are valued (CHINA, row 5)."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, Floats, History, Weekly, keys_of, number, ratio
from indicators.kernels.rank import trailing_percentile

FEWEST_PERCENTILES = 60


class ValuationDispersion(Weekly):
    """Coefficient of variation of the level-1 industries' PE.

    Formula
    -------
        value = std(x, ddof 1) / mean(x),   x = positive PE_TTM of the week's last session, winsorised at 5 and 95 %

    Quantiles are interpolated linearly.  unit: ratio.  Beside it: `plain` (not winsorised), `median_iqr` = (Q3 − Q1) /
    median, `pb_percentile` = std (ddof 1) over industries of each PB's percentile among its own last 260 weeks.
    Industries with a loss (PE ≤ 0) or without a PE leave numerator and denominator together; `losses` counts them.

    NaN rule: below `fewest` positive PE the value is null; below 3 industries with 60 weeks of PB its form is null.
    coverage = positive PE ÷ industries with a close in the week. A wide spread is said to lead market tops by half a
    month to a month, so high is bearish. Verdict: ours; the broker's formula is not identified. Source: CHINA, row 5.
    """

    name: ClassVar[str] = "valuation_dispersion"
    title: ClassVar[str] = "Valuation dispersion"
    chinese: ClassVar[str] = "估值分化系数"
    unit: ClassVar[str] = "ratio"
    direction: ClassVar[Literal[1, -1]] = -1
    pillar: ClassVar[str] = "valuation"
    row: ClassVar[int] = 5
    verdict: ClassVar[Verdict] = "ours"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_industry_bars", "history", columns=("close", "pe_ttm", "pb")),
    )  # fmt: skip
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    fewest: int = Field(default=3, ge=3, le=500)
    winsor: float = Field(default=0.05, ge=0.0, lt=0.5)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        pe, pb, close = (
            history.last(history.grid("cn_industry_bars", "industry", column, LEVEL_ONE)[1])
            for column in ("pe_ttm", "pb", "close")
        )
        percentiles = self._percentiles(pb)
        readings = []
        for w in range(history.first, len(history.weeks)):
            x = pe[w][pe[w] > 0]
            listed = int(np.count_nonzero(~np.isnan(close[w])))
            ranked = percentiles[w][~np.isnan(percentiles[w])]
            gap = f"needs {self.fewest} industries with a positive PE, has {len(x)}"
            value = plain = middle = None
            if len(x) >= self.fewest:
                low, high, q1, median, q3 = np.quantile(x, (self.winsor, 1 - self.winsor, 0.25, 0.5, 0.75)).tolist()
                value, plain, middle = _variation(np.clip(x, low, high)), _variation(x), (q3 - q1) / median
            components = {
                "plain": plain,
                "median_iqr": middle,
                "pb_percentile": float(ranked.std(ddof=1)) if len(ranked) >= self.fewest else None,
                "industries": len(x),
                "losses": int(np.count_nonzero(pe[w] <= 0)),
            }
            reasons = dict.fromkeys(("value", "plain", "median_iqr"), gap)
            reasons["pb_percentile"] = (
                f"needs {self.fewest} industries with {FEWEST_PERCENTILES} weeks of PB, has {len(ranked)}"
            )
            readings.append(history.reading(w, number(np.nan if value is None else value), components, reasons,
                                            ratio(len(x), listed)))  # fmt: skip
        return readings

    def _percentiles(self, pb: Floats) -> Floats:
        at = np.arange(len(pb), dtype=np.int64)
        columns = [
            trailing_percentile(np.ascontiguousarray(pb[:, i]), at, 260, 260, FEWEST_PERCENTILES)
            for i in range(pb.shape[1])
        ]
        return np.column_stack(columns) if columns else np.full((len(pb), 0), np.nan)

    def meaning(self, reading: Reading) -> str:
        """How far apart industries are valued."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        losses = "1 industry makes" if parts["losses"] == 1 else f"{parts['losses']} industries make"
        return (
            f"PE of {parts['industries']} profitable industries differ by {100 * reading.value:.0f} % of their mean;"
            f" {losses} losses. A wide spread is said to come before market tops."
        )


def _variation(x: Floats) -> float:
    return float(x.std(ddof=1) / x.mean())
