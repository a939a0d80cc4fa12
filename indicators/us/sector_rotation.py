"""Which groups of stocks lead, which fall behind, and how fast the order changes (INDICATORS 5)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from feeds.schema import Part, Sessions, utc
from indicators.engine.history import Since, assumed_notes, month_ends
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.kernels import rotation
from indicators.kernels.slope import rolling_std

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

USUAL = 20
RRG_STEP = 5
JUMP = 0.5
NO_BAND = "no error band is defined for ranks of groups"
STATES = {
    rotation.UNKNOWN: None,
    rotation.NEUTRAL: "neutral",
    rotation.UP: "up-trend",
    rotation.DOWN: "down-trend",
    rotation.SPIKE: "spike",
    rotation.FADING: "fading",
}
LISTS = {"up": "up-trend", "down": "down-trend", "spiking": "spike", "fading": "fading"}


@dataclass(frozen=True)
class Bars:
    """Daily bars as matrices (sessions, symbols), dollars; NaN = no bar. `symbols` in code order."""

    symbols: list[str]
    close: Floats
    adjusted: Floats
    dollars: Floats


@dataclass(frozen=True)
class Roster:
    """Dated memberships: rows start[i] … start[i+1]−1 belong to group i; `first`, `last` are session positions."""

    groups: list[str]
    start: Ints
    member: Ints
    first: Ints
    last: Ints
    weight: Floats


@dataclass(frozen=True)
class Board:
    """Everything a reading is cut from. Columns of `fields` are (sessions, groups), of the rest (sessions,)."""

    groups: list[str]
    fields: dict[str, npt.NDArray[Any]]
    state: Ints
    intensity: Floats
    dispersion: Floats
    market: Ints
    first: int
    jumps: dict[int, list[str]]
    notes: list[Since]


class SectorRotation(Indicator):
    """Share of groups in an up-trend less share in a down-trend, from ranks of return, dollar volume and volatility.

    Formula
    -------
    Members are those of the date, by `scheme`, many to many. Per session and group, over members with a bar:

        return r = Σ w·r_i / Σ w where every member has a weight, else the mean of r_i (adjusted closes where given)
        surge = Σ dollar volume / Σ mean dollar volume of each member's previous 20 sessions
        vol = |r| / std of the group's previous 20 returns
        S↑ = mean percentile rank of (r, surge, vol) across groups,  S↓ = of (−r, surge, vol),  m = ceil(n/3)

    up-trend: top m by S↑ on ≥ 3 of the last 5 sessions, and a 20-session return > 0 and > the market's; down-trend: the
    mirror by S↓; spike: top m today and on none of the 4 before; fading: up-trend on one of the 4 before, not today;
    else neutral. First match wins, ties by code. The market is all members of the scheme, each once.

        value = (#up − #down) / n,  n the groups that have a state          unit: share of groups, −1 … 1

    `strength` is S↑, `intensity` the rank change 100·mean|K_t − K_{t−1}|/(n−1) of returns (CHINA, row 2), `dispersion`
    the standard deviation of returns across groups; `rs_ratio` and `rs_momentum` are relative-rotation coordinates from
    the last `rrg_window` sessions, so that drawn points never move. coverage = members with a bar ÷ members.

    NaN rule: a member without a bar leaves numerator and denominator and lowers the coverage; one without the session
    before has no return; the usual volume and the mean need all 20 sessions. A group lacking one of the three ranks has
    no state for 5 sessions; below 3 groups with a state the value is null. Bars are taken as they are: a special
    dividend in an unadjusted close is a fall, named in the notes when a return is 50 % or more either way.
    `key` is one group: its value is 1 in an up-trend, −1 in a down-trend, else 0. Source: INDICATORS, section 5 [A].
    """

    name: ClassVar[str] = "sector_rotation"
    title: ClassVar[str] = "Sector rotation strength"
    unit: ClassVar[str] = "share of groups"
    warmup: ClassVar[int] = USUAL + rotation.RECENT
    inputs: ClassVar[tuple[Input, ...]] = (Input("daily_bars", "history"), Input("sectors", "history"))
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "bars": ("session", "symbol", "known_at"),
        "sectors": ("scheme", "group", "symbol", "from_date"),
    }

    scheme: str = "gics"
    rrg_window: int = Field(default=63, ge=5, le=2520)

    def measure(self, part: Part) -> Rows:
        """The closes and dollar volumes of a history part, and its memberships."""
        rows: Rows = {}
        if (bars := part.tables.get("daily_bars")) is not None:
            rows["bars"] = bars.select(
                *("session", "symbol", "known_at", "date", "close"),
                pl.col("adj_close") if "adj_close" in bars.columns else pl.lit(None, pl.Float64).alias("adj_close"),
                (pl.col("close") * pl.col("volume")).alias("dollars"),
                "assumed",
            )
        if (sectors := part.tables.get("sectors")) is not None:
            absent = [
                pl.lit(None, kind).alias(name)
                for name, kind in (("to_date", pl.Date), ("weight", pl.Float64))
                if name not in sectors.columns
            ]
            columns = (*self.keys["sectors"], "to_date", "weight", "known_at", "assumed")
            rows["sectors"] = sectors.with_columns(absent).select(columns)
        return rows

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings from the first session with a bar on; see `Indicator.value`."""
        board = self._board(rows, sessions, as_of)
        if board is None or (key is not None and key not in board.groups):
            return []
        span = range(max(board.first, sessions.on_or_after(since)), len(board.market))
        items = zip(span, _items(board, span), strict=True)
        if key is None:
            readings = [self._reading(board, groups, sessions, t) for t, groups in items]
        else:
            readings = [self._group_reading(board, groups, sessions, t, key) for t, groups in items]
        return readings if period == "session" else month_ends(readings, sessions)

    def per_key(self, rows: Rows, sessions: Sessions, session_from: date, session_to: date) -> pl.DataFrame:
        """One row per session and group: `strength`, the numbers beside it, and why one is null."""
        columns = {"session": pl.Date, "group": pl.String, "strength": pl.Float64, "state": pl.String} | dict.fromkeys(
            ("return", "return_20", "surge", "vol", "breadth_up", "breadth_above_mean"), pl.Float64
        )
        board = self._board(rows, sessions.window(None, session_to), None)
        if board is None:
            return pl.DataFrame(schema=columns | {"reason": pl.String})
        span = range(max(board.first, sessions.on_or_after(session_from)), len(board.market))
        found = [
            {"session": sessions.dates[t]} | item
            for t, groups in zip(span, _items(board, span), strict=True)
            for item in groups
            if item["members"]
        ]
        return pl.DataFrame(found, schema=columns | {"reason": pl.String}, orient="row")

    def _board(self, rows: Rows, sessions: Sessions, as_of: datetime | None) -> Board | None:
        count, cut = len(sessions), None
        if as_of is not None:
            cut = (as_of - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
            count = int(np.searchsorted(sessions.closes, cut, side="right"))
        known = {name: f if cut is None else f.filter(pl.col("known_at") <= cut) for name, f in rows.items()}
        bars = known.get("bars")
        if bars is None or bars.is_empty():
            return None
        clock = sessions.frame().head(count).select(date="session", n=pl.col("n").cast(pl.Int64), closed="close")
        bars = bars.join(clock, on="date").filter((pl.col("known_at") <= pl.col("closed")) & (pl.col("close") > 0))
        if bars.is_empty():
            return None
        roster, symbols, notes = _roster(known.get("sectors"), self.scheme, sessions, count)
        matrices = _matrices(bars, symbols, count)
        notes += assumed_notes(bars, "daily_bars")
        return self._measured(matrices, roster, int(bars["n"].min()), notes)  # type: ignore[arg-type]

    def _measured(self, bars: Bars, roster: Roster, first: int, notes: list[Since]) -> Board:
        returns, usual, above = rotation.member_statistics(bars.close, bars.adjusted, bars.dollars, USUAL)
        columns = (roster.member, roster.first, roster.last, roster.weight, bars.dollars, returns, usual, above)
        stats, counts, leaders = rotation.group_statistics(roster.start, *columns)
        whole, everyone, _ = rotation.group_statistics(np.array([0, len(roster.member)]), *columns)
        r, surge = stats[0], stats[1]
        spread = np.full_like(r, np.nan)
        for i in range(r.shape[1]):
            spread[1:, i] = rolling_std(np.ascontiguousarray(r[:, i]), USUAL)[:-1]
        vol = np.where(spread > 0, np.abs(r) / np.where(spread > 0, spread, 1.0), np.nan)
        total = rotation.compounded(r, USUAL)
        strength, top = rotation.strengths(r, surge, vol)
        rrg = rotation.relative_rotation(r, whole[0, :, 0], self.rrg_window, RRG_STEP)
        names = np.array([*bars.symbols, None], dtype=object)
        jumped = np.argwhere(np.abs(returns) >= JUMP)
        jumps: dict[int, list[str]] = {}
        for t, j in jumped.tolist():
            jumps.setdefault(t, []).append(f"{bars.symbols[j]} {100 * returns[t, j]:+.1f} %")
        return Board(
            groups=roster.groups,
            fields={
                "strength": strength[0],
                "return": r,
                "return_20": total,
                "surge": surge,
                "vol": vol,
                "breadth_up": stats[2],
                "breadth_above_mean": stats[3],
                "dispersion": stats[4],
                "rs_ratio": rrg[0],
                "rs_momentum": rrg[1],
                "members": counts[0],
                "with_bar": counts[1],
                "leaders": np.moveaxis(names[leaders], 0, 2),
            },
            state=rotation.states(top, total, rotation.compounded(whole[0], USUAL)[:, 0]),
            intensity=rotation.rank_change(r),
            dispersion=rotation.spread_of(r),
            market=everyone[:, :, 0].T,
            first=first,
            jumps=jumps,
            notes=notes,
        )

    def _reading(self, board: Board, items: list[dict[str, Any]], sessions: Sessions, t: int) -> Reading:
        n = int(np.count_nonzero(board.state[t] != rotation.UNKNOWN))
        lists: dict[str, Any] = {name: [i["group"] for i in items if i["state"] == s] for name, s in LISTS.items()}
        members, with_bar = board.market[t].tolist()
        reasons: dict[str, str] = {}
        value = None
        if n < rotation.FEWEST:
            gap = self._gap(board, t, n, members, with_bar)
            lists = dict.fromkeys(LISTS)
            reasons |= dict.fromkeys(("value", *LISTS), gap)
        else:
            value = (len(lists["up"]) - len(lists["down"])) / n
        intensity, dispersion = _number(board.intensity[t]), _number(board.dispersion[t])
        if intensity is None:
            reasons["intensity"] = "needs 3 groups with a return on this session and the one before"
        if dispersion is None:
            reasons["dispersion"] = "needs 3 groups with a return on this session"
        return Reading(
            session=sessions.dates[t],
            value=value,
            coverage=with_bar / members if members else None,
            reason=next(iter(reasons.values()), None),
            reasons=reasons | {"low": NO_BAND, "high": NO_BAND},
            known_at=utc(sessions.closes[t]),
            notes=_notes(board, t),
            components={
                **lists,
                "intensity": intensity,
                "dispersion": dispersion,
                "groups": [item for item in items if item["members"]],
            },
        )

    def _group_reading(
        self, board: Board, items: list[dict[str, Any]], sessions: Sessions, t: int, key: str
    ) -> Reading:
        item = next(item for item in items if item["group"] == key)
        state, members = item["state"], item["members"]
        reasons = {name: item["reason"] for name, number in item.items() if number is None and name != "reason"}
        if state is None:
            reasons["value"] = item["reason"]
        components = {name: number for name, number in item.items() if name not in ("group", "reason")}
        return Reading(
            session=sessions.dates[t],
            value=None if state is None else {"up-trend": 1.0, "down-trend": -1.0}.get(state, 0.0),
            coverage=item["with_bar"] / members if members else None,
            reason=item["reason"],
            reasons=reasons | {"low": NO_BAND, "high": NO_BAND},
            known_at=utc(sessions.closes[t]),
            notes=_notes(board, t),
            components=components,
        )

    def _gap(self, board: Board, t: int, n: int, members: int, with_bar: int) -> str:
        if not members:
            return f"no members of scheme '{self.scheme}' on this session"
        if not with_bar:
            return "no daily bars for this session"
        if (seen := t - board.first) < self.warmup:
            return f"needs {self.warmup + 1} sessions of daily bars, has {seen + 1}"
        return f"needs {rotation.FEWEST} groups ranked on each of the last {rotation.RECENT} sessions, has {n}"

    def meaning(self, reading: Reading) -> str:
        """Who leads and who lags, and whether the order is settled."""
        if reading.value is None:
            return reading.reason or ""
        parts = reading.components
        if "up" not in parts:
            return f"The group is {parts['state']}: {100 * parts['return']:+.1f} % on the session."
        up, down = (", ".join(parts[name]) or "none" for name in ("up", "down"))
        return f"In an up-trend: {up}. In a down-trend: {down}. {len(parts['groups'])} groups are compared."


def _roster(
    sectors: pl.DataFrame | None, scheme: str, sessions: Sessions, count: int
) -> tuple[Roster, list[str], list[Since]]:
    """Memberships as arrays. A later row of the same symbol and group takes over from its own first day."""
    if sectors is None:
        none = np.zeros(0, dtype=np.int64)
        return Roster([], np.zeros(1, dtype=np.int64), none, none, none, np.zeros(0)), [], []
    rows = sectors.filter(pl.col("scheme") == scheme).unique(["group", "symbol", "from_date"], keep="last")
    rows = rows.sort("group", "symbol", "from_date")
    next_from = pl.col("from_date").shift(-1).over("group", "symbol").dt.offset_by("-1d")
    rows = rows.with_columns(until=pl.min_horizontal("to_date", next_from))
    days = np.array(sessions.dates[:count], dtype="datetime64[D]")
    first = np.maximum(
        np.searchsorted(days, rows["from_date"].to_numpy().astype("datetime64[D]")),
        sessions.first_closing_at_or_after(rows["known_at"].to_numpy()),
    )
    until = rows["until"].fill_null(date.max).to_numpy().astype("datetime64[D]")
    last = np.searchsorted(days, until, side="right") - 1
    groups, symbols = (sorted(rows[name].unique().to_list()) for name in ("group", "symbol"))
    start = np.searchsorted(np.array(groups, dtype=object), rows["group"].to_numpy().astype(object))
    column = {symbol: j for j, symbol in enumerate(symbols)}
    roster = Roster(
        groups,
        np.searchsorted(start, np.arange(len(groups) + 1)).astype(np.int64),
        np.array([column[symbol] for symbol in rows["symbol"].to_list()], dtype=np.int64),
        first.astype(np.int64),
        last.astype(np.int64),
        rows["weight"].fill_null(np.nan).to_numpy(),
    )
    return roster, symbols, assumed_notes(rows.with_columns(n=pl.Series(first, dtype=pl.Int64)), "sectors")


def _matrices(bars: pl.DataFrame, symbols: list[str], count: int) -> Bars:
    """Spread the bars of `symbols` over sessions × symbols."""
    places = pl.DataFrame({"symbol": symbols, "j": range(len(symbols))}, schema={"symbol": pl.String, "j": pl.Int64})
    mine = bars.join(places, on="symbol")
    n, j = mine["n"].to_numpy(), mine["j"].to_numpy()
    spread = {}
    for name in ("close", "adj_close", "dollars"):
        spread[name] = np.full((count, len(symbols)), np.nan)
        spread[name][n, j] = mine[name].fill_null(np.nan).to_numpy()
    adjusted = spread["adj_close"]
    adjusted[~(adjusted > 0)] = np.nan
    return Bars(symbols, spread["close"], adjusted, spread["dollars"])


def _items(board: Board, span: range) -> list[list[dict[str, Any]]]:
    """The component `groups` of some sessions: one dict per group, strongest first, unranked ones last."""
    asked = slice(span.start, span.stop)
    columns = []
    for field in (field[asked] for field in board.fields.values()):
        cells = field.astype(object)
        if field.dtype == np.float64:
            cells[np.isnan(field)] = None
        columns.append(cells.tolist())
    strength = board.fields["strength"][asked]
    order = np.argsort(np.where(np.isnan(strength), np.inf, -strength), axis=1, kind="stable").tolist()
    state = board.state[asked].tolist()
    names = list(board.fields)
    out = []
    for t, places in enumerate(order):
        items = []
        for i in places:
            item: dict[str, Any] = {"group": board.groups[i], "state": STATES[state[t][i]]}
            item |= {name: column[t][i] for name, column in zip(names, columns, strict=True)}
            item["leaders"] = [symbol for symbol in item["leaders"] if symbol]
            empty = [name for name, cell in item.items() if cell is None]
            item["reason"] = f"too few bars, or groups to compare, for {', '.join(empty)}" if empty else None
            items.append(item)
        out.append(items)
    return out


def _number(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


def _notes(board: Board, t: int) -> tuple[str, ...]:
    kept = (f"kept as reported: {', '.join(board.jumps[t])}",) if t in board.jumps else ()
    return (*(text for since, text in board.notes if since <= t), *kept)
