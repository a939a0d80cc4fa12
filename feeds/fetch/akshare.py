"""A-share inputs through AkShare: its functions fetch by themselves; here they are paced, retried, checked and kept.

Each answer is a frame, saved as CSV under AkShare's own column names, in a file named after the function, its symbol
and its span. What AkShare's sources allow in one call sets the spans: under a year of bond yields, six months of
Shenzhen's fund shares. Column names as AkShare 1.19 gives them; a function that no longer gives them fails by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from feeds.errors import BadValue
from feeds.fetch.checks import first_line
from feeds.fetch.client import Polite
from feeds.fetch.source import Asked, Fetched, Source

INDUSTRIES = (
    *("801010", "801030", "801040", "801050", "801080", "801110", "801120", "801130", "801140", "801150", "801160"),
    *("801170", "801180", "801200", "801210", "801230", "801710", "801720", "801730", "801740", "801750", "801760"),
    *("801770", "801780", "801790", "801880", "801890", "801950", "801960", "801970", "801980"),
)
"""Shenwan level-1 industries since 2021."""

INDICES = ("000985", "000300", "000852", "932000")
"""CSI all-share, CSI 300, CSI 1000, CSI 2000."""


@dataclass(frozen=True)
class Call:
    """A function of AkShare, what it is called with, and the columns that its frame must have.

    `days` is the longest span of one call: 0 where it takes none and answers with all it has, 1 where it takes a day.
    """

    function: str
    columns: tuple[str, ...]
    days: int = 0
    symbols: tuple[str, ...] = ()


CALLS = (
    Call("bond_china_yield", ("曲线名称", "日期", "10年"), days=360),
    Call("index_analysis_daily_sw", ("指数代码", "指数名称", "发布日期", "换手率", "市盈率", "市净率", "流通市值"),
         days=90, symbols=("一级行业",)),
    Call("index_hist_sw", ("代码", "日期", "收盘", "成交额"), symbols=INDUSTRIES),
    Call("stock_zh_index_hist_csindex", ("日期", "收盘", "成交金额", "滚动市盈率"), days=3650, symbols=INDICES),
    Call("stock_margin_account_info", ("日期", "融资余额", "融资买入额")),
    Call("fund_etf_scale_sse", ("基金代码", "统计日期", "基金份额"), days=1),
    Call("fund_scale_daily_szse", ("日期", "基金代码", "基金份额"), days=180, symbols=("ETF",)),
    Call("stock_hsgt_hist_em", ("日期", "买入成交额", "卖出成交额"), symbols=("北向资金",)),
    Call("fund_new_found_em", ("基金代码", "基金类型", "募集份额", "成立日期")),
)  # fmt: skip
"""What the A-share metrics are computed from (CHINA)."""


@dataclass(frozen=True)
class Akshare(Source):
    """The frames that the A-share metrics need."""

    calls: tuple[Call, ...] = CALLS
    name = "akshare"
    about = "A-share inputs through AkShare (yields, industries, indices, margin, fund shares), CSV files"
    a_second = 0.5

    def files(self, polite: Polite, asked: Asked) -> Iterator[Fetched]:
        """Every call for every symbol, span by span; what has ended is not asked for again."""
        try:
            akshare: Any = import_module("akshare")
        except ImportError:
            raise BadValue("SOURCE", self.name, "it needs AkShare; pip install 'bullbear[china]'") from None
        for call in self.calls:
            for symbol in call.symbols or ("",):
                for given, ended in _spans(call, asked):
                    words = [call.function, *([symbol] if symbol else []), *given.values()]
                    name = f"{'_'.join(words)}.csv"
                    if ended and (polite.folder / name).exists():
                        yield Fetched(name, "present")
                    else:
                        yield _kept(akshare, call, given | ({"symbol": symbol} if symbol else {}), name, polite)


def _spans(call: Call, asked: Asked) -> Iterator[tuple[dict[str, str], bool]]:
    """The arguments that say a span, and whether it ended before today."""
    end = min(asked.end, asked.today)
    if call.days == 0:
        yield {}, False
    elif call.days == 1:
        for day in asked.days():
            if day.weekday() < 5:
                yield {"date": f"{day:%Y%m%d}"}, day < asked.today
    else:
        first = asked.start
        while first <= end:
            last = min(first + timedelta(days=call.days - 1), end)
            yield {"start_date": f"{first:%Y%m%d}", "end_date": f"{last:%Y%m%d}"}, last < asked.today
            first = last + timedelta(days=1)


def _kept(akshare: Any, call: Call, given: dict[str, str], name: str, polite: Polite) -> Fetched:
    """One call's frame as a file. AkShare raises whatever its sources' answers make of it: each is told, none stops."""
    try:
        frame = polite.call(lambda: getattr(akshare, call.function)(**given))
    except Exception as error:
        return Fetched(name, "failed", f"{call.function}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    if frame is None or not len(frame):
        return Fetched(name, "unpublished", "AkShare has no rows of that span")
    return polite.keep(name, frame.to_csv(index=False).encode(), lambda path: first_line(path, *call.columns))
