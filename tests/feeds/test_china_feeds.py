"""A-share files: units, traps of the true layouts, and what only a file's name says."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from feeds.ingest import ingest
from feeds.store import Store
from tests.feeds.china_samples import AKSHARE, BOM, CHINA_SERIES, CSINDEX, SHENWAN, written

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "cn"


@pytest.fixture
def store(fresh_db: Path, tmp_path: Path):
    with Store.open(shutil.copyfile(fresh_db, tmp_path / "china.duckdb")) as opened:
        yield opened


def stored(store: Store, table: str) -> list[dict]:
    sessions = store.sessions("XSHG")
    (part,) = store.parts({table: "history"}, sessions, "XSHG")
    return part.tables[table].to_dicts()


def test_amounts_are_yuan(store, tmp_path):
    list(ingest(store, written(tmp_path, CSINDEX | CHINA_SERIES)))
    bars = {(row["date"], row["index"]): row for row in stored(store, "cn_index_bars")}
    assert bars[date(2024, 9, 12), "000300"]["amount"] == pytest.approx(1100.25e8)
    assert bars[date(2024, 9, 12), "000985"]["amount"] == pytest.approx(5200.5e8)
    assert bars[date(2024, 9, 13), "000300"]["pe_ttm"] is None
    assert bars[date(2024, 9, 13), "all_a_ex_fin_petro"]["close"] is None
    (margin,) = stored(store, "cn_margin")
    assert (margin["balance"], margin["buy"], margin["repay"]) == (1370050000000.0, 41025000000.0, None)
    assert margin["session"] == date(2024, 9, 13)  # known before the next open


def test_one_file_may_fill_two_tables(store, tmp_path):
    paths = written(tmp_path, {"weekly.csv": CHINA_SERIES["pe_and_cgb10y_weekly.csv"]})
    assert [(o.table, o.stored) for o in ingest(store, paths)] == [("cn_index_bars", 1), ("cn_bond_yields", 1)]
    assert [(o.table, o.stored, o.duplicates) for o in ingest(store, paths)] == [
        ("cn_index_bars", 0, 1),
        ("cn_bond_yields", 0, 1),
    ]


def test_stub_and_repeated_rows_are_rejected_with_their_reasons(store, tmp_path):
    stub = SHENWAN["801010.SI.csv"] + "2024-09-18,,2268.86,,,,,2.6173,0.0,\n"
    head, *rows = CSINDEX["000985_daily_amount_pe_2024.csv"].splitlines()
    repeated = "\n".join([head, rows[0].replace("2024-09-12", "2024-09-07"), *rows]) + "\n"
    paths = written(tmp_path, {"801010.SI.csv": stub, "000985_daily_amount_pe_2024.csv": repeated})
    found = list(ingest(store, paths, most_rejected=0.5))
    assert [(o.read, o.stored, o.rejected) for o in found] == [(3, 2, 1), (3, 2, 1)]
    rejects = store.rejects()
    assert rejects["record"].to_list() == [4, 2]
    assert "forward-filled stub" in rejects["reason"][0]
    assert "repeats the numbers of 2024-09-12" in rejects["reason"][1]


def test_a_real_price_like_the_day_before_is_no_stub(store, tmp_path):
    quiet = SHENWAN["801010.SI.csv"] + "2024-09-18,2268.86,2268.86,2268.86,2268.86,9.0,20.0,2.6173,0.0,0.0\n"
    (found,) = ingest(store, written(tmp_path, {"801010.SI.csv": quiet}))
    assert (found.stored, found.rejected) == (3, 0)


def test_akshare_frames_land_where_they_belong(store, tmp_path):
    outcomes = list(ingest(store, written(tmp_path, AKSHARE)))
    assert [o.error for o in outcomes] == [None] * len(AKSHARE)
    ten = {row["date"]: row["yield"] for row in stored(store, "cn_bond_yields") if row["tenor_years"] == 10}
    assert ten == {date(2024, 9, 13): 2.07, date(2024, 9, 14): 2.04}
    industry = {row["industry"]: row for row in stored(store, "cn_industry_bars") if row["pe_ttm"] is not None}
    assert industry["801230"]["pe_ttm"] == -31.5
    assert industry["801010"]["float_cap"] == pytest.approx(9500.5e8)
    margin = {row["symbol"]: row for row in stored(store, "cn_margin")}
    assert margin[None]["buy"] == pytest.approx(395.5e8)
    assert (margin["600000"]["repay"], margin["000001"]["repay"]) == (52000000.0, None)
    assert margin["000001"]["date"] == date(2024, 9, 13)
    (north,) = stored(store, "cn_northbound")
    assert (north["date"], north["turnover"], north["net_buy"]) == (date(2024, 8, 15), 1013.5e8, -12.5e8)
    (breadth,) = stored(store, "cn_breadth")
    assert (breadth["advancers"], breadth["decliners"]) == (900, 4300)
    assert stored(store, "cn_concept_bars")[0]["concept"] == "白酒"
    assert [(r["industry"], r["from_date"]) for r in stored(store, "cn_members")] == [
        ("sw:44", date(1991, 4, 3)),
        ("801780", date(2014, 1, 1)),
    ]
    assert {row["index"] for row in stored(store, "cn_index_bars")} == {"000300"}


@pytest.mark.parametrize(
    ("name", "sample", "said"),
    [
        ("stock_zh_a_hist_qfq_600000.csv", "stock_zh_a_hist_hfq_600000.csv", "repaint"),
        ("concept.csv", "stock_board_concept_hist_em_白酒.csv", "stock_board_concept_hist_em_白酒.csv"),
        ("margin.csv", "stock_margin_detail_szse_20240913.csv", "stock_margin_detail_szse_20240913.csv"),
    ],
)
def test_a_name_that_does_not_say_enough_is_one_clear_line(store, tmp_path, name, sample, said):
    (found,) = ingest(store, written(tmp_path, {name: AKSHARE[sample]}))
    assert found.error
    assert name in found.error
    assert said in found.error


@pytest.mark.parametrize("name", ["工业4.0", "工业4.0_20240101_20241231", "昨日涨停_含一字", "白酒"])
def test_a_concept_is_what_the_name_says_without_its_span(store, tmp_path, name):
    content = AKSHARE["stock_board_concept_hist_em_白酒.csv"]
    list(ingest(store, written(tmp_path, {f"stock_board_concept_hist_em_{name}.csv": content})))
    assert stored(store, "cn_concept_bars")[0]["concept"] == name.removesuffix("_20240101_20241231")


def test_units_in_ten_thousands_are_refused(store, tmp_path):
    old = AKSHARE["fund_etf_scale_sse_20240913.csv"].replace("63000000000.0", "6300000.0")
    (found,) = ingest(store, written(tmp_path, {"fund_etf_scale_sse.csv": old}))
    assert "ten thousands" in found.error


def test_an_adjustment_that_no_name_says_is_flagged_as_assumed(store, tmp_path):
    content = AKSHARE["stock_zh_a_hist_hfq_600000.csv"]
    found = list(ingest(store, written(tmp_path, {"a_hfq_x.csv": content, "b.csv": content.replace("102.3", "102.4")})))
    assert [o.assumed for o in found] == [None, "adj_close"]


def test_a_bad_number_is_a_reject_not_a_null(store, tmp_path):
    bad = CSINDEX["000985_daily_amount_pe_2024.csv"].replace("5150", "5l50")
    (found,) = ingest(store, written(tmp_path, {"000985_x.csv": BOM + bad}), most_rejected=0.5)
    assert (found.stored, found.rejected) == (1, 1)
    assert "`amount`, was '5l50'" in store.rejects()["reason"][0]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real files beside the checkout")
def test_every_real_file_is_read_and_its_traps_rejected(store):
    found = list(ingest(store, [SHARED]))
    assert [o.error for o in found] == [None] * len(found)
    assert not any(o.skipped for o in found)
    reasons = {(table, reason[:24]): n for table, reason, n in store.reject_counts()}
    assert reasons == {
        ("cn_industry_bars", "a forward-filled stub: n"): 31,
        ("cn_index_bars", "a forward-filled stub: n"): 1,
        ("cn_index_bars", "repeats the numbers of 2"): 2,
        ("cn_index_bars", "`date` is no session of "): 1,
    }
