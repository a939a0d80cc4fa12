"""Stock prints against the quotes in force: dark and block notional by the midpoint, by session and symbol (P2).

Every contender reads the same stored tapes, loading counts. Shares are whole here, so that price · shares is exact in
every engine without a rounding rule.
"""

import numpy as np
import polars as pl

from feeds.schema import EXCLUDED, MICRO, Part, PrintFlag
from feeds.store import Store
from indicators.engine.bench.clock import JobResult, Target, timed
from indicators.engine.bench.premium import bare_scan
from indicators.engine.bench.tape import SESSIONS, STOCK_QUOTES, STOCK_TRADES, Tapes, bench_sessions
from indicators.engine.threads import in_threads
from indicators.kernels.blocks import block_starts
from indicators.kernels.quotes import in_force
from indicators.kernels.side import RULES
from indicators.kernels.stock_flow import BUY, SELL, STOCK_UNKNOWN, stock_flow
from indicators.us.dark_pool_imbalance import QUOTE_COLUMNS, TRADE_COLUMNS

SPREAD_FLOOR = 5_000_000
"""The widest quote that signs a stock print, micro-dollars."""

BLOCK_SHARES, BLOCK_DOLLARS, LARGE_DOLLARS = 10_000, 200_000, 1_000_000
PARENT_NS = 100_000_000
KINDS = ("dark", "block")
KEYS = ("session", "symbol", "kind")

DAY_NS = 86_400_000_000_000
SYMBOLS, TIMES = 1 << 10, 1 << 47
"""Room for a symbol's number and for a time of day in nanoseconds: with the session they fit one int64 key."""

c = pl.col


# -- ours ----------------------------------------------------------------------------------------------------------


def ours_p2(store: Store) -> pl.DataFrame:
    """Dark and block notional by side, in micro-dollars, part by part through the library's kernels."""
    columns = {"stock_trades": TRADE_COLUMNS, "stock_quotes": QUOTE_COLUMNS}
    days = bench_sessions(store, SESSIONS)
    parts = store.parts(dict.fromkeys(columns, "session"), days, columns=columns, streamed=True)
    return pl.concat(list(in_threads(2)(_by_midpoint, parts))).group_by(KEYS).sum().sort(KEYS)


def _by_midpoint(part: Part) -> pl.DataFrame:
    tables, symbols = [], []
    for prints in in_force(part.batches("stock_trades"), part.batches("stock_quotes"), "symbol", ("bid", "ask")):
        starts = block_starts(prints["symbol"])
        symbols.append(prints["symbol"][starts[:-1]])
        summed = stock_flow(
            starts,
            prints,
            (RULES["quote"], RULES["quote"]),
            SPREAD_FLOOR,
            (int(EXCLUDED), int(PrintFlag.AUCTION), int(PrintFlag.BAR)),
            (BLOCK_SHARES * MICRO, BLOCK_DOLLARS * MICRO),
            LARGE_DOLLARS * MICRO,
            PARENT_NS,
        )
        tables.append(summed[:, :, 0, :])
    table = np.concatenate(tables)
    symbol, kind = np.nonzero(table[..., [BUY, SELL, STOCK_UNKNOWN]].any(axis=2))
    here = pl.DataFrame({"id": np.concatenate(symbols)[symbol]})
    return pl.DataFrame(
        {
            "session": pl.repeat(part.session, len(symbol), dtype=pl.Date, eager=True),
            "symbol": here.join(part.tables["symbols"], on="id", how="left", maintain_order="left")["symbol"],
            "kind": pl.Series(KINDS, dtype=pl.String).gather(kind),
            "buy": table[symbol, kind, BUY],
            "sell": table[symbol, kind, SELL],
            "unknown": table[symbol, kind, STOCK_UNKNOWN],
        }
    )


# -- peers ---------------------------------------------------------------------------------------------------------


def polars_p2(store: Store) -> pl.DataFrame:
    """The expert's Polars on the sorted tapes: one sorted key of session, symbol and time, so no `by`.

    Only off-exchange prints and blocks are looked up. A backward match with a key of another block is no quote; of
    equal times the last row holds, as the store's order has it.
    """
    trades, quotes = store.answer("bench/sides_trade_columns"), store.answer("bench/sides_quote_columns")
    first = quotes["session"].min()
    notional = c.price * (c.size // MICRO)
    wanted = c.off_exchange | (c.size >= BLOCK_SHARES * MICRO) | (notional >= BLOCK_DOLLARS * MICRO)
    keyed_trades = trades.lazy().filter(wanted).with_columns(key=_key(first).set_sorted(), notional=notional)
    keyed_quotes = quotes.lazy().select("bid", "ask", key=_key(first).set_sorted())
    keyed_quotes = keyed_quotes.with_columns(block=c.key // TIMES)
    matched = keyed_trades.join_asof(keyed_quotes, on="key", strategy="backward", allow_exact_matches=False)
    mine = c.block == c.key // TIMES
    return _summed(matched.with_columns(side=pl.when(mine).then(_side()).fill_null(0)), store)


def polars_usual_p2(store: Store) -> pl.DataFrame:
    """Polars as it is usually written: `join_asof` with `by` on tapes ordered by time."""
    trades = store.answer("bench/sides_trade_columns_by_time").lazy()
    quotes = store.answer("bench/sides_quote_columns_by_time").lazy()
    matched = trades.with_columns(notional=c.price * (c.size // MICRO)).join_asof(
        quotes,
        on="ts",
        by=["session", "symbol"],
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    wanted = c.off_exchange | (c.size >= BLOCK_SHARES * MICRO) | (c.notional >= BLOCK_DOLLARS * MICRO)
    return _summed(matched.filter(wanted).with_columns(side=_side().fill_null(0)), store)


def _key(first: object) -> pl.Expr:
    """Session, symbol and time of day in one sorted int64."""
    day = (c.session - pl.lit(first)).dt.total_days()
    of_day = c.ts - c.session.to_physical().cast(pl.Int64) * DAY_NS
    return ((day * SYMBOLS + c.symbol) * TIMES + of_day).cast(pl.Int64)


def _side() -> pl.Expr:
    """Side by the midpoint of a quote that may sign, else 0: as `sign_prints` has it."""
    spread = c.ask - c.bid
    usable = (c.bid > 0) & (spread >= 0) & ~((spread == 0) & (c.price == c.bid)) & (spread <= SPREAD_FLOOR)
    return pl.when(usable).then((2 * c.price - c.bid - c.ask).sign().cast(pl.Int8)).otherwise(pl.lit(0, pl.Int8))


def _summed(signed: pl.LazyFrame, store: Store) -> pl.DataFrame:
    symbols = store.answer("bench/symbols").lazy()
    return (
        signed.group_by("session", "symbol", "off_exchange")
        .agg(
            buy=c.notional.filter(c.side > 0).sum(),
            sell=c.notional.filter(c.side < 0).sum(),
            unknown=c.notional.filter(c.side == 0).sum(),
        )
        .join(symbols, left_on="symbol", right_on="id")
        .select(
            "session",
            symbol="name",
            kind=pl.when("off_exchange").then(pl.lit("dark")).otherwise(pl.lit("block")),
            buy="buy",
            sell="sell",
            unknown="unknown",
        )
        .sort(KEYS)
        .collect(engine="streaming")
    )


# -- job -----------------------------------------------------------------------------------------------------------


def p2(tapes: Tapes) -> JobResult:
    """Stock prints signed by the quote in force."""
    store = tapes.stocks
    trades, quotes = (SESSIONS * tapes.rows(rows) for rows in (STOCK_TRADES, STOCK_QUOTES))
    return timed(
        f"{trades:,} stock trades against {quotes:,} quotes: the quote strictly before, side by the midpoint, dark and "
        "block sums per session and symbol",
        {
            "ours": lambda: ours_p2(store),
            "scan": lambda: bare_scan(store, "bench/sides_scan_columns", "bench/sides_quote_columns"),
            "duckdb": lambda: store.answer("bench/sides"),
            "polars": lambda: polars_p2(store),
            "duckdb_usual": lambda: store.answer("bench/sides_usual"),
            "polars_usual": lambda: polars_usual_p2(store),
        },
        Target(
            "≤ 1.5× scan; ≥ 5× DuckDB best; ≥ 1.5× Polars best; ≥ 10× what people write",
            {"scan": 1 / 1.5, "duckdb": 5, "polars": 1.5, "duckdb_usual": 10, "polars_usual": 10},
        ),
        tapes.rounds,
        notes=(
            "DuckDB joins quotes of which only the last of a time was kept beforehand: its ASOF breaks ties at will",
        ),
    )
