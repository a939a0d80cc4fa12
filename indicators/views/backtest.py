"""What `bullbear backtest` prints: a line for each series and horizon, the verdicts in sentences, what they rest on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from feeds.errors import BadValue
from feeds.store import Store
from indicators.engine.audit import Audit
from indicators.engine.audit import audit as run_audit
from indicators.engine.backtest import asked_backtest
from indicators.engine.findings import Backtest, IndexHistory, SeriesBacktest, SeriesVerdict
from indicators.engine.sweep import Swept, asked_sweep
from indicators.views.command import PAGES, one_of
from indicators.views.language import ENGLISH, Language, language
from indicators.views.picture import paged
from indicators.views.table import encodable, json_text, plain_text

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "series", "h", "from", "readings", "IC", "p", "p (BH)", "p (BY)", "IC 95 % (bootstrap)", "hits", "rose", "Sharpe",
    "hold", "deflated", "max drawdown", "turnover", "in market", "verdict",
)  # fmt: skip
LEFT = ("series", "verdict")
WIDTH = 210
"""Columns of text that the table needs with the longest name."""


def backtest_text(found: Backtest, kind: str) -> str:
    """A backtest as "text", or "json" (INTERFACE: `backtest`; curves are left to pictures)."""
    if kind == "json":
        return json_text(found.model_dump(exclude={"curves"}))
    lines = []
    for index in found.indices:
        rows = [row for row in found.series if row.index == index.name and row.sessions]
        verdicts = [verdict for verdict in found.verdicts if verdict.index == index.name]
        table = plain_text(partial(_draw, rows), WIDTH)
        told = [f"{verdict.name}: {verdict.words}" for verdict in verdicts]
        lines += [_head(index), summary(verdicts), "", table, "", *told, ""]
    return "\n".join([*lines, *_foot(found)])


def summary(verdicts: Sequence[SeriesVerdict]) -> str:
    """How many series have which verdict, the best first, those with any evidence by name."""
    told = []
    for word in ("evidence", "weak evidence", "none", "too short"):
        names = [verdict.name for verdict in verdicts if verdict.verdict == word]
        if names:
            whose = f" ({', '.join(names)})" if "evidence" in word else ""
            told.append(f"{'no evidence' if word == 'none' else word} {len(names)}{whose}")
    return f"of {len(verdicts)} series: {', '.join(told)}"


def fills(believed: float) -> str:
    """At which prices a reading is acted on, in words."""
    if believed == 0:
        return "readings at a close earn from the next session's close: no opens of its own are stored"
    if believed > 0.9995:
        return "readings at a close earn from the next session's open"
    return (
        "readings at a close earn from the next session's open, or from its close where the open is no price of its"
        f" own ({1 - believed:.1%} of sessions)"
    )


def _head(index: IndexHistory) -> str:
    return f"{index.name}, {index.first} to {index.last}, {index.sessions:,} closes: {fills(index.opens_believed)}"


def _foot(found: Backtest) -> list[str]:
    weekly = ["Readings are weekly: each is in force, and counted, at every session until the next."]
    absent = [f"Not tested: {name}, no closes of it are stored." for name in found.not_stored]
    return [
        f"Cost {found.cost_bps:g} bp of what is traded; gauge weights {found.weights}.",
        *(weekly if found.cadence == "week" else []),
        "IC: Spearman's rank correlation of a reading with the return of the h sessions from its fill."
        f" p: {found.shifts} circular shifts, two-sided; BH and BY: Benjamini-Hochberg and Benjamini-Yekutieli over all"
        f" {found.family} tests on an index. Intervals: {found.draws:,} stationary bootstrap draws.",
        "hits: share of readings on the side of 50 to which the index then went; rose: share of outcomes above zero."
        " hold: the Sharpe ratio of holding the index over the same sessions, from a series' first score on.",
        "Sharpe, max drawdown, turnover (a year), in market: long where the score is 50 or more, else out, each reading"
        " held for h sessions in equal slices, no riskless rate taken off. deflated: the chance that the Sharpe ratio"
        f" is above the best of {found.trials} worthless ones.",
        f"Dividends: {found.dividends}.",
        *absent,
    ]


def _draw(rows: Sequence[SeriesBacktest], console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(Text(column, style="bold"), justify="left" if column in LEFT else "right")
    for row in rows:
        table.add_row(*(Text(encodable(cell, console)) for cell in _cells(row)))
    console.print(table)


def _cells(row: SeriesBacktest) -> tuple[str, ...]:
    interval = f"{row.bootstrap.low:+.3f} {row.bootstrap.high:+.3f}" if row.bootstrap else "–"
    return (
        row.name,
        str(row.horizon),
        "–" if row.first is None else str(row.first),
        f"{row.readings:,}",
        _told(row.information_coefficient, "+.3f"),
        _told(row.p_value, ".3f"),
        _told(row.p_bh, ".3f"),
        _told(row.p_by, ".3f"),
        interval,
        _told(row.hit_rate, ".0%"),
        _told(row.base_rate, ".0%"),
        _told(row.sharpe, ".2f"),
        _told(row.hold.sharpe if row.hold else None, ".2f"),
        _told(row.deflated_sharpe, ".2f"),
        _told(row.max_drawdown, ".1%"),
        _told(row.turnover, ".1f"),
        _told(row.time_in_market, ".0%"),
        row.verdict,
    )


def _told(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)


def audit_text(found: Audit, kind: str) -> str:
    """An audit as "text" or "json"."""
    if kind == "json":
        return json_text(found)
    head = (
        f"{found.compared:,} readings of {', '.join(found.series)} computed again on data cut at"
        f" {', '.join(str(day) for day in found.cuts)}"
    )
    told = [entry.words for entry in found.found]
    return "\n".join([head, *(told or ["every one is the same to the bit: none looked ahead"])])


def sweep_text(found: Swept, kind: str) -> str:
    """A sweep as "text" or "json"."""
    if kind == "json":
        return json_text(found)
    best = found.best
    weights = ", ".join(f"{name} {weight:.0%}" for name, weight in best.weights.items())
    luck = "–" if found.overfit is None else f"{found.overfit:.0%}"
    lines = [
        f"{found.rules:,} rules on {found.sessions:,} sessions, {found.first} to {found.last}; cost"
        f" {found.cost_bps:g} bp of what is traded",
        f"best: long where the mean of the last {best.lookback} blended scores is {best.threshold:g} or more; blend"
        f" {weights}",
        f"its Sharpe {best.sharpe:.2f} against {found.hold_sharpe:.2f} for holding; the best of as many worthless rules"
        f" is expected at {found.luck_sharpe:.2f}; deflated {_told(found.deflated_sharpe, '.2f')}",
        f"chance that the best rule of one half of the time is below the middle in the other: {luck}"
        f" ({found.splits:,} splits of {found.blocks} blocks, {found.purge} sessions purged between them)",
        found.words,
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class Asked:
    """What is to be tested: INTERFACE, `bullbear backtest`."""

    market: str
    start: date | None
    end: date | None
    as_of: datetime | None
    cost_bps: float
    weights: str
    indices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """Which of the three tests, and how it is told: `kind` is "text", "json" or "html"."""

    asked: Asked
    kind: str
    language: Language
    audit: bool
    sweep: bool


def asked_for(asked: Asked, format_: str, out: Path | None, lang: str, audit: bool, sweep: bool) -> Form:
    """What the options ask for.

    Raises
    ------
    UnknownName : no such format or language
    BadValue : a tear sheet of a sweep or an audit, which have none; another language of anything but a tear sheet;
        `--index` of a sweep or an audit
    """
    kind, spoken = one_of(format_, "text", "json", "html", out=out, drawn=PAGES), language(lang)
    if paged(kind, out):
        kind = "html"
    if audit or sweep:
        which = "--audit" if audit else "--sweep"
        if kind == "html":
            raise BadValue("--format", "html", f"{which} is told as text or json; only the backtest has a tear sheet")
        if asked.indices:
            raise BadValue(
                "--index", ", ".join(asked.indices), f"expected without {which}, which takes the market's own"
            )
    if spoken.code != ENGLISH.code and kind != "html":
        raise BadValue("--lang", lang, f"{kind} is in English; the tear sheet (`--format html`) speaks it")
    return Form(asked, kind, spoken, audit, sweep)


def tested(store: Store, form: Form, step: Callable[[str], None]) -> tuple[str, int]:
    """What the command says and its exit code: 1 where nothing could be tested, 2 where something looked ahead."""
    asked = form.asked
    if form.sweep:
        grid = asked_sweep(store, asked.market, asked.start, asked.end, asked.as_of, asked.cost_bps, step)
        return sweep_text(grid, form.kind), 0
    if form.audit:
        looked = run_audit(store, asked.market, asked.start, asked.end, weights=asked.weights, progress=step)
        return audit_text(looked, form.kind), 2 if looked.found else 0
    found = asked_backtest(
        store, asked.market, asked.start, asked.end, asked.as_of, asked.cost_bps, asked.weights, step, asked.indices
    )
    code = 0 if any(row.sessions for row in found.series) else 1
    if form.kind == "html":
        from indicators.views.tear_sheet import tear_sheet

        return tear_sheet(found, form.language), code
    return backtest_text(found, form.kind), code
