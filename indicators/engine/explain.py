"""The walk down: gauge → indicator → underlying → parent order → print → file and line, every step a sum that holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from feeds.errors import NothingToShow
from feeds.schema import MICRO, Part, PrintFlag
from feeds.store import Store
from indicators.engine.day import day_of
from indicators.engine.indicator import Indicator, Reading
from indicators.engine.money import dollars
from indicators.engine.prints import signed_prints, word_flags
from indicators.engine.run import Kept, chosen, readings_of, rows_of
from indicators.engine.scope import EXCHANGES, in_capitals, on_session, scope
from indicators.engine.screen import PerKey
from indicators.engine.stock_prints import signed_stock_prints
from indicators.engine.unusual import DIRECTIONS, SIDES, clock, contract_name, vwap

Row = dict[str, Any]

SUMMED: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "directional_premium": ("underlying", {"bull": ("bull",), "bear": ("bear",), "unknown": ("unknown",)}),
    "dark_pool_imbalance": (
        "symbol",
        {
            "buy": ("dark_buy", "block_buy"),
            "sell": ("dark_sell", "block_sell"),
            "unknown": ("dark_unknown", "block_unknown"),
        },
    ),
}
"""Indicators with value (plus − minus)/(plus + minus): their key, and which columns of `per_key` are plus, minus and
neither, under the names that are shown."""


DESCRIBED = ("underlying", "expiry", "strike", "right", "kind", "multiplier", "file", "record")
"""What an order takes from its first print."""


@dataclass(frozen=True)
class Explained:
    """Rows from the top down, each with its `level`; what was measured on the way may be kept."""

    session: date
    rows: list[Row]
    kept: Kept


def explain(
    store: Store,
    session: date,
    name: str | None = None,
    key: str | None = None,
    parameters: Sequence[str] = (),
    market: str = "us",
    as_of: datetime | None = None,
    top: int = 20,
) -> Explained:
    """Walk a session's number down: the gauge, one indicator, or one underlying of it down to its prints.

    Parameters
    ----------
    top : how many of the largest parts are listed; the rest is one row, so that the parts still sum to the whole

    Raises
    ------
    NothingToShow, BadValue : as `scope`; UnknownName : no such indicator or parameter
    """
    on_session(store, market, session)
    kept = Kept()
    if name is None:
        return Explained(session, _gauge(store, session, market, as_of, kept), kept)
    asked = chosen(name, parameters)
    on_session(store, asked.market, session)
    if key is None or name not in SUMMED:
        return Explained(
            session, _indicator(store, asked, session, key, as_of, top, None if parameters else kept), kept
        )
    return Explained(session, _key(store, asked, session, key, as_of, top), kept)


def _gauge(store: Store, session: date, market: str, as_of: datetime | None, kept: Kept) -> list[Row]:
    """level = 50 + the contributions of its parts; indicators beside the gauge count for none."""
    day = day_of(store, market, session, as_of, kept=None if as_of else kept)
    now = day.gauge[-1] if day.gauge and day.gauge[-1].session == session else None
    level = now.level if now else None
    rows: list[Row] = [
        {
            "level": "gauge",
            "name": "gauge",
            "value": level,
            "contribution": None if level is None else round(level - 50, 6),
            "zone": now.zone if now else "insufficient",
            "confidence": now.confidence if now else None,
            "reason": now.reason if now else "no reading of any part",
        }
    ]
    parts = []
    for name, indicator in day.indicators.items():
        found = day.readings[name][-1] if day.readings[name] else None
        score = day.scores[name][-1] if found else None
        missing = now.missing.get(name) if now else None
        needs = ", ".join(day.missing_inputs.get(name, ()))
        parts.append(
            {
                "level": "indicator" if indicator.weighed else "beside",
                "name": name,
                "contribution": now.contributions.get(name) if now and indicator.weighed else None,
                "weight": now.weights.get(name) if now and indicator.weighed else None,
                **_reading(found, score),
                "reason": missing or (f"nothing is stored of {needs}" if needs else found.reason if found else None),
            }
        )
    parts.sort(key=lambda row: (row["level"] == "beside", -abs(row["contribution"] or 0.0), row["name"]))
    clip = now.contributions.get("clip") if now else None
    if clip:
        parts.append({"level": "clip", "name": "what keeps the level within 0 and 100", "contribution": clip})
    return rows + parts


def _reading(found: Reading | None, score: float | None) -> Row:
    if found is None:
        return dict.fromkeys(("session", "value", "score", "coverage", "low", "high", "known_at"))
    kept = {name: getattr(found, name) for name in ("session", "value", "coverage", "low", "high", "known_at")}
    return {"session": kept.pop("session"), "value": kept.pop("value"), "score": score, **kept}


def _indicator(
    store: Store, asked: Indicator, session: date, key: str | None, as_of: datetime | None, top: int, kept: Kept | None
) -> list[Row]:
    """A reading and what it is made of: keys that sum to it where it is such a sum, else its components."""
    needed = [need.table for need in asked.inputs if not need.optional]
    covered = scope(store, needed, asked.market, end=session, as_of=as_of)
    measured = rows_of(store, asked, covered, kept=kept)
    readings = [r for r in readings_of(store, asked, covered, key, rows=measured) if r.session <= session]
    if not readings:
        raise NothingToShow(f"no reading of {key or asked.name} up to {session}{in_capitals(key or '')}")
    at = readings[-1].session
    if asked.name in SUMMED and at != session:
        raise NothingToShow(f"no reading of {asked.name} on {session}; the last one is of {at}")
    scores = asked.score(readings, covered.sessions)
    rows: list[Row] = [_head("indicator", key or asked.name, readings[-1], scores[-1])]
    if key is None and asked.name in SUMMED and isinstance(asked, PerKey):
        return rows + _keys(asked.per_key(measured, covered.sessions, session, session), asked.name, top)
    reasons = readings[-1].reasons
    return rows + [
        {"level": "component", "name": name, "value": value, "reason": reasons.get(name)}
        for name, value in readings[-1].components.items()
    ]


def _head(level: str, name: str, reading: Reading, score: float | None = None) -> Row:
    row = {"level": level, "name": name, **_reading(reading, score), "reason": reading.reason, "notes": reading.notes}
    names = ("bull", "bear", "unknown", "excluded", "total", "net", "dark_buy", "dark_sell", "block_buy", "block_sell")
    return row | {name: reading.components[name] for name in names if name in reading.components}


def _keys(frame: pl.DataFrame, name: str, top: int) -> list[Row]:
    """Keys by the size of their net; their contributions, net / (plus + minus) of all, sum to the value."""
    key, columns = SUMMED[name]
    plus, minus, unknown = columns
    summed = frame.select(
        pl.col(key).alias("name"),
        **{shown: sum((pl.col(c).cast(pl.Int128) for c in added), pl.lit(0)) for shown, added in columns.items()},
    ).with_columns(net=pl.col(plus) - pl.col(minus))
    ordered = list(summed.sort([pl.col("net").abs(), "name"], descending=[True, False]).iter_rows(named=True))
    signed = sum(row[plus] + row[minus] for row in ordered)
    names = (plus, minus, "net", unknown)
    rows = [
        _summed_row(key, row["name"], {n: row[n] for n in names}, signed, row[plus] + row[minus])
        for row in ordered[:top]
    ]
    if rest := ordered[top:]:
        added = {n: sum(row[n] for row in rest) for n in names}
        rows.append(_summed_row("rest", f"{len(rest)} more", added, signed, added[plus] + added[minus]))
    return rows


def _summed_row(level: str, name: str, sums: Mapping[str, int], signed: int, own: int) -> Row:
    return {
        "level": level,
        "name": name,
        "contribution": sums["net"] / signed if signed else None,
        "value": sums["net"] / own if own else None,
        **{n: dollars(amount) for n, amount in sums.items()},
        "reason": None if own else "nothing was signed",
    }


def _key(store: Store, asked: Indicator, session: date, key: str, as_of: datetime | None, top: int) -> list[Row]:
    """One underlying's reading as the sum of its parent orders, down to single prints. The tape is read once."""
    needed = [need.table for need in asked.inputs if not need.optional]
    covered = scope(store, needed, asked.market, session, session, as_of)
    tables = {need.table: need.split for need in asked.inputs}
    signed: Callable[[Part], pl.DataFrame] = (
        (lambda part: signed_prints(part, asked, key))  # type: ignore[arg-type]
        if asked.name == "directional_premium"
        else (lambda part: signed_stock_prints(part, asked, key))  # type: ignore[arg-type]
    )
    measured, frames = [], []
    for n, part in enumerate(store.parts(tables, covered.shown, EXCHANGES[asked.market], covered.as_of)):
        measured.append(asked.measure(part))
        if part.session is not None:
            frames.append(signed(part).with_columns(part=pl.lit(n)))
    readings = asked.value(asked.combine(measured), covered.sessions, covered.as_of_time, key)
    found = [reading for reading in readings if reading.session == session]
    prints = pl.concat(frames) if frames else None
    if not found or prints is None or prints.is_empty():
        raise NothingToShow(f"no prints of {key} on {session}{in_capitals(key)}")
    head = _head("underlying" if asked.name == "directional_premium" else "symbol", key, found[0])
    files = store.file_names(prints["file"].unique().to_list())
    return [head, *_orders(prints, files, top), *_excluded(prints)]


def _orders(prints: pl.DataFrame, files: Mapping[int, str], top: int) -> list[Row]:
    """The largest parent orders with their prints, and the rest in one row; contributions sum to the value."""
    c = pl.col
    kept = prints.filter(~c.excluded)
    net = c.premium * c.direction
    orders = (
        kept.group_by("part", "parent", maintain_order=True)
        .agg(
            pl.col(*(name for name in DESCRIBED if name in kept.columns)).first(),
            ts=c.ts.min(),
            last_ts=c.ts.max(),
            premium=c.premium.sum(),
            net=net.sum(),
            size=pl.col("size").sum(),
            prints=pl.len(),
            venues=c.venue.n_unique(),
            side=(c.side > 0).any().cast(pl.Int8) - (c.side < 0).any().cast(pl.Int8),
            direction=(c.direction > 0).any().cast(pl.Int8) - (c.direction < 0).any().cast(pl.Int8),
        )
        .sort(["premium", "ts", "part", "parent"], descending=[True, False, False, False])
    )
    signed = int(kept.filter(c.direction != 0)["premium"].sum())
    rows: list[Row] = []
    for order in orders.head(top).iter_rows(named=True):
        own = kept.filter((c.part == order["part"]) & (c.parent == order["parent"]))
        rows.append(_order(order, own, signed))
        rows += [_print(one, files, signed) for one in own.iter_rows(named=True)]
    rest = orders.slice(top)
    if rest.height:
        net_of_rest = int(rest["net"].sum())
        rows.append(
            {
                "level": "rest",
                "name": f"{rest.height:,} more orders",
                "contribution": net_of_rest / signed if signed else None,
                "premium": dollars(int(rest["premium"].sum())),
                "net": dollars(net_of_rest),
                "prints": int(rest["prints"].sum()),
            }
        )
    return rows


def _order(order: Mapping[str, Any], prints: pl.DataFrame, signed: int) -> Row:
    flags = 0
    for one in prints["flags"]:
        flags |= one
    auction = bool(flags & int(PrintFlag.AUCTION))
    return {
        "level": "order",
        "name": contract_name(order) if "strike" in order else order["kind"],
        "contribution": order["net"] / signed if signed else None,
        "time": clock(order["ts"]),
        "last_time": clock(order["last_ts"]),
        "side": SIDES[order["side"]],
        "direction": DIRECTIONS[order["direction"]],
        "kind": "auction" if auction else order["kind"],
        "premium": dollars(order["premium"]),
        "net": dollars(order["net"]),
        "size": _size(order),
        "vwap": vwap(order["premium"], order["size"], order["multiplier"])
        if "strike" in order
        else order["premium"] / order["size"],
        "prints": order["prints"],
        "venues": order["venues"],
        "conditions": word_flags(flags),
    }


def _size(row: Mapping[str, Any]) -> int | float:
    """Contracts, or shares of a stock."""
    size: int = row["size"]
    return size if "strike" in row else size / MICRO


def _print(one: Mapping[str, Any], files: Mapping[int, str], signed: int) -> Row:
    """A print with the quote in force before it, the rule that signed it, and where it was read."""
    quote = {name: None if one[name] is None else dollars(one[name]) for name in ("bid", "ask")}
    return {
        "level": "print",
        "name": contract_name(one) if "strike" in one else one["kind"],
        "contribution": one["premium"] * one["direction"] / signed if signed else None,
        "time": clock(one["ts"]),
        "side": SIDES[one["side"]],
        "direction": DIRECTIONS[one["direction"]],
        "rule": one["rule"],
        "premium": dollars(one["premium"]),
        "price": dollars(one["price"]),
        "size": _size(one),
        **quote,
        "bid_size": one.get("bid_size"),
        "ask_size": one.get("ask_size"),
        "quote_from": one["quoted"],
        "venue": one["venue"],
        "conditions": word_flags(one["flags"]),
        "file": files.get(one["file"]),
        "line": one["record"],
        "reason": None if one["rule"] else "side: no rule could decide",
    }


def _excluded(prints: pl.DataFrame) -> list[Row]:
    """Prints that carry no direction, by what their conditions say."""
    out = prints.filter(pl.col("excluded")).group_by("flags").agg(pl.len(), pl.col("premium").sum()).sort("flags")
    return [
        {"level": "excluded", "name": word_flags(flags), "prints": n, "premium": dollars(premium), "contribution": 0.0}
        for flags, n, premium in out.iter_rows()
    ]
