"""Parts measured on several threads: one more `map` that indicators never know of."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Part = TypeVar("_Part")
_Rows = TypeVar("_Rows")


def in_threads(
    threads: int | None = None,
) -> Callable[[Callable[[_Part], _Rows], Iterable[_Part]], Iterator[_Rows]]:
    """A map over threads, results in order, that takes a part when a thread is free for it.

    An executor's own map takes every part at once: of a long tape more than memory holds.

    Parameters
    ----------
    threads : how many; as many as this process has cores where none are named

    Examples
    --------
    >>> list(in_threads(2)(abs, [-3, 1, -2]))
    [3, 1, 2]
    """
    count = threads or _cores()

    def mapped(measure: Callable[[_Part], _Rows], parts: Iterable[_Part]) -> Iterator[_Rows]:
        with ThreadPoolExecutor(count) as pool:
            under_way: deque[Future[_Rows]] = deque()
            for part in parts:
                under_way.append(pool.submit(measure, part))
                del part  # its memory is free for the next as soon as it is measured
                if len(under_way) > count:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    return mapped


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
