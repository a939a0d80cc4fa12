"""What passes from Hong Kong into A shares (CHINA, row 11)."""

from typing import ClassVar

import numpy as np

from indicators.engine.indicator import Input, Reading, Verdict
from indicators.engine.weeks import YI, History, Weekly, keys_of, number, ratio

NET_BUY_ENDS = "2024-08-16"


class NorthboundTurnover(Weekly):
    """Mean daily turnover over Stock Connect northbound, on the days on which the link is open.

    Formula
    -------
        value = mean of the week's daily turnovers above zero                          unit: 亿元 (100 million yuan)

    `trades` is the mean daily number of trades where it is told, `change` 100·(value ÷ the week before − 1) per cent,
    `net_buy` the week's net purchases. None are published after 2024-08-16: null, with that reason.

    NaN rule: a week without an open day is null, as around holidays in Hong Kong. coverage = open days ÷ sessions of
    the week. Shown, not weighed. Verdict: input only; top names are not stored. Source: CHINA, row 11.
    """

    name: ClassVar[str] = "northbound_turnover"
    title: ClassVar[str] = "Northbound turnover"
    chinese: ClassVar[str] = "陆股通"
    unit: ClassVar[str] = "亿元"
    pillar: ClassVar[str] = "funds"
    weighed: ClassVar[bool] = False
    row: ClassVar[int] = 11
    verdict: ClassVar[Verdict] = "input only"
    relative: ClassVar[bool] = True
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("cn_northbound", "history", columns=("turnover", "trades", "net_buy")),
    )  # fmt: skip
    keys: ClassVar[dict[str, tuple[str, ...]]] = keys_of(inputs)

    def weekly(self, history: History, key: str | None) -> list[Reading]:
        """See the class."""
        if key is not None:
            return []
        turnover, trades, net = (history.daily("cn_northbound", name) for name in ("turnover", "trades", "net_buy"))
        open_days = turnover > 0
        mean = history.mean(np.where(open_days, turnover, np.nan) / YI)
        busy = history.mean(np.where(open_days, trades, np.nan))
        readings = []
        for w in range(history.first, len(history.weeks)):
            span = history.spans()[w]
            days = int(np.count_nonzero(open_days[span]))
            told = net[span][~np.isnan(net[span])]
            before = mean[w - 1] if w else np.nan
            change = 100.0 * (mean[w] / before - 1.0)
            late = history.weeks.day(w).isoformat() > NET_BUY_ENDS
            components = {
                "trades": number(busy[w]),
                "change": number(change),
                "net_buy": float(told.sum() / YI) if len(told) == days > 0 else None,
                "days": days,
            }
            closed = "the link was not open in this week"
            partly = f"net purchases are stored for {len(told)} of {days} open days"
            reasons = {
                "value": closed,
                "trades": "numbers of trades are not stored for this week",
                "change": closed if not days else "the link was not open in the week before",
                "net_buy": f"no net purchases are published after {NET_BUY_ENDS}" if late else partly,
            }
            readings.append(
                history.reading(w, number(mean[w]), components, reasons, ratio(days, span.stop - span.start))
            )
        return readings

    def meaning(self, reading: Reading) -> str:
        """How busy the link is."""
        if reading.value is None:
            return reading.reason or ""
        return f"{reading.value:,.0f} 亿元 a day passed over the link; turnover has no direction."
