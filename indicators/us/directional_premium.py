"""Directional option premium: what buyers and sellers paid for a rise against what they paid for a fall.

Longer than most modules: the way from tape to reading of one indicator stands in one file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import PositiveInt

from feeds.schema import ASSET_CLASSES, EXCLUDED, MICRO, TAPE_COLUMNS, Part, PrintFlag, Sessions, utc
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.money import dollars, spoken
from indicators.engine.prints import KINDS, Prints
from indicators.engine.spans import Known, Span, explained, known_sessions, spans
from indicators.kernels.band import Band, Stratum, error_band
from indicators.kernels.blocks import block_starts
from indicators.kernels.option_flow import CLASSES, OPTION_COLUMNS, ORDER_COLUMNS, STACKS, option_flow
from indicators.kernels.option_flow import PROFILES as PROFILE_COUNT
from indicators.kernels.quotes import in_force
from indicators.kernels.side import AGGRESSOR, REV_TICK, RULES
from seeds.side_accuracy import PROFILES, option_accuracy, venue_profiles

ALL, INSTITUTIONAL = "all", "institutional"
CLASS_KEY = "class:"
"""`key="class:etf"` asks for an asset class; a colon is in no ticker."""

_F = PrintFlag
MASKS = (int(EXCLUDED), int(_F.AUCTION), int(_F.BAR), int(_F.SWEEP), int(_F.CANCELLED))
"""Flag bits that `option_flow` asks for, in its order."""

NO_EVIDENCE_IN_LEVEL = (
    "If buys and sells are signed with different accuracy the level is biased: "
    "read its change against its own history, not its sign."
)

NOTHING_LARGE = "no order reached the institutional floor"

MONEY = ("bull", "bear", "unknown", "excluded", "total", "auction", "call", "put", "net", "call_put_net")
NUMBERS = (
    *("ratio", "imbalance", "coverage", "call_put_ratio", "put_call_volume"),
    *("call_contracts", "put_contracts", "prints", "signal_kept"),
)

TRADE_COLUMNS = tuple(name for name in TAPE_COLUMNS["option_trades"] if name != "conditions")
"""What is read of a print; what its conditions mean stands in its flags."""

FIRST = ("ts", "sequence", "file", "record", "asset_class", "flags", "multiplier", "underlying_price", "bid", "ask")
"""What is told of the first print of a large order."""

CELLS = CLASSES * PROFILE_COUNT * STACKS
"""Strata of one underlying."""

SUMMED = OPTION_COLUMNS[:-1]
"""The columns that are added; `last_ts` is not."""

Sums = dict[tuple[str, str, str], list[int]]
"""(asset class, venue profile, rule) → sums by SUMMED, as Python integers."""


class DirectionalPremium(Indicator):
    """Bull against bear option premium (INDICATORS 1).

    Formula
        premium = price · multiplier · contracts
        B = buy-call + sell-put, S = buy-put + sell-call, U = unknown side (auctions among it), X = excluded prints
        value = imbalance = (B − S)/(B + S);  ratio = B/S;  coverage = (B + S)/(B + S + U);  B + S + U + X = total
    Units
        Dollars, exact; the value is a pure number in [−1, 1], + is bullish.
    Null rule
        imbalance is null when nothing is signed, ratio when S = 0; a session without prints between sessions with
        prints is null, never neutral. A month sums its sessions, then divides.
    Sides
        The feed's aggressor flag, then `rule`. A print's own bid and ask, where it has both, are the quote in force;
        else the last quote strictly before it. Where quotes have no sizes, `gsu` is quote, then reverse tick.
    Institutional
        The same over prints whose parent order has premium ≥ `institutional_floor`. A minute bar is no order.
    Rows
        `flow`: sums by session, underlying, asset class, size class, venue profile and rule; `institutional` is a part
        of `all`. `orders`: parent orders with premium ≥ `order_floor`, with what a screen of unusual orders needs.
    Source
        [A] and the references in `indicators/kernels/side.py`; accuracies in `seeds/side_accuracy.toml`.
    """

    name: ClassVar[str] = "directional_premium"
    title: ClassVar[str] = "Directional option premium"
    unit: ClassVar[str] = "imbalance"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("option_trades", "session", columns=TRADE_COLUMNS),
        Input("option_quotes", "session", True, ("contract", "ts", "bid", "ask", "bid_size", "ask_size")),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "flow": ("session", "underlying", "asset_class", "size_class", "profile", "rule"),
        "orders": ("session", "underlying", "expiry", "strike", "right", "ts", "sequence", "file", "record"),
    }
    in_key_order: ClassVar[tuple[str, ...]] = ("orders",)

    rule: Literal["gsu", "quote", "lr", "emo", "clnv", "tick", "rev_tick"] = "gsu"
    institutional_floor: PositiveInt = 100_000
    order_floor: PositiveInt = 100_000
    parent_window_ms: PositiveInt = 100
    spread_floor: PositiveInt = 5
    spread_percent: PositiveInt = 25

    def measure(self, part: Part) -> Rows:
        """Sum one session's prints by underlying and stratum, and list its large parent orders."""
        if part.session is None:
            return {}
        layers = (AGGRESSOR, *RULES[self.rule])
        profile_of = _profiles(part.tables["venues"])
        tally = _Tally(part.tables["contracts"])
        batches = part.batches("option_trades"), part.batches("option_quotes")
        for prints in in_force(*batches, "contract", ("bid", "ask", "bid_size", "ask_size")):
            starts = block_starts(prints["contract"])
            contract = prints["contract"][starts[:-1]]
            group = tally.groups_of(contract)
            orders, volume = option_flow(
                (starts, group, tally.is_call[contract]),
                profile_of,
                prints,
                tally.table,
                layers,
                MASKS,
                (self.spread_floor * MICRO, self.spread_percent),
                self.parent_window_ms * 1_000_000,
                (self.institutional_floor * MICRO, self.order_floor * MICRO),
            )
            tally.keep(orders, prints, contract, volume)
        tick = "rev_tick" if REV_TICK in layers else "tick"
        rules = ("none", "aggressor", self.rule, "quote_rev_tick", tick)
        return tally.rows(part.session, rules) if tally.met else {}

    def combine(self, parts: Iterable[Rows]) -> Rows:
        """Concatenate, add what several parts hold of one underlying (parts are cut by contract), and sort."""
        rows = super().combine(parts)
        if "flow" in rows:
            added = rows["flow"].group_by(self.keys["flow"])
            summed = added.agg(pl.col(*SUMMED).sum(), pl.col("last_ts").max())
            rows["flow"] = summed.sort(self.keys["flow"])
        return rows

    def per_key(
        self,
        rows: Rows,
        sessions: Sessions,  # noqa: ARG002 - other indicators need it to rank
        session_from: date,
        session_to: date,
    ) -> pl.DataFrame:
        """Sums over all prints and, as `institutional_…`, over large orders' alone; money in micro-dollars.

        One row per session and underlying, for rankings.
        """
        names = ("bull", "bear", "unknown", "call", "put", "call_contracts", "put_contracts")
        large = {f"{INSTITUTIONAL}_{name}": name for name in names[:5]}
        schema = {"session": pl.Date, "underlying": pl.String} | dict.fromkeys((*names, *large), pl.Int64)
        flow = rows.get("flow")
        if flow is None:
            return pl.DataFrame(schema=schema)
        size = pl.col("size_class")
        return (
            flow.filter(pl.col("session").is_between(session_from, session_to))
            .group_by("session", "underlying")
            .agg(
                pl.col(*names).filter(size == ALL).sum(),
                **{name: pl.col(column).filter(size == INSTITUTIONAL).sum() for name, column in large.items()},
            )
            .sort("session", "underlying")
            .select(*schema)
        )

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings of the market, of one underlying, or of an asset class (`key="class:etf"`)."""
        flow = rows.get("flow")
        if flow is None or flow.is_empty():
            return []
        last = flow.group_by("session").agg(pl.col("last_ts").max())
        known = known_sessions(dict(last.iter_rows()), sessions, as_of)
        if key is not None:
            column, wanted = (
                ("asset_class", key[len(CLASS_KEY) :]) if key.startswith(CLASS_KEY) else ("underlying", key)
            )
            flow = flow.filter(pl.col(column) == wanted)
        by_session = _sums_by_session(flow, known)
        first = min(by_session, default=None)
        if first is None:
            return []
        begin = first if period == "session" else first.replace(day=1)
        known = {day: when for day, when in known.items() if day >= begin}
        return [
            _reading(span, by_session, known, sessions, key, rows_of_classes=key is None)
            for span in spans(known, sessions, period, since)
        ]

    def meaning(self, reading: Reading) -> str:
        """What the premium says, in one sentence."""
        if reading.value is None:
            return f"No reading of directional option premium: {reading.reason}."
        c = reading.components
        lean = "bullish" if reading.value > 0 else "bearish" if reading.value < 0 else "even"
        band = (
            f"; allowing for wrong sides the true imbalance lies between {reading.low:+.2f} and {reading.high:+.2f}"
            if reading.low is not None and reading.high is not None
            else ""
        )
        return (
            f"Option flow was {lean}: {spoken(c['bull'])} of premium for a rise, {spoken(c['bear'])} for a fall, "
            f"imbalance {reading.value:+.2f}, with {100 * (reading.coverage or 0.0):.0f} % of the premium signed{band}."
        )


class _Tally:
    """What a session's prints come to, added up as they come.

    Attributes
    ----------
    is_call : bool, by contract
    met : underlyings with prints so far, by number, in the order of their groups
    table : the sums of their groups, as `option_flow` adds to them, with room for more
    """

    def __init__(self, contracts: pl.DataFrame) -> None:
        ids = contracts["id"].to_numpy()
        names = contracts["underlying"].unique(maintain_order=True)
        numbered = pl.DataFrame({"underlying": names}).with_row_index("number")
        number = contracts.select("underlying").join(numbered, on="underlying", how="left", maintain_order="left")
        room = int(ids.max(initial=-1)) + 1
        self.is_call = np.zeros(room, np.bool_)
        self.is_call[ids] = (contracts["right"] == "C").to_numpy()
        self.met: list[int] = []
        self.table = np.zeros((0, 2, len(OPTION_COLUMNS)), np.int64)
        self._contracts, self._names = contracts, names
        self._row, self._number = np.zeros(room, np.int64), np.zeros(room, np.int64)
        self._row[ids], self._number[ids] = np.arange(len(ids)), number["number"].to_numpy()
        self._group = np.full(len(names), -1, np.int64)
        self._orders: list[dict[str, npt.NDArray[Any]]] = []

    def groups_of(self, contract: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """The group of each contract's underlying; the table has a place for it from now on."""
        number = self._number[contract]
        new = np.unique(number[self._group[number] < 0])
        self._group[new] = np.arange(len(self.met), len(self.met) + len(new))
        self.met += new.tolist()
        if CELLS * len(self.met) > len(self.table):
            more = np.zeros((max(CELLS * len(self.met), 2 * len(self.table)), *self.table.shape[1:]), np.int64)
            more[: len(self.table)] = self.table
            self.table = more
        return self._group[number]

    def keep(
        self,
        orders: npt.NDArray[np.int64],
        prints: Prints,
        contract: npt.NDArray[np.int32],
        volume: npt.NDArray[np.int64],
    ) -> None:
        """Keep the large orders of some prints, and what is told of each one's first print."""
        described = {name: orders[:, n] for n, name in enumerate(ORDER_COLUMNS)}
        head, block = described.pop("head"), described.pop("block")
        first = {f"first_{name}": prints[name][head] for name in FIRST}
        self._orders.append(described | first | {"contract": contract[block], "volume": volume[block]})

    def rows(self, session: date, rules: tuple[str, ...]) -> Rows:
        """The rows of the session; `rules` name the ways of signing."""
        orders = {name: np.concatenate([part[name] for part in self._orders]) for name in self._orders[0]}
        # In the order of the keys already, most of which the contract says: what is in order is soon sorted.
        ids, of = np.unique(orders["contract"], return_inverse=True)
        rank = np.empty(len(ids), np.int64)
        named = self._contracts[self._row[ids]]
        rank[named.select(pl.arg_sort_by("underlying", "expiry", "strike", "right")).to_series()] = np.arange(len(ids))
        order = np.argsort(rank[of], kind="stable")
        orders = {name: column[order] for name, column in orders.items()}
        contracts = self._contracts[self._row[orders["contract"]]]
        return {
            "flow": _flow_frame(session, self.table[: CELLS * len(self.met)], self._names.gather(self.met), rules),
            "orders": _orders_frame(session, orders, contracts),
        }


def _profiles(venues: pl.DataFrame) -> npt.NDArray[np.int8]:
    """Venue id → venue profile."""
    profile_of = np.zeros(1 + max(venues["id"].to_list(), default=0), np.int8)
    known = venue_profiles()
    for number, code in zip(venues["id"].to_list(), venues["code"].to_list(), strict=True):
        profile_of[number] = known.get(code, 0)
    return profile_of


def _flow_frame(
    session: date, table: npt.NDArray[np.int64], underlyings: pl.Series, rules: tuple[str, ...]
) -> pl.DataFrame:
    counted = table[:, :, OPTION_COLUMNS.index("prints")] + table[:, :, OPTION_COLUMNS.index("excluded_prints")]
    cells, large = np.nonzero(counted)
    stack, rest = cells % STACKS, cells // STACKS
    profile, rest = rest % PROFILE_COUNT, rest // PROFILE_COUNT
    asset_class, group = rest % CLASSES, rest // CLASSES
    labels = pl.DataFrame(
        {
            "session": pl.repeat(session, len(cells), dtype=pl.Date, eager=True),
            "underlying": underlyings.gather(group),
            "asset_class": pl.Series(ASSET_CLASSES, dtype=pl.String).gather(asset_class),
            "size_class": pl.Series((ALL, INSTITUTIONAL), dtype=pl.String).gather(large),
            "profile": pl.Series(PROFILES, dtype=pl.String).gather(profile),
            "rule": pl.Series(rules, dtype=pl.String).gather(stack),
        }
    )
    sums = pl.DataFrame({name: table[cells, large, i] for i, name in enumerate(OPTION_COLUMNS)})
    return pl.concat([labels, sums], how="horizontal")


def _orders_frame(session: date, orders: dict[str, npt.NDArray[Any]], contracts: pl.DataFrame) -> pl.DataFrame:
    """Large parent orders: contract, times, side, direction, premium, size, the contract's volume, venues, prints.

    `side` is the one side present among the parent's prints, else 0; `direction` +1 bull, −1 bear, 0 unknown; `volume`
    counts the contract's prints of the whole session that were not cancelled; `underlying_price`, `bid` and `ask` are
    those of the first print, null where there are none; `file` and `record` say where that print was read; `flags` are
    those that any of the prints has.
    """
    is_call = (contracts["right"] == "C").to_numpy()
    direction = (orders["bull"] > 0).astype(np.int8) - (orders["bear"] > 0).astype(np.int8)
    auction = (orders["first_flags"] & int(PrintFlag.AUCTION)) != 0
    kind = np.where(auction, len(KINDS), orders["kind"])
    first = pl.DataFrame({name: orders[f"first_{name}"] for name in ("underlying_price", "bid", "ask")})
    return pl.DataFrame(
        {
            "session": pl.repeat(session, len(kind), dtype=pl.Date, eager=True),
            **{name: contracts[name] for name in ("underlying", "expiry", "strike", "right")},
            **{name: orders[f"first_{name}"] for name in ("ts", "sequence", "file", "record")},
            "asset_class": pl.Series(ASSET_CLASSES, dtype=pl.String).gather(orders["first_asset_class"]),
            "last_ts": orders["last_ts"],
            "side": np.where(is_call, direction, -direction).astype(np.int8),
            "direction": direction,
            "kind": pl.Series((*KINDS, "auction"), dtype=pl.String).gather(kind),
            "premium": orders["bull"] + orders["bear"] + orders["unknown"],
            **{name: orders[name] for name in ("bull", "bear", "unknown", "size", "volume", "venues", "prints")},
            "multiplier": orders["first_multiplier"],
            "flags": orders["flags"].astype(np.int32),
            **first.select(pl.when(pl.all() >= 0).then(pl.all())).to_dict(),
        }
    )


def _sums_by_session(flow: pl.DataFrame, known: Mapping[date, Known]) -> dict[date, dict[str, Sums]]:
    """Session → size class → stratum → sums, over the sessions that are known."""
    keys = ("session", "size_class", "asset_class", "profile", "rule")
    inside = flow.filter(pl.col("session").is_in(list(known)))
    summed = inside.group_by(keys).agg(pl.col(*SUMMED).sum()).sort(keys)
    by_session: dict[date, dict[str, Sums]] = {}
    for session, size_class, asset_class, profile, rule, *sums in summed.iter_rows():
        sizes = by_session.setdefault(session, {ALL: {}, INSTITUTIONAL: {}})
        sizes[size_class][asset_class, profile, rule] = sums
    return by_session


@dataclass(frozen=True)
class _Summary:
    """One size class over one span: components, reasons for the nulls among them, error band, assumptions made."""

    components: dict[str, Any]
    reasons: dict[str, str]
    band: Band
    assumptions: tuple[str, ...] = ()
    bars: int = 0
    by_class: dict[str, dict[str, Any]] = field(default_factory=dict)


def _total(strata: Iterable[list[int]]) -> dict[str, int]:
    columns = [sum(column) for column in zip(*strata, strict=True)] or [0] * len(SUMMED)
    return dict(zip(SUMMED, columns, strict=True))


def _quotient(above: int, below: int) -> float | None:
    return above / below if below else None


def _components(t: dict[str, int]) -> tuple[dict[str, Any], dict[str, str]]:
    """Components of a total, and why the null ones are null."""
    signed = t["bull"] + t["bear"]
    micros = {name: t[name] for name in ("bull", "bear", "unknown", "excluded", "auction", "call", "put")}
    micros |= {"total": signed + t["unknown"] + t["excluded"], "net": t["bull"] - t["bear"]}
    micros |= {"call_put_net": t["call"] - t["put"]}
    components: dict[str, Any] = {name: dollars(micros[name]) for name in MONEY}
    components |= {
        "ratio": _quotient(t["bull"], t["bear"]),
        "imbalance": _quotient(t["bull"] - t["bear"], signed),
        "coverage": _quotient(signed, signed + t["unknown"]),
        "call_put_ratio": _quotient(t["call"], t["put"]),
        "put_call_volume": _quotient(t["put_contracts"], t["call_contracts"]),
        "call_contracts": t["call_contracts"],
        "put_contracts": t["put_contracts"],
        "prints": t["prints"],
    }
    why = {
        "ratio": "no bear premium to divide by",
        "imbalance": "no premium was signed" if t["prints"] else "no print counts: all are excluded or none is there",
        "coverage": "no print counts: all are excluded or none is there",
        "call_put_ratio": "no put premium to divide by",
        "put_call_volume": "no call contracts to divide by",
    }
    return components, {name: text for name, text in why.items() if components[name] is None}


def _summary(sums: list[Sums], with_classes: bool) -> _Summary:
    merged: dict[tuple[str, str, str], list[list[int]]] = {}
    for strata in sums:
        for stratum, columns in strata.items():
            merged.setdefault(stratum, []).append(columns)
    added = {stratum: _total(parts) for stratum, parts in sorted(merged.items())}
    total = _total([list(t.values()) for t in added.values()])
    components, reasons = _components(total)
    bounds: list[Stratum] = []
    assumptions: dict[str, None] = {}
    for (asset_class, profile, rule), t in added.items():
        if rule == "none" or not t["bull"] + t["bear"]:
            continue
        accuracy = option_accuracy(asset_class, profile, rule)
        assumptions |= dict.fromkeys(a for a in accuracy.assumption.split("; ") if a)
        squares = (t["square_high"] << 32) + t["square_low"]
        bounds.append(Stratum(t["bull"] / MICRO, t["bear"] / MICRO, squares, accuracy.p, accuracy.se))
    band = error_band(bounds)
    components["signal_kept"] = band.signal_kept
    if band.reason:
        reasons |= {"low": band.reason, "high": band.reason}
        if band.signal_kept is None:
            reasons["signal_kept"] = band.reason
    by_class = {}
    if with_classes:
        for asset_class in sorted({stratum[0] for stratum in added}):
            of_class = _total([list(t.values()) for stratum, t in added.items() if stratum[0] == asset_class])
            by_class[asset_class] = _components(of_class)[0]
    return _Summary(components, reasons, band, tuple(assumptions), total["bars"], by_class)


def _reading(
    span: Span,
    by_session: Mapping[date, dict[str, Sums]],
    known: Mapping[date, Known],
    sessions: Sessions,
    key: str | None,
    rows_of_classes: bool,
) -> Reading:
    held = [day for day in span.members if day in by_session]
    if not held:
        of = f" of {key}" if key and span.members else ""
        reason = f"no option prints{of} in {span.month or 'this session'}"
        at = known[span.session].at if span.session in known else sessions.closes[sessions.position(span.session)]
        return Reading(
            session=span.session,
            month=span.month,
            value=None,
            reason=reason,
            known_at=utc(at),
            notes=span.notes,
            components=dict.fromkeys((*MONEY, *NUMBERS, INSTITUTIONAL)),
            reasons=dict.fromkeys((*MONEY, *NUMBERS, INSTITUTIONAL), reason),
        )
    every = _summary([by_session[day][ALL] for day in held], rows_of_classes)
    large = _summary([by_session[day][INSTITUTIONAL] for day in held], with_classes=False)
    components = every.components | {
        INSTITUTIONAL: large.components | {"low": large.band.low, "high": large.band.high},
    }
    if rows_of_classes:
        components["asset_classes"] = every.by_class
    reasons = dict(every.reasons)
    for name, text in large.reasons.items():
        reasons[f"{INSTITUTIONAL}.{name}"] = text if large.components["prints"] else NOTHING_LARGE
    notes = [*span.notes, NO_EVIDENCE_IN_LEVEL, *(f"assumed: {text}" for text in every.assumptions)]
    if every.bars:
        notes.append(f"{every.bars} of the rows are minute bars, not prints: each is signed as if it were one print")
    if any(known[day].cut for day in held):
        notes.append("the session was not over when its tape was cut")
    value = every.components["imbalance"]
    return Reading(
        session=span.session,
        month=span.month,
        value=value,
        coverage=every.components["coverage"],
        low=every.band.low,
        high=every.band.high,
        reason=reasons["imbalance"] if value is None else explained(reasons),
        reasons=reasons,
        known_at=utc(max(known[day].at for day in span.members)),
        notes=tuple(notes),
        components=components,
    )
