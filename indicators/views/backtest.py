"""What `bullbear backtest` prints: a line for each series and horizon, the verdicts in sentences, what they rest on."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

from feeds.store import Store
from indicators.engine.audit import Audit
from indicators.engine.audit import audit as run_audit
from indicators.engine.backtest import Backtest, SeriesBacktest, asked_backtest
from indicators.engine.sweep import Swept, asked_sweep
from indicators.views.table import LISTING, encodable, json_text, plain_text

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "series", "h", "readings", "IC", "p", "p (BH)", "p (BY)", "IC 95 % (bootstrap)", "hits", "Sharpe", "hold",
    "deflated", "max drawdown", "turnover", "in market", "verdict",
)  # fmt: skip


def backtest_text(found: Backtest, kind: str) -> str:
    """A backtest as "text", or "json" (INTERFACE: `backtest`; curves are left to pictures)."""
    if kind == "json":
        return json_text(found.model_dump(exclude={"curves"}))
    table = plain_text(lambda console: _draw(found, console), LISTING)
    return "\n".join(
        [_head(found), "", table, "", *(f"{v.name}: {v.words}" for v in found.verdicts), "", *_foot(found)]
    )


def _head(found: Backtest) -> str:
    return (
        f"{found.index}, {found.start} to {found.end}: readings at a close earn from the next session's open"
        f" ({found.opens_believed:.0%} of opens are prices of their own, else its close); cost {found.cost_bps:g} bp of"
        f" what is traded; gauge weights {found.weights}"
    )


def _foot(found: Backtest) -> list[str]:
    return [
        f"p: {found.shifts} circular shifts, two-sided; BH and BY: Benjamini-Hochberg and Benjamini-Yekutieli over all"
        f" {found.family} tests. Intervals: {found.draws:,} stationary bootstrap draws.",
        "Sharpe, drawdown, turnover: long where the score is 50 or more, else out, each reading held for h sessions in"
        " equal slices, no riskless rate taken off. Deflated: the chance that the Sharpe ratio is above the best of"
        f" {found.trials} worthless ones.",
        f"Dividends: {found.dividends}.",
    ]


def _draw(found: Backtest, console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(Text(column, style="bold"), justify="left" if column in ("series", "verdict") else "right")
    for row in found.series:
        table.add_row(*(Text(encodable(cell, console)) for cell in _cells(row)))
    console.print(table)


def _cells(row: SeriesBacktest) -> tuple[str, ...]:
    interval = f"{row.bootstrap.low:+.3f} {row.bootstrap.high:+.3f}" if row.bootstrap else "–"
    return (
        row.name,
        str(row.horizon),
        f"{row.readings:,}",
        _told(row.information_coefficient, "+.3f"),
        _told(row.p_value, ".3f"),
        _told(row.p_bh, ".3f"),
        _told(row.p_by, ".3f"),
        interval,
        _told(row.hit_rate, ".0%"),
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


def tested(
    store: Store,
    market: str,
    start: date | None,
    end: date | None,
    as_of: datetime | None,
    cost_bps: float,
    weights: str,
    *,
    audit: bool,
    sweep: bool,
    kind: str,
    step: Callable[[str], None],
) -> tuple[str, int]:
    """What the command says and its exit code: 1 where nothing could be tested, 2 where something looked ahead."""
    if sweep:
        grid = asked_sweep(store, market, start, end, as_of, cost_bps, step)
        return sweep_text(grid, kind), 0
    if audit:
        looked = run_audit(store, market, start, end, weights=weights, progress=step)
        return audit_text(looked, kind), 2 if looked.found else 0
    found = asked_backtest(store, market, start, end, as_of, cost_bps, weights, step)
    return backtest_text(found, kind), 0 if any(row.sessions for row in found.series) else 1
