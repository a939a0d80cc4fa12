"""Off-exchange and block prints of one stock one by one: the quote in force, the side and the rule that gave it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import ABSENT, EXCLUDED, MICRO, Part, PrintFlag
from indicators.kernels.money import notional
from indicators.kernels.quotes import quotes_in_force
from indicators.kernels.side import LAYER_NAMES, RULES, sign_prints

if TYPE_CHECKING:
    from indicators.us.dark_pool_imbalance import DarkPoolImbalance

I64 = npt.NDArray[np.int64]


def signed_stock_prints(part: Part, asked: "DarkPoolImbalance", symbol: str) -> pl.DataFrame:
    """A symbol's off-exchange prints and blocks as the indicator sees them: what `measure` sums, one row each.

    Parameters
    ----------
    part : a tape part with stock_trades
    asked : whose rules, spread, block sizes and window hold

    Returns
    -------
    frame in tape order: ts, price (Int64 micros), size (Int64 micro-shares), venue, flags, bid, ask (the quote in
    force, null where there is none), `quoted` ("print" or "quotes"), `side`, `rule`, `parent` (row of the first print
    of the parent order), `kind` ("dark" or "block"), `excluded`, `premium` (the notional in Int64 micro-dollars),
    `direction` (the side), file, record

    Notes
    -----
    Sums of `premium` by direction and kind equal the indicator's, auctions being without direction.
    """
    ids = part.tables["symbols"].filter(pl.col("symbol") == symbol)["id"].to_list()
    trades = part.tables["stock_trades"].filter(pl.col("symbol").is_in(ids))
    tape = {name: trades[name].to_numpy() for name in trades.columns}
    bid, ask, quoted = _quotes(tape, part.tables.get("stock_quotes"), ids)
    flags, off = tape["flags"], tape["off_exchange"]
    excluded = (flags & int(EXCLUDED)) != 0
    signable = ~excluded & ((flags & int(PrintFlag.AUCTION)) == 0)
    none, zero = np.full(len(trades), ABSENT, np.int64), np.zeros(len(trades), np.int8)
    signed = [
        sign_prints(
            np.array(RULES[rule], np.int8), tape["symbol"], tape["price"], tape["size"], bid, ask, none, none, zero,
            signable, asked.spread_floor * MICRO, 0,
        )
        for rule in (asked.lit_rule, asked.off_exchange_rule)
    ]  # fmt: skip
    side, layer = (np.where(off, dark, lit) for lit, dark in zip(*signed, strict=True))
    money = np.array([notional(p, s) for p, s in zip(tape["price"], tape["size"], strict=True)], np.int64)
    block = (tape["size"] >= asked.block_shares * MICRO) | (money >= asked.block_dollars * MICRO)
    venues = dict(part.tables["venues"].iter_rows())
    frame = pl.DataFrame(
        {
            **{name: trades[name] for name in ("ts", "price", "size", "flags", "file", "record")},
            "venue": pl.Series([venues.get(code, "") for code in tape["venue"].tolist()], dtype=pl.String),
            "bid": bid,
            "ask": ask,
            "quoted": pl.Series(quoted.tolist(), dtype=pl.String),
            "side": side.astype(np.int8),
            "direction": side.astype(np.int8),
            "rule": pl.Series([LAYER_NAMES.get(code) for code in layer.tolist()], dtype=pl.String),
            "kind": pl.Series(np.where(off, "dark", "block").tolist(), dtype=pl.String),
            "excluded": excluded,
            "premium": money,
            "parent": _parents(tape["ts"], off, signable & (off | block), asked.parent_window_ms * 1_000_000),
        }
    )
    present = [pl.when(pl.col(name) >= 0).then(name).alias(name) for name in ("bid", "ask")]
    return frame.filter(pl.Series(off | block)).with_columns(present)


def _quotes(tape: dict[str, Any], quotes: pl.DataFrame | None, ids: list[int]) -> tuple[I64, I64, npt.NDArray[Any]]:
    """Bid and ask in force, and where each came from: the print's own where it has both, else the last quote before."""
    bid, ask = tape["bid"].astype(np.int64), tape["ask"].astype(np.int64)
    own = (bid >= 0) & (ask >= 0)
    quoted = np.array([None, "print"], object)[own.astype(np.int64)]
    if quotes is None:
        return bid, ask, quoted
    ours = quotes.filter(pl.col("symbol").is_in(ids))
    row = quotes_in_force(tape["symbol"], tape["ts"], ours["symbol"].to_numpy(), ours["ts"].to_numpy())
    matched = ~own & (row >= 0)
    if not matched.any():
        return bid, ask, quoted
    bid = np.where(matched, ours["bid"].to_numpy()[row], bid)
    ask = np.where(matched, ours["ask"].to_numpy()[row], ask)
    return bid, ask, np.where(matched, "quotes", quoted)


def _parents(ts: I64, off: npt.NDArray[np.bool_], summed: npt.NDArray[np.bool_], window_ns: int) -> I64:
    """Row of the first print of each print's parent: prints of one kind within the window of the first of them."""
    parent = np.arange(len(ts))
    for kind in (off, ~off):
        head = -1
        for i in np.flatnonzero(kind & summed).tolist():
            if head < 0 or ts[i] - ts[head] > window_ns:
                head = i
            parent[i] = head
    return parent
