import doctest

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels import flow as kernel
from indicators.kernels.flow import (
    CLASSES,
    OPTION_COLUMNS,
    ORDER_COLUMNS,
    PROFILES,
    STACKS,
    STOCK_COLUMNS,
    describe_orders,
    notional,
    option_flow,
    square_of_dollars,
    stock_flow,
)
from indicators.kernels.parents import parent_orders
from tests import naive_flow

EXCLUDED, AUCTION, BAR = 1 | 2 | 4 | 8 | 16 | 32, 64, 2048
MICRO = 1_000_000
FLOOR, ORDER_FLOOR, WINDOW = 900 * MICRO, 400 * MICRO, 10

OPTION_PRINT = st.fixed_dictionaries(
    {
        "contract": st.integers(0, 3),
        "ts": st.integers(0, 40),
        "price": st.integers(1, 4 * MICRO),
        "size": st.integers(1, 5),
        "multiplier": st.sampled_from([100, 10]),
        "venue": st.integers(0, 3),
        "flags": st.sampled_from([0, 0, 0, 0, 0, 0, 1, 32, AUCTION, BAR, 1 | AUCTION]),
        "asset_class": st.integers(0, 3),
        "bid": st.sampled_from([-1, 0, 5]),
        "ask": st.sampled_from([-1, 6]),
        "bid_size": st.sampled_from([-1, 3]),
        "ask_size": st.sampled_from([-1, 3]),
        "side": st.sampled_from([-1, 0, 1]),
        "rule": st.integers(1, 8),
    }
)


def option_tape(rows):
    rows = sorted(({**row} for row in rows), key=lambda row: (row["contract"], row["ts"]))
    for row in rows:
        if row["flags"] & (EXCLUDED | AUCTION):
            row["side"] = 0
        if row["side"] == 0:
            row["rule"] = 0
        row |= {
            "is_call": row["contract"] % 2 == 0,
            "group": row["contract"] // 2,
            "profile": [0, 1, 2, 0][row["venue"]],
        }
    columns = {name: np.array([row[name] for row in rows], np.int64) for name in rows[0] if name != "is_call"}
    columns |= {name: columns[name].astype(np.int8) for name in ("asset_class", "side", "rule")}
    columns |= {name: columns[name].astype(np.int32) for name in ("contract", "multiplier", "venue", "flags")}
    orderly = (columns["flags"] & (EXCLUDED | AUCTION | BAR)) == 0
    swept = np.zeros(len(rows), bool)
    columns["parent"] = parent_orders(columns["contract"], columns["ts"], columns["venue"], swept, orderly, WINDOW)[0]
    for row, parent in zip(rows, columns["parent"].tolist(), strict=True):
        row["parent"] = parent
    heads = [i for i, row in enumerate(rows) if i == 0 or row["contract"] != rows[i - 1]["contract"]]
    blocks = (
        np.array([*heads, len(rows)], np.int64),
        np.array([rows[i]["group"] for i in heads], np.int64),
        np.array([rows[i]["is_call"] for i in heads], bool),
    )
    return rows, columns, blocks


def run(columns, blocks):
    profile_of = np.array([0, 1, 2], np.int8)
    masks = (EXCLUDED, AUCTION, BAR)
    return option_flow(blocks, profile_of, columns, 2, masks, True, (FLOOR, ORDER_FLOOR))


@given(st.lists(OPTION_PRINT, min_size=1, max_size=60))
@settings(deadline=None, max_examples=300)
def test_option_flow_equals_its_definition(prints):
    rows, columns, blocks = option_tape(prints)
    table, _, _ = run(columns, blocks)
    expected = naive_flow.option_sums(rows, FLOOR)
    found = {}
    for cell, large in zip(*np.nonzero(table.any(axis=2)), strict=True):
        rest, stack = divmod(int(cell), STACKS)
        rest, profile = divmod(rest, PROFILES)
        group, asset_class = divmod(rest, CLASSES)
        named = zip(OPTION_COLUMNS, table[cell, large].tolist(), strict=True)
        found[group, asset_class, profile, stack, int(large)] = {name: x for name, x in named if x}
    assert found == {key: kept for key, row in expected.items() if (kept := {n: x for n, x in row.items() if x})}


@given(st.lists(OPTION_PRINT, min_size=1, max_size=60))
@settings(deadline=None)
def test_option_parts_sum_to_the_whole(prints):
    rows, columns, blocks = option_tape(prints)
    sums = dict(zip(OPTION_COLUMNS, run(columns, blocks)[0][:, 0].sum(axis=0).tolist(), strict=True))
    total = sum(row["price"] * row["multiplier"] * row["size"] for row in rows)
    assert sums["bull"] + sums["bear"] + sums["unknown"] + sums["excluded"] == total
    assert sums["bull"] + sums["bear"] + sums["unknown"] == sums["call"] + sums["put"]
    assert sums["prints"] + sums["excluded_prints"] == len(rows)


@given(st.lists(OPTION_PRINT, min_size=1, max_size=60))
@settings(deadline=None)
def test_orders_are_the_parents_at_or_above_the_floor(prints):
    rows, columns, blocks = option_tape(prints)
    heads = np.flatnonzero(run(columns, blocks)[1])
    members = {}
    for i, row in enumerate(rows):
        if not row["flags"] & (EXCLUDED | BAR):
            members.setdefault(row["parent"], []).append(i)
    expected = {}
    for head, inside in members.items():
        held = [rows[i] for i in inside]
        premium = [row["price"] * row["multiplier"] * row["size"] for row in held]
        if sum(premium) < ORDER_FLOOR:
            continue
        directions = [row["side"] * (1 if row["is_call"] else -1) for row in held]
        split = [sum(m for m, d in zip(premium, directions, strict=True) if d == way) for way in (1, -1, 0)]
        sizes = sum(row["size"] for row in held), len(held), len({row["venue"] for row in held})
        expected[head] = dict(zip(ORDER_COLUMNS, (*split, *sizes, max(row["ts"] for row in held)), strict=True))
    block = np.searchsorted(blocks[0], heads, side="right") - 1
    volume = [
        sum(row["size"] for row in rows[a:z] if not row["flags"] & EXCLUDED)
        for a, z in zip(blocks[0][:-1], blocks[0][1:], strict=True)
    ]
    assert run(columns, blocks)[2].tolist() == volume
    described = describe_orders(heads, blocks[0][block + 1], blocks[2][block], columns, EXCLUDED | AUCTION | BAR)
    named = [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in described.tolist()]
    assert dict(zip(heads.tolist(), named, strict=True)) == expected


STOCK_PRINT = st.fixed_dictionaries(
    {
        "symbol": st.integers(0, 2),
        "ts": st.integers(0, 40),
        "price": st.integers(1, 400 * MICRO),
        "size": st.integers(1, 30_000 * MICRO),
        "off_exchange": st.booleans(),
        "flags": st.sampled_from([0, 0, 0, 0, 0, 4, AUCTION, BAR]),
        "bid": st.sampled_from([-1, 5]),
        "ask": st.sampled_from([-1, 6]),
        "side": st.sampled_from([-1, 0, 1]),
    }
)


def stock_tape(rows):
    rows = sorted(({**row} for row in rows), key=lambda row: (row["symbol"], row["ts"]))
    names = {"off_exchange": bool, "flags": np.int32, "side": np.int8, "symbol": np.int32}
    columns = {name: np.array([row[name] for row in rows], names.get(name, np.int64)) for name in rows[0]}
    heads = [i for i, row in enumerate(rows) if i == 0 or row["symbol"] != rows[i - 1]["symbol"]]
    return rows, columns, np.array([*heads, len(rows)], np.int64), [rows[i]["symbol"] for i in heads]


@given(st.lists(STOCK_PRINT, min_size=1, max_size=60))
@settings(deadline=None, max_examples=300)
def test_stock_flow_equals_its_definition(prints):
    rows, columns, starts, symbols = stock_tape(prints)
    block, floor = (10_000 * MICRO, 200_000 * MICRO), 1_000_000 * MICRO
    table = stock_flow(starts, columns, (EXCLUDED, AUCTION, BAR), block, floor, WINDOW)
    found = {}
    for i, kind, large in zip(*np.nonzero(table.any(axis=3)), strict=True):
        named = zip(STOCK_COLUMNS, table[i, kind, large].tolist(), strict=True)
        found[symbols[i], int(kind), int(large)] = {name: x for name, x in named if x}
    expected = naive_flow.stock_sums(rows, *block, floor, WINDOW)
    assert found == {key: kept for key, row in expected.items() if (kept := {n: x for n, x in row.items() if x})}


@given(st.integers(-(2**63) + MICRO, 2**63 - MICRO))
def test_square_of_dollars_is_exact_for_every_amount(micros):
    high, low = square_of_dollars(np.int64(micros))
    assert (int(high), int(low)) == naive_flow.square_of_dollars(micros)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_notional_is_the_exact_product_rounded_once(price, size):
    assert int(notional(np.int64(price), np.int64(size))) == naive_flow.notional(price, size)


def test_a_parent_with_both_sides_is_squared_net_where_its_largest_print_stands():
    """300 bought on venue 1 by the rule, 200 sold on venue 2 by the feed: net 100, squared into the first stratum."""
    common = {"contract": 0, "price": MICRO, "multiplier": 100, "flags": 0, "asset_class": 1}
    common |= {"bid": 5, "ask": 6, "bid_size": 3, "ask_size": 3}
    _, columns, blocks = option_tape(
        [
            {**common, "ts": 0, "size": 3, "venue": 1, "side": 1, "rule": 3},
            {**common, "ts": 1, "size": 2, "venue": 2, "side": -1, "rule": 1},
        ]
    )
    table, _, _ = run(columns, blocks)
    squares = table[:, 0, OPTION_COLUMNS.index("square_low")]
    by_rule_on_profile_1 = (1 * PROFILES + 1) * STACKS + 2
    assert np.flatnonzero(squares).tolist() == [by_rule_on_profile_1]
    assert squares[by_rule_on_profile_1] == 10_000


def test_examples():
    assert doctest.testmod(kernel) == (0, 4)
