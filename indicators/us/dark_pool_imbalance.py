"""Dark-pool and block imbalance: which way off-exchange and large on-exchange prints of stocks went.

Longer than most modules: the way from tape to reading of one indicator stands in one file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import PositiveInt

from feeds.schema import EXCLUDED, MICRO, Part, PrintFlag, Sessions, utc
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.money import dollars, spoken
from indicators.engine.spans import Known, Span, explained, known_sessions, nanoseconds, spans
from indicators.kernels.band import Band, Stratum, error_band
from indicators.kernels.blocks import block_starts
from indicators.kernels.quotes import in_force
from indicators.kernels.side import RULES
from indicators.kernels.stock_flow import STOCK_COLUMNS, stock_flow
from seeds.side_accuracy import equity_accuracy

KINDS = ("dark", "block")
ACCURACY_OF = {"dark": "off_exchange", "block": "block"}
ALL, INSTITUTIONAL = "all", "institutional"
Rule = Literal["lr", "quote", "emo", "clnv", "tick"]

RECENT, YEAR = 5, 252
NEAR_HIGH = 0.95
WATCH, CONFIRMING = -0.4, -0.2
LOOKBACK, NEEDED = 3, 2
"""Distribution at highs: sessions looked back on, and how many of them must lean to sellers."""

NO_EVIDENCE_IN_LEVEL = (
    "If buys and sells are signed with different accuracy the level is biased: "
    "read its change against its own history, not its sign."
)

NOTHING_LARGE = "no print reached the institutional floor"

TRADE_COLUMNS = ("symbol", "ts", "price", "size", "off_exchange", "flags", "bid", "ask")
QUOTE_COLUMNS = ("symbol", "ts", "bid", "ask")

PARTS = (
    *("dark_buy", "dark_sell", "dark_unknown", "block_buy", "block_sell", "block_unknown"),
    *("auction", "excluded"),
)
"""Components that sum to `total`, exactly."""

LARGE = tuple(f"{INSTITUTIONAL}_{side}" for side in ("buy", "sell", "unknown"))
"""Sums of large prints, dark and block together."""

NUMBERS = ("imbalance", "coverage", "signal_kept", "selling_share", "distribution_at_highs", "prints")

SUMMED = STOCK_COLUMNS[:-1]
"""The columns that are added; `last_ts` is not."""

Sums = dict[tuple[str, str], list[int]]
"""(size class, kind) → sums by SUMMED, as Python integers."""


class DarkPoolImbalance(Indicator):
    """Imbalance of off-exchange and block notional (INDICATORS 4).

    Formula
        notional = price · shares
        dark = off-exchange prints of any size (a dark block is dark; its notional is also in `dark_block`);
        block = on-exchange prints of ≥ 10,000 shares or ≥ $200,000
        value = imbalance = (buy − sell)/(buy + sell) over dark and block together
        coverage = (buy + sell)/(buy + sell + unknown); auctions, which have no initiator, are shown apart
        the parts of `PARTS` sum to `total`, exactly
    Units
        Dollars, exact; the value is a pure number in [−1, 1], + is bullish.
    Null rule
        imbalance is null when nothing is signed; a session without such prints between sessions with them is null,
        never neutral. A month sums its sessions, then divides.
    Sides
        On-exchange prints by `lit_rule`, off-exchange ones by `off_exchange_rule`: without a quote these stay unknown.
        The tick test looks at every print that is neither excluded nor an auction, on or off exchange. A print's own
        bid and ask, where it has both, are the quote in force; else the last quote strictly before it.
    Error band
        Prints of one symbol and kind within `parent_window_ms` of the first of them count as one parent order.
    Institutional
        The same over prints of ≥ `institutional_floor` dollars. A minute bar is no print, so never institutional.
    Distribution at highs
        near high: highest close of the last 5 bars ≥ 95 % of the highest of the last 252. `confirmed`: near high and
        imbalance ≤ −0.2 on ≥ 2 of the last 3 sessions; `watch`: near high and imbalance ≤ −0.4 today; else `none`. The
        adjusted close is read where all 252 bars have one, else the close, which a split breaks. Null without 252
        closes up to the session. For the market: the strongest state of any symbol.
    Rows
        `flow`: sums by session, symbol, size class and kind; `institutional` is a part of `all`. `highs`: the highest
        closes by session and symbol.
    Source
        [A]; block sizes are FINRA's; accuracies are assumptions, in `seeds/side_accuracy.toml`.
    """

    name: ClassVar[str] = "dark_pool_imbalance"
    title: ClassVar[str] = "Dark-pool and block imbalance"
    unit: ClassVar[str] = "imbalance"
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("stock_trades", "session", columns=TRADE_COLUMNS),
        Input("stock_quotes", "session", True, QUOTE_COLUMNS),
        Input("daily_bars", "history", optional=True),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "flow": ("session", "symbol", "size_class", "kind"),
        "highs": ("session", "symbol"),
    }

    lit_rule: Rule = "lr"
    off_exchange_rule: Rule = "quote"
    block_shares: PositiveInt = 10_000
    block_dollars: PositiveInt = 200_000
    institutional_floor: PositiveInt = 1_000_000
    parent_window_ms: PositiveInt = 100
    spread_floor: PositiveInt = 5

    def measure(self, part: Part) -> Rows:
        """Sum one session's off-exchange and block prints by symbol, or find the highs of daily bars."""
        rows: Rows = {}
        bars = part.tables.get("daily_bars")
        if bars is not None and not bars.is_empty():
            rows["highs"] = _highs(bars)
        if part.session is None:
            return rows
        tables, symbols = [], []
        batches = part.batches("stock_trades"), part.batches("stock_quotes")
        for prints in in_force(*batches, "symbol", ("bid", "ask")):
            starts = block_starts(prints["symbol"])
            symbols.append(prints["symbol"][starts[:-1]])
            tables.append(
                stock_flow(
                    starts,
                    prints,
                    (RULES[self.lit_rule], RULES[self.off_exchange_rule]),
                    self.spread_floor * MICRO,
                    (int(EXCLUDED), int(PrintFlag.AUCTION), int(PrintFlag.BAR)),
                    (self.block_shares * MICRO, self.block_dollars * MICRO),
                    self.institutional_floor * MICRO,
                    self.parent_window_ms * 1_000_000,
                )
            )
        if tables:
            here = pl.DataFrame({"id": np.concatenate(symbols)})
            named = here.join(part.tables["symbols"], on="id", how="left", maintain_order="left")["symbol"]
            rows["flow"] = _flow_frame(part.session, np.concatenate(tables), named)
        return rows

    def combine(self, parts: Iterable[Rows]) -> Rows:
        """Concatenate, add what several parts hold of one symbol, and sort."""
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
        """Sums over prints of every size and, as `institutional_…`, over large ones alone; money in micro-dollars.

        One row per session and symbol, for rankings.
        """
        names = (*PARTS[:6], *LARGE)
        flow = rows.get("flow")
        if flow is None:
            schema = {"session": pl.Date, "symbol": pl.String} | dict.fromkeys(names, pl.Int64)
            return pl.DataFrame(schema=schema)
        every, large = (pl.col("size_class") == size for size in (ALL, INSTITUTIONAL))
        split = [
            pl.col(column).filter(every & (pl.col("kind") == kind)).sum().alias(f"{kind}_{column}")
            for kind in KINDS
            for column in ("buy", "sell", "unknown")
        ]
        split += [pl.col(name.removeprefix(f"{INSTITUTIONAL}_")).filter(large).sum().alias(name) for name in LARGE]
        inside = pl.col("session").is_between(session_from, session_to)
        return flow.filter(inside).group_by("session", "symbol").agg(split).sort("session", "symbol")

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings of the market or of one symbol."""
        flow = rows.get("flow")
        if flow is None or flow.is_empty():
            return []
        last = flow.group_by("session").agg(pl.col("last_ts").max())
        known = known_sessions(dict(last.iter_rows()), sessions, as_of)
        states = _States.of(rows, sessions, known, as_of, since)
        of_symbol = flow if key is None else flow.filter(pl.col("symbol") == key)
        by_session = _sums_by_session(of_symbol, known)
        first = min(by_session, default=None)
        if first is None:
            return []
        begin = first if period == "session" else first.replace(day=1)
        known = {day: when for day, when in known.items() if day >= begin}
        asked = spans(known, sessions, period, since)
        shares = _selling_shares(flow, asked) if key is None else [None] * len(asked)
        return [
            _reading(span, by_session, known, sessions, key, share, states)
            for span, share in zip(asked, shares, strict=True)
        ]

    def meaning(self, reading: Reading) -> str:
        """What dark and block prints say, in one sentence."""
        if reading.value is None:
            return f"No reading of dark-pool and block imbalance: {reading.reason}."
        c = reading.components
        lean = "bought" if reading.value > 0 else "sold" if reading.value < 0 else "even"
        bought, sold = c["dark_buy"] + c["block_buy"], c["dark_sell"] + c["block_sell"]
        at_highs = {
            "watch": " Selling this strong near the high is a watch for distribution.",
            "confirmed": " Repeated selling near the high confirms distribution.",
        }.get(c["distribution_at_highs"] or "none", "")
        return (
            f"Dark and block prints were {lean} on balance: {spoken(bought)} bought, {spoken(sold)} sold, "
            f"imbalance {reading.value:+.2f}, with {100 * (reading.coverage or 0.0):.0f} % of the notional signed."
            f"{at_highs}"
        )


def _flow_frame(session: date, table: npt.NDArray[np.int64], symbols: pl.Series) -> pl.DataFrame:
    counted = table[..., STOCK_COLUMNS.index("prints")] + table[..., STOCK_COLUMNS.index("excluded_prints")]
    symbol, kind, large = np.nonzero(counted)
    labels = pl.DataFrame(
        {
            "session": pl.repeat(session, len(symbol), dtype=pl.Date, eager=True),
            "symbol": symbols.gather(symbol),
            "size_class": pl.Series((ALL, INSTITUTIONAL), dtype=pl.String).gather(large),
            "kind": pl.Series(KINDS, dtype=pl.String).gather(kind),
        }
    )
    sums = pl.DataFrame({name: table[symbol, kind, large, i] for i, name in enumerate(STOCK_COLUMNS)})
    return pl.concat([labels, sums], how="horizontal")


def _highs(bars: pl.DataFrame) -> pl.DataFrame:
    """Highest close of the last 5 and of the last 252 bars of a symbol, and how many bars it has so far."""

    def highest(column: str, bars: int) -> pl.Expr:
        return pl.col(column).rolling_max(bars, min_samples=1).over("symbol")

    adjusted = pl.col("adj_close").is_not_null().cast(pl.Int32).rolling_sum(YEAR, min_samples=1).over("symbol") == YEAR
    if "adj_close" not in bars.columns:
        bars = bars.with_columns(adj_close=pl.lit(None, pl.Float64))
    return (
        bars.sort("symbol", "date")
        .with_columns(closes=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("symbol"))
        .select(
            *("session", "symbol", "known_at", "closes"),
            high_recent=pl.when(adjusted).then(highest("adj_close", RECENT)).otherwise(highest("close", RECENT)),
            high_year=pl.when(adjusted).then(highest("adj_close", YEAR)).otherwise(highest("close", YEAR)),
        )
        .unique(["session", "symbol"], keep="last", maintain_order=True)
    )


def _sums_by_session(flow: pl.DataFrame, known: Mapping[date, Known]) -> dict[date, Sums]:
    keys = ("session", "size_class", "kind")
    inside = flow.filter(pl.col("session").is_in(list(known)))
    summed = inside.group_by(keys).agg(pl.col(*SUMMED).sum()).sort(keys)
    by_session: dict[date, Sums] = {}
    for session, size_class, kind, *sums in summed.iter_rows():
        by_session.setdefault(session, {})[size_class, kind] = sums
    return by_session


def _selling_shares(flow: pl.DataFrame, asked: list[Span]) -> list[float | None]:
    """Per span, the share of the signed notional that is in symbols with more sold than bought."""
    members = [(day, i) for i, span in enumerate(asked) for day in span.members]
    span_of = pl.DataFrame(members, schema={"session": pl.Date, "span": pl.Int64}, orient="row")
    both = pl.col("buy") + pl.col("sell")
    shares = (
        flow.filter(pl.col("size_class") == ALL)
        .join(span_of, on="session")
        .group_by("span", "symbol")
        .agg(pl.col("buy", "sell").cast(pl.Int128).sum())
        .group_by("span")
        .agg(signed=both.sum(), selling=both.filter(pl.col("sell") > pl.col("buy")).sum())
    )
    found = {span: selling / signed for span, signed, selling in shares.iter_rows() if signed}
    return [found.get(i) for i in range(len(asked))]


@dataclass(frozen=True)
class _States:
    """Distribution at highs: session → symbol → state, and the closes that it was told from."""

    states: Mapping[date, Mapping[str, str]]
    highs: pl.DataFrame | None

    @classmethod
    def of(
        cls,
        rows: Rows,
        sessions: Sessions,
        known: Mapping[date, Known],
        as_of: datetime | None,
        since: date | None,
    ) -> "_States":
        highs = rows.get("highs")
        if highs is None or highs.is_empty():
            return cls({}, None)
        if as_of is not None:
            highs = highs.filter(pl.col("known_at") <= nanoseconds(as_of))
        both = pl.col("buy") + pl.col("sell")
        leaning = (
            rows["flow"]
            .filter(pl.col("session").is_in(list(known)) & (pl.col("size_class") == ALL))
            .group_by("session", "symbol")
            .agg(pl.col("buy", "sell").sum())
            .filter(both > 0)
            .select("session", "symbol", imbalance=(pl.col("buy") - pl.col("sell")) / both)
        )
        place = {day: sessions.position(day) for day in known}
        lean = {(place[day], symbol): imbalance for day, symbol, imbalance in leaning.iter_rows()}
        states: dict[date, dict[str, str]] = {}
        asked = highs if since is None else highs.filter(pl.col("session") >= since)
        told = asked.filter(pl.col("closes") >= YEAR).join(leaning, on=["session", "symbol"])
        near = pl.col("high_recent") >= NEAR_HIGH * pl.col("high_year")
        for day, symbol, is_near in told.select("session", "symbol", near).iter_rows():
            at = place[day]
            selling = sum(lean.get((at - back, symbol), 0.0) <= CONFIRMING for back in range(LOOKBACK))
            confirmed, watch = is_near and selling >= NEEDED, is_near and lean[at, symbol] <= WATCH
            states.setdefault(day, {})[symbol] = "confirmed" if confirmed else "watch" if watch else "none"
        return cls(states, highs)

    def at(self, day: date, key: str | None) -> tuple[str | None, dict[str, list[str]], str]:
        """State on a session, the symbols in each state (market only), and why the state is null."""
        here = self.states.get(day, {})
        if key is not None:
            return here.get(key), {}, "" if key in here else self._why(day, key)
        listed = {name: sorted(s for s, state in here.items() if state == name) for name in ("watch", "confirmed")}
        if not here:
            return None, listed, self._why(day, None)
        return next((name for name in ("confirmed", "watch") if listed[name]), "none"), listed, ""

    def _why(self, day: date, key: str | None) -> str:
        needs = f"needs {YEAR} daily closes of {key or 'a symbol'} up to this session"
        if self.highs is None:
            return f"{needs}, there are 0"
        asked = pl.col("session") <= day
        seen = self.highs.filter(asked if key is None else asked & (pl.col("symbol") == key))
        today = seen.filter(pl.col("session") == day)
        count = seen.select(pl.col("closes").max()).item()
        if count is None:
            return f"{needs}, there are 0"
        if today.is_empty():
            return f"{needs} and one of the session itself, which is missing; there are {count}"
        return f"{needs}, there are {count}" if count < YEAR else "no imbalance of this session to judge"


def _totals(sums: list[Sums], size_class: str) -> dict[str, dict[str, int]]:
    """Kind → column → sum over sessions."""
    totals = {}
    for kind in KINDS:
        columns = zip(*(s[size_class, kind] for s in sums if (size_class, kind) in s), strict=True)
        added = [sum(column) for column in columns] or [0] * len(SUMMED)
        totals[kind] = dict(zip(SUMMED, added, strict=True))
    return totals


def _summary(totals: Mapping[str, Mapping[str, int]]) -> tuple[dict[str, Any], dict[str, str], Band]:
    """Components of one size class over one span, reasons for the nulls among them, and the band."""
    micros = {f"{kind}_{side}": totals[kind][side] for kind in KINDS for side in ("buy", "sell", "unknown")}
    micros |= {name: sum(totals[kind][name] for kind in KINDS) for name in ("auction", "excluded")}
    buy, sell = micros["dark_buy"] + micros["block_buy"], micros["dark_sell"] + micros["block_sell"]
    unknown = micros["dark_unknown"] + micros["block_unknown"]
    components: dict[str, Any] = {name: dollars(micros[name]) for name in PARTS}
    components |= {
        "total": dollars(sum(micros.values())),
        "dark_block": dollars(totals["dark"]["block_sized"]),
        "imbalance": (buy - sell) / (buy + sell) if buy + sell else None,
        "coverage": (buy + sell) / (buy + sell + unknown) if buy + sell + unknown else None,
        "prints": sum(totals[kind]["prints"] for kind in KINDS),
    }
    strata = []
    for kind in KINDS:
        t, accuracy = totals[kind], equity_accuracy(ACCURACY_OF[kind])
        squares = (t["square_high"] << 32) + t["square_low"]
        strata.append(Stratum(t["buy"] / MICRO, t["sell"] / MICRO, squares, accuracy.p, accuracy.se))
    band = error_band(strata)
    components["signal_kept"] = band.signal_kept
    reasons: dict[str, str] = {}
    if components["imbalance"] is None:
        reasons["imbalance"] = _why_unsigned(totals)
    if components["coverage"] is None:
        reasons["coverage"] = "no dark or block print could have a side: all are excluded or auctions, or none is there"
    if band.reason:
        reasons |= {"low": band.reason, "high": band.reason}
        if band.signal_kept is None:
            reasons["signal_kept"] = band.reason
    return components, reasons, band


def _why_unsigned(totals: Mapping[str, Mapping[str, int]]) -> str:
    prints = sum(t["prints"] for t in totals.values())
    if not prints:
        return "no dark or block print counts: all are excluded or none is there"
    if totals["dark"]["prints"] and totals["dark"]["unquoted"] == totals["dark"]["prints"]:
        return "no off-exchange print had a quote in force, so their side is unknown, and no block was signed"
    return "no dark or block print was signed"


def _reading(
    span: Span,
    by_session: Mapping[date, Sums],
    known: Mapping[date, Known],
    sessions: Sessions,
    key: str | None,
    selling_share: float | None,
    states: _States,
) -> Reading:
    held = [day for day in span.members if day in by_session]
    if not held:
        of = f" of {key}" if key and span.members else ""
        reason = f"no dark or block prints{of} in {span.month or 'this session'}"
        names = (*PARTS, "total", "dark_block", *NUMBERS, INSTITUTIONAL)
        at = known[span.session].at if span.session in known else sessions.closes[sessions.position(span.session)]
        return Reading(
            session=span.session,
            month=span.month,
            value=None,
            reason=reason,
            reasons=dict.fromkeys(names, reason),
            known_at=utc(at),
            notes=span.notes,
            components=dict.fromkeys(names),
        )
    sums = [by_session[day] for day in held]
    totals = _totals(sums, ALL)
    components, reasons, band = _summary(totals)
    large, large_reasons, large_band = _summary(_totals(sums, INSTITUTIONAL))
    components[INSTITUTIONAL] = large | {"low": large_band.low, "high": large_band.high}
    for name, text in large_reasons.items():
        reasons[f"{INSTITUTIONAL}.{name}"] = text if large["prints"] else NOTHING_LARGE
    state, listed, why = states.at(span.session, key)
    components["distribution_at_highs"] = state
    if state is None:
        reasons["distribution_at_highs"] = why
    if key is None:
        components |= {"selling_share": selling_share, "distribution_symbols": listed}
        if selling_share is None:
            reasons["selling_share"] = "no notional was signed"
    value = components["imbalance"]
    return Reading(
        session=span.session,
        month=span.month,
        value=value,
        coverage=components["coverage"],
        low=band.low,
        high=band.high,
        reason=reasons["imbalance"] if value is None else explained(reasons),
        reasons=reasons,
        known_at=utc(max(known[day].at for day in span.members)),
        notes=(*span.notes, *_notes(totals, any(known[day].cut for day in held))),
        components=components,
    )


def _notes(totals: Mapping[str, Mapping[str, int]], cut: bool) -> list[str]:
    notes = [NO_EVIDENCE_IN_LEVEL, f"assumed: {equity_accuracy('off_exchange').assumption}"]
    dark = totals["dark"]
    if dark["unquoted"]:
        count = f"{dark['unquoted']} of {dark['prints']} off-exchange prints"
        notes.append(f"{count} had no quote in force: a quote rule leaves their side unknown")
    bars = sum(t["bars"] for t in totals.values())
    if bars:
        notes.append(f"{bars} of the rows are minute bars, not prints: each is signed as if it were one print")
    if cut:
        notes.append("the session was not over when its tape was cut")
    return notes
