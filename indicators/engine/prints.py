"""Option prints one by one: the quote in force, the side and the rule that gave it, the parent order."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import ABSENT, ABSENT_DELTA, ASSET_CLASSES, EXCLUDED, MICRO, Part, PrintFlag
from indicators.kernels.parents import parent_orders
from indicators.kernels.quotes import quotes_in_force
from indicators.kernels.side import AGGRESSOR, LAYER_NAMES, RULES, sign_prints

if TYPE_CHECKING:
    from indicators.us.directional_premium import DirectionalPremium

Prints = dict[str, npt.NDArray[Any]]

KINDS = ("single", "sweep", "repeated")
"""What a parent order is, by its code in `kernels.parents`."""

_QUOTE = ("bid", "ask", "bid_size", "ask_size")


def with_quotes(trades: pl.DataFrame, quotes: pl.DataFrame | None) -> Prints:
    """The prints' columns as arrays, the quote in force filled in where a print does not carry its own bid and ask.

    A print's own quote and a matched one are never mixed: sizes come with the bid and ask they belong to.
    """
    prints: Prints = {name: trades[name].to_numpy() for name in trades.columns}
    if quotes is None or quotes.is_empty():
        return prints
    bare = (prints["bid"] < 0) | (prints["ask"] < 0)
    if not bare.any():
        return prints
    instrument, ts = quotes["contract"].to_numpy(), quotes["ts"].to_numpy()
    row = quotes_in_force(prints["contract"], prints["ts"], instrument, ts)
    matched = bare & (row >= 0)
    for name in _QUOTE:
        prints[name] = np.where(matched, quotes[name].to_numpy()[row], prints[name])
    return prints


def signed_prints(part: Part, asked: "DirectionalPremium", underlying: str | None = None) -> pl.DataFrame:
    """Every print of a part as the indicator sees it: what `measure` sums, one row each.

    Parameters
    ----------
    part : a tape part with option_trades
    asked : whose rule, spreads and window hold
    underlying : this one's prints only

    Returns
    -------
    frame in tape order: underlying, expiry, strike (Int64 micros), right; ts, sequence, price, size, multiplier, flags,
    asset_class (String), venue (its code), bid, ask, bid_size, ask_size (the quote in force, null where there is none),
    `quoted` ("print" or "quotes": where it came from), underlying_price (null where absent); `side` (Int8 +1, −1, 0),
    `rule` (the layer that gave it, null where none did), `parent` (row of the parent order's first print in this part),
    `kind`, `excluded` (Boolean), `premium` (Int64 micro-dollars), `direction` (Int8: +1 bull, −1 bear), file, record;
    and `delta` (Int32 micros, null where the feed gives none) where the part has it.

    Notes
    -----
        premium = price · multiplier · size;  direction = side for a call, −side for a put

    Sums of `premium` by direction and `excluded` over a session equal the indicator's bull, bear, unknown and excluded.
    """
    trades, quotes = part.tables["option_trades"], part.tables.get("option_quotes")
    contracts = part.tables["contracts"]
    if underlying is not None:
        contracts = contracts.filter(pl.col("underlying") == underlying)
        ours = pl.col("contract").is_in(contracts["id"].to_list())
        trades, quotes = trades.filter(ours), None if quotes is None else quotes.filter(ours)
    prints = with_quotes(trades, quotes)
    flags = prints["flags"]
    excluded = (flags & int(EXCLUDED)) != 0
    signable = ~excluded & ((flags & int(PrintFlag.AUCTION)) == 0)
    side, layer = sign_prints(
        np.array((AGGRESSOR, *RULES[asked.rule]), np.int8),
        prints["contract"],
        prints["price"],
        prints["size"],
        prints["bid"],
        prints["ask"],
        prints["bid_size"],
        prints["ask_size"],
        prints["aggressor"],
        signable,
        asked.spread_floor * MICRO,
        asked.spread_percent,
    )
    orderly = signable & ((flags & int(PrintFlag.BAR)) == 0)
    swept = (flags & int(PrintFlag.SWEEP)) != 0
    parent, kind = parent_orders(
        prints["contract"], prints["ts"], prints["venue"], swept, orderly, asked.parent_window_ms * 1_000_000
    )
    own = (trades["bid"].to_numpy() >= 0) & (trades["ask"].to_numpy() >= 0)
    matched = ~own & (prints["bid"] >= 0) & (prints["ask"] >= 0)
    where = trades.select("contract").join(
        contracts, left_on="contract", right_on="id", how="left", maintain_order="left"
    )
    up = (where["right"] == "C").to_numpy()
    venues = dict(part.tables["venues"].iter_rows())
    names = ("ts", "sequence", "price", "size", "multiplier", "flags")
    return where.select("underlying", "expiry", "strike", "right").with_columns(
        **{name: pl.Series(prints[name]) for name in names},
        asset_class=pl.Series(ASSET_CLASSES, dtype=pl.String).gather(prints["asset_class"]),
        venue=pl.Series([venues.get(code, "") for code in prints["venue"].tolist()], dtype=pl.String),
        **{name: _present(prints[name]) for name in (*_QUOTE, "underlying_price")},
        quoted=pl.Series(np.select([own, matched], ["print", "quotes"], ""), dtype=pl.String).replace("", None),
        side=pl.Series(side),
        rule=pl.Series([LAYER_NAMES.get(code) for code in layer.tolist()], dtype=pl.String),
        parent=pl.Series(parent),
        kind=pl.Series(KINDS, dtype=pl.String).gather(kind.astype(np.int64)),
        excluded=pl.Series(excluded),
        premium=pl.Series(prints["price"] * prints["multiplier"] * prints["size"]),
        direction=pl.Series(np.where(up, side, -side).astype(np.int8)),
        **{name: pl.Series(prints[name]) for name in ("file", "record")},
        **({"delta": _present(trades["delta"].to_numpy(), ABSENT_DELTA)} if "delta" in trades.columns else {}),
    )


def _present(column: npt.NDArray[Any], absent: int = ABSENT) -> pl.Series:
    """A tape column with null where there is nothing."""
    found = pl.Series(column)
    return pl.select(pl.when(found != absent).then(found)).to_series()


def word_flags(flags: int) -> str | None:
    """What a print's flags say, in the words of `PrintFlag`; None where nothing is said.

    >>> word_flags(int(PrintFlag.SWEEP | PrintFlag.FLOOR))
    'sweep, floor'
    """
    return ", ".join(flag.name.lower() for flag in PrintFlag if flag & flags and flag.name) or None
