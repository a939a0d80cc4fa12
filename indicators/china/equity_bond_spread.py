"""Are shares cheap against government bonds? (CHINA, row 1)."""

from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import LEVEL_ONE, Floats, History, Ints, Weekly, keys_of, number

BANDS = ((-2.0, "<-2"), (-1.0, "-2..-1"), (1.0, "-1..1"), (2.0, "1..2"))
FINANCE_AND_OIL = ("801780", "801790", "801960")
PROXIED = "all_a_ex_fin_petro"
NONE, INDEX, INDUSTRIES = 0, 1, 2
PROXY = "PE of a labelled proxy: Shenwan industries without banks, non-bank financials and petroleum"


class EquityBondSpread(Weekly):
    """Earnings yield of shares less the ten-year government yield.

    Formula
    -------
        spread = 100 / PE_TTM − y(10 years)            unit: percentage points; high = shares are cheap
        form = "dividend":  spread = dividend yield − y(10 years)
        mean, sigma (ddof 1) over the last 156 weekly spreads at most, this one included, at least 104
        band by (spread − mean)/sigma: "<-2", "-2..-1", "-1..1", "1..2", ">2"

    `universe` is an index of cn_index_bars (default: all A shares without financials and petroleum; 000300, 000985,
    all_a …); `key` is another one. Where the default universe has no PE of its own, industries stand in as a labelled
    proxy: Σ cap / Σ (cap / PE) over level-1 industries without 801780, 801790, 801960; those with a loss or without a
    PE leave both sums together and are counted in `dropped`. Once the index has had a PE the proxy is not used, and a
    band never mixes the two. `sign` = "bond_minus_equity" turns the number round, as it is in use elsewhere; the bands
    turn with it.

    NaN rule: a week without a PE or with one ≤ 0, or without a yield of the last `max_age_days` days, is null; the bond
    curve is joined backwards, as it has make-up days the market lacks. coverage = inputs present ÷ 2.
    Verdict: reproduced (1.399 against 1.4 printed on 2025-05-16; 0.506 against 0.4 on 2026-01-23).
    Source: CHINA, row 1.
    """

    name: ClassVar[str] = "equity_bond_spread"
    title: ClassVar[str] = "Equity-bond spread"
    chinese: ClassVar[str] = "股债收益差"
    unit: ClassVar[str] = "points"
    pillar: ClassVar[str] = "valuation"
    row: ClassVar[int] = 1
    verdict: ClassVar[Verdict] = "reproduced"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_index_bars", "history", columns=("pe_ttm", "dividend_yield")),
        Input("cn_bond_yields", "history", columns=("yield",)),
        Input("cn_industry_bars", "history", optional=True, columns=("pe_ttm", "float_cap")),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    universe: str = PROXIED
    form: Literal["earnings", "dividend"] = "earnings"
    sign: Literal["equity_minus_bond", "bond_minus_equity"] = "equity_minus_bond"
    longest: int = Field(default=156, ge=2, le=2000)
    shortest: int = Field(default=104, ge=2, le=2000)
    max_age_days: int = Field(default=10, ge=0, le=366)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        universe = key or self.universe
        column = "pe_ttm" if self.form == "earnings" else "dividend_yield"
        own = history.last(history.daily("cn_index_bars", column, pl.col("index") == universe))
        if key is not None and np.isnan(own).all():
            return []
        priced, source, dropped = self._priced(history, universe, own)
        bond = self._bond(history)
        with np.errstate(divide="ignore"):
            equity = np.where(priced > 0, 100.0 / priced, np.nan) if self.form == "earnings" else priced
        spread = (equity - bond) * (1.0 if self.sign == "equity_minus_bond" else -1.0)
        return [
            self._reading(history, w, universe, priced, bond, spread, source, dropped)
            for w in range(history.first, len(history.weeks))
        ]

    def _priced(self, history: History, universe: str, own: Floats) -> tuple[Floats, Ints, Ints]:
        """PE (or dividend yield) by week, where it is from, and industries that left the proxy."""
        seen = np.maximum.accumulate(~np.isnan(own)) if len(own) else np.zeros(0, bool)
        source = np.where(np.isnan(own), NONE, INDEX)
        dropped = np.zeros(len(own), dtype=np.int64)
        if universe != PROXIED or self.form != "earnings" or history.frames["cn_industry_bars"].is_empty():
            return own, source, dropped
        wanted = LEVEL_ONE & ~pl.col("industry").is_in(FINANCE_AND_OIL)
        _, pe = history.grid("cn_industry_bars", "industry", "pe_ttm", wanted)
        _, cap = history.grid("cn_industry_bars", "industry", "float_cap", wanted)
        pe, cap = history.last(pe), history.last(cap)
        usable = (pe > 0) & (cap > 0)
        earned = np.where(usable, cap / np.where(usable, pe, 1.0), 0.0).sum(axis=1)
        proxy = np.where(earned > 0, np.where(usable, cap, 0.0).sum(axis=1) / np.where(earned > 0, earned, 1.0), np.nan)
        stands_in = ~seen & ~np.isnan(proxy)
        dropped = np.where(stands_in, (~np.isnan(cap) & ~usable).sum(axis=1), 0)
        return np.where(stands_in, proxy, own), np.where(stands_in, INDUSTRIES, source), dropped

    def _bond(self, history: History) -> Floats:
        """The ten-year yield in force at each week's end, joined backwards."""
        daily = history.daily("cn_bond_yields", "yield", pl.col("tenor_years") == 10.0)
        held = np.flatnonzero(~np.isnan(daily))
        out = np.full(len(history.weeks), np.nan)
        days = history.weeks.sessions.days
        at = np.searchsorted(held, history.weeks.last, side="right") - 1
        for w, k in enumerate(at.tolist()):
            if k >= 0 and (days[history.weeks.last[w]] - days[held[k]]).astype(int) <= self.max_age_days:
                out[w] = daily[held[k]]
        return out

    def _reading(
        self,
        history: History,
        w: int,
        universe: str,
        priced: Floats,
        bond: Floats,
        spread: Floats,
        source: Ints,
        dropped: Ints,
    ) -> Reading:
        what = "PE" if self.form == "earnings" else "dividend yield"
        missing = []
        if np.isnan(priced[w]):
            missing.append(f"no {what} of {universe} in this week")
        elif np.isnan(spread[w]) and not np.isnan(bond[w]):
            missing.append(f"the {what} of {universe} is {priced[w]:.2f}: there is no yield on a loss")
        if np.isnan(bond[w]):
            missing.append(f"no ten-year yield of the last {self.max_age_days} days")
        reasons = dict.fromkeys(("value", "spread"), "; ".join(missing))
        reasons |= dict.fromkeys(("pe" if self.form == "earnings" else "dividend_yield",), "; ".join(missing))
        reasons["bond_yield"] = reasons["value"]
        past = spread[: w + 1][(source[: w + 1] == source[w]) & ~np.isnan(spread[: w + 1])][-self.longest :]
        mean = sigma = z = np.nan
        if np.isnan(spread[w]):
            banded = reasons["value"]
        elif len(past) < self.shortest:
            banded = f"a band needs {self.shortest} weeks, has {len(past)}"
        else:
            mean, sigma = float(past.mean()), float(past.std(ddof=1))
            z = (spread[w] - mean) / sigma if sigma > 0 else np.nan
            banded = "the spread has not moved: there is no σ to measure it by"
        reasons |= dict.fromkeys(("mean", "sigma", "z", "band"), banded)
        components: dict[str, Any] = {
            "spread": number(spread[w]),
            "mean": number(mean),
            "sigma": number(sigma),
            "band": band_of(z),
            "z": number(z),
            "pe" if self.form == "earnings" else "dividend_yield": number(priced[w]),
            "bond_yield": number(bond[w]),
            "universe": universe,
            "dropped": int(dropped[w]),
        }
        notes = (PROXY,) if source[w] == INDUSTRIES else ()
        present = int(not np.isnan(priced[w])) + int(not np.isnan(bond[w]))
        return history.reading(w, number(spread[w]), components, reasons, present / 2, notes)

    def flag(self, reading: Reading) -> str | None:
        """The band, in σ from the mean."""
        band = reading.components["band"]
        return None if band is None else f"{band} σ"

    def meaning(self, reading: Reading) -> str:
        """Whether shares are cheap or dear against bonds."""
        if reading.value is None:
            return reading.reason or ""
        band = reading.components["band"]
        if band is None:
            return f"Shares yield {reading.value:.2f} points more than ten-year bonds; {reading.reason}."
        flipped = self.sign == "bond_minus_equity"
        cheap = "1..2" if not flipped else "-2..-1", ">2" if not flipped else "<-2"
        dear = "-2..-1" if not flipped else "1..2", "<-2" if not flipped else ">2"
        if band in cheap:
            return f"Shares are cheap against bonds: {reading.components['z']:+.1f} σ from the three-year mean."
        if band in dear:
            return f"Shares are dear against bonds: {reading.components['z']:+.1f} σ from the three-year mean."
        return f"Shares are priced as usual against bonds: {reading.components['z']:+.1f} σ from the three-year mean."


def band_of(z: float) -> str | None:
    """The band of a distance in σ; None for NaN.

    >>> [band_of(z) for z in (-2.5, -1.0, 0.0, 1.5, 2.5)]
    ['<-2', '-1..1', '-1..1', '1..2', '>2']
    """
    if np.isnan(z):
        return None
    return next((name for bound, name in BANDS if z < bound or (bound > 0 and z == bound)), ">2")
