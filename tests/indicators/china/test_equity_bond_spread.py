from datetime import date

import numpy as np
import pytest

from indicators.china.equity_bond_spread import PROXY, EquityBondSpread, band_of
from tests.indicators.china.a_shares import days, readings

START, END = date(2022, 1, 4), date(2025, 5, 16)
INDEX = "all_a_ex_fin_petro"


def weekly():
    every = days(START, END)
    last = {day.isocalendar()[:2]: day for day in every}
    return list(last.values())


def tables(pe, bond):
    ends = weekly()
    return {
        "cn_index_bars": [{"date": d, "index": INDEX, "pe_ttm": x} for d, x in zip(ends, pe, strict=True)],
        "cn_bond_yields": [{"date": d, "tenor_years": 10.0, "yield": y} for d, y in zip(ends, bond, strict=True)],
    }


def test_the_broker_printed_1_4_on_2025_05_16():
    assert round(100 / 32.4848 - 1.6793, 3) == 1.399
    n = len(weekly())
    found = readings(EquityBondSpread(), tables([30.0] * (n - 1) + [32.4848], [2.5] * (n - 1) + [1.6793]), START, END)
    assert found[END].value == pytest.approx(1.399, abs=5e-4)
    assert found[END].known_at.isoformat() == "2025-05-16T10:00:00+00:00"  # the curve of the evening


def test_band_is_the_mean_and_sigma_of_the_last_156_weeks_from_the_104th_on():
    n = len(weekly())
    random = np.random.default_rng(4)
    pe, bond = 30 + random.normal(0, 2, n), 2.5 + random.normal(0, 0.1, n)
    found = readings(EquityBondSpread(), tables(pe, bond), START, END)
    spread = 100 / pe - bond
    for w, day in enumerate(weekly()):
        parts = found[day].components
        past = spread[max(0, w - 155) : w + 1]
        if w < 103:
            assert parts["band"] is None
            assert f"has {w + 1}" in found[day].reasons["band"]
            continue
        assert parts["mean"] == pytest.approx(sum(past) / len(past))
        sigma = (sum((x - sum(past) / len(past)) ** 2 for x in past) / (len(past) - 1)) ** 0.5
        assert parts["sigma"] == pytest.approx(sigma)
        assert parts["band"] == band_of((spread[w] - parts["mean"]) / parts["sigma"])
    assert {reading.components["band"] for reading in found.values()} >= {"-2..-1", "-1..1", "1..2"}


def test_a_make_up_day_of_the_bond_curve_is_joined_backwards_and_an_old_curve_is_none():
    friday = date(2024, 9, 20)
    rows = {
        "cn_index_bars": [{"date": friday, "index": INDEX, "pe_ttm": 25.0}],
        "cn_bond_yields": [
            {"date": date(2024, 9, 13), "tenor_years": 10.0, "yield": 2.07},
            {"date": date(2024, 9, 14), "tenor_years": 10.0, "yield": 2.04},  # a Saturday: stocks do not trade
            {"date": date(2024, 9, 20), "tenor_years": 30.0, "yield": 9.0},
        ],
    }
    found = readings(EquityBondSpread(), rows, date(2024, 9, 2), date(2024, 9, 20))
    assert found[friday].value == pytest.approx(4.0 - 2.04)
    stale = readings(EquityBondSpread(max_age_days=1), rows, date(2024, 9, 2), date(2024, 9, 20))
    assert stale[friday].value is None
    assert "last 1 days" in stale[friday].reason


def test_losses_are_no_yield():
    n = len(weekly())
    found = readings(EquityBondSpread(), tables([-5.0] * n, [2.0] * n), START, END)
    assert {r.value for r in found.values()} == {None}
    assert all("loss" in r.reason for r in found.values())


def industries(day, pe):
    return [{"date": day, "industry": code, "close": 1.0, "pe_ttm": x, "float_cap": 10.0} for code, x in pe.items()]


def test_industries_stand_in_labelled_until_the_index_has_a_pe():
    first, second = date(2024, 9, 13), date(2024, 9, 20)
    pe = {"801010": 20.0, "801080": 60.0, "801230": -30.0, "801780": 5.0, "801001": 1.0}
    rows = {
        "cn_index_bars": [{"date": second, "index": INDEX, "pe_ttm": 25.0}],
        "cn_bond_yields": [{"date": d, "tenor_years": 10.0, "yield": 2.0} for d in (first, second)],
        "cn_industry_bars": [*industries(first, pe), *industries(second, pe)],
    }
    found = readings(EquityBondSpread(), rows, date(2024, 9, 9), second)
    assert found[first].components["pe"] == pytest.approx(20 / (10 / 20 + 10 / 60))  # banks, losses and 801001 are out
    assert found[first].components["dropped"] == 1
    assert PROXY in found[first].notes
    assert found[second].components["pe"] == 25.0
    assert PROXY not in found[second].notes


def test_the_sign_turns_number_band_and_meaning():
    n = len(weekly())
    pe = [30.0 + (i % 7) / 7 for i in range(n - 1)] + [20.0]
    rows = tables(pe, [2.0] * n)
    cheap = readings(EquityBondSpread(), rows, START, END)[END]
    turned = EquityBondSpread(sign="bond_minus_equity")
    dear = readings(turned, rows, START, END)[END]
    assert (cheap.value, cheap.components["band"]) == (pytest.approx(3.0), ">2")
    assert (dear.value, dear.components["band"]) == (pytest.approx(-3.0), "<-2")
    assert "cheap" in EquityBondSpread().meaning(cheap)
    assert "cheap" in turned.meaning(dear)


@pytest.mark.parametrize(
    ("z", "band"), [(-2.01, "<-2"), (-2.0, "-2..-1"), (-1.0, "-1..1"), (1.0, "-1..1"), (2.0, "1..2"), (2.01, ">2")]
)
def test_bands(z, band):
    assert band_of(z) == band
