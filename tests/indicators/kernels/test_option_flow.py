"""One pass equals its parts: `sign_prints` and `parent_orders`, each held to its own definition, then plain sums."""

from functools import reduce
from operator import or_

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels.option_flow import (
    CLASSES,
    OPTION_COLUMNS,
    ORDER_COLUMNS,
    PROFILES,
    STACKS,
    option_flow,
)
from indicators.kernels.parents import parent_orders
from indicators.kernels.side import AGGRESSOR, RULES, TRADE_SIZE, sign_prints
from tests import naive_flow

EXCLUDED, AUCTION, BAR, SWEEP, CANCELLED = 1 | 2 | 4 | 8 | 16 | 32, 64, 2048, 128, 1
MICRO = 1_000_000
FLOOR, ORDER_FLOOR, WINDOW = 900 * MICRO, 400 * MICRO, 10
SPREAD = (200_000, 25)

PRICE = st.sampled_from([900_000, 950_000, 1_000_000, 1_050_000, 1_100_000, 3 * MICRO])
OPTION_PRINT = st.fixed_dictionaries(
    {
        "contract": st.integers(0, 3),
        "ts": st.integers(0, 60),
        "price": PRICE,
        "size": st.integers(1, 5),
        "multiplier": st.sampled_from([100, 10]),
        "venue": st.sampled_from([0, 1, 1, 1, 1, 1, 2, 3]),
        "flags": st.sampled_from([0] * 12 + [1, 32, AUCTION, BAR, 1 | AUCTION, SWEEP, SWEEP | 32, SWEEP | BAR]),
        "asset_class": st.integers(0, 3),
        "bid": st.sampled_from([-1, 0, 900_000, 900_000, 1_000_000]),
        "ask": st.sampled_from([-1, 1_000_000, 1_100_000, 1_100_000, 2_000_000]),
        "bid_size": st.sampled_from([-1, 3, 4]),
        "ask_size": st.sampled_from([-1, 3, 5]),
        "aggressor": st.sampled_from([0, 0, 0, 1, -1]),
    }
)
TAPE = st.lists(OPTION_PRINT, min_size=1, max_size=80)
LAYERS = st.sampled_from(
    [(AGGRESSOR, *layers) for layers in RULES.values() if AGGRESSOR not in layers] + [(TRADE_SIZE,)]
)
GSU = (AGGRESSOR, *RULES["gsu"])


def option_tape(rows, layers=GSU):
    """Rows with side, rule and parent told by the kernels that do one thing each, the columns, and the blocks."""
    rows = sorted(({**row} for row in rows), key=lambda row: (row["contract"], row["ts"]))
    for row in rows:
        row |= {
            "is_call": row["contract"] % 2 == 0,
            "group": row["contract"] // 2,
            "profile": [0, 1, 2, 0][row["venue"]],
        }
    columns = {name: np.array([row[name] for row in rows], np.int64) for name in rows[0] if name != "is_call"}
    columns |= {name: columns[name].astype(np.int8) for name in ("asset_class", "aggressor")}
    columns |= {name: columns[name].astype(np.int32) for name in ("contract", "multiplier", "venue", "flags")}
    signable = (columns["flags"] & (EXCLUDED | AUCTION)) == 0
    names = ("price", "size", "bid", "ask", "bid_size", "ask_size", "aggressor")
    side, rule = sign_prints(
        np.array(layers, np.int8), columns["contract"], *(columns[name] for name in names), signable, *SPREAD
    )
    orderly = (columns["flags"] & (EXCLUDED | AUCTION | BAR)) == 0
    swept = (columns["flags"] & SWEEP) != 0
    parent, kind = parent_orders(columns["contract"], columns["ts"], columns["venue"], swept, orderly, WINDOW)
    found = {"side": side, "rule": rule, "parent": parent, "kind": kind}
    for i, row in enumerate(rows):
        row |= {name: int(column[i]) for name, column in found.items()}
        if TRADE_SIZE not in layers:
            row |= {"bid_size": 0, "ask_size": 0}  # a rule that asks for no size misses none
    heads = [i for i, row in enumerate(rows) if i == 0 or row["contract"] != rows[i - 1]["contract"]]
    blocks = (
        np.array([*heads, len(rows)], np.int64),
        np.array([rows[i]["group"] for i in heads], np.int64),
        np.array([rows[i]["is_call"] for i in heads], bool),
    )
    return rows, columns, blocks


def run(columns, blocks, layers=GSU):
    profile_of = np.array([0, 1, 2], np.int8)
    masks = (EXCLUDED, AUCTION, BAR, SWEEP, CANCELLED)
    table = np.zeros((2 * CLASSES * PROFILES * STACKS, 2, len(OPTION_COLUMNS)), np.int64)
    return table, *option_flow(blocks, profile_of, columns, table, layers, masks, SPREAD, WINDOW, (FLOOR, ORDER_FLOOR))


@given(TAPE, LAYERS)
@settings(deadline=None, max_examples=500)
def test_option_flow_equals_its_definition(prints, layers):
    rows, columns, blocks = option_tape(prints, layers)
    table, _, _ = run(columns, blocks, layers)
    expected = naive_flow.option_sums(rows, FLOOR)
    found = {}
    for cell, large in zip(*np.nonzero(table.any(axis=2)), strict=True):
        rest, stack = divmod(int(cell), STACKS)
        rest, profile = divmod(rest, PROFILES)
        group, asset_class = divmod(rest, CLASSES)
        named = zip(OPTION_COLUMNS, table[cell, large].tolist(), strict=True)
        found[group, asset_class, profile, stack, int(large)] = {name: x for name, x in named if x}
    assert found == {key: kept for key, row in expected.items() if (kept := {n: x for n, x in row.items() if x})}


@given(TAPE)
@settings(deadline=None)
def test_option_parts_sum_to_the_whole(prints):
    rows, columns, blocks = option_tape(prints)
    sums = dict(zip(OPTION_COLUMNS, run(columns, blocks)[0][:, 0].sum(axis=0).tolist(), strict=True))
    total = sum(row["price"] * row["multiplier"] * row["size"] for row in rows)
    assert sums["bull"] + sums["bear"] + sums["unknown"] + sums["excluded"] == total
    assert sums["bull"] + sums["bear"] + sums["unknown"] == sums["call"] + sums["put"]
    assert sums["prints"] + sums["excluded_prints"] == len(rows)


@given(TAPE, LAYERS)
@settings(deadline=None, max_examples=300)
def test_orders_are_the_parents_at_or_above_the_floor(prints, layers):
    rows, columns, blocks = option_tape(prints, layers)
    _, orders, traded = run(columns, blocks, layers)
    members = {}
    for i, row in enumerate(rows):
        if not row["flags"] & (EXCLUDED | BAR):
            members.setdefault(row["parent"], []).append(i)
    expected = []
    for head, inside in sorted(members.items()):
        held = [rows[i] for i in inside]
        premium = [row["price"] * row["multiplier"] * row["size"] for row in held]
        if sum(premium) < ORDER_FLOOR:
            continue
        directions = [row["side"] * (1 if row["is_call"] else -1) for row in held]
        split = [sum(m for m, d in zip(premium, directions, strict=True) if d == way) for way in (1, -1, 0)]
        sizes = sum(row["size"] for row in held), len(held), len({row["venue"] for row in held})
        block = int(np.searchsorted(blocks[0], head, side="right")) - 1
        flags = reduce(or_, (row["flags"] for row in held))
        row = (head, block, rows[head]["kind"], *split, *sizes, max(row["ts"] for row in held), flags)
        expected.append(dict(zip(ORDER_COLUMNS, row, strict=True)))
    volume = [
        sum(row["size"] for row in rows[a:z] if not row["flags"] & CANCELLED)
        for a, z in zip(blocks[0][:-1], blocks[0][1:], strict=True)
    ]
    assert traded.tolist() == volume
    assert [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in orders.tolist()] == expected


def test_a_parent_with_both_sides_is_squared_net_where_its_largest_print_stands():
    """300 bought on venue 1 by the rule, 200 sold on venue 2 by the feed: net 100, squared into the first stratum."""
    common = {"contract": 0, "price": MICRO, "multiplier": 100, "flags": 0, "asset_class": 1}
    common |= {"bid": 900_000, "ask": MICRO, "bid_size": 9, "ask_size": 8}
    _, columns, blocks = option_tape(
        [
            {**common, "ts": 0, "size": 3, "venue": 1, "aggressor": 0},
            {**common, "ts": 1, "size": 2, "venue": 2, "aggressor": -1},
        ]
    )
    table, _, _ = run(columns, blocks)
    squares = table[:, 0, OPTION_COLUMNS.index("square_low")]
    by_rule_on_profile_1 = (1 * PROFILES + 1) * STACKS + 2
    assert np.flatnonzero(squares).tolist() == [by_rule_on_profile_1]
    assert squares[by_rule_on_profile_1] == 10_000


@pytest.mark.parametrize("layers", [(5, 3), (3, 7), (5, 6), (1, 1)])
def test_layers_in_another_order_are_refused(layers):
    _, columns, blocks = option_tape([{**dict.fromkeys(NAMES, 1), "contract": 0, "flags": 0}])
    with pytest.raises(ValueError, match="ascending rank"):
        run(columns, blocks, layers)


NAMES = ("ts", "price", "size", "multiplier", "venue", "asset_class", "bid", "ask", "bid_size", "ask_size", "aggressor")
