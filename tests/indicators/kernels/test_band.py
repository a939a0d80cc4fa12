import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.kernels import band as kernel
from indicators.kernels.band import Stratum, error_band
from seeds import side_accuracy
from seeds.side_accuracy import PROFILES, equity_accuracy, given_signed, option_accuracy, venue_profiles
from tests import naive_flow

FLOW = st.tuples(
    st.integers(0, 10**9).map(float),
    st.integers(0, 10**9).map(float),
    st.integers(0, 10**18),
    st.floats(0.53, 0.99),
    st.floats(0.0, 0.1),
)


@given(st.lists(FLOW, min_size=1, max_size=5))
def test_band_equals_its_definition(flows):
    if not sum(flow[0] + flow[1] for flow in flows):
        return
    found = error_band([Stratum(*flow) for flow in flows])
    assert (found.low, found.high) == pytest.approx(naive_flow.band(flows), abs=1e-9)


@given(st.lists(FLOW, min_size=1, max_size=5))
def test_a_mirrored_flow_has_the_mirrored_band(flows):
    as_is = error_band([Stratum(*flow) for flow in flows])
    mirrored = error_band([Stratum(sold, bought, *rest) for bought, sold, *rest in flows])
    if as_is.low is None:
        assert mirrored.low is None
        return
    assert (mirrored.low, mirrored.high) == pytest.approx((-as_is.high, -as_is.low), abs=1e-12)
    assert mirrored.signal_kept == as_is.signal_kept


def test_the_bands_of_parents_cover_the_truth_and_those_of_prints_do_not():
    """600 parents of 8 equal prints signed alike: about 95 % of bands hold the truth, fewer where prints count."""
    rng = np.random.default_rng(7)
    p, parents, prints = 0.75, 600, 8
    covered = {"parents": 0, "prints": 0}
    for _ in range(400):
        amount = rng.lognormal(3.0, 1.0, parents).round() + 1.0
        truth = np.where(rng.random(parents) < 0.55, 1.0, -1.0)
        side = np.where(rng.random(parents) < p, truth, -truth)
        gross = prints * amount.sum()
        imbalance = float((prints * amount * truth).sum() / gross)
        bought = float((prints * amount)[side > 0].sum())
        for name, squares in (("parents", (prints * amount) ** 2), ("prints", prints * amount**2)):
            found = error_band([Stratum(bought, gross - bought, int(squares.sum()), p, 0.02)])
            covered[name] += found.low <= imbalance <= found.high
    assert covered["parents"] >= 0.93 * 400
    assert covered["prints"] < 0.90 * 400


def test_nothing_signed_has_no_band():
    found = error_band([Stratum(0.0, 0.0, 0, 0.75, 0.02)])
    assert (found.low, found.high, found.signal_kept) == (None, None, None)
    assert "nothing was signed" in found.reason


def test_a_rule_no_better_than_a_coin_has_no_band_but_says_so():
    found = error_band([Stratum(60.0, 40.0, 100, 0.52, 0.02)])
    assert (found.low, found.high) == (None, None)
    assert "100 %" in found.reason
    assert found.signal_kept == pytest.approx(0.04)


def test_a_little_of_such_a_rule_widens_the_band_by_all_of_it():
    strong = Stratum(600.0, 361.0, 10_000, 0.75, 0.02)
    alone, mixed = error_band([strong]), error_band([strong, Stratum(30.0, 9.0, 900, 0.5, 0.02)])
    assert mixed.low == pytest.approx((alone.low * 961 - 39) / 1000)
    assert mixed.high == pytest.approx((alone.high * 961 + 39) / 1000)
    assert error_band([strong, Stratum(40.0, 20.0, 900, 0.5, 0.02)]).low is None


def test_accuracy_given_signed_undoes_the_coin_flips():
    assert given_signed(0.637, 0.917) == pytest.approx(0.650, abs=6e-4)
    assert given_signed(0.75) == 0.75


@pytest.mark.parametrize(
    ("rule", "ise", "cboe"),
    [("gsu", 75, 72), ("quote", 64, 61), ("lr", 64, 60), ("emo", 57, 52), ("clnv", 60, 55), ("tick", 50, 49)],
)
def test_published_accuracies_are_those_of_the_page(rule, ise, cboe):
    figures = side_accuracy._figures()["options"][rule]
    assert [round(100 * figures[profile]["accuracy"]) for profile in ("ise", "cboe")] == [ise, cboe]


def test_every_asset_class_profile_and_rule_has_an_accuracy():
    rules = [*side_accuracy._figures()["options"]]
    assert len(rules) == 9
    for asset_class in ("equity", "etf", "index", "unknown"):
        for profile in PROFILES:
            for rule in rules:
                found = option_accuracy(asset_class, profile, rule)
                assert 0.4 < found.p < 1.0
                assert found.se >= 0.02
                measured = profile != "other" and asset_class in ("equity", "etf")
                assert bool(found.assumption) == (not measured or rule in ("aggressor", "quote_rev_tick", "rev_tick"))


def test_an_unmeasured_venue_is_taken_at_the_lower_accuracy_with_a_wider_error():
    for rule in ("gsu", "quote", "lr", "tick"):
        other = option_accuracy("equity", "other", rule)
        assert other.p == min(option_accuracy("equity", profile, rule).p for profile in ("ise", "cboe"))
        assert other.se == 0.04


def test_index_options_are_signed_worse():
    assert 0.56 <= option_accuracy("index", "cboe", "lr").p < option_accuracy("index", "cboe", "gsu").p <= 0.67


def test_off_exchange_and_block_prints_are_a_labelled_assumption():
    for kind in ("off_exchange", "block"):
        assert (equity_accuracy(kind).p, equity_accuracy(kind).se) == (0.65, 0.08)
        assert "unpublished" in equity_accuracy(kind).assumption


def test_venue_codes_of_the_measured_exchanges_are_known():
    assert {PROFILES[code] for code in venue_profiles().values()} == {"ise", "cboe"}
    assert PROFILES[venue_profiles()["I"]] == "ise"
    assert PROFILES[venue_profiles()["C"]] == "cboe"


def test_examples_run():
    for module in (kernel, side_accuracy):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0
