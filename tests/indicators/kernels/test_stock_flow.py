"""One pass equals its parts: `quotes_in_force` and `sign_prints`, each held to its own definition, then plain sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels.quotes import in_force, quotes_in_force
from indicators.kernels.side import DEPTH, QUOTE, RULES, TICK, sign_prints
from indicators.kernels.stock_flow import STOCK_COLUMNS, stock_flow
from tests import naive_flow

EXCLUDED, AUCTION, BAR = 1 | 2 | 4 | 8 | 16 | 32, 64, 2048
MICRO = 1_000_000
WINDOW, SPREAD = 10, 5 * MICRO
BLOCK, FLOOR = (10_000 * MICRO, 200_000 * MICRO), 1_000_000 * MICRO
NAMES = {"symbol": np.int32, "off_exchange": bool, "flags": np.int32}

PRICE = st.one_of(st.sampled_from([99 * MICRO, 100 * MICRO, 101 * MICRO]), st.integers(1, 400 * MICRO))
STOCK_PRINT = st.fixed_dictionaries(
    {
        "symbol": st.integers(0, 4),
        "ts": st.integers(0, 40),
        "price": PRICE,
        "size": st.integers(1, 30_000 * MICRO),
        "off_exchange": st.booleans(),
        "flags": st.sampled_from([0, 0, 0, 0, 0, 4, AUCTION, BAR]),
        "bid": st.sampled_from([-1, -1, 99 * MICRO]),
        "ask": st.sampled_from([-1, -1, 101 * MICRO]),
    }
)
STOCK_QUOTE = st.fixed_dictionaries(
    {
        "symbol": st.integers(0, 5),
        "ts": st.integers(0, 40),
        "bid": st.sampled_from([-1, 0, 98 * MICRO, 99 * MICRO, 100 * MICRO]),
        "ask": st.sampled_from([-1, 100 * MICRO, 101 * MICRO, 120 * MICRO]),
    }
)
TAPE = st.lists(STOCK_PRINT, min_size=1, max_size=60)
QUOTES = st.lists(STOCK_QUOTE, max_size=40)
LAYERS = st.sampled_from([RULES[name] for name in ("lr", "quote", "emo", "clnv", "tick")])


def tape(rows, names):
    rows = sorted(({**row} for row in rows), key=lambda row: (row["symbol"], row["ts"]))
    return rows, {name: np.array([row[name] for row in rows], NAMES.get(name, np.int64)) for name in names}


def told(rows, prints, quotes, lit, off):
    """The rows with the quote in force and the side, by the kernels that do one thing each."""
    row_of = quotes_in_force(prints["symbol"], prints["ts"], quotes["symbol"], quotes["ts"])
    bare = (prints["bid"] < 0) | (prints["ask"] < 0)
    held = {name: prints[name].copy() for name in ("bid", "ask")}
    for i in np.flatnonzero(bare & (row_of >= 0)):
        for name in held:
            held[name][i] = quotes[name][row_of[i]]
    absent, silent = np.full(len(rows), -1), np.zeros(len(rows), np.int8)
    signable = (prints["flags"] & (EXCLUDED | AUCTION)) == 0
    sides = [
        sign_prints(
            np.array(layers, np.int8), prints["symbol"], prints["price"], prints["size"], held["bid"], held["ask"],
            absent, absent, silent, signable, SPREAD, 0,
        )[0]
        for layers in (lit, off)
    ]  # fmt: skip
    for i, row in enumerate(rows):
        row |= {name: int(held[name][i]) for name in held} | {"side": int(sides[row["off_exchange"]][i])}
    return rows


@given(TAPE, QUOTES, LAYERS, LAYERS)
@settings(deadline=None, max_examples=500)
def test_stock_flow_equals_its_definition(prints, quotes, lit, off):
    rows, columns = tape(prints, STOCK_NAMES)
    quoted = tape(quotes, QUOTE_NAMES)[1]
    heads = [i for i, row in enumerate(rows) if i == 0 or row["symbol"] != rows[i - 1]["symbol"]]
    starts = np.array([*heads, len(rows)], np.int64)
    (filled,) = in_force([columns], [quoted], "symbol", ("bid", "ask"))
    table = stock_flow(starts, filled, (lit, off), SPREAD, (EXCLUDED, AUCTION, BAR), BLOCK, FLOOR, WINDOW)
    found = {}
    for i, kind, large in zip(*np.nonzero(table.any(axis=3)), strict=True):
        named = zip(STOCK_COLUMNS, table[i, kind, large].tolist(), strict=True)
        found[rows[heads[i]]["symbol"], int(kind), int(large)] = {name: x for name, x in named if x}
    expected = naive_flow.stock_sums(told(rows, columns, quoted, lit, off), *BLOCK, FLOOR, WINDOW)
    assert found == {key: kept for key, row in expected.items() if (kept := {n: x for n, x in row.items() if x})}


@pytest.mark.parametrize("layers", [(TICK, QUOTE), (DEPTH,), (QUOTE, QUOTE)])
def test_layers_that_are_not_read_are_refused(layers):
    columns = tape([dict.fromkeys(STOCK_NAMES, 1)], STOCK_NAMES)[1]
    with pytest.raises(ValueError, match="all that is read"):
        stock_flow(np.array([0, 1]), columns, (layers, layers), SPREAD, (EXCLUDED, AUCTION, BAR), BLOCK, FLOOR, WINDOW)


QUOTE_NAMES = ("symbol", "ts", "bid", "ask")
STOCK_NAMES = ("symbol", "ts", "price", "size", "off_exchange", "flags", "bid", "ask")
