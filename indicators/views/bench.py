"""What `bullbear bench` prints: a table for the terminal, the README's table, or JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from indicators.engine.bench.clock import JobResult
from indicators.engine.bench.jobs import Bench
from indicators.views.table import LISTING, encodable, json_text, plain_text

if TYPE_CHECKING:
    from rich.console import Console

HEADINGS = ("job", "work", "ours, s", "peers: s (× ours)", "target", "met")


def bench_text(bench: Bench, kind: str) -> str:
    """A bench as "text", "markdown" or "json"."""
    if kind == "json":
        return json_text(bench)
    if kind == "markdown":
        return _markdown(bench)
    titles = [f"{name}: {job.title}" for name, job in bench.jobs.items()]
    remarks = [f"{name}: {remark}" for name, job in bench.jobs.items() for remark in _remarks(job)]
    table = plain_text(lambda console: _draw(bench, console), LISTING)
    return "\n".join([_machine(bench), "", table, "", *titles, *remarks])


def _draw(bench: Bench, console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("job", "ours, s", "peer", "s", "× ours", "met", "target"):
        table.add_column(heading, justify="right" if heading in ("ours, s", "s", "× ours") else "left")
    for name, job in bench.jobs.items():
        for n, (peer, s, ratio) in enumerate(_peers(job)):
            head = (name, seconds(job.seconds)) if n == 0 else ("", "")
            tail = (_met(job), job.target) if n == 0 else ("", "")
            table.add_row(*(Text(encodable(cell, console)) for cell in (*head, peer, s, ratio, *tail)))
    console.print(table)


def seconds(value: float) -> str:
    """Seconds with three significant digits.

    >>> seconds(0.04567), seconds(12.345), seconds(123.45)
    ('0.0457', '12.3', '123')
    """
    return f"{value:#.3g}".rstrip(".")


def _peers(job: JobResult) -> list[tuple[str, str, str]]:
    """(peer, seconds, ratio), a blank line where there is none."""
    return [(name, seconds(peer.seconds), f"{peer.ratio:.2f}") for name, peer in job.peers.items()] or [("", "", "")]


def _met(job: JobResult) -> str:
    return {True: "yes", False: "no", None: ""}[job.met]


def _remarks(job: JobResult) -> Sequence[str]:
    figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in job.figures.items())
    return [*([figures] if figures else []), *job.notes]


def _machine(bench: Bench) -> str:
    machine = f"{bench.machine.cores} cores, {bench.machine.memory_gb} GB"
    versions = ", ".join(f"{name} {number}" for name, number in bench.versions.items())
    return f"{machine}; scale {bench.scale:g}, median of {bench.rounds} warm runs, interleaved; {versions}"


def _markdown(bench: Bench) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    for name, job in bench.jobs.items():
        peers = "; ".join(f"{peer} {seconds(p.seconds)} ({p.ratio:.2f}×)" for peer, p in job.peers.items())
        work = "; ".join([job.title, *_remarks(job)])
        lines.append("| " + " | ".join((name, work, seconds(job.seconds), peers, job.target, _met(job))) + " |")
    return "\n".join([*lines, "", f"Measured by `bullbear bench`: {_machine(bench)}."])
