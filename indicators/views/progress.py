"""Progress on a terminal, silence in a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def _bar(*columns: TextColumn | BarColumn | MofNCompleteColumn | TimeRemainingColumn | TimeElapsedColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(SpinnerColumn(), *columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def stepwise() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for work of known length: call with what is done, how much, of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _bar(*columns) as progress:
        tasks: dict[str, int] = {}

        def step(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(escape(what), total=total)
            progress.update(tasks[what], completed=done)  # type: ignore[arg-type]

        yield step


@contextmanager
def waiting() -> Iterator[Callable[[str], None]]:
    """A spinner that names what is being computed; the first run compiles, and says so by taking its time."""
    with _bar(TextColumn("computing {task.description}"), TimeElapsedColumn()) as progress:
        task = progress.add_task("…")
        yield lambda what: progress.update(task, description=escape(what))


@contextmanager
def counting() -> Iterator[Callable[[Path, int], None]]:
    """Rows read of the file at hand, with rows a second."""
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} rows"),
        TextColumn("{task.speed} rows/s"),
    )
    with _bar(*columns, TimeElapsedColumn()) as progress:
        tasks: dict[Path, int] = {}

        def count(path: Path, rows: int) -> None:
            if path not in tasks:
                for task in tasks.values():
                    progress.update(task, visible=False)  # type: ignore[arg-type]
                tasks[path] = progress.add_task(escape(path.name), total=None)
            progress.update(tasks[path], completed=rows)  # type: ignore[arg-type]

        yield count
