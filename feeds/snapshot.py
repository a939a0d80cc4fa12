"""A store while somebody else writes to it, and what a writer that was killed left beside it."""

import shutil
from contextlib import suppress
from pathlib import Path

_HEADERS = 3 * 4096
"""Bytes at the beginning of a database that say which of its blocks hold."""

_TRIES = 20


def snapshot(path: Path, folder: Path, busy: Exception) -> Path:
    """A copy of a store that another process is writing to, as of its last commit; `busy` is raised where none can be.

    A commit only adds to the log beside the file, and a checkpoint ends with a new header: where neither changed while
    the copy was made, the copy is whole. What a writer has put into the file since then is in no header yet.
    """
    log = Path(f"{path}.wal")

    def state() -> tuple[bytes, int]:
        with path.open("rb") as stream:
            return stream.read(_HEADERS), log.stat().st_size if log.exists() else 0

    for _ in range(_TRIES):
        before = state()
        copy = folder / path.name
        shutil.copyfile(path, copy)
        Path(f"{copy}.wal").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(log, f"{copy}.wal")
        if state() == before:
            return copy
    raise busy


def sweep(folder: Path) -> None:
    """Remove what a killed writer had put aside: nobody else uses the folder while we hold the store for writing."""
    for left in folder.glob("duckdb_temp_*"):
        left.unlink(missing_ok=True)
    with suppress(OSError):  # absent, or something of the user's is in it
        folder.rmdir()
