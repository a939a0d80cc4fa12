"""Directional premium of a session split by asset class, expiry, moneyness or legs, or minute by minute."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.schema import ASSET_CLASSES, MICRO, TAPE_COLUMNS, Part, PrintFlag
from feeds.store import Store
from indicators.engine.indicator import Indicator
from indicators.engine.money import dollars
from indicators.engine.prints import signed_prints
from indicators.engine.scope import EXCHANGES, in_capitals, scope

EXPIRIES = ("0", "1-7", "8-30", "31-90", ">90")
"""Buckets of calendar days to expiry."""

MONEYNESS = ("out", "at", "in", "unknown")
LEGS = ("single", "multi")
MINUTE = "minute"
SPLITS = ("asset_class", "expiry", "moneyness", "legs", MINUTE)

ORDERED: dict[str, tuple[str, ...]] = {
    "asset_class": ASSET_CLASSES,
    "expiry": EXPIRIES,
    "moneyness": MONEYNESS,
    "legs": LEGS,
}
"""The buckets of a split in the order in which they are shown."""

_READ = {"option_trades": (*TAPE_COLUMNS["option_trades"], "delta")}

_SUMS = (
    *("bull", "bear", "unknown", "excluded", "call", "put", "net_call", "net_put"),
    *("call_contracts", "put_contracts", "prints", "excluded_prints", "delta_bull", "delta_bear", "with_delta"),
)
NO_GREEKS = "the feed gives no delta"
BEFORE = "before"
"""The bucket of prints of the evening before, in a night session."""


@dataclass(frozen=True)
class Bucket:
    """One bucket of one session; `components` as those of a reading, money exact."""

    session: date
    bucket: str
    value: float | None
    coverage: float | None
    reason: str | None
    reasons: dict[str, str]
    components: dict[str, Any]


def split_of(split: str | None, by: str) -> str:
    """The split that --split and --by ask for together: minutes are a split of their own."""
    if split is None:
        return by
    if by != "session":
        raise BadValue("--by", by, "expected session beside --split")
    return split


def asked_split(
    store: Store,
    asked: Indicator,
    split: str,
    start: date | None = None,
    end: date | None = None,
    as_of: datetime | None = None,
    symbol: str | None = None,
) -> list[Bucket]:
    """Premium by bucket and session, the latest stored session by default; each session's tape is read once.

    Raises
    ------
    UnknownName : no such split
    BadValue : an indicator without option prints
    NothingToShow : no prints in the sessions asked for
    """
    if split not in SPLITS:
        raise UnknownName("--split", split, SPLITS)
    if asked.name != "directional_premium":
        raise BadValue("indicator", asked.name, "only directional_premium can be split; leave --split and minutes away")
    covered = scope(store, ["option_trades"], asked.market, start, end, as_of)
    wanted = covered.shown if start is not None else covered.sessions.window(covered.sessions.dates[-1], None)
    tapes = {"option_trades": "session", "option_quotes": "session"}
    sums = []
    for part in store.parts(tapes, wanted, EXCHANGES[asked.market], covered.as_of, columns=_READ):
        prints = signed_prints(part, asked, symbol)  # type: ignore[arg-type]
        if prints.height and part.session is not None:
            sums.append(split_sums(_with_spot(store, prints, part), split, part.session))
    if not sums:
        of, said = (f" of {symbol}", in_capitals(symbol)) if symbol else ("", "")
        raise NothingToShow(f"no option prints{of} from {wanted.dates[0]} to {wanted.dates[-1]}{said}")
    added = pl.concat(sums).group_by("session", "bucket").agg(pl.col(*_SUMS).sum())
    if split == MINUTE:
        added = _every_minute(added, store)
    order = {name: at for at, name in enumerate(ORDERED.get(split, (BEFORE,)))}
    place = pl.col("bucket").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    added = added.sort("session", place, "bucket")
    if split == MINUTE:
        added = added.with_columns(so_far=(pl.col("bull") - pl.col("bear")).cum_sum().over("session"))
    return [_bucket(row) for row in added.iter_rows(named=True)]


def split_sums(prints: pl.DataFrame, split: str, session: date) -> pl.DataFrame:
    """Sums of one session's prints by bucket, added as whole micro-dollars.

    Parameters
    ----------
    prints : `signed_prints` with `delta`, and `spot` (Int64 micros, null where unknown)

    Returns
    -------
    session, bucket and the sums; `delta_bull` and `delta_bear` are premium · |delta|, in 1e-12 dollars (Int128), over
    the prints that carry a delta, whose premium is `with_delta`

    Notes
    -----
    Excluded prints are in `excluded` and `excluded_prints` alone: multi-leg prints make the bucket "multi" of `legs`,
    counted and without direction, so that "single" is the flow of single-leg prints.
    """
    c = pl.col
    kept, premium = ~c.excluded, c.premium
    call = c.right == "C"
    way = {"bull": c.direction > 0, "bear": c.direction < 0}
    delta = c.delta.abs().cast(pl.Int128)
    weighted = premium.cast(pl.Int128) * delta
    return (
        prints.with_columns(session=pl.lit(session), bucket=_bucket_of(split, session))
        .group_by("session", "bucket")
        .agg(
            **{name: premium.filter(kept & toward).sum() for name, toward in way.items()},
            unknown=premium.filter(kept & (c.direction == 0)).sum(),
            excluded=premium.filter(~kept).sum(),
            call=premium.filter(kept & call).sum(),
            put=premium.filter(kept & ~call).sum(),
            net_call=(premium * c.side).filter(kept & call).sum(),
            net_put=(premium * c.side).filter(kept & ~call).sum(),
            call_contracts=pl.col("size").filter(kept & call).sum(),
            put_contracts=pl.col("size").filter(kept & ~call).sum(),
            prints=kept.sum().cast(pl.Int64),
            excluded_prints=(~kept).sum().cast(pl.Int64),
            **{f"delta_{name}": weighted.filter(kept & toward).sum() for name, toward in way.items()},
            with_delta=premium.filter(kept & (c.direction != 0) & delta.is_not_null()).sum(),
        )
        .select("session", "bucket", *_SUMS)
    )


def _bucket_of(split: str, session: date) -> pl.Expr:
    c = pl.col
    if split == "asset_class":
        return c.asset_class
    if split == "expiry":
        days = (c.expiry - pl.lit(session)).dt.total_days()
        return (
            pl.when(days <= 0)
            .then(pl.lit(EXPIRIES[0]))
            .when(days <= 7)
            .then(pl.lit(EXPIRIES[1]))
            .when(days <= 30)
            .then(pl.lit(EXPIRIES[2]))
            .when(days <= 90)
            .then(pl.lit(EXPIRIES[3]))
            .otherwise(pl.lit(EXPIRIES[4]))
        )
    if split == "moneyness":
        above = pl.when(c.right == "C").then(c.strike - c.spot).otherwise(c.spot - c.strike)
        named = pl.when(above > 0).then(pl.lit("out")).when(above == 0).then(pl.lit("at"))
        return named.when(above < 0).then(pl.lit("in")).otherwise(pl.lit("unknown"))
    if split == "legs":
        multi = (c.flags & int(PrintFlag.MULTI_LEG)) != 0
        return pl.when(multi).then(pl.lit("multi")).otherwise(pl.lit("single"))
    local = _local(c.ts)
    return pl.when(local.dt.date() < session).then(pl.lit(BEFORE)).otherwise(local.dt.strftime("%H:%M"))


def _local(ns: pl.Expr) -> pl.Expr:
    return pl.from_epoch(ns, time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")


def _with_spot(store: Store, prints: pl.DataFrame, part: Part) -> pl.DataFrame:
    """The underlying's price at each print, else its previous close."""
    at = part.sessions.position(part.session) if part.session is not None else 0
    bare = prints.filter(pl.col("underlying_price").is_null())["underlying"].unique()
    if at == 0 or not len(bare):
        return prints.with_columns(spot=pl.col("underlying_price"))
    day = pl.lit(part.sessions.dates[at - 1])
    closes = store.closes_of(bare.to_frame("symbol").select("symbol", date=day).select("date", "symbol"))
    joined = prints.join(
        closes.select(underlying="symbol", close="close"), on="underlying", how="left", maintain_order="left"
    )
    close = (pl.col("close") * MICRO).round().cast(pl.Int64)
    return joined.with_columns(spot=pl.coalesce("underlying_price", close))


def _every_minute(added: pl.DataFrame, store: Store) -> pl.DataFrame:
    """A row for every minute from the open to the last print: nothing traded is zero premium, and no imbalance."""
    c = pl.col
    opens = store.sessions("XNYS").frame().select("session", begin=_minute_of_day(_local(c.open)))
    clock = c.bucket.str.to_time("%H:%M", strict=False)
    minutes = (
        added.filter(c.bucket != BEFORE)
        .group_by("session")
        .agg(end=_minute_of_day(clock).max())
        .join(opens, on="session")
        .select("session", at=pl.int_ranges("begin", c.end + 1))
        .explode("at")
        .drop_nulls()
        .select("session", bucket=pl.format("{}:{}", *(_two_digits(part) for part in (c.at // 60, c.at % 60))))
    )
    return (
        pl.concat([minutes, added.select("session", "bucket")])
        .unique()
        .join(added, on=["session", "bucket"], how="left")
        .with_columns(pl.col(*_SUMS).fill_null(0))
    )


def _minute_of_day(moment: pl.Expr) -> pl.Expr:
    return moment.dt.hour().cast(pl.Int64) * 60 + moment.dt.minute()


def _two_digits(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.zfill(2)


def _bucket(row: dict[str, Any]) -> Bucket:
    signed = row["bull"] + row["bear"]
    every = signed + row["unknown"]
    money = {name: row[name] for name in ("bull", "bear", "unknown", "excluded")}
    money |= {"total": every + row["excluded"], "net": row["bull"] - row["bear"]}
    money |= {name: row[name] for name in ("call", "put", "net_call", "net_put")}
    if "so_far" in row:
        money["net_so_far"] = row["so_far"]
    value = (row["bull"] - row["bear"]) / signed if signed else None
    components: dict[str, Any] = {name: dollars(micros) for name, micros in money.items()}
    components |= {name: row[name] for name in ("call_contracts", "put_contracts", "prints", "excluded_prints")}
    weighted = row["delta_bull"] + row["delta_bear"]
    has_delta = row["with_delta"] > 0
    components |= {
        "delta_bull": dollars(row["delta_bull"] // MICRO) if has_delta else None,
        "delta_bear": dollars(row["delta_bear"] // MICRO) if has_delta else None,
        "delta_imbalance": (row["delta_bull"] - row["delta_bear"]) / weighted if weighted else None,
        "delta_coverage": row["with_delta"] / signed if has_delta else None,
    }
    reasons = {}
    if value is None:
        nothing = "no print counts: all are excluded or none is there"
        reasons["value"] = "no premium was signed" if row["prints"] else nothing
    if not has_delta:
        why = NO_GREEKS if signed else "no premium was signed"
        reasons |= {name: why for name in components if name.startswith("delta_")}
    elif not weighted:
        reasons["delta_imbalance"] = "every delta is zero"
    text = "; ".join(dict.fromkeys(reasons.values())) or None
    return Bucket(row["session"], row["bucket"], value, signed / every if every else None, text, reasons, components)
