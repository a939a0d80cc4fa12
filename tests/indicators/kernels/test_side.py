import doctest
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from indicators.kernels import side as kernel
from indicators.kernels.side import LAYER_NAMES, RULES, sign_prints
from tests import naive

CODES = {name: code for code, name in LAYER_NAMES.items()}
COLUMNS = {
    "instrument": np.int32,
    "price": np.int64,
    "size": np.int64,
    "bid": np.int64,
    "ask": np.int64,
    "bid_size": np.int64,
    "ask_size": np.int64,
    "aggressor": np.int8,
    "eligible": np.bool_,
}
EQUITIES = (5_000_000, 0)
OPTIONS = (5_000_000, 25)


def arrays(tape):
    return {name: np.array([getattr(p, name) for p in tape], dtype) for name, dtype in COLUMNS.items()}


def sign(layers, tape, floor, percent):
    codes = np.array([CODES[name] for name in layers], np.int8)
    side, rule = sign_prints(codes, **arrays(tape), spread_floor=floor, spread_percent=percent)
    return [(s, LAYER_NAMES.get(r)) for s, r in zip(side.tolist(), rule.tolist(), strict=True)]


def micros(dollars):
    return int(Decimal(dollars) * 1_000_000)


def one(price, bid, ask, size=1, bid_size=-1, ask_size=-1, instrument=0, aggressor=0, eligible=True):
    return naive.Print(
        instrument, micros(price), size, micros(bid), micros(ask), bid_size, ask_size, aggressor, eligible
    )


@st.composite
def tapes(draw):
    """Few prices, few sizes, missing quotes, at scales from a micro-dollar to the largest that is exact."""
    scale = draw(st.sampled_from([1, 10_000, 5_000_000_000_000_000]))
    quote = st.sampled_from([-1, 0, *(k * scale for k in range(1, 9))])
    prints = draw(
        st.lists(
            st.builds(
                naive.Print,
                instrument=st.integers(0, 2),
                price=st.integers(1, 8).map(lambda k: k * scale),
                size=st.integers(1, 3),
                bid=quote,
                ask=quote,
                bid_size=st.integers(-1, 3),
                ask_size=st.integers(-1, 3),
                aggressor=st.integers(-1, 1),
                eligible=st.sampled_from([True, True, True, False]),
            ),
            max_size=25,
        )
    )
    floor = draw(st.integers(0, 7)) * scale
    return sorted(prints, key=lambda p: p.instrument), floor, draw(st.integers(0, 100))


def test_rules_are_those_of_the_literature():
    assert {name: tuple(LAYER_NAMES[code] for code in codes) for name, codes in RULES.items()} == naive.RULES


@pytest.mark.parametrize("layers", [*dict.fromkeys([*naive.RULES.values(), ("touch",), ("outer",)])], ids="-".join)
@given(market=tapes())
@settings(deadline=None, max_examples=150)
def test_rule_equals_its_definition(layers, market):
    tape, floor, percent = market
    assert sign(layers, tape, floor, percent) == naive.sign_prints(layers, tape, floor, percent)


@given(market=tapes(), layers=st.permutations(sorted(CODES)), many=st.integers(0, 8))
@settings(deadline=None, max_examples=150)
def test_any_stack_equals_its_definition(market, layers, many):
    tape, floor, percent = market
    assert sign(layers[:many], tape, floor, percent) == naive.sign_prints(layers[:many], tape, floor, percent)


@pytest.mark.parametrize(("price", "bid", "ask"), [("0.15", "0.10", "0.20"), ("1.20", "1.15", "1.25")])
def test_an_exact_mid_is_a_mid(price, bid, ask):
    assert sign(["quote"], [one(price, bid, ask)], *OPTIONS) == [(0, None)]
    assert sign(["quote", "depth"], [one(price, bid, ask, 9, 3, 4)], *OPTIONS) == [(1, "depth")]


@pytest.mark.parametrize(
    ("price", "want"),
    [
        *(("0.99", 0), ("1.00", -1), ("1.30", -1), ("1.300001", 0), ("1.50", 0)),
        *(("1.699999", 0), ("1.70", 1), ("2.00", 1), ("2.01", 0)),
    ],
)
def test_outer_thirty_per_cent(price, want):
    assert sign(["outer"], [one(price, "1", "2")], *OPTIONS)[0][0] == want


@pytest.mark.parametrize(
    ("price", "want"), [("0.99", 0), ("1.00", -1), ("1.01", 0), ("1.99", 0), ("2.00", 1), ("2.01", 0)]
)
def test_touch(price, want):
    assert sign(["touch"], [one(price, "1", "2")], *OPTIONS)[0][0] == want


def test_the_size_of_a_resting_order_is_the_customers():
    sizes = [(5, 7, 5), (5, 5, 7), (5, 5, 5), (5, 7, 8), (5, -1, 5), (5, 5, -1)]
    tape = [one("1.50", "1", "2", size, bid_size, ask_size) for size, bid_size, ask_size in sizes]
    assert [s for s, _ in sign(["trade_size"], tape, *OPTIONS)] == [-1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("bid", "ask", "limits", "signs"),
    [
        ("35", "45", OPTIONS, True),
        ("34.999999", "45.000001", OPTIONS, False),
        ("0.01", "5.01", OPTIONS, True),
        ("0.01", "5.010001", OPTIONS, False),
        ("100", "105", EQUITIES, True),
        ("100", "105.000001", EQUITIES, False),
        ("0", "0.05", EQUITIES, False),
        ("-0.000001", "0.05", EQUITIES, False),
        ("0.05", "-0.000001", EQUITIES, False),
        ("2", "1.99", EQUITIES, False),
    ],
)
def test_which_quotes_may_sign(bid, ask, limits, signs):
    side, _ = sign(["quote"], [one("500", bid, ask)], *limits)[0]
    assert side == (1 if signs else 0)


@pytest.mark.parametrize("layer", ["trade_size", "quote", "depth", "touch", "outer"])
def test_a_quote_locked_at_the_price_signs_nothing(layer):
    assert sign([layer], [one("1.50", "1.50", "1.50", 5, 5, 7)], *OPTIONS) == [(0, None)]


def test_off_a_locked_quote_the_quote_rule_signs():
    tape = [one("1.51", "1.50", "1.50"), one("1.49", "1.50", "1.50")]
    assert sign(["quote"], tape, *OPTIONS) == [(1, "quote"), (-1, "quote")]


def test_ticks_look_past_equal_and_ineligible_prints():
    prices = ["1.00", "1.02", "1.02", "1.01", "1.02"]
    tape = [one(price, "-0.000001", "-0.000001", eligible=k != 3) for k, price in enumerate(prices)]
    tape.append(one("1.00", "-0.000001", "-0.000001", instrument=1))
    assert [s for s, _ in sign(["tick"], tape, *EQUITIES)] == [0, 1, 1, 0, 1, 0]
    assert [s for s, _ in sign(["rev_tick"], tape, *EQUITIES)] == [-1, 0, 0, 0, 0, 0]


def test_the_reverse_tick_test_calls_a_print_before_a_lower_price_a_buy():
    tape = [one("1.01", "-0.000001", "-0.000001"), one("1.00", "-0.000001", "-0.000001")]
    assert [s for s, _ in sign(["rev_tick"], tape, *EQUITIES)] == [1, 0]


def test_what_no_layer_decides_stays_unknown():
    tape = [one("1.50", "1", "2", aggressor=0), one("1.50", "1", "2", aggressor=-1, eligible=False)]
    assert sign(["aggressor", *naive.RULES["gsu"]], tape, *OPTIONS) == [(0, None), (0, None)]


@given(market=tapes(), cut=st.integers(0, 25))
@settings(deadline=None)
def test_later_prints_do_not_change_lee_and_ready(market, cut):
    tape, floor, percent = market
    assert sign(naive.RULES["lr"], tape[:cut], floor, percent) == sign(naive.RULES["lr"], tape, floor, percent)[:cut]


def test_read_only_columns_are_served_by_the_same_code():
    tape = [one("1.50", "1", "2"), one("1.60", "1", "2")]
    own = arrays(tape)
    frame = pl.DataFrame(own)
    lent = {name: frame[name].to_numpy() for name in COLUMNS}
    assert not lent["price"].flags.writeable
    layers = np.array(RULES["gsu"], np.int8)
    results = []
    for columns in (own, lent, own | {"price": lent["price"]}):
        side, rule = sign_prints(layers, **columns, spread_floor=5_000_000, spread_percent=25)
        results.append((side.tolist(), rule.tolist()))
    assert results == [([-1, 1], [CODES["rev_tick"], CODES["quote"]])] * 3
    if not config.DISABLE_JIT:
        assert len(kernel._sign.signatures) == 1


def test_what_does_not_fit_is_refused():
    columns = arrays([one("1.50", "1", "2")])
    with pytest.raises(ValueError, match="no such layer as \\[9\\]"):
        sign_prints(np.array([3, 9], np.int8), **columns, spread_floor=0, spread_percent=0)
    with pytest.raises(ValueError, match="equally long, were \\[1, 2\\]"):
        sign_prints(np.array([3], np.int8), **columns | {"bid": np.ones(2, np.int64)}, spread_floor=0, spread_percent=0)
    with pytest.raises(TypeError):
        sign_prints(np.array([3], np.int8), **columns | {"price": np.array([1.5])}, spread_floor=0, spread_percent=0)


def test_examples():
    assert doctest.testmod(kernel) == (0, 5)
