"""Indicators of turnover and money: peak, sentiment, size, margin, ETFs, northbound, new funds."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from indicators.china.etf_share_change import EtfShareChange
from indicators.china.margin_flow import MarginFlow
from indicators.china.market_turnover import MarketTurnover
from indicators.china.new_equity_funds import NewEquityFunds
from indicators.china.northbound_turnover import NorthboundTurnover
from indicators.china.sentiment_index import SentimentIndex
from indicators.china.size_style import SizeStyle
from indicators.china.turnover_to_peak import TurnoverToPeak
from tests import naive
from tests.indicators.china.a_shares import days, readings

START, END = date(2024, 8, 5), date(2024, 10, 18)


def index(code, values, column, start=START, end=END):
    return [{"date": d, "index": code, column: x} for d, x in zip(days(start, end), values, strict=True)]


def test_turnover_against_its_peak_takes_means_and_names_the_peak():
    every = days(START, END)
    amount = [1e12 if day < date(2024, 9, 30) else 2e12 if day == date(2024, 9, 30) else 1.5e12 for day in every]
    found = readings(TurnoverToPeak(), {"cn_index_bars": index("000985", amount, "amount")}, START, END)
    # one day of 2e12 before the holiday is a week of 2e12, not a fifth of one
    assert found[date(2024, 9, 30)].value == 100.0
    assert found[END].value == pytest.approx(75.0)
    assert found[END].components["mean"] == pytest.approx(15_000)
    assert (found[END].components["peak_week"], found[END].components["since"]) == ("2024-09-30", "2024-08-09")
    change = readings(MarketTurnover(), {"cn_index_bars": index("000985", amount, "amount")}, START, END)
    assert change[date(2024, 9, 30)].value == pytest.approx(100.0)
    assert change[date(2024, 10, 11)].value == pytest.approx(-25.0)


def test_sentiment_is_the_mean_of_the_percentiles_and_margin_counts_a_day_late():
    start, end = date(2024, 1, 2), date(2024, 10, 18)
    every = days(start, end)
    random = np.random.default_rng(8)
    amount, close = 1e12 * np.exp(random.normal(0, 0.2, len(every))), 4000 + np.cumsum(random.normal(0, 20, len(every)))
    buy, up = 0.08 * amount * np.exp(random.normal(0, 0.1, len(every))), random.integers(500, 4500, len(every))
    tables = {
        "cn_index_bars": [
            {"date": d, "index": "000985", "amount": a, "close": c}
            for d, a, c in zip(every, amount, close, strict=True)
        ],
        "cn_margin": [{"date": d, "balance": 1e12, "buy": b} for d, b in zip(every, buy, strict=True)],
        "cn_breadth": [
            {"date": d, "advancers": float(u), "decliners": 5000.0 - u} for d, u in zip(every, up, strict=True)
        ],
    }
    found = readings(SentimentIndex(), tables, start, end)[end]
    share = [float("nan"), *(buy / amount)[:-1]]
    bias = [float("nan")] * 19 + [close[t] / close[t - 19 : t + 1].mean() - 1 for t in range(19, len(close))]
    at = list(range(len(every)))
    want = {
        name: naive.trailing_percentile([float(x) for x in values], at, 250, 500, 60)[-1]
        for name, values in (("turnover", amount), ("financed", share), ("advancing", up / 5000), ("bias", bias))
    }
    for name, percentile in want.items():
        assert found.components[name] == pytest.approx(percentile), name
    assert found.components["new_highs"] is None
    assert found.coverage == 0.8
    assert found.value == pytest.approx(sum(want.values()) / 4)
    assert readings(SentimentIndex(fewest=5), tables, start, end)[end].value is None


def test_size_style_is_a_difference_of_returns():
    first, second = date(2024, 10, 11), date(2024, 10, 18)
    move = {"000985": 1.02, "932000": 1.05, "000852": 1.01}
    rows = [{"date": first, "index": code, "close": 1000.0} for code in move]
    rows += [{"date": second, "index": code, "close": 1000.0 * x} for code, x in move.items()]
    found = readings(SizeStyle(), {"cn_index_bars": rows}, date(2024, 10, 8), second)[second]
    assert found.value == pytest.approx(3.0)
    assert found.components["csi1000_excess"] == pytest.approx(-1.0)
    assert found.components["micro_excess"] is None
    assert found.coverage == pytest.approx(2 / 3)


def test_margin_of_friday_enters_the_next_week():
    every = days(START, END)
    rows = [{"date": d, "balance": 1e12 + i * 1e9, "buy": 5e10, "repay": 4.9e10} for i, d in enumerate(every)]
    found = readings(MarginFlow(), {"cn_margin": rows}, START, END)
    week = found[date(2024, 8, 23)]
    assert (week.components["method"], week.value) == ("flows", pytest.approx(50.0))
    friday = every.index(date(2024, 8, 23))
    assert week.components["balance"] == pytest.approx((1e12 + (friday - 1) * 1e9) / 1e8)  # Thursday's
    assert week.known_at <= datetime(2024, 8, 23, 7, tzinfo=UTC)
    without = [{key: row[key] for key in ("date", "balance")} for row in rows]
    balance = readings(MarginFlow(), {"cn_margin": without}, START, END)
    assert balance[date(2024, 8, 23)].components["method"] == "balance"
    assert balance[date(2024, 8, 23)].value == pytest.approx(50.0)
    assert balance[date(2024, 8, 9)].value is None


def test_margin_by_industry_needs_stocks_and_members():
    every = days(date(2024, 10, 8), END)
    rows = [{"date": d, "balance": 1e12} for d in every]
    rows += [{"date": d, "symbol": "A", "balance": 1e9, "buy": 3e8, "repay": 1e8} for d in every]
    rows += [{"date": d, "symbol": "B", "balance": 1e9 + 1e8 * i, "buy": 3e8} for i, d in enumerate(every)]
    members = [
        {"industry": "801780", "symbol": "A", "from_date": every[0]},
        {"industry": "801080", "symbol": "B", "from_date": every[0]},
    ]
    found = readings(MarginFlow(), {"cn_margin": rows, "cn_members": members}, every[0], END)[END]
    flows = {row["industry"]: row["flow"] for row in found.components["industries"]}
    # five days of 2 for the bank; Shenzhen tells no repayments, so the balance's change of five days stands in
    assert flows == {"801780": pytest.approx(10.0), "801080": pytest.approx(5.0)}


def test_a_split_is_no_flow():
    every = days(START, END)
    at = every.index(date(2024, 9, 11))
    rows = [
        {"date": d, "code": "510300", "shares": 9e10 * (2 if i >= at else 1) + i * 1e8} for i, d in enumerate(every)
    ]
    rows += [{"date": d, "code": "510050", "shares": 3e10 + i * 2e8} for i, d in enumerate(every)]
    found = readings(EtfShareChange(codes="510050,510300"), {"cn_etf_shares": rows}, START, END)
    assert found[date(2024, 8, 23)].value == pytest.approx(15.0)
    split = found[date(2024, 9, 13)]
    assert split.value == pytest.approx(10.0)
    assert split.coverage == 0.5
    assert any("510300: shares ×" in note for note in split.notes)
    assert found[date(2024, 9, 20)].coverage == 1.0


def test_northbound_counts_open_days_and_says_that_net_purchases_ended():
    every = days(START, END)
    rows = [
        {
            "date": d,
            "turnover": 1e11 if d != date(2024, 9, 18) else 0.0,
            "net_buy": 1e8 if d <= date(2024, 8, 16) else None,
        }
        for d in every
    ]
    found = readings(NorthboundTurnover(), {"cn_northbound": rows}, START, END)
    assert found[date(2024, 8, 16)].components["net_buy"] == pytest.approx(5.0)
    assert found[date(2024, 8, 23)].components["net_buy"] is None
    assert "after 2024-08-16" in found[date(2024, 8, 23)].reasons["net_buy"]
    assert (found[date(2024, 9, 20)].value, found[date(2024, 9, 20)].components["days"]) == (pytest.approx(1000.0), 2)


def test_new_funds_are_a_mean_over_days_with_data_and_stand_against_the_same_week_of_the_year_before():
    start, end = date(2023, 1, 3), date(2024, 10, 18)
    rows = [
        {"date": date(2023, 10, 18), "fund": "1", "kind": "混合型-偏股", "units": 8.0},
        {"date": date(2024, 10, 15), "fund": "2", "kind": "股票型", "units": 3.0},
        {"date": date(2024, 10, 15), "fund": "3", "kind": "指数型-股票", "units": 2.0},
        {"date": date(2024, 10, 16), "fund": "4", "kind": "债券型-长债", "units": 80.0},
        {"date": date(2024, 10, 17), "units": 1.0},
    ]
    found = readings(NewEquityFunds(), {"cn_new_funds": rows}, start, end)
    week = found[end]
    assert (week.value, week.components["days"]) == (pytest.approx(3.0), 2)
    assert week.components["year_before"] == pytest.approx(8.0)
    assert week.components["yoy"] == pytest.approx(-62.5)
    assert week.components["wow"] is None
    assert not week.components["spring_festival"]
    festival = found[date(2024, 2, 8)]
    assert festival.components["spring_festival"]
    assert festival.value is None


def test_week_53_has_no_year_before():
    rows = [{"date": date(2020, 12, 30), "units": 1.0}, {"date": date(2019, 12, 31), "units": 1.0}]
    found = readings(NewEquityFunds(), {"cn_new_funds": rows}, date(2019, 12, 2), date(2020, 12, 31))
    assert date(2020, 12, 31).isocalendar()[1] == 53
    assert "week 53" in found[date(2020, 12, 31)].reasons["year_before"]
