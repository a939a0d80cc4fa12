"""Stock prints against quotes: every contender gives one answer. Timed with --benchmark-enable."""

from collections.abc import Callable, Iterator

import polars as pl
import pytest

from feeds.store import Store
from indicators.engine.bench import asof
from indicators.engine.bench.premium import bare_scan
from indicators.engine.bench.tape import Tapes

CONTENDERS: dict[str, Callable[[Store], pl.DataFrame | None]] = {
    "ours": asof.ours_p2,
    "scan": lambda store: bare_scan(store, "bench/sides_scan_columns", "bench/sides_quote_columns"),
    "duckdb": lambda store: store.answer("bench/sides"),
    "polars": asof.polars_p2,
    "duckdb_usual": lambda store: store.answer("bench/sides_usual"),
    "polars_usual": asof.polars_usual_p2,
}


@pytest.fixture(scope="module")
def tapes() -> Iterator[Tapes]:
    with Tapes.temporary(scale=0.0005, rounds=1) as made:
        yield made


@pytest.mark.parametrize("name", CONTENDERS)
def test_p2(name, tapes, benchmark):
    found = benchmark(CONTENDERS[name], tapes.stocks)
    if found is not None:
        assert found.equals(asof.ours_p2(tapes.stocks))
        assert set(found["kind"]) == {"dark", "block"}
        assert all(found[name].sum() > 0 for name in ("buy", "sell", "unknown"))


def test_the_tapes_rest_in_the_order_of_the_store(tapes):
    for name in ("bench/sides_trade_columns", "bench/sides_quote_columns"):
        tape = tapes.stocks.answer(name)
        assert tape.equals(tape.sort("session", "symbol", "ts", maintain_order=True))


def test_the_tapes_hold_the_cases_that_matching_must_tell_apart(tapes):
    trades = tapes.stocks.answer("bench/sides_trade_columns")
    quotes = tapes.stocks.answer("bench/sides_quote_columns")
    key = ("session", "symbol", "ts")
    assert quotes.height > quotes.unique(key).height  # quotes that share a time
    assert trades.join(quotes, on=key, how="semi").height  # a trade at a quote's own time
    first = quotes.group_by("session", "symbol").agg(first=pl.col("ts").min())
    assert trades.join(first, on=["session", "symbol"]).filter(pl.col("ts") <= pl.col("first")).height  # none before
    assert quotes.filter(pl.col("bid") > pl.col("ask")).height
    assert quotes.filter(pl.col("bid") == 0).height
