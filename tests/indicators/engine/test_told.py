"""A sequence whose earlier items are read when somebody looks at them behaves as the list of all of them."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from indicators.engine.told import Told

DAYS = [date(2025, 1, 6) + timedelta(days=n) for n in range(5)]
KEPT = pl.DataFrame({"session": DAYS[:3], "ranked": [1.0, None, 3.0], "item": ["a", "b", "c"]})
PLAIN = ["a", "b", "c", "d", "e"]


@pytest.fixture
def read() -> list[str]:
    """What was read of the kept ones, in order."""
    return []


@pytest.fixture
def told(read: list[str]) -> Told[str]:
    def item(row: dict[str, str]) -> str:
        read.append(row["item"])
        return row["item"]

    return Told(KEPT, item, ["d", "e"], DAYS[3:], np.array([4.0, np.nan]))


@pytest.mark.parametrize("at", [*range(-5, 5)])
def test_one_item(told, at):
    assert told[at] == PLAIN[at]


@pytest.mark.parametrize("at", [-6, 5])
def test_no_item(told, at):
    with pytest.raises(IndexError):
        told[at]


@pytest.mark.parametrize("cut", [slice(None), slice(None, None, -1), slice(1, 10, 2), slice(-2, None), slice(4, 0, -2)])
def test_slices(told, cut):
    assert told[cut] == PLAIN[cut]


def test_it_is_equal_to_a_list_and_walks_both_ways(told):
    assert told == PLAIN == told
    assert told != PLAIN[:4]
    assert [*reversed(told)] == PLAIN[::-1]
    assert told.days == DAYS
    np.testing.assert_array_equal(told.ranked, [1.0, np.nan, 3.0, 4.0, np.nan])


def test_only_what_is_looked_at_is_read_and_once(told, read):
    assert (len(told), bool(told), told[-1], read) == (5, True, "e", [])
    assert (told[1], told[-4], read) == ("b", "b", ["b"])


def test_nothing_at_all():
    nothing = Told(KEPT.head(0), str, [], [], np.array([]))
    assert (bool(nothing), [*nothing], nothing.days, nothing.ranked.dtype) == (False, [], [], np.float64)
