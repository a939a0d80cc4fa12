"""Compile the kernels of the daily indicators beside the making of the demo market, on the second core.

A first run compiles for as long as it makes and stores the demo market. Compiled code rests on disk, so another process
can do one half while this one does the other.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from feeds.demo import Progress, demo_path, demo_store, fill
from feeds.store import Store


@contextmanager
def demo_ready(progress: Progress | None = None) -> Iterator[Store]:
    """The demo store, as `demo_store`; on a first run kernels are compiled beside its making."""
    if demo_path().exists():
        with demo_store(progress) as store:
            yield store
        return
    command = [sys.executable, "-m", __name__]  # this interpreter and this module: nothing from outside
    beside = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    with beside, demo_store(progress) as store:
        yield store


def compile_daily() -> list[str]:
    """Run every indicator that reads no tape, and the regime, once on a market of a few symbols; their names."""
    from feeds.synthetic import market
    from indicators.engine.day import regime_of
    from indicators.engine.run import of_market, readings_of
    from indicators.engine.scope import scope, tables_of

    daily = {
        name: indicator
        for name, indicator in of_market("us").items()
        if all(need.split == "history" for need in indicator.inputs)
    }
    with Store.memory() as store:
        fill(store, market(seed=1, sessions=5, symbols=6), exchanges=("XNYS",))
        covered = scope(store, tables_of("us"))
        for indicator in daily.values():
            indicator.score(readings_of(store, indicator, covered), covered.sessions)
        regime_of(store, "us", covered)
    return sorted(daily)


if __name__ == "__main__":
    compile_daily()
