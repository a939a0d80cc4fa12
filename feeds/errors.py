"""Every error a user can mend, in one tree.

    BullbearError                exit 2: one red line, never a traceback
    ├── UnreadableFile           a file that is not what it was taken for
    │   └── FillsNoTable         a good file of a known source that no table has a place for
    ├── TooManyRejects           more bad rows than the limit allows: the file is not stored
    ├── RowsLost                 rows of a file that are neither stored, duplicates nor rejected: it is not stored
    ├── UnknownName              an indicator, table, source, key … that does not exist
    ├── BadValue                 a parameter outside what is allowed
    ├── StoreBusy                another process holds the database for writing
    ├── StoreFull                the disk has no room for what is to be written
    ├── StoreUnreadable          not a database, or one written by a newer version
    └── NothingToShow            exit 1: the question is good, the store has no answer

An error names the parameter in backticks, the value found, what is allowed and what to do.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches


class BullbearError(Exception):
    """The root: something the user can mend. `exit_code` is the command's exit code."""

    exit_code = 2


class UnreadableFile(BullbearError):
    """A file cannot be read as what it was taken for; other files go on."""


class FillsNoTable(UnreadableFile):
    """A good file of a known source that no table has a place for: passed over in a folder, an error by its name."""


class TooManyRejects(BullbearError):
    """A file holds more bad rows than allowed; nothing of it is stored."""


class RowsLost(BullbearError):
    """Rows read are not stored + duplicates + rejected: a fault of the reader or of the store, not of the file."""

    def __init__(self, path: str, read: int, found: int) -> None:
        super().__init__(
            f"'{path}': {read:,} rows read, but {found:,} stored, duplicate or rejected: nothing stored. This is a"
            " fault of bullbear, not of the file: please report it with the file."
        )


class UnknownName(BullbearError):
    """A name that does not exist; the message lists the nearest that do.

    >>> print(UnknownName("indicator", "dark_pol", ["dark_pool_imbalance", "eps"]))
    `indicator`, was 'dark_pol': no such name; did you mean dark_pool_imbalance? Known: dark_pool_imbalance, eps
    """

    def __init__(self, parameter: str, was: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(was, names, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        super().__init__(f"`{parameter}`, was {was[:80]!r}: no such name{hint} Known: {', '.join(names)}")


class BadValue(BullbearError):
    """A parameter outside what is allowed."""

    def __init__(self, parameter: str, was: object, allowed: str) -> None:
        super().__init__(f"`{parameter}`, was {str(was)[:80]!r}: {allowed}")


class StoreBusy(BullbearError):
    """Another process holds the database for writing."""


class StoreFull(BullbearError):
    """The disk has no room left: the file at hand is not stored, those before it are."""


class StoreUnreadable(BullbearError):
    """The file is no database of ours, or a newer version wrote it."""


class NothingToShow(BullbearError):
    """The question is well put, but the store holds no answer."""

    exit_code = 1


def first_line(error: Exception) -> str:
    """What another library says of a fault, as far as it fits into a line of ours."""
    said = str(error).strip()
    kindless = re.sub(r"^[A-Z][\w ]* Error: ", "", said)
    return kindless.splitlines()[0][:200] if kindless else type(error).__name__
