"""Prices acted on: the next open where it is one, else the close; returns from there."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.calendar import exchange_sessions
from feeds.errors import NothingToShow
from indicators.engine.outcomes import market_of

SESSIONS = exchange_sessions("XNYS", date(2024, 1, 2), date(2024, 1, 10))


def bars(*rows: tuple[int, float | None, float | None, float | None, float | None]) -> pl.DataFrame:
    dates = [SESSIONS.dates[place] for place, *_ in rows]
    prices = {name: [row[i + 1] for row in rows] for i, name in enumerate(("open", "high", "low", "close"))}
    return pl.DataFrame({"date": dates, **prices}, schema_overrides=dict.fromkeys(prices, pl.Float64))


@pytest.mark.parametrize(
    ("second", "price"),
    [
        ((1, 101.0, 103.0, 99.0, 102.0), 101.0),
        ((1, None, 103.0, 99.0, 102.0), 102.0),  # missing
        ((1, 100.0, 103.0, 99.0, 102.0), 102.0),  # the close before, repeated
        ((1, 102.0, 102.0, 102.0, 102.0), 102.0),  # O = H = L = C
        ((1, -1.0, 103.0, 99.0, 102.0), 102.0),
    ],
)
def test_the_price_acted_on(second, price):
    market = market_of(bars((0, 99.0, 101.0, 98.0, 100.0), second, (2, 103.0, 104.0, 102.0, 103.5)), SESSIONS)
    assert market.price.tolist() == [99.0, price, 103.0]
    np.testing.assert_allclose(market.returns, np.diff(np.log([99.0, price, 103.0])))


def test_a_reading_is_acted_on_at_the_session_after_it():
    market = market_of(bars(*((i, None, None, None, 100.0 + i) for i in (0, 1, 3, 4))), SESSIONS)
    assert market.before.tolist() == [-1, 0, 2, 3]  # at session 3 the reading of 2 is known, though 2 has no price
    assert market.returns[1] == pytest.approx(np.log(103 / 101))


def test_an_index_of_closes_alone_is_acted_on_at_closes():
    frame = bars(*((i, None, None, None, 100.0 + i) for i in range(4))).select("date", "close")
    assert market_of(frame, SESSIONS).price.tolist() == [100, 101, 102, 103]


def test_one_close_earns_nothing():
    with pytest.raises(NothingToShow, match="1 closes"):
        market_of(bars((0, 1.0, 1.0, 1.0, 1.0)), SESSIONS)
