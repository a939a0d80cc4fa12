import doctest
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from indicators.kernels import quotes as kernel
from indicators.kernels.quotes import in_force, quotes_in_force
from tests import naive

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=40).map(sorted)


def columns(rows):
    return np.array([r[0] for r in rows], np.int32), np.array([r[1] for r in rows], np.int64)


@given(ROWS, ROWS)
@settings(deadline=None, max_examples=300)
def test_quotes_in_force_equal_their_definition(trades, quotes):
    assert quotes_in_force(*columns(trades), *columns(quotes)).tolist() == naive.quotes_in_force(trades, quotes)


@given(ROWS, ROWS, st.integers(0, 9))
@settings(deadline=None)
def test_later_quotes_change_nothing(trades, quotes, now):
    past = [row for row in trades if row[1] <= now]
    kept = [j for j, row in enumerate(quotes) if row[1] <= now]
    whole = quotes_in_force(*columns(past), *columns(quotes)).tolist()
    cut = quotes_in_force(*columns(past), *columns([quotes[j] for j in kept])).tolist()
    assert [kept[j] if j >= 0 else -1 for j in cut] == whole


def test_a_quote_at_the_trades_own_nanosecond_does_not_sign_it():
    assert quotes_in_force(*columns([(0, 10)]), *columns([(0, 10)])).tolist() == [-1]
    assert quotes_in_force(*columns([(0, 10)]), *columns([(0, 9), (0, 10)])).tolist() == [0]


def test_of_two_quotes_at_one_timestamp_the_higher_sequence_holds():
    assert quotes_in_force(*columns([(0, 10)]), *columns([(0, 9), (0, 9)])).tolist() == [1]


def test_quotes_of_other_instruments_do_not_sign():
    assert quotes_in_force(*columns([(1, 10), (3, 10)]), *columns([(0, 1), (2, 1), (4, 1)])).tolist() == [-1, -1]


def test_read_only_columns_are_served_by_the_same_code():
    own = (*columns([(0, 10)]), *columns([(0, 9)]))
    lent = tuple(pl.Series(column).to_numpy() for column in own)
    assert not lent[0].flags.writeable
    assert [quotes_in_force(*args).tolist() for args in (own, lent, (*own[:2], *lent[2:]))] == [[0]] * 3
    if not config.DISABLE_JIT:
        assert len(kernel._merge.signatures) == 1


FIELDS = ("bid", "ask", "bid_size", "ask_size")
OWN = st.sampled_from([(-1, -1, -1, -1), (7, -1, 3, -1), (7, 8, -1, -1), (7, 8, 5, 6)])
CUTS = st.lists(st.integers(0, 40), max_size=5).map(sorted)


def batched(rows, fields, cuts):
    whole = dict(zip(("symbol", "ts"), columns(rows), strict=True))
    whole |= {name: np.array([field[i] for field in fields], np.int64) for i, name in enumerate(FIELDS)}
    bounds = [0, *(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [{name: column[a:z] for name, column in whole.items()} for a, z in pairwise(bounds)]


@given(st.data(), ROWS, ROWS, CUTS, CUTS, st.sampled_from([2, 4]))
@settings(deadline=None, max_examples=400)
def test_trades_are_filled_as_defined_wherever_batches_end(data, trades, quotes, cut_trades, cut_quotes, asked):
    own = data.draw(st.lists(OWN, min_size=len(trades), max_size=len(trades)))
    told = [(10 * n, 10 * n + 1, 10 * n + 2, 10 * n + 3) for n in range(len(quotes))]
    expected = [
        told[row][:asked] if row >= 0 and min(field[:2]) < 0 else field[:asked]
        for field, row in zip(own, naive.quotes_in_force(trades, quotes), strict=True)
    ]
    tape, lookup = batched(trades, own, cut_trades), batched(quotes, told, cut_quotes)
    filled = list(in_force(tape, lookup, "symbol", FIELDS[:asked]))
    found = [np.concatenate([batch[name] for batch in filled]).tolist() for name in FIELDS[:asked]]
    assert list(zip(*found, strict=True)) == expected
    assert [len(batch["ts"]) for batch in filled] == [len(batch["ts"]) for batch in tape]
    own_after = [tuple(int(batch[name][i]) for name in FIELDS) for batch in tape for i in range(len(batch["ts"]))]
    assert own_after == own, "what was given is left as it was"


def test_quotes_behind_the_last_trade_are_not_asked_for():
    asked = []

    def quotes():
        for n in range(5):
            asked.append(n)
            yield {"symbol": np.zeros(1, np.int32), "ts": np.array([n]), "bid": np.array([n]), "ask": np.array([n])}

    trade = {"symbol": np.zeros(1, np.int32), "ts": np.array([2]), "bid": np.array([-1]), "ask": np.array([-1])}
    (filled,) = in_force([trade], quotes(), "symbol", ("bid", "ask"))
    assert filled["bid"].tolist() == [1]
    assert asked == [0, 1, 2]


def test_what_does_not_fit_is_refused():
    trades, quotes = columns([(0, 10)]), columns([(0, 9), (0, 9)])
    with pytest.raises(ValueError, match="`trade_ts` must be equally long, were 1, 2"):
        quotes_in_force(trades[0], quotes[1], *quotes)
    with pytest.raises(ValueError, match="`quote_ts` must be equally long, were 2, 1"):
        quotes_in_force(*trades, quotes[0], trades[1])


def test_examples():
    assert doctest.testmod(kernel) == (0, 6)
