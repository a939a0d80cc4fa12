"""Our calls against the AkShare that is installed: names, arguments, columns, its own parsing of answers of each shape.

The answers have the shape that AkShare's functions read, with invented numbers, and come from the loopback server: the
library's requests are sent there whatever address they name.
"""

import inspect
import io
import json
import shutil
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feeds.akshare import AkShare
from feeds.csindex import CsIndex
from feeds.fetch.akshare import CALLS, LONGEST, Akshare, Call
from feeds.fetch.source import Asked
from feeds.ingest import ingest
from feeds.store import Store

from .conftest import Replay, Reply

akshare = pytest.importorskip("akshare")

BY_NAME = {call.function: call for call in CALLS}
FROM_THE_SITE = {"bond_china_yield": {"曲线名称"}}
"""Columns whose names AkShare takes over from the page that it reads."""

READ_ONLY = (  # read by the feed, not fetched
    Call("index_hist_sw", ("代码", "日期", "收盘", "成交额"), symbols=("801010",)),
    Call("stock_index_pe_lg", ("日期", "指数", "滚动市盈率", "静态市盈率"), symbols=("沪深300",)),
)
SPAN = {"start_date": "20240913", "end_date": "20240913"}


@pytest.mark.parametrize("call", [*CALLS, *READ_ONLY], ids=lambda call: call.function)
def test_the_function_is_there_takes_our_arguments_and_names_our_columns(call: Call):
    function = getattr(akshare, call.function)
    given = dict(call.fixed) | ({"date": "20240913"} if call.days == 1 else SPAN if call.days else {})
    if call.symbols or call.asked:
        given["symbol"] = "600000"
    inspect.signature(function).bind(**given)
    source = inspect.getsource(function)
    expected = set(call.columns) - FROM_THE_SITE.get(call.function, set())
    assert {name for name in expected if f'"{name}"' not in source} == set()


@pytest.mark.parametrize("call", [*CALLS, *READ_ONLY], ids=lambda call: call.function)
def test_a_feed_reads_what_is_fetched(call: Call):
    layouts = (*AkShare.layouts, *CsIndex.layouts)
    assert [layout for layout in layouts if set(layout.needs) <= set(call.columns)]


# -- answers -----------------------------------------------------------------------------------------------------------


def said(found: object) -> Reply:
    return Reply(json.dumps(found, ensure_ascii=False).encode())


def sheet(columns: list[str], *rows: list[object]) -> Reply:
    import pandas as pd

    packed = io.BytesIO()
    pd.DataFrame(list(rows), columns=columns).to_excel(packed, index=False)
    return Reply(packed.getvalue())


def page(body: str) -> Reply:
    return Reply(f"<html><body>{body}</body></html>".encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def table(*rows: list[str]) -> str:
    return "<table>" + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows) + "</table>"


CSINDEX = ["20240913", "000300", "沪深300指数", "沪深300", "CSI 300 Index", "CSI 300", "3171", "3180", "3150", "3159.5"]
SSE = dict.fromkeys("abcdefghijklm", 0) | {
    "b": "20240913", "h": 52000000, "i": 50000000, "k": 3000000000, "l": "浦发银行", "m": "600000",
}  # fmt: skip
FUND = [
    "019879",
    "某混合",
    "某公司",
    "",
    "混合型-偏股",
    "2.35",
    "2024-09-13",
    "0.1",
    "某人",
    "开放申购",
    "x",
    *[""] * 7,
    "0.15%",
]
KLINE = "2024-09-13,101.2,102.3,103,100,500000,4500000.0,1.2,0.5,0.4,0.2"
SW = {
    "swindexcode": "801010", "swindexname": "农林牧渔", "bargaindate": "2024-09-13", "closeindex": 2100.5,
    "bargainamount": 10.2, "markup": -0.5, "turnoverrate": 1.2, "pe": 25.3, "pb": 2.1, "meanprice": 8.5,
    "bargainsumrate": 1.5, "negotiablessharesum1": 9500.5, "negotiablessharesum2": 95.1, "dp": 1.1,
}  # fmt: skip
MARGIN = {
    "STATISTICS_DATE": "2024-09-13 00:00:00", "FIN_BALANCE": 13690.5, "LOAN_BALANCE": 109.1, "FIN_BUY_AMT": 395.5,
    **dict.fromkeys(
        ["LOAN_SELL_AMT", "SECURITY_ORG_NUM", "OPERATEDEPT_NUM", "PERSONAL_INVESTOR_NUM", "ORG_INVESTOR_NUM",
         "INVESTOR_NUM", "MARGINLIAB_INVESTOR_NUM", "TOTAL_GUARANTEE", "AVG_GUARANTEE_RATIO"], 1),
}  # fmt: skip
NORTH = {
    "MUTUAL_TYPE": "005", "TRADE_DATE": "2024-08-15 00:00:00", "FUND_INFLOW": 1000, "NET_DEAL_AMT": -1250.0,
    "QUOTA_BALANCE": 51000, "ACCUM_DEAL_AMT": 1.7e6, "BUY_AMT": 50050.0, "SELL_AMT": 51300.0, "LEAD_STOCKS_CODE": "1",
    "LEAD_STOCKS_NAME": "x", "LS_CHANGE_RATE": 1, "INDEX_CLOSE_PRICE": 3300, "INDEX_CHANGE_RATE": 1,
    "HOLD_MARKET_CAP": 2e12,
}  # fmt: skip
CURVE = [
    ["曲线名称", "日期", "3月", "6月", "1年", "3年", "5年", "7年", "10年", "30年"],
    ["中债国债收益率曲线", "2024-09-13", "1.4", "1.41", "1.42", "1.5", "1.7", "1.9", "2.07", "2.2"],
    ["中债中短期票据收益率曲线(AAA)", "2024-09-13", "1.9", "1.9", "2", "2.1", "2.2", "2.3", "2.4", "2.5"],
]
BREADTH = [["上涨", "900", "涨停", "30", "真实涨停", "25"], ["下跌", "4300", "跌停", "8", "真实跌停", "6"]]

ANSWERS: dict[str, tuple[str, list[Reply], str, dict[str, object]]] = {
    # function: where it asks, what it gets, the table filled, and what one row says
    "bond_china_yield": (
        "/cbweb-pbc-web/pbc/historyQuery", [page(table(["query"]) + table(*CURVE))],
        "cn_bond_yields", {"date": date(2024, 9, 13), "tenor_years": 10.0, "yield": 2.07},
    ),
    "index_analysis_daily_sw": (
        "/institute-sw/api/index_analysis/index_analysis_report/",
        [said({"data": {"count": 51, "results": []}}), said({"data": {"count": 51, "results": [SW]}}),
         said({"data": {"count": 51, "results": [SW | {"swindexcode": "801230", "pe": -31.5}]}})],
        "cn_industry_bars", {"industry": "801230", "pe_ttm": -31.5, "turnover_rate": 1.2, "float_cap": 9500.5e8},
    ),
    "stock_zh_index_hist_csindex": (
        "/csindex-home/perf/index-perf",
        [said({"data": [dict(enumerate([*CSINDEX, "-13", "-0.4", "88.0", "1250.5", "300", "11.2"]))]})],
        "cn_index_bars", {"index": "000300", "close": 3159.5, "amount": 1250.5e8, "pe_ttm": 11.2},
    ),
    "stock_margin_account_info": (
        "/api/data/v1/get", [said({"result": {"pages": 1, "data": [MARGIN]}})],
        "cn_margin", {"symbol": None, "balance": 13690.5e8, "buy": 395.5e8},
    ),
    "stock_margin_detail_sse": (
        "/marketdata/tradedata/queryMargin.do", [said({"result": [SSE]})],
        "cn_margin", {"date": date(2024, 9, 13), "symbol": "600000", "balance": 3e9, "buy": 5e7, "repay": 5.2e7},
    ),
    "stock_margin_detail_szse": (
        "/api/report/ShowReport",
        [sheet(["证券代码", "简称", "买入", "余额", "卖出量", "余量", "券余额", "两融余额"],
               ["000001", "平安银行", "67,452,975", "4,345,663,792", "0", "1,791,277", "20,098,128", "4,365,763,792"])],
        "cn_margin", {"date": date(2024, 9, 13), "symbol": "000001", "balance": 4345663792.0, "repay": None},
    ),
    "stock_market_activity_legu": (
        "/stockdata/market-activity",
        [page(table(*BREADTH) + '<div class="metric-activity">活跃度\n17.0%</div>'
              '<div class="market-activity-meta">2024-09-13 15:00:00</div>')],
        "cn_breadth", {"date": date(2024, 9, 13), "advancers": 900.0, "decliners": 4300.0},
    ),
    "fund_etf_scale_sse": (
        "/commonQuery.do",
        [said({"result": [{"NUM": "1", "SEC_CODE": "510310", "SEC_NAME": "300ETF", "ETF_TYPE": "单市",
                           "STAT_DATE": "2024-09-13", "TOT_VOL": "6300000.0"}]})],
        "cn_etf_shares", {"date": date(2024, 9, 13), "code": "510310", "shares": 6.3e10},
    ),
    "fund_scale_daily_szse": (
        "/api/report/ShowReport",
        [sheet(["日期", "基金代码", "基金简称", "基金规模(份)"], ["2024-09-13", "159919", "300ETF", "38,000,000,000"])],
        "cn_etf_shares", {"date": date(2024, 9, 13), "code": "159919", "shares": 3.8e10},
    ),
    "stock_hsgt_hist_em": (
        "/api/data/v1/get", [said({"result": {"pages": 1, "data": [NORTH]}})],
        "cn_northbound", {"date": date(2024, 8, 15), "turnover": 1013.5e8, "net_buy": -12.5e8},
    ),
    "fund_new_found_em": (
        "/data/FundNewIssue.aspx", [Reply(b"var newfunddata=" + json.dumps({"datas": [FUND]}).encode())],
        "cn_new_funds", {"date": date(2024, 9, 13), "fund": "019879", "units": 2.35},
    ),
    "stock_industry_clf_hist_sw": (
        "/swindex/pdf/SwClass2021/StockClassifyUse_stock.xls",
        [sheet(["股票代码", "计入日期", "行业代码", "更新日期"], ["000001", "2014-01-01", "480101", "2015-10-27"])],
        "cn_members", {"industry": "801780", "symbol": "000001", "from_date": date(2014, 1, 1)},
    ),
    "stock_zh_a_hist": (
        "/api/qt/stock/kline/get", [said({"data": {"klines": [KLINE]}})],
        "cn_stock_bars", {"date": date(2024, 9, 13), "symbol": "600000", "adj_close": 102.3},
    ),
    "stock_board_concept_hist_em": (
        "/api/qt/stock/kline/get", [said({"data": {"klines": [KLINE]}})],
        "cn_concept_bars", {"date": date(2024, 9, 13), "concept": "BK0896", "close": 102.3},
    ),
}  # fmt: skip


@pytest.fixture
def limits(server: Replay, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every request of the library goes to the server; what comes back is the time limit of each."""
    from requests.adapters import HTTPAdapter

    found, send = [], HTTPAdapter.send

    def redirected(self, request, **given):
        parts = urlsplit(request.url)
        request.url = f"{server.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        found.append(given["timeout"])
        return send(self, request, **given)

    monkeypatch.setattr(HTTPAdapter, "send", redirected)
    return found


@pytest.mark.parametrize("function", list(BY_NAME))
def test_its_frame_is_kept_and_read(function: str, server, limits, polite, fresh_db: Path, tmp_path: Path, capfd):
    path, replies, filled, expected = ANSWERS[function]
    call = BY_NAME[function]
    server.on(path, *replies)
    call = Call(function, call.columns, call.days, call.symbols[:2][-1:], call.asked, call.fixed, call.dated)
    day = date(2024, 9, 13)
    question = Asked(day, day, date(2024, 9, 14), ("600000", "BK0896") if call.asked else ())
    (kept,) = Akshare((call,)).files(polite, question)
    assert kept.state == "fetched", kept.why
    assert limits
    assert all(limit is not None and 0 < limit <= LONGEST for limit in limits)
    assert capfd.readouterr().err == ""
    with Store.open(shutil.copyfile(fresh_db, tmp_path / "china.duckdb")) as store:
        (outcome,) = ingest(store, [polite.folder / kept.name])
        assert (outcome.error, outcome.table, outcome.rejected) == (None, filled, 0)
        sessions = store.sessions("XSHG")
        (part,) = store.parts({filled: "history"}, sessions, "XSHG")
        rows = part.tables[filled].select(list(expected)).to_dicts()
    assert [row for row in rows if all(row[name] == pytest.approx(value) for name, value in expected.items())]


def test_every_function_has_an_answer():
    assert set(ANSWERS) == set(BY_NAME)


def test_an_error_page_is_told_and_kept_is_nothing(server, limits, polite):
    server.on("/csindex-home/perf/index-perf", page("busy"))
    question = Asked(date(2024, 9, 13), date(2024, 9, 13), date(2024, 9, 14))
    (found,) = Akshare((Call("stock_zh_index_hist_csindex", ("日期",), 3650, ("000300",)),)).files(polite, question)
    assert (found.state, len(server.seen)) == ("failed", 3)  # tried three times
    assert found.why.startswith("stock_zh_index_hist_csindex: ")
    assert not list(polite.folder.glob("*"))
