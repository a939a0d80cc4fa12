"""What insiders buy against what they sell, in dollars on the open market (INDICATORS 2)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from feeds.schema import Part, Sessions, utc
from indicators.engine.filings import BAR, LINE, SECTOR, columns, crossings, ledger
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows
from indicators.engine.money import dollars
from indicators.engine.spans import nanoseconds
from indicators.kernels.rank import trailing_percentile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Parts = dict[str, tuple[Any, str | None]]
Whose = Literal["market", "company", "group"]

LOOKBACK = 21
NORM_MONTHS = 59
EXTREMES_FROM = 60
SELL_MONTHS = 12
ROLES = ("officer", "director", "ten_percent_owner", "other", "unknown")
STYLES = ("routine", "opportunistic", "unclassified")
SIDES = (("buys", 1), ("sells", -1))
PRICED = ("plausible", "unknown")
NO_BAND = "no error band is defined for filed amounts"
LASTING = ("streak", "sell_frequency")


class _Window(NamedTuple):
    """Sessions first to last, both included, and the place of the last one's month among the months."""

    first: int
    last: int
    month: int


@dataclass(frozen=True)
class _Months:
    """Calendar months of the first `count` sessions: first sessions, one past the last, and each session's month."""

    dates: tuple[date, ...]
    starts: Ints
    ends: Ints
    of: Ints

    def window(self, month: int) -> _Window:
        return _Window(int(self.starts[month]), int(self.ends[month]) - 1, month)


class _Sums:
    """Sums over any run of sessions, exact: running totals in Python integers."""

    def __init__(self, frame: pl.DataFrame, amounts: dict[str, pl.Expr], count: int) -> None:
        daily = frame.group_by("n").agg(**{name: amount.cast(pl.Int128).sum() for name, amount in amounts.items()})
        places = daily["n"].to_list()
        self._totals: dict[str, list[int]] = {}
        for name in amounts:
            by_session = [0] * (count + 1)
            for place, amount in zip(places, daily[name].to_list(), strict=True):
                by_session[place + 1] = amount
            for i in range(count):
                by_session[i + 1] += by_session[i]
            self._totals[name] = by_session

    def over(self, window: _Window, name: str) -> int:
        totals = self._totals[name]
        return totals[window.last + 1] - totals[window.first]

    def named(self, prefix: str) -> list[str]:
        return [name for name in self._totals if name.startswith(prefix)]


@dataclass(frozen=True)
class _Book:
    """All that the readings of one key and period are made from; arrays by session or by reading."""

    sums: _Sums
    refused: _Sums
    months: _Months
    start: int
    buyers: Ints
    sellers: Ints
    clusters: Ints
    known_at: Ints
    month_purchase: list[tuple[int, int]]
    by_trade_month: dict[date, list[tuple[int, int, int]]]
    whose: Whose


class InsiderRatio(Indicator):
    """Insiders' open-market purchases over sales, in dollars.

    Formula
    -------
    P, S = dollars of purchases (code P, acquired) and sales (code S, disposed), non-derivative, forms 4 and 4/A, by the
    session that first closed with the filing public:

        value = P / S        net_purchase_ratio = (P − S)/(P + S)        log_ratio_21 = ln(P / S) over 21 sessions

    period="session": sums over the last 21 sessions. period="month": sums over the calendar month of those sessions,
    then divided (a filing accepted after the month's last close belongs to the next month); beside them the sums by
    month of the trade, as far as the reading's session knew: the month's own (its last days are not filed yet) and,
    whole, the month before. The gauge ranks log_ratio_21.

    What counts (steps and sources in `indicators.engine.filings`): each (accession, line) once; copies by a chain of
    owners once; an amended line as two entries, −old and +new, at the amendment's own time, so that a sum can turn
    negative, and then its ratio is null. `rejected` are lines whose code contradicts A/D or that lack date, symbol or
    shares; `unpriced` have no price, `implausible` one outside the day's range: all counted, none in the dollar sums.

    Components
    ----------
    buyers, sellers: distinct persons (each joint filer is one). ratio_ex_plan: without the sales marked 10b5-1; an
    unknown mark is not a "no": plan_unknown_sells says how much it holds. npr_percentile: net_purchase_ratio among
    itself and those of the 59 months before; expanding_percentile: among all readings so far, from 60 on; both
    100·(less + ½·equal)/n. clusters: companies in which ≥ 3 insiders (joint filers as one) bought more shares than they
    sold, net, by filings of the last 30 days. by_role: each line under the first of officer, director, 10 % owner.
    With a company as `key`: streak, months in a row with P > S, ending with the month so far or, where that has no
    dollars yet, with the month before; sell_frequency, the share of the last 12 whole months with sales (a month's
    reading counts itself).

    Units: ratios, money in exact dollars. coverage = (P + S)/(P + S + implausible dollars); low, high undefined.
    NaN rule: nothing is filled. S ≤ 0, no filing in the window, or fewer than 21 sessions since the first filing
    stored: null with a reason. `key` is a symbol, or a group of `scheme`.
    Source: INDICATORS, section 2 [A]; Lakonishok & Lee (2001), Are insider trades informative?, Rev. Financial Studies
    14(1); Cohen, Malloy & Pomorski (2012).
    """

    name: ClassVar[str] = "insider_ratio"
    title: ClassVar[str] = "Insider buy/sell ratio"
    unit: ClassVar[str] = "ratio"
    warmup: ClassVar[int] = LOOKBACK - 1
    inputs: ClassVar[tuple[Input, ...]] = (
        Input("insider_trades", "history"),
        Input("daily_bars", "history", optional=True),
        Input("sectors", "history", optional=True),
    )
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "entries": ("session", "symbol", "event_month", "accession", "line", "entry"),
        "refused": ("session", "symbol", "accession", "line", "reason", "known_at"),
    }

    cluster_insiders: int = Field(default=3, ge=2)
    cluster_days: int = Field(default=30, ge=1)
    scheme: str = "gics"

    def measure(self, part: Part) -> Rows:
        """Entries and refused lines of whole companies, by session of knowledge."""
        entries, refused = ledger(
            columns(part.tables.get("insider_trades"), LINE),
            columns(part.tables.get("daily_bars"), BAR),
            columns(part.tables.get("sectors"), SECTOR),
            self.scheme,
        )
        return {"entries": entries, "refused": refused}

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        """Readings from the session of the first filing on, none for a session that closes after `as_of`."""
        count = len(sessions)
        if as_of is not None:
            count = int(np.searchsorted(sessions.closes, nanoseconds(as_of), side="right"))
        if "entries" not in rows or count == 0:
            return []
        entries, refused = (_place(rows[name], sessions, count) for name in ("entries", "refused"))
        firsts = [int(n) for n in (entries["n"].min(), refused["n"].min()) if isinstance(n, int)]
        if not firsts:
            return []
        whose: Whose = "market"
        if key is not None:
            whose = "group" if key in entries["group"] and key not in entries["symbol"] else "company"
            entries = entries.filter(pl.col("group" if whose == "group" else "symbol") == key)
            refused = refused.filter(pl.col("symbol") == key)
        months = _months(sessions, count)
        book = self._book(entries, refused, months, min(firsts), whose, period, sessions)
        if period == "month":
            windows = [months.window(m) for m in range(int(months.of[book.start]), len(months.dates))]
        else:
            windows = [_Window(max(n - LOOKBACK + 1, 0), n, int(months.of[n])) for n in range(book.start, count)]
        return list(self._readings(book, windows, sessions, period, since))

    def per_key(self, rows: Rows, sessions: Sessions, session_from: date, session_to: date) -> pl.DataFrame:
        """Purchases and sales (Int64 micro-dollars) by session of knowledge, symbol and its month, for rankings."""
        priced = pl.col("price_state").is_in(PRICED)
        worth = pl.col("weight").cast(pl.Int128) * pl.col("dollars")
        asked = rows["entries"].filter(
            priced, pl.col("session").is_between(session_from, session_to), pl.col("session").is_in(sessions.dates)
        )
        return (
            asked.group_by("session", "symbol")
            .agg(**{name: worth.filter(pl.col("side") == side).sum().cast(pl.Int64) for name, side in SIDES})
            .with_columns(month=pl.col("session").dt.strftime("%Y-%m"))
            .select("session", "symbol", "month", "buys", "sells")
            .sort("session", "symbol")
        )

    def gauge_value(self, reading: Reading) -> float | None:
        """ln(P/S) over the last 21 sessions."""
        value: float | None = reading.components.get("log_ratio_21")
        return value

    def meaning(self, reading: Reading) -> str:
        """Dollars bought for each hundred sold."""
        if reading.value is None:
            return reading.reason or ""
        span = f"in {reading.month}" if reading.month else f"in the filings of the last {LOOKBACK} sessions"
        buyers, sellers = reading.components["buyers"], reading.components["sellers"]
        return (
            f"Insiders bought ${100 * reading.value:,.2f} for every $100 they sold {span} "
            f"({buyers} buyer{'' if buyers == 1 else 's'}, {sellers} seller{'' if sellers == 1 else 's'})."
        )

    def _book(
        self,
        entries: pl.DataFrame,
        refused: pl.DataFrame,
        months: _Months,
        start: int,
        whose: Whose,
        period: Period,
        sessions: Sessions,
    ) -> _Book:
        count = len(months.of)
        places = np.arange(count, dtype=np.int64)
        exits = months.ends[months.of] if period == "month" else places + LOOKBACK
        days = np.array(sessions.dates[:count], dtype="datetime64[D]")
        forgotten = np.searchsorted(days, days + self.cluster_days, side="left").astype(np.int64)
        sums = _Sums(entries, _amounts(entries), count)
        known_at = np.full(count, np.iinfo(np.int64).min)
        for n, latest in entries.group_by("n").agg(pl.col("known_at").max()).iter_rows():
            known_at[n] = latest
        reasons = {name: (pl.col("reason") == name).cast(pl.Int64) for name in ("chain_copy",)}
        reasons["rejected"] = (pl.col("reason") != "chain_copy").cast(pl.Int64)
        return _Book(
            sums=sums,
            refused=_Sums(refused, reasons, count),
            months=months,
            start=start,
            buyers=_persons(entries, 1, exits),
            sellers=_persons(entries, -1, exits),
            clusters=_clusters(entries, forgotten, self.cluster_insiders),
            known_at=known_at,
            month_purchase=[
                (sums.over(w, "buys"), sums.over(w, "sells")) for w in map(months.window, range(len(months.dates)))
            ],
            by_trade_month=_by_trade_month(entries, months),
            whose=whose,
        )

    def _readings(
        self, book: _Book, windows: list[_Window], sessions: Sessions, period: Period, since: date | None
    ) -> Iterator[Reading]:
        monthly = period == "month"
        norms = [_purchase_ratio(*book.month_purchase[m]) for m in range(len(book.month_purchase))]
        own = [
            _purchase_ratio(book.sums.over(w, "buys"), book.sums.over(w, "sells"))
            if monthly or w.last - book.start + 1 >= LOOKBACK
            else math.nan
            for w in windows
        ]
        ranks = trailing_percentile(
            np.array(own), np.arange(len(own), dtype=np.int64), len(own), len(own), EXTREMES_FROM
        )
        seen = np.cumsum(~np.isnan(own))
        asked = sessions.on_or_after(since)
        for i, window in enumerate(windows):
            if window.last < asked:
                continue
            parts = _window_parts(book, window, self.scheme)
            parts["npr_percentile"] = _against_months(own[i], norms, window.month, int(book.months.of[book.start]))
            parts["expanding_percentile"] = (
                None if np.isnan(ranks[i]) else float(ranks[i]),
                f"needs {EXTREMES_FROM} readings with a net purchase ratio, has {seen[i]}",
            )
            if book.whose == "company":
                parts |= _company_parts(book, window, monthly)
            if monthly:
                parts |= _trade_month_parts(book, window)
            blank = self._blank(book, window, monthly)
            if blank:
                short = not monthly and window.last - book.start + 1 < LOOKBACK
                parts = {n: (v, r) if n in LASTING and not short else (None, blank) for n, (v, r) in parts.items()}
            yield self._reading(book, window, sessions, parts, monthly)

    def _blank(self, book: _Book, window: _Window, monthly: bool) -> str | None:
        age = window.last - book.start + 1
        if not monthly and age < LOOKBACK:
            return f"needs {LOOKBACK} sessions of filings, has {age}"
        if book.sums.over(window, "entries") == 0:
            span = "this month" if monthly else f"the last {LOOKBACK} sessions"
            return f"no open-market purchase or sale became known in {span}"
        return None

    def _reading(self, book: _Book, window: _Window, sessions: Sessions, parts: Parts, monthly: bool) -> Reading:
        reasons = {name: why for name, (value, why) in parts.items() if value is None and why}
        value, why = parts["ratio"]
        if value is None and why:
            reasons["value"] = why
        buys, sells, out = (book.sums.over(window, name) for name in ("buys", "sells", "implausible_dollars"))
        used = parts["buys"][0] is not None
        coverage = (
            (buys + sells) / (buys + sells + out)
            if used and buys + sells >= 0 and out >= 0 < buys + sells + out
            else None
        )
        if coverage is None:
            reasons["coverage"] = why if not used and why else "no priced dollars in the window"
        notes = [name for name in book.sums.named("assumed: ") if book.sums.over(window, name)]
        if monthly:
            if window.month == len(book.months.dates) - 1 and _continues(sessions, window.last):
                notes.append("month-to-date")
            if window.first < book.start:
                notes.append(f"filings begin {sessions.dates[book.start]}")
        latest = int(book.known_at[window.first : window.last + 1].max())
        return Reading(
            session=sessions.dates[window.last],
            month=f"{sessions.dates[window.last]:%Y-%m}" if monthly else None,
            value=value,
            coverage=coverage,
            reason=reasons.get("value") or next(iter(reasons.values()), None),
            reasons={**reasons, "low": NO_BAND, "high": NO_BAND},
            known_at=utc(latest) if used else None,
            notes=tuple(notes),
            components={name: part for name, (part, _) in parts.items()},
        )


def _place(frame: pl.DataFrame, sessions: Sessions, count: int) -> pl.DataFrame:
    """Rows of the first `count` sessions with `n`, the position of their session."""
    return frame.join(sessions.frame().select("session", "n"), on="session").filter(pl.col("n") < count)


def _months(sessions: Sessions, count: int) -> _Months:
    days = np.array(sessions.dates[:count], dtype="datetime64[M]")
    _, starts, of = np.unique(days, return_index=True, return_inverse=True)
    return _Months(
        dates=tuple(sessions.dates[s].replace(day=1) for s in starts),
        starts=starts.astype(np.int64),
        ends=np.append(starts[1:], count).astype(np.int64),
        of=of.astype(np.int64),
    )


def _continues(sessions: Sessions, last: int) -> bool:
    """Whether the month may hold a session after this one: the next session, else the next weekday, says."""
    day = sessions.dates[last]
    if last + 1 < len(sessions):
        return sessions.dates[last + 1].month == day.month
    following = (day + timedelta(days=k) for k in range(1, 5))
    return next(d for d in following if d.weekday() < 5).month == day.month


def _amounts(entries: pl.DataFrame) -> dict[str, pl.Expr]:
    """What is summed by session: micro-dollars, or entries where the name says a count."""
    priced = pl.col("price_state").is_in(PRICED)
    worth = pl.col("weight").cast(pl.Int64) * pl.col("dollars")

    def when(condition: pl.Expr, amount: pl.Expr = worth) -> pl.Expr:
        return pl.when(condition).then(amount).otherwise(0)

    count = pl.col("weight").cast(pl.Int64)
    sold = priced & (pl.col("side") < 0)
    amounts = {
        "entries": count.abs(),
        "plan_sells": when(sold & pl.col("plan").fill_null(False)),
        "plan_unknown_sells": when(sold & pl.col("plan").is_null()),
        "plan_known_count": when(sold & pl.col("plan").is_not_null(), count),
        "implausible": when(pl.col("price_state") == "implausible", count),
        "implausible_dollars": when(pl.col("price_state") == "implausible"),
        "unpriced": when(pl.col("price_state") == "unpriced", count),
        "additions": when(pl.col("addition"), count),
    }
    for name, side in SIDES:
        traded = priced & (pl.col("side") == side)
        amounts[name] = when(traded)
        amounts |= {f"{style}_{name}": when(traded & (pl.col("style") == style)) for style in STYLES}
        amounts |= {f"role.{role}.{name}": when(traded & (pl.col("role") == role)) for role in ROLES}
        for group in entries["group"].drop_nulls().unique().sort():
            amounts[f"group.{group}.{name}"] = when(traded & (pl.col("group") == group))
    for group in entries["group"].drop_nulls().unique().sort():
        amounts[f"within.{group}"] = when(pl.col("group") == group, pl.lit(1))
    assumed = pl.col("assumed").str.split(",")
    for column in entries.select(assumed.explode().str.strip_chars().drop_nulls().unique().sort()).to_series():
        holds = assumed.list.eval(pl.element().str.strip_chars()).list.contains(column).fill_null(False)
        amounts[f"assumed: {column}"] = holds.cast(pl.Int64)
    return amounts


def _tally(flips: pl.DataFrame, count: int) -> Ints:
    """How many stand at each of `count` sessions, from `crossings`."""
    steps = np.zeros(count + 1, dtype=np.int64)
    np.add.at(
        steps, np.minimum(flips["n"].to_numpy().astype(np.int64), count), flips["amount"].to_numpy().astype(np.int64)
    )
    return np.cumsum(steps[:count])


def _left(frame: pl.DataFrame, exits: Ints) -> pl.DataFrame:
    """Changes and, when each leaves the window, their undoing."""
    gone = frame.with_columns(n=pl.Series(exits[frame["n"].to_numpy()], dtype=pl.Int64), amount=-pl.col("amount"))
    return pl.concat([frame.with_columns(pl.col("n").cast(pl.Int64)), gone])


def _persons(entries: pl.DataFrame, side: int, exits: Ints) -> Ints:
    """Distinct persons with a standing line on one side in the window that ends at each session."""
    lines = entries.filter(pl.col("side") == side).explode("owners").filter(pl.col("owners").is_not_null())
    changes = lines.select("owners", "n", amount=pl.col("weight").cast(pl.Int64))
    return _tally(crossings(_left(changes, exits), ["owners"], 1), len(exits))


def _clusters(entries: pl.DataFrame, exits: Ints, least: int) -> Ints:
    """Companies with at least `least` insiders who bought more shares than they sold in the window."""
    shares = pl.col("shares") * (pl.col("weight") * pl.col("side")).cast(pl.Int64)
    changes = entries.select("symbol", "insider", "n", amount=shares)
    buying = crossings(_left(changes, exits), ["symbol", "insider"], 1)
    return _tally(crossings(buying, ["symbol"], least), len(exits))


def _by_trade_month(entries: pl.DataFrame, months: _Months) -> dict[date, list[tuple[int, int, int]]]:
    """Month of the trade → (month of knowledge, side, micro-dollars)."""
    priced = entries.filter(pl.col("price_state").is_in(PRICED))
    known = pl.Series("known", months.of[priced["n"].to_numpy()], dtype=pl.Int64)
    worth = (pl.col("weight").cast(pl.Int128) * pl.col("dollars")).sum()
    table: dict[date, list[tuple[int, int, int]]] = {}
    grouped = priced.with_columns(known).group_by("event_month", "known", "side").agg(worth.alias("worth"))
    for month, knew, side, amount in grouped.select("event_month", "known", "side", "worth").iter_rows():
        table.setdefault(month, []).append((knew, side, amount))
    return table


def _purchase_ratio(buys: int, sells: int) -> float:
    """(P − S)/(P + S), NaN where nothing was traded or an amendment left a sum below zero."""
    return (buys - sells) / (buys + sells) if buys >= 0 <= sells and buys + sells > 0 else math.nan


def _ratio(buys: int, sells: int) -> tuple[float | None, str | None]:
    if buys < 0 or sells < 0:
        return None, "amendments took away more dollars than the window's filings hold"
    if sells == 0:
        return None, "no sales in dollars to divide by" if buys else "no purchases and no sales in dollars"
    return buys / sells, None


def _window_parts(book: _Book, window: _Window, scheme: str) -> Parts:
    """Components that rest on the window's filings alone."""
    sums = book.sums
    buys, sells = sums.over(window, "buys"), sums.over(window, "sells")
    net = _purchase_ratio(buys, sells)
    parts: Parts = {
        "buys": (dollars(buys), None),
        "sells": (dollars(sells), None),
        "buyers": (int(book.buyers[window.last]), None),
        "sellers": (int(book.sellers[window.last]), None),
        "ratio": _ratio(buys, sells),
        "net_purchase_ratio": (None, _ratio(buys, sells)[1]) if math.isnan(net) else (net, None),
        "net": (dollars(buys - sells), None),
        "log_ratio_21": _log_ratio(book, window.last),
        "ratio_ex_plan": _ratio(buys, sells - sums.over(window, "plan_sells")),
    }
    if sells and not sums.over(window, "plan_known_count"):
        parts["ratio_ex_plan"] = (
            None,
            "no sale says whether it followed a 10b5-1 plan (no box on the form before 2023-04)",
        )
    money = ("plan_sells", "plan_unknown_sells", "implausible_dollars", *(f"{s}_{n}" for s in STYLES for n, _ in SIDES))
    parts |= {name: (dollars(sums.over(window, name)), None) for name in money}
    parts |= {name: (sums.over(window, name), None) for name in ("implausible", "unpriced", "additions")}
    for name, count in (("rejected", "rejected"), ("chain_copies", "chain_copy")):
        refused = None if book.whose == "group" else book.refused.over(window, count)
        parts[name] = (refused, f"lines that are no entry are not assigned to a {scheme} group")
    parts["clusters"] = (int(book.clusters[window.last]), None)
    parts["by_role"] = (_split(sums, window, "role", ROLES), None)
    groups = [name.removeprefix("within.") for name in sums.named("within.") if sums.over(window, name)]
    parts["by_sector"] = (
        _split(sums, window, "group", groups) or None,
        f"no {scheme} group is known for these companies",
    )
    return parts


def _split(sums: _Sums, window: _Window, by: str, names: Any) -> dict[str, dict[str, Decimal]]:
    return {n: {side: dollars(sums.over(window, f"{by}.{n}.{side}")) for side, _ in SIDES} for n in names}


def _log_ratio(book: _Book, last: int) -> tuple[float | None, str | None]:
    age = last - book.start + 1
    if age < LOOKBACK:
        return None, f"needs {LOOKBACK} sessions of filings, has {age}"
    window = _Window(last - LOOKBACK + 1, last, 0)
    buys, sells = book.sums.over(window, "buys"), book.sums.over(window, "sells")
    if buys > 0 < sells:
        return math.log(buys / sells), None
    if buys < 0 or sells < 0:
        return None, f"amendments left the last {LOOKBACK} sessions' dollars below zero"
    missing = "purchases or sales" if buys == sells else "purchases" if buys == 0 else "sales"
    return None, f"no {missing} in dollars over the last {LOOKBACK} sessions: no logarithm"


def _against_months(net: float, norms: list[float], month: int, first: int) -> tuple[float | None, str | None]:
    """Percentile of a net purchase ratio among itself and the 59 whole months before its own."""
    if math.isnan(net):
        return None, "no net purchase ratio"
    before = [x for x in norms[max(month - NORM_MONTHS, first, 0) : month] if not math.isnan(x)]
    if len(before) < NORM_MONTHS:
        return None, f"needs {NORM_MONTHS} months before this one, has {len(before)}"
    less, equal = sum(x < net for x in before), 1 + sum(x == net for x in before)
    return 100.0 * (less + 0.5 * equal) / (len(before) + 1), None


def _company_parts(book: _Book, window: _Window, monthly: bool) -> Parts:
    """Streak of net purchases and frequency of selling, by month."""
    first = int(book.months.of[book.start])
    before = book.month_purchase[first : window.month]
    now = _Window(int(book.months.starts[window.month]), window.last, window.month)
    so_far = (book.sums.over(now, "buys"), book.sums.over(now, "sells"))
    run = before if so_far == (0, 0) else [*before, so_far]
    streak = 0
    while streak < len(run) and run[-1 - streak][0] > run[-1 - streak][1]:
        streak += 1
    year = ([*before, so_far] if monthly else before)[-SELL_MONTHS:]
    frequency = sum(sells > 0 for _, sells in year) / SELL_MONTHS if len(year) == SELL_MONTHS else None
    return {
        "streak": (streak, None),
        "sell_frequency": (frequency, f"needs {SELL_MONTHS} months of filings, has {len(year)}"),
    }


def _trade_month_parts(book: _Book, window: _Window) -> Parts:
    """Purchases and sales made in the month, and in the one before, as far as known by the reading's session."""
    own = book.months.dates[window.month]
    parts: Parts = {}
    for prefix, month in (("transaction", own), ("previous_transaction", (own - timedelta(days=1)).replace(day=1))):
        known = [(side, worth) for knew, side, worth in book.by_trade_month.get(month, []) if knew <= window.month]
        buys, sells = (sum(worth for s, worth in known if s == side) for _, side in SIDES)
        parts |= {f"{prefix}_buys": (dollars(buys), None), f"{prefix}_sells": (dollars(sells), None)}
        parts[f"{prefix}_ratio"] = _ratio(buys, sells)
    return parts
