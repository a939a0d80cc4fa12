"""Unusual option orders: large ones soon to expire, what became of them, and how often the screen was right."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel, ConfigDict

from feeds.errors import BadValue, NothingToShow, UnknownName
from feeds.schema import MICRO, Sessions, utc
from feeds.store import Store
from indicators.engine.indicator import Indicator, Rows
from indicators.engine.money import dollars
from indicators.engine.precision import precision_of
from indicators.engine.prints import word_flags
from indicators.engine.run import Kept, chosen, rows_of
from indicators.engine.scope import Scope, in_capitals, on_session, scope
from indicators.engine.spans import nanoseconds

SORTS = ("premium", "time", "size", "volume_open_interest", "days", "underlying")
"""What the table can be sorted by: largest first, times, days and names ascending."""

ASCENDING = ("time", "days", "underlying")
SIDES = {1: "buy", -1: "sell", 0: "unknown"}
DIRECTIONS = {1: "bull", -1: "bear", 0: "unknown"}
UNKNOWN_MONEYNESS = "unknown moneyness"
NEW_YORK = ZoneInfo("America/New_York")
SESSION_END = time(20)
"""New York: later prints belong to the next session."""

_CONTRACT = ("underlying", "expiry", "strike", "right")


class Screen(BaseModel):
    """What counts as unusual (INDICATORS 1): all of it parameters."""

    model_config = ConfigDict(frozen=True)

    min_premium: Decimal = Decimal(1_000_000)
    max_dte: int = 30
    otm: bool = True
    symbol: str | None = None


@dataclass(frozen=True)
class Unusual:
    """A session's unusual orders.

    Attributes
    ----------
    rows : one dict an order, in the order asked for
    rings : Σ(bull − bear) and Σ(call − put) over the screened orders, the large ones and all prints: the market's, then
        of each symbol in `rows`
    precision : what became of the orders that the screen flagged over the stored history
    kept : what was measured and a store may keep
    only_bars : whether the session's tape holds minute bars alone, of which none is an order
    """

    session: date
    screen: Screen
    rows: list[dict[str, Any]]
    rings: list[dict[str, Any]]
    precision: dict[str, Any]
    kept: Kept
    only_bars: bool = False


def asked_screen(min_premium: str, max_dte: int, otm: bool, symbol: str | None) -> Screen:
    """The screen as it was typed; BadValue names the option."""
    try:
        least = Decimal(min_premium)
    except InvalidOperation:
        raise BadValue("--min-premium", min_premium, "expected dollars, like 1000000") from None
    if not least.is_finite() or least < 1:
        raise BadValue("--min-premium", min_premium, "one dollar or more")
    return Screen(min_premium=least, max_dte=max_dte, otm=otm, symbol=symbol)


def asked_unusual(
    store: Store,
    screen: Screen,
    session: date | None = None,
    as_of: datetime | None = None,
    sort: str = "premium",
    side: str | None = None,
) -> Unusual:
    """The unusual orders of a session, the latest stored one by default.

    Without `as_of` the orders are what the session's tape holds, seen at the end of the day: `volume` and what rests on
    it use the contract's volume as published since, and `outcome` open interest published since, which judges an order
    and is no part of what was seen. With `as_of` nothing published later is used.

    Raises
    ------
    UnknownName : a sort or a side that does not exist
    NothingToShow, BadValue : as `scope`
    """
    if sort not in SORTS:
        raise UnknownName("--sort", sort, SORTS)
    if side is not None and side not in SIDES.values():
        raise UnknownName("--side", side, SIDES.values())
    if session is not None:
        on_session(store, "us", session)
    floor = int(screen.min_premium)
    listed = int(chosen("directional_premium").order_floor)  # type: ignore[attr-defined]
    # the default floor's rows are held once a report has run; a lower one is measured anew
    asked = chosen("directional_premium", [] if floor >= listed else [f"order_floor={floor}"])
    covered = scope(store, ["option_trades"], "us", None, session, as_of)
    day = covered.sessions.dates[-1]
    evening = datetime.combine(day, SESSION_END, NEW_YORK)
    if as_of is not None and as_of >= evening:
        covered = Scope(covered.sessions, covered.shown, None)  # the whole session was known: no tape needs to be cut
    kept = Kept()
    rows = rows_of(store, asked, covered, kept=kept if floor >= listed else None)
    if "orders" not in rows:
        raise NothingToShow(f"no option prints up to {day}")
    upto = None if as_of is None else nanoseconds(as_of)
    flagged = screened(store, rows["orders"], screen, store.sessions("XNYS"), upto)
    today = flagged.filter(pl.col("session") == day)
    if side is not None:
        code = next(code for code, name in SIDES.items() if name == side)
        today = today.filter(pl.col("side") == code)
    by = {"time": "ts"}.get(sort, sort)
    today = today.sort(
        [by, "premium", "ts", "underlying"], descending=[sort not in ASCENDING, True, False, False], nulls_last=True
    )
    return Unusual(
        day,
        screen,
        [_row(order) for order in today.iter_rows(named=True)],
        _rings(asked, rows, covered, today, screen.symbol),
        precision_of(flagged, rows["flow"]["session"].n_unique()),
        kept,
        _only_bars(rows["flow"].filter(pl.col("session") == day)),
    )


def screened(store: Store, orders: pl.DataFrame, screen: Screen, every: Sessions, as_of: int | None) -> pl.DataFrame:
    """The orders that pass a screen, with moneyness, open interest, and what became of them.

    Parameters
    ----------
    orders : `orders` rows of `directional_premium`, any sessions
    every : all sessions of the exchange
    as_of : nanoseconds UTC; open interest and volume published later are not used

    Returns
    -------
    the orders with days, spot (Int64 micros) and spot_from ("trade", "previous close" or null), moneyness, volume (V)
    and volume_from ("published" or "tape"), open_interest (of the close before), next_open_interest,
    volume_open_interest, opening, outcome, outcome_known_at

    Notes
    -----
    With V the contract's volume of the session, s the order's size, O open interest before and O' after the session:

        opening = "certain" where s > O + (V − s): more than could be open to be closed, had all else opened before it
        opening = "likely"  where s > O − (V − s), that is V > O: not all volume can close what was open at the open

    V is published beside the session's open interest where a source has it, else it is the sum of the prints held, as
    it is where less was published than printed, which contradicts the prints. A tape may leave prints out (Lean's
    minute bars do), and too small a V would call certain and decided what is not.

    Only the first is certain of the order itself: with O = 100, others may open 50 and the order then close 100, where
    V = 150 > O. V is the whole session's, so that "certain" holds whatever came before the order or after it.

        outcome = "opened" where O' − O > V − s, "closed" where O − O' > V − s, else "undecided"

    Open interest changes by at most the size of each order, so an outcome that is decided is decided whatever the
    other prints of the contract did. A contract that expires with the session leaves nothing open: no outcome.
    """
    c = pl.col
    found = orders.filter(c.premium >= int(screen.min_premium * MICRO)).with_columns(
        days=(c.expiry - c.session).dt.total_days()
    )
    found = found.filter(c.days.is_between(0, screen.max_dte))
    if screen.symbol is not None:
        found = found.filter(c.underlying == screen.symbol)
    before = every.frame().select("session", previous=c.session.shift(1))
    found = found.join(before, on="session", how="left", maintain_order="left")
    found = _with_moneyness(store, found)
    if screen.otm:
        found = found.filter(c.moneyness.is_in(["out of the money", UNKNOWN_MONEYNESS]))
    return _with_open_interest(store, found, every, as_of)


def _only_bars(flow: pl.DataFrame) -> bool:
    bars, prints = flow.select(pl.col("bars").sum(), pl.col("prints").sum()).row(0)
    return bool(0 < prints <= bars)


def _with_moneyness(store: Store, found: pl.DataFrame) -> pl.DataFrame:
    c = pl.col
    bare = found.filter(c.underlying_price.is_null(), c.previous.is_not_null())
    closes = store.closes_of(bare.select(date="previous", symbol="underlying"))
    found = found.join(
        closes.rename({"date": "previous", "symbol": "underlying"}),
        on=["previous", "underlying"], how="left", maintain_order="left",
    )  # fmt: skip
    at_trade = c.underlying_price.is_not_null()
    found = found.with_columns(
        spot=pl.coalesce(c.underlying_price, (c.close * MICRO).round().cast(pl.Int64)),
        spot_from=pl.when(at_trade).then(pl.lit("trade")).when(c.close.is_not_null()).then(pl.lit("previous close")),
    )
    above = pl.when(c.right == "C").then(c.strike - c.spot).otherwise(c.spot - c.strike)
    moneyness = (
        pl.when(above > 0)
        .then(pl.lit("out of the money"))
        .when(above == 0)
        .then(pl.lit("at the money"))
        .when(above < 0)
        .then(pl.lit("in the money"))
        .otherwise(pl.lit(UNKNOWN_MONEYNESS))
    )
    return found.with_columns(moneyness=moneyness).drop("close")


def _open_interest(store: Store, found: pl.DataFrame, every: Sessions, as_of: int | None) -> pl.DataFrame:
    """Open interest of the orders' contracts at the closes before and after them: of the table, else of the tape.

    A print carries what was published in its morning, the close of the session before it, and no session's volume.
    """
    contract = [pl.col(name) for name in _CONTRACT]
    before = found.filter(pl.col("previous").is_not_null()).select(pl.col("previous").alias("date"), *contract)
    asked = pl.concat([before, found.select(pl.col("session").alias("date"), *contract)]).unique()
    known = store.open_interest_of(asked, as_of)
    missing = asked.join(known, on=["date", *_CONTRACT], how="anti")
    mornings = every.frame().select("session", date=pl.col("session").shift(1)).drop_nulls()
    of_tape = missing.join(mornings, on="date").select("session", *_CONTRACT)
    carried = store.tape_open_interest_of(of_tape, as_of).join(mornings, on="session")
    carried = carried.with_columns(volume=pl.lit(None, pl.Int64)).select(known.columns)
    return pl.concat([known, carried])


def _with_open_interest(store: Store, found: pl.DataFrame, every: Sessions, as_of: int | None) -> pl.DataFrame:
    c = pl.col
    known = _open_interest(store, found, every, as_of)
    then = known.drop("known_at", "volume").rename({"date": "previous"})
    after = known.rename(
        {
            "date": "session",
            "open_interest": "next_open_interest",
            "volume": "published",
            "known_at": "outcome_known_at",
        }
    )
    found = found.join(then, on=["previous", *_CONTRACT], how="left", maintain_order="left")
    found = found.join(after, on=["session", *_CONTRACT], how="left", maintain_order="left")
    published = (c.published >= c.volume).fill_null(False)
    found = found.with_columns(
        volume=pl.when(published).then(c.published).otherwise(c.volume),
        volume_from=pl.when(published).then(pl.lit("published")).otherwise(pl.lit("tape")),
    ).drop("published")
    rest, held = c.volume - pl.col("size"), c.open_interest
    lasting = c.expiry > c.session
    change = pl.when(lasting).then(c.next_open_interest - held)
    return found.with_columns(
        volume_open_interest=pl.when(held > 0).then(c.volume / held),
        opening=pl.when(pl.col("size") > held + rest)
        .then(pl.lit("certain"))
        .when(pl.col("size") > held - rest)
        .then(pl.lit("likely")),
        outcome=pl.when(change > rest)
        .then(pl.lit("opened"))
        .when(-change > rest)
        .then(pl.lit("closed"))
        .when(change.is_not_null())
        .then(pl.lit("undecided")),
        outcome_known_at=pl.when(change.is_not_null()).then(c.outcome_known_at),
    )


def _row(order: Mapping[str, Any]) -> dict[str, Any]:
    """An order as it is shown: exact dollars, exchange time, and why what is null is null."""
    reasons = []
    if order["spot"] is None:
        reasons.append("moneyness: no underlying price at the trade and no previous close")
    if order["open_interest"] is None:
        reasons.append("open_interest: none is stored for the close before")
    elif order["open_interest"] == 0:
        reasons.append("volume_open_interest: nothing was open")
    if order["outcome"] is None:
        if order["expiry"] <= order["session"]:
            reasons.append("outcome: the contract expired with the session")
        elif order["open_interest"] is not None:
            reasons.append("outcome: the next session's open interest is not known")
    strike = dollars(order["strike"])
    spot = None if order["spot"] is None else dollars(order["spot"])
    flags = word_flags(order["flags"])
    return {
        "time": clock(order["ts"]),
        "last_time": clock(order["last_ts"]),
        "contract": contract_name(order),
        "underlying": order["underlying"],
        "expiry": order["expiry"],
        "strike": strike,
        "right": order["right"],
        "side": SIDES[order["side"]],
        "direction": DIRECTIONS[order["direction"]],
        "premium": dollars(order["premium"]),
        "size": order["size"],
        "vwap": vwap(order["premium"], order["size"], order["multiplier"]),
        "volume": order["volume"],
        "volume_from": order["volume_from"],
        "open_interest": order["open_interest"],
        "volume_open_interest": order["volume_open_interest"],
        "days": order["days"],
        "moneyness": order["moneyness"],
        "underlying_price": spot,
        "underlying_price_from": order["spot_from"],
        "kind": order["kind"],
        "sweep": order["kind"] == "sweep",
        "floor": flags is not None and "floor" in flags.split(", "),
        "cross": flags is not None and "cross" in flags.split(", "),
        "venues": order["venues"],
        "prints": order["prints"],
        "opening": order["opening"],
        "next_open_interest": order["next_open_interest"],
        "outcome": order["outcome"],
        "outcome_known_at": None if order["outcome_known_at"] is None else utc(order["outcome_known_at"]),
        "asset_class": order["asset_class"],
        "conditions": flags,
        "reason": "; ".join(reasons) or None,
    }


def clock(ts: int) -> str:
    """Nanoseconds as a time of the exchange's zone, to the millisecond.

    >>> clock(1_762_353_000_123_456_789)
    '2025-11-05T09:30:00.123-05:00'
    """
    return utc(ts).astimezone(NEW_YORK).isoformat(timespec="milliseconds")


def contract_name(order: Mapping[str, Any]) -> str:
    """A contract as a trader says it.

    >>> contract_name({"underlying": "MRK", "expiry": date(2026, 1, 16), "strike": 97_500_000, "right": "C"})
    'MRK 2026-01-16 97.5 C'
    """
    strike = f"{dollars(order['strike']).normalize():f}"
    return f"{order['underlying']} {order['expiry']} {strike} {order['right']}"


def vwap(premium: int, size: int, multiplier: int) -> float:
    """Dollars a share paid on average: premium in micro-dollars over contracts and multiplier.

    >>> vwap(1_080_000_000_000, 1800, 100)
    6.0
    """
    return premium / (size * multiplier) / MICRO


def _rings(
    asked: Indicator, rows: Rows, covered: Scope, today: pl.DataFrame, symbol: str | None
) -> list[dict[str, Any]]:
    """The two rings of [A], and beside them the same over the large orders and over all prints, with the error band."""
    names = today["underlying"].unique().sort().to_list()
    keys: list[str | None] = [None, *names] if symbol is None else [symbol]
    day = covered.sessions.dates[-1]
    # a session's reading needs its own rows alone
    own = {"flow": rows["flow"].filter(pl.col("session") == day)}
    rings = []
    for key in keys:
        ours = today if key is None else today.filter(pl.col("underlying") == key)
        signed = pl.when(pl.col("right") == "C").then(pl.col("premium")).otherwise(-pl.col("premium"))
        net, lean = ours.select(pl.col("bull").sum() - pl.col("bear").sum(), signed.sum()).row(0)
        last = asked.value(own, covered.sessions, covered.as_of_time, key)[-1:]
        ring: dict[str, Any] = {
            "symbol": key or "market",
            "orders": ours.height,
            "screened_bull_bear": dollars(net),
            "screened_call_put": dollars(lean),
        }
        held = last[0] if last and last[0].session == day and last[0].components["net"] is not None else None
        large = held.components["institutional"] if held else {}
        every = held.components if held else {}
        rings.append(
            ring
            | {
                "institutional_bull_bear": large.get("net"),
                "institutional_call_put": large.get("call_put_net"),
                "institutional_imbalance": large.get("imbalance"),
                "institutional_low": large.get("low"),
                "institutional_high": large.get("high"),
                "all_bull_bear": every.get("net"),
                "all_call_put": every.get("call_put_net"),
                "all_imbalance": held.value if held else None,
                "all_signal_kept": every.get("signal_kept"),
                "all_low": held.low if held else None,
                "all_high": held.high if held else None,
                "reason": held.reason if held else f"no option prints in this session{in_capitals(key or '')}",
            }
        )
    return rings
