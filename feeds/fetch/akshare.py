"""A-share inputs through AkShare: its functions fetch by themselves; here they are paced, retried, checked and kept.

Each answer is a frame, saved as CSV under AkShare's own column names, in a file named after the function, its symbol
and its span. What AkShare's sources allow in one call sets the spans: under a year of bond yields, six months of
Shenzhen's fund shares. Names, arguments and columns are those of AkShare 1.19.5; a function that no longer gives them
fails by name. `--symbol` adds what is too much to fetch whole: a stock's six digits its back-adjusted bars, any other
word the bars of the concept of that name.

Left out: `index_hist_sw`, whose rows would replace those of `index_analysis_daily_sw` and take turnover rate, PE and PB
with them. Within a call AkShare turns pages without a pause, sets no time limit (one is set here), and does not verify
the certificate of swsresearch.com.

Sources: AkShare 1.19.5, the functions' own text.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from typing import Any

from feeds.errors import BadValue
from feeds.fetch.checks import first_line
from feeds.fetch.client import Polite
from feeds.fetch.source import Asked, Fetched, Source

INDICES = ("000985", "000300", "000852", "932000")
"""CSI all-share, CSI 300, CSI 1000, CSI 2000."""

LONGEST = 60.0
"""Seconds in which a server has to begin its answer, and to go on with it."""

_STOCK, _CONCEPT = r"\d{6}", r"(?!\d{6}$)[^/\\.][^/\\]{0,59}"


@dataclass(frozen=True)
class Call:
    """A function of AkShare, what it is called with, and the columns that its frame must have.

    Attributes
    ----------
    days : the longest span of one call: 0 where it takes none and answers with all it has, 1 where it takes a day
    symbols : what it is called for, one call each
    asked : pattern of the --symbol values that it is called for instead
    fixed : further arguments, named in the file too
    dated : whether the answer is of today and the file's name has to say so, lest tomorrow's replaces it in the store
    """

    function: str
    columns: tuple[str, ...]
    days: int = 0
    symbols: tuple[str, ...] = ()
    asked: str | None = None
    fixed: tuple[tuple[str, str], ...] = ()
    dated: bool = False

    def called_for(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """The symbols of its calls; one "" where it takes none."""
        if self.asked is not None:
            return tuple(symbol for symbol in wanted if re.fullmatch(self.asked, symbol))
        return self.symbols or ("",)


CALLS = (
    Call("bond_china_yield", ("曲线名称", "日期", "10年"), days=360),
    Call("index_analysis_daily_sw",
         ("指数代码", "指数名称", "发布日期", "收盘指数", "换手率", "市盈率", "市净率", "流通市值"),
         days=90, symbols=("一级行业",)),
    Call("stock_zh_index_hist_csindex", ("日期", "指数代码", "开盘", "最高", "最低", "收盘", "成交金额", "滚动市盈率"),
         days=3650, symbols=INDICES),
    Call("stock_margin_account_info", ("日期", "融资余额", "融资买入额", "融券余额")),
    Call("stock_margin_detail_sse", ("信用交易日期", "标的证券代码", "融资余额", "融资买入额", "融资偿还额"), days=1),
    Call("stock_margin_detail_szse", ("证券代码", "融资买入额", "融资余额", "融资融券余额"), days=1),
    Call("stock_market_activity_legu", ("item", "value"), dated=True),
    Call("fund_etf_scale_sse", ("基金代码", "统计日期", "基金份额"), days=1),
    Call("fund_scale_daily_szse", ("日期", "基金代码", "基金份额"), days=180, symbols=("ETF",)),
    Call("stock_hsgt_hist_em", ("日期", "当日成交净买额", "买入成交额", "卖出成交额"), symbols=("北向资金",)),
    Call("fund_new_found_em", ("基金代码", "基金类型", "募集份额", "成立日期")),
    Call("stock_industry_clf_hist_sw", ("symbol", "start_date", "industry_code")),
    Call("stock_zh_a_hist", ("日期", "股票代码", "开盘", "收盘"), days=3650, asked=_STOCK, fixed=(("adjust", "hfq"),)),
    Call("stock_board_concept_hist_em", ("日期", "开盘", "收盘", "最高", "最低", "换手率"), days=3650, asked=_CONCEPT),
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
        for symbol in asked.symbols:
            if not re.fullmatch(f"{_STOCK}|{_CONCEPT}", symbol):
                raise BadValue("--symbol", symbol, "expected a stock's six digits or a concept's name, like 白酒")
        try:
            akshare: Any = import_module("akshare")
        except ImportError:
            raise BadValue("SOURCE", self.name, "it needs AkShare; pip install 'bullbear[china]'") from None
        sessions = _sessions(asked) if any(call.days == 1 for call in self.calls) else frozenset()
        for call in self.calls:
            for symbol in call.called_for(asked.symbols):
                for given, ended in _spans(call, asked, sessions):
                    told = [value for _, value in call.fixed]
                    words = [call.function, *told, *([symbol] if symbol else []), *given.values()]
                    name = f"{'_'.join([*words, f'{asked.today:%Y%m%d}'] if call.dated else words)}.csv"
                    if ended and (polite.folder / name).exists():
                        yield Fetched(name, "present")
                    else:
                        arguments = dict(call.fixed) | given | ({"symbol": symbol} if symbol else {})
                        yield _kept(akshare, call, arguments, name, polite, ended)


def _sessions(asked: Asked) -> frozenset[date]:
    """Shanghai's sessions: the exchanges have no file of another day."""
    from feeds.calendar import exchange_sessions

    return frozenset(exchange_sessions("XSHG", asked.start, min(asked.end, asked.today)).dates)


def _spans(call: Call, asked: Asked, sessions: frozenset[date]) -> Iterator[tuple[dict[str, str], bool]]:
    """The arguments that say a span, and whether it ended before today."""
    end = min(asked.end, asked.today)
    if call.days == 0:
        yield {}, False
    elif call.days == 1:
        for day in sorted(sessions):
            yield {"date": f"{day:%Y%m%d}"}, day < asked.today
    else:
        first = asked.start
        while first <= end:
            last = min(first + timedelta(days=call.days - 1), end)
            yield {"start_date": f"{first:%Y%m%d}", "end_date": f"{last:%Y%m%d}"}, last < asked.today
            first = last + timedelta(days=1)


def _kept(akshare: Any, call: Call, given: dict[str, str], name: str, polite: Polite, ended: bool) -> Fetched:
    """One call's frame as a file. AkShare raises whatever its sources' answers make of it: each is told, none stops."""
    try:
        with _held():
            frame = polite.call(lambda: getattr(akshare, call.function)(**given))
    except Exception as error:
        why = f"{call.function}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if call.days == 1 and not ended:
            return Fetched(name, "unpublished", f"today's is not out yet, or: {why}")
        return Fetched(name, "failed", why)
    if frame is None or not len(frame):
        return Fetched(name, "unpublished", "AkShare has no rows of that span")
    return polite.keep(name, frame.to_csv(index=False).encode(), lambda path: first_line(path, *call.columns))


@contextmanager
def _held() -> Iterator[None]:
    """AkShare within bounds: no request without a time limit, no bars and warnings of its own on the terminal."""
    session_type: Any = import_module("requests").Session
    original = session_type.request

    def limited(session: Any, *words: Any, **given: Any) -> Any:
        limit = given.get("timeout")
        return original(session, *words, **{**given, "timeout": LONGEST if limit is None else limit})

    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        session_type.request = limited
        try:
            yield
        finally:
            session_type.request = original
