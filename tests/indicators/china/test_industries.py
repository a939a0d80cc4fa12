"""Indicators of industries and stocks: rotation, rising turnover, dispersion, alignment, leaders, themes, alpha."""

import itertools
from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from indicators.china.alpha_industries import AlphaIndustries
from indicators.china.bull_alignment import BullAlignment
from indicators.china.leaders_laggards import LeadersLaggards
from indicators.china.rising_turnover_industries import RisingTurnoverIndustries
from indicators.china.rotation_strength import RotationStrength
from indicators.china.theme_heat import ThemeHeat
from indicators.china.valuation_dispersion import ValuationDispersion
from seeds.shenwan import industries
from tests import naive_china as naive
from tests.indicators.china.a_shares import days, readings

CODES = sorted(industries())
START, END = date(2021, 9, 6), date(2022, 1, 28)
NEW = ("801950", "801960", "801970", "801980")


def ends():
    return list({day.isocalendar()[:2]: day for day in days(START, END)}.values())


def closes(seed=3):
    """Daily closes by industry; the four new ones begin on 2021-12-13."""
    random = np.random.default_rng(seed)
    rows, level = [], dict.fromkeys(CODES, 1000.0)
    for day in days(START, END):
        for code in CODES:
            level[code] *= float(np.exp(random.normal(0, 0.01)))
            if day >= industries()[code].since:
                rows.append({"date": day, "industry": code, "close": level[code]})
    return rows


def weekly_returns(rows):
    last = {(row["industry"], row["date"].isocalendar()[:2]): row["close"] for row in rows}
    weeks = [day.isocalendar()[:2] for day in ends()]
    return [
        [last.get((code, week), np.nan) / last.get((code, before), np.nan) for code in CODES]
        for before, week in itertools.pairwise(weeks)
    ]


def test_rotation_is_the_mean_rank_move_of_the_industries_that_both_weeks_have():
    rows = closes()
    found = readings(RotationStrength(), {"cn_industry_bars": rows}, START, END)
    totals, counts = naive.rank_moves(weekly_returns(rows), 1)
    raw = [None, *(None if t is None else 100 * t / n / (n - 1) for t, n in zip(totals, counts, strict=True))]
    assert [r.components["raw"] for r in found.values()] == pytest.approx(
        [None if x is None else float(x) for x in raw]
    )
    for w, reading in enumerate(found.values()):
        window = raw[w - 4 : w + 1] if w >= 4 else [None]
        want = None if None in window else float(sum(window, Fraction(0)) / 5)
        assert reading.value == (None if want is None else pytest.approx(want))
    by_day = dict(zip(ends(), [0, *counts], strict=True))
    assert by_day[date(2021, 12, 17)] == 27  # the four new industries have no return of their first week
    assert by_day[date(2021, 12, 24)] == 27
    assert by_day[date(2021, 12, 31)] == 31


@pytest.mark.parametrize(("scaling", "factor"), [("mean", 1 / 27), ("sum", 1.0), ("max", 100 / (27 * 27 // 2))])
def test_rotation_scalings(scaling, factor):
    rows = {"cn_industry_bars": closes()}
    day = date(2021, 11, 5)
    total = float(naive.rank_moves(weekly_returns(rows["cn_industry_bars"]), 1)[0][ends().index(day) - 1])
    assert readings(RotationStrength(scaling=scaling), rows, START, END)[day].components["raw"] == pytest.approx(
        total * factor
    )


def test_rotation_warns_above_its_level():
    rows = {"cn_industry_bars": closes()}
    found = readings(RotationStrength(), rows, START, END)
    least = min(r.value for r in found.values() if r.value is not None)
    warned = readings(RotationStrength(level=least), rows, START, END)
    assert not any(r.components["warning"] for r in found.values() if r.value is not None and r.value <= 40)
    assert [r.components["warning"] for r in warned.values() if r.value is not None].count(False) == 1


def test_six_of_31_industries_are_19_per_cent():
    first, second = date(2022, 1, 21), date(2022, 1, 28)
    rows = [{"date": first, "industry": code, "close": 1.0, "turnover_rate": 2.0} for code in CODES]
    # a short week has a mean, not a sum: one day of 2.1 is more than two days of 2.0
    rows += [{"date": date(2022, 1, 20), "industry": code, "close": 1.0, "turnover_rate": 2.0} for code in CODES]
    rows += [
        {"date": second, "industry": code, "close": 1.0, "turnover_rate": 2.1 if i < 6 else 2.0}
        for i, code in enumerate(CODES)
    ]
    found = readings(RisingTurnoverIndustries(), {"cn_industry_bars": rows}, date(2022, 1, 17), second)[second]
    assert (found.components["count"], found.components["industries"]) == (6, 31)
    assert found.value == pytest.approx(100 * 6 / 31)
    assert round(found.value) == 19
    assert found.components["rising"][0] == "Agriculture 农林牧渔"


def test_dispersion_drops_losses_from_both_sides_and_counts_them():
    day = date(2022, 1, 28)
    pe = {"801010": 10.0, "801030": 20.0, "801040": 30.0, "801050": 40.0, "801080": -8.0, "801110": None}
    rows = [{"date": day, "industry": code, "close": 1.0, "pe_ttm": x} for code, x in pe.items()]
    found = readings(ValuationDispersion(), {"cn_industry_bars": rows}, date(2022, 1, 24), day)[day]
    clipped = [11.5, 20.0, 30.0, 38.5]  # the 5 and 95 % quantiles of four numbers
    assert found.value == pytest.approx(np.std(clipped, ddof=1) / 25)
    assert found.components["plain"] == pytest.approx(np.std([10, 20, 30, 40], ddof=1) / 25)
    assert found.components["median_iqr"] == pytest.approx((32.5 - 17.5) / 25)
    assert (found.components["industries"], found.components["losses"]) == (4, 1)
    assert found.coverage == pytest.approx(4 / 6)
    assert found.components["pb_percentile"] is None


def stocks(last=END, drop=()):
    """Three stocks: one rises every day, one falls, one is new."""
    every = days(START, last)
    rows = [{"date": day, "symbol": "A", "adj_close": 10.0 + i} for i, day in enumerate(every)]
    rows += [{"date": day, "symbol": "B", "adj_close": 500.0 - i} for i, day in enumerate(every)]
    rows += [{"date": day, "symbol": "C", "adj_close": 10.0 + i} for i, day in enumerate(every[-40:])]
    return [row for row in rows if (row["symbol"], row["date"]) not in drop]


MEMBERS = [
    {"industry": "801010", "symbol": "A", "from_date": date(2015, 1, 1)},
    {"industry": "801780", "symbol": "B", "from_date": date(2015, 1, 1), "to_date": date(2021, 12, 31)},
    {"industry": "801790", "symbol": "B", "from_date": date(2022, 1, 1)},
]


def test_alignment_leaves_out_the_new_and_the_suspended():
    members = [row | {"from_date": START} if row["from_date"].year == 2015 else row for row in MEMBERS]
    tables = {"cn_stock_bars": stocks(), "cn_members": members}
    found = readings(BullAlignment(), tables, START, END)
    assert (found[END].value, found[END].components["stocks"]) == (50.0, 2)
    assert [row["industry"] for row in found[END].components["industries"]] == ["801010", "801790"]
    assert [row["industry"] for row in found[date(2021, 12, 24)].components["industries"]] == ["801010", "801780"]
    suspended = tables | {"cn_stock_bars": stocks(drop={("A", END)})}
    assert readings(BullAlignment(), suspended, START, END)[END].value == 0.0
    one = readings(BullAlignment(), tables, START, END, key="801010")[END]
    assert (one.value, one.components["stocks"]) == (100.0, 1)


def test_leaders_and_laggards():
    rows = closes()
    found = readings(LeadersLaggards(), {"cn_industry_bars": rows, "cn_index_bars": []}, START, END)[END]
    moves = dict(zip(CODES, weekly_returns(rows)[-1], strict=True))
    best = sorted(CODES, key=lambda code: -moves[code])
    assert found.value == sum(x > 1 for x in moves.values())
    assert [row["industry"] for row in found.components["leaders"]] == best[:5]
    assert [row["industry"] for row in found.components["laggards"]] == best[::-1][:5]
    assert found.components["indices"] is None


def test_theme_heat_is_the_mean_of_the_three_best():
    first, second = date(2022, 1, 21), date(2022, 1, 28)
    rows = [{"date": first, "concept": name, "close": 100.0} for name in "ABCD"]
    rows += [
        {"date": second, "concept": name, "close": x} for name, x in zip("ABCD", (103, 101, 109, 106), strict=True)
    ]
    found = readings(ThemeHeat(), {"cn_concept_bars": rows}, date(2022, 1, 17), second)
    assert found[second].value == pytest.approx(6.0)
    assert [row["concept"] for row in found[second].components["themes"]] == ["C", "D", "A"]
    assert found[first].value is None


def test_alpha_is_where_stocks_part_and_the_industry_does_not_lead():
    first, second = date(2022, 1, 21), date(2022, 1, 28)
    moves = {
        "801010": ((-9, 0, 9), 0.0),
        "801030": ((-1, 0, 1), 1.0),
        "801040": ((-8, 0, 8), 5.0),
        "801050": ((1, 2, 3), 2.0),
    }
    bars, members, own = [], [], []
    for code, (returns, r) in moves.items():
        own += [
            {"date": first, "industry": code, "close": 100.0},
            {"date": second, "industry": code, "close": 100.0 + r},
        ]
        for i, x in enumerate(returns):
            symbol = f"{code}-{i}"
            members.append({"industry": code, "symbol": symbol, "from_date": date(2022, 1, 17)})
            bars += [
                {"date": first, "symbol": symbol, "adj_close": 100.0},
                {"date": second, "symbol": symbol, "adj_close": 100.0 + x},
            ]
    tables = {"cn_stock_bars": bars, "cn_members": members, "cn_industry_bars": own}
    found = readings(AlphaIndustries(), tables, date(2022, 1, 17), second)[second]
    # two of four are widest, 801010 and 801040; the second one leads
    assert [row["industry"] for row in found.components["chosen"]] == ["801010"]
    assert found.components["chosen"][0]["dispersion"] == pytest.approx(9.0)
    assert found.value == 1.0
