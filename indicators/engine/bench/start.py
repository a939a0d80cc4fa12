"""How soon a command answers: `bullbear --help`, and a warm `bullbear report` (P8), each a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Sequence

from feeds.demo import fill
from feeds.store import Store
from feeds.synthetic import market
from indicators.engine.bench.clock import JobResult, Target, timed
from indicators.engine.bench.tape import SEED, Tapes

STORED = 260
"""Sessions of the stored market at scale 1: the demo's."""

LEAST_STORED = 5


def process(*arguments: str, allowed: Sequence[int] = (0,)) -> Callable[[], None]:
    """A run of this Python from its start to its end; an exit code that is not allowed is an error."""

    def run() -> None:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode not in allowed:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")

    return run


def p8(tapes: Tapes) -> JobResult:
    """The time to the help text."""
    return timed(
        "`bullbear --help`; the peer is `python -c 'import typer'`",
        {"ours": process("-m", "cli", "--help"), "imports": process("-c", "import typer")},
        Target("≤ 1.5×", {"imports": 1 / 1.5}),
        tapes.rounds,
    )


def p8b(tapes: Tapes) -> JobResult:
    """The time to a report on a market whose store is filled."""
    path = tapes.folder / "market.duckdb"
    stored = max(LEAST_STORED, round(STORED * min(1.0, tapes.scale)))
    with Store.open(path) as store:
        fill(store, market(seed=SEED, sessions=stored), tapes.progress)
    # below 60 sessions there is no gauge, and the report ends with 1: nothing to show
    report = process("-m", "cli", "report", "--db", str(path), allowed=(0, 1))
    return timed(
        "a warm `bullbear report`; the peer is `python -c 'import polars, duckdb, plotly.graph_objects'`",
        {"ours": report, "imports": process("-c", "import polars, duckdb, plotly.graph_objects")},
        Target("≤ 3×", {"imports": 1 / 3}),
        tapes.rounds,
        notes=(f"{stored} sessions of tapes and 1,500 of daily tables are stored",),
    )
