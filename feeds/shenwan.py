"""Shenwan level-1 industries and the Wind all-A index as Wind's terminal exports them.

Layout read in true files (UTF-8 with a byte-order mark), the code being the file's name, `801010.SI.csv`:

    日期,OPEN,CLOSE,HIGH,LOW,VOLUME,AMT,TURN,CHG,PCT_CHG[,FREE_FLOAT_SHARES]     AMT in yuan, TURN in per cent

The last row is a forward-filled stub when the export ran before the close.
"""

import polars as pl

from feeds.layout import Layout, LayoutFeed, day, stubs

_COLUMNS = ("日期", "OPEN", "CLOSE", "HIGH", "LOW", "VOLUME", "AMT", "TURN")
_WIND = {"881001": "all_a"}
"""Wind's own index codes under the names of INTERFACE."""


def _bars(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.select(
        "record",
        date=day("日期"),
        close="CLOSE",
        amount="AMT",
        turnover_rate="TURN",
        refused=stubs("CLOSE", "OPEN", "HIGH", "LOW"),
    )


def _industry(raw: pl.DataFrame, code: str) -> pl.DataFrame:
    return _bars(raw).with_columns(industry=pl.lit(code))


def _index(raw: pl.DataFrame, code: str) -> pl.DataFrame:
    return _bars(raw).drop("turnover_rate").with_columns(index=pl.lit(_WIND.get(code, code)))


class Shenwan(LayoutFeed):
    """Wind's daily export of a Shenwan industry, or of Wind's all-A index."""

    name = "shenwan"
    fills = ("cn_industry_bars", "cn_index_bars")
    about = "Wind's daily export of a Shenwan industry (801010.SI.csv) or of an index (881001.WI.csv)"
    layouts = (
        Layout(
            _COLUMNS,
            {"cn_industry_bars": _industry},
            lacks=("FREE_FLOAT_SHARES",),
            named=r"^(\d{6})\.SI\b",
            asks="801010.SI.csv",
        ),
        Layout(
            (*_COLUMNS, "FREE_FLOAT_SHARES"),
            {"cn_index_bars": _index},
            named=r"^(\w{6})\.WI\b",
            asks="881001.WI.csv",
        ),
    )
