"""How jobs are timed and held to their targets: equal answers first, then contenders in turn, then medians."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

OURS = "ours"
"""The contender whose seconds a job reports; the others are its peers."""

Contender = Callable[[], pl.DataFrame | None]
"""One way of doing a job from stored data to answer. None: it has no answer to compare, like the bare scan."""

Figure = int | float | str


class Peer(BaseModel):
    """A peer's median seconds, and how many times ours they are."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    ratio: float


class JobResult(BaseModel):
    """A job's outcome. `met` is None for a job without a target; `figures` are what else was measured."""

    model_config = ConfigDict(frozen=True)

    title: str
    seconds: float
    peers: dict[str, Peer] = Field(default_factory=dict)
    target: str = ""
    met: bool | None = None
    figures: dict[str, Figure] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A job's target in words, and as the least ratio (peer's seconds ÷ ours) for each peer that it names."""

    text: str
    least: Mapping[str, float] = field(default_factory=dict)

    def met(self, peers: Mapping[str, Peer]) -> bool | None:
        """Whether every named ratio is reached; None without a target."""
        return all(peers[name].ratio >= least for name, least in self.least.items()) if self.least else None


class DifferentAnswer(AssertionError):
    """Two contenders disagree: nobody's time counts."""


def equal_answers(contenders: Mapping[str, Contender]) -> pl.DataFrame | None:
    """Run every contender once, unmeasured, and return the answer they share.

    Raises
    ------
    DifferentAnswer : an answer that is not the first one's to the last digit, columns, dtypes and order included
    """
    first: tuple[str, pl.DataFrame] | None = None
    for name, contender in contenders.items():
        found = contender()
        if found is None:
            continue
        if first is None:
            first = name, found
        elif found.schema != first[1].schema or not found.equals(first[1]):
            raise DifferentAnswer(f"{name} and {first[0]} differ: {_difference(found, first[1])}")
    return first[1] if first else None


def _difference(found: pl.DataFrame, expected: pl.DataFrame) -> str:
    if found.schema != expected.schema:
        return f"{dict(found.schema)} against {dict(expected.schema)}"
    if found.height != expected.height:
        return f"{found.height} rows against {expected.height}"
    rows = zip(found.iter_rows(), expected.iter_rows(), strict=True)
    return next(f"{a} against {b}" for a, b in rows if a != b)


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, float]:
    """Median seconds of each contender over `rounds` rounds, A B C A B C: a slow minute of the machine hits them all.

    Garbage is collected before each run, outside its time.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            gc.collect()
            started = perf_counter()
            contender()
            taken[name].append(perf_counter() - started)
    return {name: median(seconds) for name, seconds in taken.items()}


def timed(
    title: str, contenders: Mapping[str, Contender], target: Target, rounds: int, notes: tuple[str, ...] = ()
) -> JobResult:
    """Check that all contenders agree, time them, and hold ours to the target."""
    equal_answers(contenders)
    return held_to(title, interleaved(contenders, rounds), target, notes)


def held_to(title: str, seconds: Mapping[str, float], target: Target, notes: tuple[str, ...] = ()) -> JobResult:
    """A job's result from median seconds by contender."""
    ours = seconds[OURS]
    peers = {name: Peer(seconds=s, ratio=s / ours) for name, s in seconds.items() if name != OURS}
    return JobResult(title=title, seconds=ours, peers=peers, target=target.text, met=target.met(peers), notes=notes)
