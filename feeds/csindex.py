"""China Securities Index: histories of one index, as its site gives them and as daily files of amount and PE.

Layouts read in true files:

    日期,指数代码,…,开盘,最高,最低,收盘,涨跌,涨跌幅,成交量,成交金额,样本数量,滚动市盈率[,update_time]   amounts in 亿元
    date,open,high,low,close,amount_yi,pe      one index, its code leads the file's name; amounts in 亿元

The second kind begins with a row that repeats the second one under a holiday's date, and holds a holiday as a stub.
"""

import polars as pl

from feeds.layout import Layout, LayoutFeed, day, repeats, stubs, times

YI = 1e8


def _history(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select(
        "record",
        date=day("日期"),
        index="指数代码",
        close="收盘",
        amount=times("成交金额", YI),
        pe_ttm="滚动市盈率",
        refused=stubs("收盘", "开盘", "最高", "最低"),
    )


def _daily(raw: pl.DataFrame, code: str) -> pl.DataFrame:
    return raw.select(
        "record",
        date=day("date"),
        index=pl.lit(code),
        close="close",
        amount=times("amount_yi", YI),
        pe_ttm="pe",
        refused=pl.coalesce(
            repeats("date", "open", "high", "low", "close", "amount_yi", "pe"), stubs("close", "open", "high", "low")
        ),
    )


class CsIndex(LayoutFeed):
    """China Securities Index's own histories."""

    name = "csindex"
    fills = ("cn_index_bars",)
    about = "China Securities Index: daily history of an index with amount and rolling PE (csv)"
    layouts = (
        Layout(
            ("日期", "指数代码", "开盘", "最高", "最低", "收盘", "成交金额", "滚动市盈率"),
            {"cn_index_bars": _history},
        ),
        Layout(
            ("date", "open", "high", "low", "close", "amount_yi", "pe"),
            {"cn_index_bars": _daily},
            named=r"^(\d{6})",
            asks="000985_daily_amount_pe.csv",
        ),
    )
