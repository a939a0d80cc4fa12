"""AkShare's frames as csv files, one call a file, named FUNCTION[_WHAT].csv: what no column says stands in the name.

Read (columns as AkShare 1.19.5 names them; units are changed to those of the tables):

    bond_china_yield                     → cn_bond_yields     the government curve alone; a call spans less than a year
    index_analysis_daily_sw, index_hist_sw → cn_industry_bars  a file of one kind replaces rows of the other: take one
    stock_index_pe_lg_000300             → cn_index_bars      close and rolling PE
    stock_margin_account_info            → cn_margin          the market
    stock_margin_detail_sse, stock_margin_detail_szse_20240913 → cn_margin   by stock; Shenzhen tells no repayments
    fund_etf_scale_sse, fund_scale_daily_szse → cn_etf_shares
    fund_new_found_em                    → cn_new_funds
    stock_hsgt_hist_em                   → cn_northbound      days without a turnover hold nothing: it ends 2024-08-16
    stock_market_activity_legu           → cn_breadth         one day a file
    stock_zh_a_hist_hfq_600000           → cn_stock_bars      back-adjusted only: forward-adjusted closes repaint
    stock_board_concept_hist_em_白酒     → cn_concept_bars
    stock_industry_clf_hist_sw           → cn_members         level 1 of each code

A span of days may follow (…_白酒_20240101_20241231). `stock_zh_index_hist_csindex` is read by feeds/csindex.py.
`stock_ebs_lg` gives a spread already made, from which neither PE nor yield can be told apart: it is not read.
"""

import re
from pathlib import Path

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim
from feeds.layout import Layout, LayoutFeed, day, times
from seeds.shenwan import industries

YI = 1e8
_GOVERNMENT = "中债国债收益率曲线"
_TENORS = {"3月": "0.25", "6月": "0.5", "1年": "1", "3年": "3", "5年": "5", "7年": "7", "10年": "10", "30年": "30"}
_NAMES = {
    "上证50": "000016", "沪深300": "000300", "上证380": "000009", "创业板50": "399673", "中证500": "000905",
    "上证180": "000010", "深证红利": "399324", "深证100": "399330", "中证1000": "000852", "上证红利": "000015",
    "中证100": "000903", "中证800": "000906",
}  # fmt: skip
"""Index names of stock_index_pe_lg by code."""

_FEWEST_UNITS = 1e9
"""The largest fund of an exchange has more units than this; a file below it counts in ten thousands."""


def _curve(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    tenors = [name for name in _TENORS if name in raw.columns]
    mine = raw.filter(pl.col("曲线名称") == _GOVERNMENT)
    long = mine.unpivot(tenors, index=["record", "日期"], variable_name="tenor", value_name="yield")
    return long.filter(pl.col("yield").is_not_null()).select(
        "record", "yield", date=day("日期"), tenor_years=pl.col("tenor").replace_strict(_TENORS)
    )


def _industry_analysis(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select(
        "record",
        date=day("发布日期"),
        industry="指数代码",
        close="收盘指数",
        turnover_rate="换手率",
        pe_ttm="市盈率",
        pb="市净率",
        float_cap=times("流通市值", YI),
    )


def _industry_history(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", date=day("日期"), industry="代码", close="收盘", amount=times("成交额", YI))


def _index_pe(raw: pl.DataFrame, name: str) -> pl.DataFrame:
    code = pl.lit(_NAMES.get(name, name))
    return raw.select("record", date=day("日期"), index=code, close="指数", pe_ttm="滚动市盈率")


def _margin_accounts(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", date=day("日期"), balance=times("融资余额", YI), buy=times("融资买入额", YI))


def _margin_shanghai(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select(
        "record",
        date=day("信用交易日期"),
        symbol="标的证券代码",
        balance="融资余额",
        buy="融资买入额",
        repay="融资偿还额",
    )


def _margin_shenzhen(raw: pl.DataFrame, digits: str) -> pl.DataFrame:
    when = pl.lit(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    return raw.select("record", date=when, symbol="证券代码", balance="融资余额", buy="融资买入额")


def _units(raw: pl.DataFrame, when: str) -> pl.DataFrame:
    largest = raw["基金份额"].cast(pl.Float64, strict=False).max()
    if not isinstance(largest, float) or largest < _FEWEST_UNITS:
        raise UnreadableFile(
            f"`基金份额`, was {largest!r} at most: expected fund units, found what looks like ten thousands of them."
            " Fetch the file again with a newer AkShare."
        )
    return raw.select("record", date=day(when), code="基金代码", shares="基金份额")


def _shanghai_funds(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return _units(raw, "统计日期")


def _shenzhen_funds(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return _units(raw, "日期")


def _new_funds(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    told = raw.filter(pl.col("募集份额").is_not_null())
    return told.select("record", date=day("成立日期"), fund="基金代码", kind="基金类型", units="募集份额")


def _northbound(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    bought, sold = (pl.col(name).cast(pl.Float64, strict=False) for name in ("买入成交额", "卖出成交额"))
    return raw.with_columns(turnover=bought + sold).filter(pl.col("turnover").is_not_null()).select(
        "record", date=day("日期"), turnover=pl.col("turnover") * YI, net_buy=times("当日成交净买额", YI)
    )  # fmt: skip


def _activity(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    said = dict(zip(raw["item"], raw["value"], strict=True))
    found = re.search(r"\d{4}-\d{2}-\d{2}", said.get("统计日期") or "")
    row = {
        "record": 2,
        "date": found[0] if found else None,
        "advancers": said.get("上涨"),
        "decliners": said.get("下跌"),
    }
    return pl.DataFrame([row], schema={"record": pl.Int64} | dict.fromkeys(list(row)[1:], pl.String))


def _stock(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", date=day("日期"), symbol="股票代码", adj_close="收盘")


def _concept(raw: pl.DataFrame, name: str) -> pl.DataFrame:
    return raw.select("record", date=day("日期"), concept=pl.lit(name), close="收盘")


def _members(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    """Level-1 industry of each stock by the first two digits; digits of older classifications stay as `sw:DD`."""
    codes = {industry.prefix: industry.code for industry in industries().values()}
    prefix = pl.col("industry_code").str.slice(0, 2)
    older = pl.concat_str(pl.lit("sw:"), prefix)
    rows = raw.select(
        "record",
        "symbol",
        industry=prefix.replace_strict(codes, default=None, return_dtype=pl.String).fill_null(older),
        from_date=day("start_date"),
    )
    # finer levels change more often than level 1: the last row of an industry, stock and day says as much as the others
    return rows.unique(["industry", "symbol", "from_date"], keep="first", maintain_order=True)


class AkShare(LayoutFeed):
    """Frames of AkShare saved as csv."""

    name = "akshare"
    fills = (
        *("cn_bond_yields", "cn_industry_bars", "cn_index_bars", "cn_margin", "cn_etf_shares", "cn_new_funds"),
        *("cn_northbound", "cn_breadth", "cn_stock_bars", "cn_concept_bars", "cn_members"),
    )
    about = "AkShare frames saved as csv, named FUNCTION[_WHAT].csv"
    layouts = (
        Layout(("曲线名称", "日期", "10年"), {"cn_bond_yields": _curve}, ignored=("other curves",)),
        Layout(
            ("指数代码", "发布日期", "收盘指数", "换手率", "市盈率", "市净率", "流通市值"),
            {"cn_industry_bars": _industry_analysis},
        ),
        Layout(("代码", "日期", "收盘", "成交额"), {"cn_industry_bars": _industry_history}),
        Layout(
            ("日期", "指数", "滚动市盈率", "静态市盈率"),
            {"cn_index_bars": _index_pe},
            named=r"^stock_index_pe_lg_([^.]{1,40})\.",
            asks="stock_index_pe_lg_000300.csv",
        ),
        Layout(("日期", "融资余额", "融资买入额", "融券余额"), {"cn_margin": _margin_accounts}),
        Layout(
            ("信用交易日期", "标的证券代码", "融资余额", "融资买入额", "融资偿还额"), {"cn_margin": _margin_shanghai}
        ),
        Layout(
            ("证券代码", "融资买入额", "融资余额", "融资融券余额"),
            {"cn_margin": _margin_shenzhen},
            named=r"_(\d{8})\.",
            asks="stock_margin_detail_szse_20240913.csv",
        ),
        Layout(("基金代码", "统计日期", "基金份额"), {"cn_etf_shares": _shanghai_funds}),
        Layout(("日期", "基金代码", "基金份额"), {"cn_etf_shares": _shenzhen_funds}),
        Layout(
            ("基金代码", "基金类型", "募集份额", "成立日期"),
            {"cn_new_funds": _new_funds},
            ignored=("funds whose units are not told",),
        ),
        Layout(
            ("日期", "当日成交净买额", "买入成交额", "卖出成交额"),
            {"cn_northbound": _northbound},
            ignored=("days without a turnover",),
        ),
        Layout(
            ("item", "value"),
            {"cn_breadth": _activity},
            named=r"^(stock_market_activity_legu)",
            asks="stock_market_activity_legu_20240913.csv",
        ),
        Layout(
            ("日期", "股票代码", "开盘", "收盘"), {"cn_stock_bars": _stock}, sure=r"(^|_)hfq(_|\.)", assumed="adj_close"
        ),
        Layout(
            ("日期", "开盘", "收盘", "最高", "最低", "换手率"),
            {"cn_concept_bars": _concept},
            lacks=("股票代码",),
            named=r"^stock_board_concept_hist_em_(.{1,60}?)(?:_\d{8}_\d{8})?\.csv",
            asks="stock_board_concept_hist_em_白酒.csv",
        ),
        Layout(("symbol", "start_date", "industry_code"), {"cn_members": _members}),
    )

    def claim(self, path: Path) -> Claim | None:
        """By header; closes that are adjusted forwards are refused by name, as they change with every dividend."""
        claim = super().claim(path)
        if claim is not None and claim.table == "cn_stock_bars" and re.search(r"(^|_)qfq(_|\.)", path.name):
            raise UnreadableFile(
                f"'{path.name}': expected back-adjusted closes (hfq), found forward-adjusted ones: they repaint"
            )
        return claim
