"""A-share series that public repositories keep as small files, each under a header of its own.

Layouts read in true files:

    date,fin_balance,loan_balance,fin_buy,guarantee                             margin accounts, 亿元
    date,code,shares,nav,close_price,…                                          shares of broad ETFs
    date,pe_ttm_wind_all_a_ex_fin_petro,cgb_10y      weekly: a PE and the ten-year government yield, two tables in one
"""

import polars as pl

from feeds.layout import Layout, LayoutFeed, day, times

YI = 1e8


def _margin(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", date=day("date"), balance=times("fin_balance", YI), buy=times("fin_buy", YI))


def _etf_shares(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", "code", "shares", date=day("date"))


def _pe(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    pe = pl.col("pe_ttm_wind_all_a_ex_fin_petro")
    return raw.select("record", date=day("date"), index=pl.lit("all_a_ex_fin_petro"), pe_ttm=pe)


def _yield(raw: pl.DataFrame, _: str) -> pl.DataFrame:
    return raw.select("record", date=day("date"), tenor_years=pl.lit("10"), **{"yield": pl.col("cgb_10y")})


class ChinaSeries(LayoutFeed):
    """Margin balances, broad-ETF shares, and the equity-bond pair."""

    name = "china_series"
    fills = ("cn_margin", "cn_etf_shares", "cn_index_bars", "cn_bond_yields")
    about = "A-share series of public repositories: margin balances, ETF shares, PE with the ten-year yield (csv)"
    layouts = (
        Layout(("date", "fin_balance", "fin_buy"), {"cn_margin": _margin}, ignored=("loan_balance", "guarantee")),
        Layout(("date", "code", "shares", "nav"), {"cn_etf_shares": _etf_shares}),
        Layout(("date", "pe_ttm_wind_all_a_ex_fin_petro", "cgb_10y"), {"cn_index_bars": _pe, "cn_bond_yields": _yield}),
    )
