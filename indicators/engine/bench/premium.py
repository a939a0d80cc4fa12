"""Signed option premium: the bare scan (P0), Lee-Ready (P1), the product's own pass (P1b), and its threads (P6).

Every contender reads the same stored tape, loading counts, and sums integers or decimals.
"""

from collections import deque

import polars as pl

from feeds.schema import EXCLUDED, PrintFlag, Sessions
from feeds.store import Store
from indicators.engine.bench.clock import JobResult, Target, equal_answers, held_to, interleaved, timed
from indicators.engine.bench.tape import OPTION_PRINTS, SESSIONS, Tapes, bench_sessions
from indicators.engine.indicator import Rows
from indicators.engine.premium import SPREAD_FLOOR, SPREAD_PERCENT, signed_premium
from indicators.engine.run import compute
from indicators.engine.threads import in_threads
from indicators.us.directional_premium import DirectionalPremium

MULTIPLIER = 100
"""Shares a contract in P1; the product's pass reads each print's own."""

NO_SIDE = int(EXCLUDED | PrintFlag.AUCTION)
KEYS = ("session", "underlying", "asset_class")
MONEY = ("bull", "bear", "unknown", "excluded", "call", "put", "call_contracts", "put_contracts", "prints")

c = pl.col


# -- ours ----------------------------------------------------------------------------------------------------------


def ours_p1(store: Store, sessions: Sessions | None = None) -> pl.DataFrame:
    """Lee-Ready premium by session and underlying, in micro-dollars, as the library sums any stretch of tape."""
    return signed_premium(store, bench_sessions(store, SESSIONS) if sessions is None else sessions, MULTIPLIER)


def ours_p1b(store: Store, threads: int = 2) -> Rows:
    """The product's own pass: every part measured, the rows combined; on one thread the next part is not read ahead."""
    indicator = DirectionalPremium()
    columns = {need.table: need.columns for need in indicator.inputs}
    days = bench_sessions(store, SESSIONS)
    parts = store.parts({"option_trades": "session"}, days, columns=columns, read_ahead=threads > 1, streamed=True)
    return compute(indicator, parts, in_threads(threads) if threads > 1 else map)


# -- peers ---------------------------------------------------------------------------------------------------------


def bare_scan(store: Store, *names: str) -> None:
    """Read columns to Arrow batches and drop them: nothing that reads them can be faster."""
    for name in names:
        deque(store.scan(name), maxlen=0)


def polars_p1(store: Store) -> pl.DataFrame:
    """The expert's Polars on the sorted tape: no `over`, a forward fill that a contract's first print resets.

    The sums are grouped by one key that is known to be sorted, in the streaming engine: here less than half the time of
    the in-memory one. In one chunk it is faster than in the store's many, in P1b and P2 the many are.
    """
    tape, contracts = store.answer("bench/premium_columns").rechunk().lazy(), store.answer("bench/contracts")
    same = (c.contract == c.contract.shift(1)) & (c.session == c.session.shift(1))
    step = (c.price - c.price.shift(1)).sign().cast(pl.Int8)
    move = pl.when(same).then(pl.when(step != 0).then(step)).otherwise(pl.lit(0, pl.Int8)).forward_fill()
    quote = _signs_by_quote()
    key = (c.session.to_physical().cast(pl.Int64) * 2**32 + c.contract).set_sorted()
    by_contract = (
        tape.select(key=key, premium=c.price * c.size * MULTIPLIER, quote=quote, move=move)
        .with_columns(side=pl.when(c.quote != 0).then("quote").otherwise("move"))
        .group_by("key")
        .agg(net=(c.premium * c.side).sum(), signed=(c.premium * c.side.abs()).sum(), total=c.premium.sum())
        .select(
            session=(c.key // 2**32).cast(pl.Int32).cast(pl.Date),
            contract=(c.key % 2**32).cast(pl.Int32),
            buy=(c.signed + c.net) // 2,
            sell=(c.signed - c.net) // 2,
            unknown=c.total - c.signed,
        )
    )
    return _by_underlying(by_contract, contracts, "session").collect(engine="streaming")


def polars_usual_p1(store: Store) -> pl.DataFrame:
    """Polars as it is usually written: `over` on a tape ordered by time."""
    tape, contracts = store.answer("bench/premium_columns_by_time").lazy(), store.answer("bench/contracts")
    step = c.price.diff().sign().cast(pl.Int8)
    move = pl.when(step != 0).then(step).forward_fill().over("session", "contract").fill_null(0)
    by_contract = (
        tape.with_columns(premium=c.price * c.size * MULTIPLIER, quote=_signs_by_quote(), move=move)
        .with_columns(side=pl.when(c.quote != 0).then("quote").otherwise("move"))
        .group_by("session", "contract")
        .agg(
            buy=c.premium.filter(c.side > 0).sum(),
            sell=c.premium.filter(c.side < 0).sum(),
            unknown=c.premium.filter(c.side == 0).sum(),
        )
    )
    return _by_underlying(by_contract, contracts, "session").collect()


def polars_p1b(store: Store) -> pl.DataFrame:
    """The expert's Polars for the product's pass without parent orders; the next price by a backward fill."""
    tape, contracts = store.answer("bench/pass_peer_columns").lazy(), store.answer("bench/contracts")
    eligible = (c.flags & NO_SIDE) == 0
    sized = (c.bid_size >= 0) & (c.ask_size >= 0)
    by_size = (c.size == c.bid_size).cast(pl.Int8) - (c.size == c.ask_size).cast(pl.Int8)
    beyond = (2 * c.price - c.bid - c.ask).sign().cast(pl.Int8)
    depth = (c.ask_size - c.bid_size).sign().cast(pl.Int8)
    layered = (
        pl.when(sized & (by_size != 0))
        .then(by_size)
        .when(beyond != 0)
        .then(beyond)
        .when(sized)
        .then(depth)
        .otherwise(0)
    )
    found = pl.when(c.aggressor != 0).then("aggressor").when(_usable()).then(layered).otherwise(pl.lit(0, pl.Int8))
    key = (c.session.to_physical().cast(pl.Int64) * 2**32 + c.contract).set_sorted()
    tape = tape.with_columns(key=key, premium=c.price * c.size * c.multiplier)
    step = (c.price - c.price.shift(-1)).sign().cast(pl.Int8)
    same = c.key == c.key.shift(-1)
    move = pl.when(same).then(pl.when(step != 0).then(step)).otherwise(pl.lit(0, pl.Int8)).backward_fill()
    sums = ("net", "signed", "total", "contracts", "prints")
    signed = (
        tape.filter(eligible)
        .with_columns(found=found, move=move)
        .with_columns(side=pl.when(c.found != 0).then("found").otherwise("move"))
        .group_by("key", "asset_class")
        .agg(
            net=(c.premium * c.side).sum(),
            signed=(c.premium * c.side.abs()).sum(),
            total=c.premium.sum(),
            contracts=c.size.sum(),
            prints=pl.len().cast(pl.Int64),
        )
        .with_columns(excluded=pl.lit(0, pl.Int64))
    )
    rest = tape.filter(~eligible).group_by("key", "asset_class").agg(
        *(pl.lit(0, pl.Int64).alias(name) for name in ("net", "signed")),
        total=c.premium.filter((c.flags & int(EXCLUDED)) == 0).sum(),
        contracts=c.size.filter((c.flags & int(EXCLUDED)) == 0).sum(),
        prints=((c.flags & int(EXCLUDED)) == 0).sum().cast(pl.Int64),
        excluded=c.premium.filter((c.flags & int(EXCLUDED)) != 0).sum(),
    )  # fmt: skip
    call = c.right == "C"
    by_contract = (
        pl.concat([signed, rest])
        .group_by("key", "asset_class")
        .agg(c(*sums, "excluded").sum())
        .with_columns(contract=(c.key % 2**32).cast(pl.Int32), session=(c.key // 2**32).cast(pl.Int32).cast(pl.Date))
        .join(contracts.lazy(), left_on="contract", right_on="id")
        .with_columns(net=pl.when(call).then("net").otherwise(-c.net))
    )
    classes = pl.Series(("unknown", "equity", "etf", "index"), dtype=pl.String)
    return (
        by_contract.group_by("session", "underlying", "asset_class")
        .agg(
            bull=(c.signed + c.net).sum() // 2,
            bear=(c.signed - c.net).sum() // 2,
            unknown=(c.total - c.signed).sum(),
            excluded=c.excluded.sum(),
            call=c.total.filter(call).sum(),
            put=c.total.filter(~call).sum(),
            call_contracts=c.contracts.filter(call).sum(),
            put_contracts=c.contracts.filter(~call).sum(),
            prints=c.prints.sum(),
        )
        .with_columns(asset_class=pl.lit(classes).gather(c.asset_class))
        .sort(*KEYS)
        .collect(engine="streaming")
    )


def _usable() -> pl.Expr:
    """Whether the quote may sign the print: as `sign_prints` has it."""
    spread = c.ask - c.bid
    narrow = (spread <= SPREAD_FLOOR) | (200 * spread <= SPREAD_PERCENT * (c.bid + c.ask))
    return (c.bid > 0) & (spread >= 0) & ~((spread == 0) & (c.price == c.bid)) & narrow


def _signs_by_quote() -> pl.Expr:
    beyond = (2 * c.price - c.bid - c.ask).sign().cast(pl.Int8)
    return pl.when(_usable()).then(beyond).otherwise(pl.lit(0, pl.Int8))


def _by_underlying(by_contract: pl.LazyFrame, contracts: pl.DataFrame, *keys: str) -> pl.LazyFrame:
    """Buys and sells by contract as bull and bear by underlying."""
    call = c.right == "C"
    return (
        by_contract.join(contracts.lazy(), left_on="contract", right_on="id")
        .group_by(*keys, "underlying")
        .agg(
            bull=pl.when(call).then("buy").otherwise("sell").sum(),
            bear=pl.when(call).then("sell").otherwise("buy").sum(),
            unknown=c.unknown.sum(),
        )
        .sort(*keys, "underlying")
    )


# -- jobs ----------------------------------------------------------------------------------------------------------


def _prints(tapes: Tapes) -> str:
    return f"{SESSIONS * tapes.rows(OPTION_PRINTS):,} option prints"


def p0(tapes: Tapes) -> JobResult:
    """The bare scan of P1's columns: the unit."""
    store = tapes.options
    return timed(
        f"the bare scan of P1's columns, {_prints(tapes)}",
        {"ours": lambda: bare_scan(store, "bench/premium_columns")},
        Target("the unit"),
        tapes.rounds,
        notes=(
            "in a new process; once a job has run, freed memory is kept and the scan takes less: each ratio rests on "
            "the job's own scan, timed between its contenders",
        ),
    )


def p1(tapes: Tapes) -> JobResult:
    """Lee-Ready premium by session and underlying."""
    store = tapes.options
    return timed(
        f"{_prints(tapes)} with NBBO: Lee-Ready per contract, premium per session and underlying",
        {
            "ours": lambda: ours_p1(store),
            "scan": lambda: bare_scan(store, "bench/premium_columns"),
            "duckdb": lambda: store.answer("bench/premium"),
            "polars": lambda: polars_p1(store),
            "duckdb_usual": lambda: store.answer("bench/premium_usual"),
            "polars_usual": lambda: polars_usual_p1(store),
        },
        Target(
            "≤ 1.5× scan; ≥ 12× DuckDB best; ≥ 2× Polars best; ≥ 15× what people write",
            {"scan": 1 / 1.5, "duckdb": 12, "polars": 2, "duckdb_usual": 15, "polars_usual": 15},
        ),
        tapes.rounds,
    )


def p1b(tapes: Tapes) -> JobResult:
    """The product's own pass over the tape."""
    store = tapes.options
    return timed(
        f"the product's own pass over {_prints(tapes)}: every layer of sides, exclusions, multipliers, parent orders "
        "and their squares, large orders",
        {
            "ours": lambda: pass_answer(ours_p1b(store)),
            "scan": lambda: bare_scan(store, "bench/pass_columns"),
            "duckdb": lambda: store.answer("bench/pass"),
            "polars": lambda: polars_p1b(store),
        },
        Target("≤ 2.5× scan; ≥ 15× DuckDB best; ≥ 2× Polars best", {"scan": 1 / 2.5, "duckdb": 15, "polars": 2}),
        tapes.rounds,
        notes=("peers run without parent orders, their squares and the large orders: they cannot express the rule",),
    )


def pass_answer(rows: Rows) -> pl.DataFrame:
    """What every contender of P1b can say: money by session, underlying and asset class over prints of every size."""
    every = rows["flow"].filter(c.size_class == "all")
    return every.group_by(KEYS).agg(c(*MONEY).sum()).sort(KEYS)


def p6(tapes: Tapes) -> JobResult:
    """The product's own pass on one thread, the store's reading included, and on two."""
    store = tapes.options

    def one_thread() -> pl.DataFrame:
        store.run_sql("bench/one_thread")
        try:
            return ours_p1b(store, threads=1)["flow"]
        finally:
            store.run_sql("bench/every_thread")

    contenders = {"ours": lambda: ours_p1b(store)["flow"], "one_thread": one_thread}
    equal_answers(contenders)
    seconds = interleaved(contenders, tapes.rounds)
    return held_to(
        "P1b on two threads; the peer is P1b on one, the store's reading included",
        seconds,
        Target("≥ 1.6×", {"one_thread": 1.6}),
    )
