"""The jobs by name, and a run of some of them on this machine."""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict

from feeds.errors import BadValue, UnknownName
from indicators.engine.bench import asof, intake, premium, rules, session, start
from indicators.engine.bench.clock import JobResult
from indicators.engine.bench.scale import p5
from indicators.engine.bench.tape import Progress, Tapes, silent

JOBS: dict[str, Callable[[Tapes], JobResult]] = {
    "P0": premium.p0,
    "P1": premium.p1,
    "P1b": premium.p1b,
    "P2": asof.p2,
    "P3": intake.p3,
    "P4": session.p4,
    "P5": p5,
    "P6": premium.p6,
    "P8": start.p8,
    "P8b": start.p8b,
    "P9": rules.p9,
    "P9b": rules.p9b,
}
"""Every job that measures, in the order of the table."""

ROUNDS = 5
COMPARED = ("polars", "duckdb", "numba", "numpy", "pyarrow", "vectorbt")


class Machine(BaseModel):
    """The machine as far as the figures depend on it."""

    model_config = ConfigDict(frozen=True)

    cores: int
    memory_gb: int


class Bench(BaseModel):
    """The outcome of the jobs asked for (INTERFACE: `bench`)."""

    model_config = ConfigDict(frozen=True)

    machine: Machine
    scale: float
    rounds: int
    versions: dict[str, str]
    jobs: dict[str, JobResult]


def this_machine() -> Machine:
    """Cores that this process may use, and memory in whole GB."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return Machine(cores=cores, memory_gb=round(pages * page / 2**30))


def run_jobs(names: Sequence[str] = (), scale: float = 1.0, rounds: int = ROUNDS, progress: Progress = silent) -> Bench:
    """Run jobs, all of them without names, on tapes of `scale` times PERFORMANCE's size.

    Raises
    ------
    UnknownName : no such job
    BadValue : a scale that is not above zero
    DifferentAnswer : two contenders disagree: nobody's time counts
    """
    by_upper = {name.upper(): name for name in JOBS}
    for name in names:
        if name.upper() not in by_upper:
            raise UnknownName("JOB", name, JOBS)
    if not 0 < scale <= 100:
        raise BadValue("--scale", scale, "expected a number above 0, up to 100")
    chosen = {by_upper[name.upper()] for name in names} or set(JOBS)
    results: dict[str, JobResult] = {}
    with Tapes.temporary(scale, rounds, progress) as tapes:
        for n, name in enumerate(job for job in JOBS if job in chosen):
            progress("jobs", n, len(chosen))
            results[name] = JOBS[name](tapes)
        progress("jobs", len(chosen), len(chosen))
    return Bench(machine=this_machine(), scale=scale, rounds=rounds, versions=versions(), jobs=results)


def versions() -> dict[str, str]:
    """Versions of the libraries compared and of ours, by distribution."""
    found = {}
    for name in ("bullbear", *COMPARED):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "uninstalled"
    return found
