"""Money borrowed to buy shares (CHINA, row 9)."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import YI, Floats, History, Weekly, industry_name, keys_of, number, ratio, roster

NO_STOCKS = "no margin by stock, or no dated industry members, is stored for this week"


class MarginFlow(Weekly):
    """Net financed purchases of the week.

    Formula
    -------
        value = Σ (financed purchases − repayments) over the week where every day tells both, `method` "flows"
              = balance at the week's end − balance at the end of the week before, else `method` "balance"

    unit: 亿元 (100 million yuan). Margin of a day is published before the next session opens and enters that session's
    reading (lag: one session): the week runs from the day before its first session to the day before its last.
    `industries` gives the same sums for level-1 industries where margin by stock and dated members are stored.

    NaN rule: no margin row in the week, or a balance without one in the week before: null. coverage = sessions of the
    week on which a market total became known ÷ sessions of the week. Stocks are never summed to stand for the
    market. Verdict: sign only. Source: CHINA, row 9.
    """

    name: ClassVar[str] = "margin_flow"
    title: ClassVar[str] = "Margin flow"
    chinese: ClassVar[str] = "杠杆资金"
    unit: ClassVar[str] = "亿元"
    lag: ClassVar[int] = 1
    pillar: ClassVar[str] = "funds"
    row: ClassVar[int] = 9
    verdict: ClassVar[Verdict] = "sign only"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_margin", "history", columns=("balance", "buy", "repay")),
        Input("cn_members", "history", optional=True, columns=("to_date",)),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        market = pl.col("symbol").is_null()
        balance, buy, repay = (history.daily("cn_margin", name, market) / YI for name in ("balance", "buy", "repay"))
        totals, flows = history.last(balance), buy - repay
        by_industry = self._by_industry(history)
        readings = []
        for w in range(history.first, len(history.weeks)):
            span = history.spans()[w]
            known = ~np.isnan(balance[span])
            told = int(np.count_nonzero(known))
            value, method = None, None
            if told and not np.isnan(flows[span][known]).any():
                value, method = float(flows[span][known].sum()), "flows"
            elif told and w and not np.isnan(totals[w - 1]):
                value, method = float(totals[w] - totals[w - 1]), "balance"
            gap = "no margin total in this week" if not told else "needs a margin total in the week before"
            components: dict[str, Any] = {
                "balance": number(totals[w]),
                "method": method,
                "industries": by_industry.get(w),
            }
            reasons = {"value": gap, "method": gap, "balance": gap, "industries": NO_STOCKS}
            readings.append(history.reading(w, value, components, reasons, ratio(told, span.stop - span.start)))
        return readings

    def _by_industry(self, history: History) -> dict[int, list[dict[str, Any]]]:
        """Net purchases by industry for the weeks in which every stock's row tells them, the largest first."""
        stocks = pl.col("symbol").is_not_null()
        symbols, balance = history.grid("cn_margin", "symbol", "balance", stocks)
        if not symbols:
            return {}
        _, buy = history.grid("cn_margin", "symbol", "buy", stocks)
        _, repay = history.grid("cn_margin", "symbol", "repay", stocks)
        names, member = roster(history, symbols)
        totals = history.last(balance / YI)
        found = {}
        for w, span in enumerate(history.spans()):
            flow = self._stock_flows(((buy - repay) / YI)[span], balance[span], totals, w)
            rows: list[dict[str, Any]] = []
            for i, name in enumerate(names):
                mine = (member[w] == i) & ~np.isnan(flow)
                if np.any(mine):
                    total = float(flow[mine].sum())
                    rows.append({"industry": name, "name": industry_name(name), "flow": total})
            if rows:
                found[w] = sorted(rows, key=lambda row: -row["flow"])
        return found

    def _stock_flows(self, flows: Floats, balance: Floats, totals: Floats, w: int) -> Floats:
        known = ~np.isnan(balance)
        seen = np.any(known, axis=0, keepdims=True)[0]
        whole = seen & ~np.any(known & np.isnan(flows), axis=0, keepdims=True)[0]
        summed = np.where(known, np.where(np.isnan(flows), 0.0, flows), 0.0).sum(axis=0)
        change = totals[w] - totals[w - 1] if w else np.full(len(whole), np.nan)
        out: Floats = np.where(whole, summed, np.where(seen, change, np.nan))
        return out

    def meaning(self, reading: Reading) -> str:
        """Whether borrowed money comes or goes."""
        if reading.value is None:
            return reading.reason or ""
        if reading.value >= 0:
            return f"Margin buyers added {reading.value:,.0f} 亿元 of borrowed money on the week."
        return f"Margin buyers paid back {-reading.value:,.0f} 亿元 more than they borrowed on the week."
