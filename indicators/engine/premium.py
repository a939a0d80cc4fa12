"""Signed option premium of any stretch of tape in one pass: the quick look beside `directional_premium`."""

import polars as pl

from feeds.schema import Sessions
from feeds.store import Store
from feeds.tape import IN_PLACE_ROWS
from indicators.kernels.lee_ready import SUM_COLUMNS, lee_ready

COLUMNS = ("contract", "price", "size", "bid", "ask")

SPREAD_FLOOR, SPREAD_PERCENT = 5_000_000, 25
"""The widest quote that signs an option print: micro-dollars, and per cent of the mid."""

SESSIONS_AT_ONCE = 32
"""Sessions of which the sums of every contract are in memory together, before they are added up by underlying."""


def signed_premium(
    store: Store, sessions: Sessions, multiplier: int = 100, batch_rows: int = IN_PLACE_ROWS
) -> pl.DataFrame:
    """Lee-Ready premium by session and underlying, over every print that is stored.

    What `directional_premium` asks besides (exclusions, multipliers of their own, parent orders, strata) is left out,
    and with it most of the tape's columns: made to compare years of tape, at about the cost of reading it, in memory
    that does not grow with it.

    Parameters
    ----------
    multiplier : shares a contract
    batch_rows : rows read at a time; the result does not depend on it

    Returns
    -------
    session, underlying, and bull, bear and unknown premium in micro-dollars (Int64), sorted by session and underlying.

    Notes
    -----
        bull = buy-call + sell-put, bear = buy-put + sell-call; bull + bear + unknown = Σ price · multiplier · size
    """
    c = pl.col
    up = c.right == "C"
    contracts = store.instruments("option_trades").select(
        instrument=c.id.cast(pl.Int64), up=up, underlying=c.underlying.cast(pl.Categorical)
    )
    found = []
    for at in range(0, len(sessions), SESSIONS_AT_ONCE):
        some = sessions.dates[at : at + SESSIONS_AT_ONCE]
        batches = store.batches("option_trades", sessions.window(some[0], some[-1]), COLUMNS, batch_rows)
        rows = lee_ready(batches, "contract", SPREAD_FLOOR, SPREAD_PERCENT)
        found.append(
            pl.DataFrame(rows, schema=list(SUM_COLUMNS))
            .lazy()
            .join(contracts.lazy(), on="instrument")
            .group_by("session", "underlying")
            .agg(
                bull=multiplier * pl.when("up").then("buy").otherwise("sell").sum(),
                bear=multiplier * pl.when("up").then("sell").otherwise("buy").sum(),
                unknown=multiplier * c.unknown.sum(),
            )
            .select(c.session.cast(pl.Int32).cast(pl.Date), c.underlying.cast(pl.String), "bull", "bear", "unknown")
            .sort("session", "underlying")
            .collect()
        )
    return pl.concat(found)
