"""The synthetic market: reproducible, of the canonical shape, and as hard to sign as the literature says."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from feeds.synthetic import Market, market
from indicators.kernels.side import RULES, sign_prints

EXCLUDED = "late|average_price|prior_reference|contingent|multi_leg|cancelled"
VENUE = {"ise": "I", "cboe": "C"}


@pytest.fixture(scope="module")
def demo() -> Market:
    return market()


def with_quotes(trades: pl.DataFrame, quotes: pl.DataFrame, instrument: list[str]) -> pl.DataFrame:
    """Prints sorted by (instrument, ts, sequence) with their own quote, else the last one strictly before."""
    trades = trades.with_row_index("row")
    named = [c for c in ("bid", "ask", "bid_size", "ask_size") if c in trades.columns]
    quotes = quotes.sort("ts", "sequence").select("ts", *instrument, *(pl.col(c).alias(f"{c}_q") for c in named))
    joined = trades.sort("ts", "sequence").join_asof(
        quotes, on="ts", by=instrument, allow_exact_matches=False, check_sortedness=False
    )
    own = pl.col("bid").is_not_null()
    return joined.with_columns(pl.when(own).then(c).otherwise(f"{c}_q").fill_null(-1).alias(c) for c in named).sort(
        *instrument, "ts", "sequence"
    )


def signed(frame: pl.DataFrame, instrument: list[str], rule: str, floor: int, percent: int, size: str) -> np.ndarray:
    """Side by a rule, in the frame's row order."""
    n = len(frame)
    code = frame.select(pl.struct(instrument).rle_id()).to_series().to_numpy().astype(np.int32)
    fair = (
        frame.select(~(pl.col("cancelled") | pl.col("conditions").fill_null("").str.contains(EXCLUDED + "|auction")))
        .to_series()
        .to_numpy()
    )
    absent = np.full(n, -1, np.int64)
    sizes = [frame[c].to_numpy() if c in frame.columns else absent for c in ("bid_size", "ask_size")]
    side, _ = sign_prints(
        np.array(RULES[rule], np.int8),
        code,
        frame["price"].to_numpy(),
        frame[size].to_numpy(),
        frame["bid"].to_numpy(),
        frame["ask"].to_numpy(),
        *sizes,
        np.zeros(n, np.int8),
        fair,
        floor,
        percent,
    )
    return np.where(fair, side, 9)


def accuracy(side: np.ndarray, true: np.ndarray) -> float:
    """Share right, unsigned prints as coin flips."""
    return float(np.mean(np.where(side == 0, 0.5, side == true)))


CONTRACT = ["underlying", "expiry", "strike", "right"]


def option_accuracies(of: Market, days: list[date]) -> dict[tuple[str, str, bool], float]:
    """Accuracy by (profile, rule, whether the tape carries the quote)."""
    rows: dict[str, list[np.ndarray]] = {}
    for day in days:
        tape = of.tape(day)
        frame = with_quotes(tape["option_trades"], tape["option_quotes"], CONTRACT)
        order = frame["row"].to_numpy()
        rows.setdefault("true", []).append(of.truth(day)["option_trades"]["side"].to_numpy()[order])
        rows.setdefault("venue", []).append(frame["exchange"].to_numpy())
        rows.setdefault("own", []).append(
            frame["bid_q"].is_not_null().to_numpy() & False
            | tape["option_trades"]["bid"].is_not_null().to_numpy()[order]
        )
        for rule in ("quote", "lr", "emo", "clnv", "tick", "rev_tick", "gsu"):
            rows.setdefault(rule, []).append(signed(frame, CONTRACT, rule, 5_000_000, 25, "size"))
    column = {k: np.concatenate(v) for k, v in rows.items()}
    out = {}
    for profile, code in VENUE.items():
        for own in (True, False):
            keep = (column["venue"] == code) & (column["quote"] != 9) & (column["own"] == own)
            for rule in ("quote", "lr", "emo", "clnv", "tick", "rev_tick", "gsu"):
                out[profile, rule, own] = (
                    accuracy(column[rule][keep], column["true"][keep]),
                    np.mean(column[rule][keep] != 0),
                    keep.sum(),
                )
    return out
