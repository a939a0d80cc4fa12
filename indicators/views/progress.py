"""Progress on a terminal, silence in a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
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
def counting() -> Iterator[Callable[[Path, int, int | None], None]]:
    """A bar for the file at hand: rows read, rows a second and, where their number is known, the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"))
    with _bar(*columns, TimeRemainingColumn(), TextColumn("left")) as progress:
        tasks: dict[Path, tuple[TaskID, float]] = {}

        def count(path: Path, rows: int, expected: int | None = None) -> None:
            if path not in tasks:
                for task, _ in tasks.values():
                    progress.update(task, visible=False)
                tasks[path] = progress.add_task(escape(path.name), total=None, rows=""), monotonic()
            task, started = tasks[path]
            speed = rows / max(monotonic() - started, 1e-3)
            told = f"{rows:,} rows, {speed:,.0f} rows/s"
            progress.update(task, completed=rows, total=expected and max(rows, expected), rows=told)

        yield count
