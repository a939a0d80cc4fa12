"""What each member of an index added to its return: weight at the previous close times return (INDICATORS 3)."""

from datetime import date

import polars as pl

LARGEST = 7
"""[A] sets the seven largest members against the rest."""

WHOLE = 0.02
"""How far the weights of a snapshot may sum from 1 (or 100) and still be those of a whole index."""

KEYS = ("session", "symbol")
SCHEMA = {
    "session": pl.Date, "symbol": pl.String, "weight": pl.Float64, "return": pl.Float64, "contribution": pl.Float64,
    "largest": pl.Boolean, "weights_of": pl.Date, "index_return": pl.Float64,
}  # fmt: skip


def member_contributions(
    levels: pl.DataFrame, bars: pl.DataFrame, members: pl.DataFrame, sessions: list[date]
) -> pl.DataFrame:
    """Contributions w_i·r_i of an index's members, session by session.

    Formula
    -------
    w_i = weight in the newest snapshot of members that was known at the close of the session before, of Σ w = 1
    r_i = close/previous close − 1, of adjusted closes where both bars have one (a split is no return)
    contribution = w_i·r_i (7 % × 1 % = 0.07 %); null where a bar of either session is missing

    Parameters
    ----------
    levels : one index's date and close
    bars : date, symbol, close, adj_close of anything
    members : the index's date, symbol, weight and session (into whose reading the row enters)
    sessions : the exchange's sessions, ascending

    Returns
    -------
    DataFrame by session and symbol, columns of `SCHEMA`: `largest` marks the seven largest weights, ties by symbol;
        `weights_of` is the date of the snapshot; `index_return` the index's own. A session without a close of the index
        on it and the one before, or whose snapshot's weights do not sum to 1 or 100 within 2 %, has no rows: part of an
        index is not the index.

    Source: INDICATORS, section 3.
    """
    pairs = pl.DataFrame(
        {"before": sessions[:-1], "session": sessions[1:]},
        schema=dict.fromkeys(KEYS[:1], pl.Date) | {"before": pl.Date},
    )
    closes = levels.select("date", "close").unique("date", keep="last")
    moves = (
        pairs.join(closes, left_on="session", right_on="date")
        .join(closes, left_on="before", right_on="date", suffix="_before")
        .select("session", "before", index_return=pl.col("close") / pl.col("close_before") - 1)
        .sort("before")
    )
    weights = _whole_snapshots(members)
    snapshots = (
        weights.select("entered", "weights_of").unique().sort("entered", "weights_of").unique("entered", keep="last")
    )
    dated = moves.join_asof(snapshots.sort("entered"), left_on="before", right_on="entered").drop_nulls("weights_of")
    held = dated.join(weights.drop("entered"), on="weights_of")
    prices = bars.select("date", "symbol", "close", "adj_close").unique(["date", "symbol"], keep="last")
    found = held.join(prices, left_on=["session", "symbol"], right_on=["date", "symbol"], how="left").join(
        prices, left_on=["before", "symbol"], right_on=["date", "symbol"], how="left", suffix="_before"
    )
    adjusted = pl.col("adj_close") / pl.col("adj_close_before")
    found = found.with_columns(pl.coalesce(adjusted, pl.col("close") / pl.col("close_before")).sub(1).alias("return"))
    place = pl.struct(-pl.col("weight"), "symbol").rank("ordinal").over("session")
    return (
        found.with_columns(contribution=pl.col("weight") * pl.col("return"), largest=place <= LARGEST)
        .select(*SCHEMA)
        .sort(KEYS)
    )


def _whole_snapshots(members: pl.DataFrame) -> pl.DataFrame:
    """entered, weights_of, symbol, weight as a share, of the snapshots that hold a whole index."""
    total = pl.col("weight").sum().over("date")
    share = ((total - 1).abs() <= WHOLE) | ((total / 100 - 1).abs() <= WHOLE)
    complete = pl.col("weight").is_not_null().all().over("date")
    return members.filter(complete & share).select(
        entered=pl.col("session").max().over("date"),
        weights_of="date",
        symbol="symbol",
        weight=pl.col("weight") / total,
    )
