"""A tape in batches of any length gives the sums of its naive reading, print by print."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.kernels.lee_ready import lee_ready
from tests import naive

SPREAD = (200_000, 25)
PRICE = st.sampled_from([900_000, 950_000, 1_000_000, 1_050_000, 1_100_000, 3_000_000])
ROW = st.tuples(
    *(st.integers(0, 2), st.integers(0, 2), PRICE, st.integers(1, 5)),
    st.sampled_from([-1, 0, 900_000, 900_000, 1_000_000]),
    st.sampled_from([-1, 1_000_000, 1_100_000, 1_100_000, 2_000_000]),
)
NAMES = ("session", "contract", "price", "size", "bid", "ask")


def columns(rows) -> dict[str, np.ndarray]:
    arrays = np.array(rows, np.int64).reshape(-1, len(NAMES)).T
    return {n: a.astype(np.int32) if n in NAMES[:2] else a.copy() for n, a in zip(NAMES, arrays, strict=True)}


def in_batches(tape: dict[str, np.ndarray], cuts) -> list[dict[str, np.ndarray]]:
    bounds = [0, *sorted(cuts), len(tape["price"])]
    return [{n: a[x:z] for n, a in tape.items()} for x, z in pairwise(bounds)]


def reference(rows) -> list[list[int]]:
    """Sums by the side of every print, each session a tape of its own."""
    sums: dict[tuple[int, int], list[int]] = {}
    for day in sorted({row[0] for row in rows}):
        here = [row for row in rows if row[0] == day]
        tape = [naive.Print(name, *money, -1, -1, 0, True) for _, name, *money in here]
        for one, (side, _) in zip(tape, naive.sign_prints(("quote", "tick"), tape, *SPREAD), strict=True):
            bought = sums.setdefault((day, one.instrument), [0, 0, 0])
            bought[{1: 0, -1: 1, 0: 2}[side]] += one.price * one.size
    return [[*key, *found] for key, found in sums.items()]


@settings(deadline=None)
@given(st.lists(ROW, max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_wherever_batches_end_the_sums_are_those_of_single_prints(rows, cuts):
    rows = sorted(rows, key=lambda row: row[:2])
    batches = in_batches(columns(rows), [min(cut, len(rows)) for cut in cuts])
    assert lee_ready(batches, "contract", *SPREAD).tolist() == reference(rows)


def test_the_first_price_of_a_session_has_no_move():
    """Equal contracts of two sessions: the second session's first print does not look back into the first."""
    rows = [(0, 1, 900_000, 1, -1, -1), (0, 1, 950_000, 1, -1, -1), (1, 1, 1_000_000, 1, -1, -1)]
    assert lee_ready([columns(rows)], "contract", *SPREAD).tolist() == [
        [0, 1, 950_000, 0, 900_000],
        [1, 1, 0, 0, 1_000_000],
    ]


def test_no_prints_have_no_sums():
    assert lee_ready([], "contract", *SPREAD).shape == (0, 5)
    assert lee_ready([columns([])], "contract", *SPREAD).shape == (0, 5)


def test_prices_as_floats_are_refused():
    tape = columns([(0, 0, 1, 1, 1, 1)])
    with pytest.raises(TypeError):
        lee_ready([tape | {"price": tape["price"].astype(float)}], "contract", *SPREAD)
