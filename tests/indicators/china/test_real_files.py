"""Published and measured facts on the real files of 2015-2024; skipped where they are not beside the checkout."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from feeds.ingest import ingest
from feeds.store import Store
from indicators.engine.run import chosen, readings_of
from indicators.engine.scope import scope, tables_of

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "cn"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no real files beside the checkout")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("cn") / "cn.duckdb") as opened:
        assert [o.error for o in ingest(opened, [SHARED]) if o.error] == []
        yield opened


def found(store, name, *parameters):
    covered = scope(store, tables_of("china"), "china")
    return {r.session: r for r in readings_of(store, chosen(name, parameters), covered)}


def test_rotation_stands_above_40_in_about_one_week_of_a_hundred(store):
    values = np.array([r.value for r in found(store, "rotation_strength").values() if r.value is not None])
    assert len(values) == 502
    assert 0.005 < (values > 40).mean() < 0.02  # measured: 5 weeks
    assert abs(values.mean() - 100 * (31 * 31 - 1) / (3 * 31) / 30) < 2  # a random order gives 34.4


def test_equity_bond_spread_was_wide_in_august_2024_and_not_in_november(store):
    spread = found(store, "equity_bond_spread")
    august = [r.components["band"] for day, r in spread.items() if (day.year, day.month) == (2024, 8)]
    assert august == [">2"] * 5
    november = spread[date(2024, 11, 1)].components
    assert november["spread"] < november["mean"] + november["sigma"]
    assert spread[date(2024, 11, 1)].value == pytest.approx(1.249, abs=5e-4)


def test_turnover_on_2024_11_01_was_79_1_per_cent_of_its_peak(store):
    reading = found(store, "turnover_to_peak")[date(2024, 11, 1)]
    assert round(reading.value, 1) == 79.1
    assert reading.components["since"] == "2015-01-09"


def test_broad_etfs_have_a_flow_in_every_week_of_2025(store):
    covered = scope(store, ["cn_etf_shares"], "china")
    readings = readings_of(store, chosen("etf_share_change"), covered)
    assert readings[0].value is None
    assert all(r.value is not None and r.coverage == 1.0 for r in readings[1:])
    assert not any(r.notes for r in readings)  # no day of 2025 is a split
