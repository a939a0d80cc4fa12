"""Writers of vendors' layouts: what each feed reads, written from canonical frames for the demo and for tests.

A module here is named as its feed and has one function:

    write(tables, session, folder) → list of Path

tables : canonical frames by table name, as `feeds.synthetic.canonical` makes them: decimals as Decimal(18, 6), `ts` as
    Datetime(ns, UTC), dates as Date; those that the source has no file for are passed over
session : the day of the tapes; None for the daily tables
folder : under which the files go, in the folders that the vendor uses

Where a layout cannot say all that a canonical table says (milliseconds for nanoseconds, no sequence), the module has a
second function, `said(tables)` → tables: the canonical frames as the layout can say them, and those tables only.
"""

import pkgutil
from collections.abc import Callable, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path

import polars as pl

from feeds.errors import UnknownName

Write = Callable[[Mapping[str, pl.DataFrame], date | None, Path], list[Path]]


def sources() -> list[str]:
    """The sources that the synthetic market can be written as."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def writer(source: str) -> Write:
    """A source's writer.

    Raises
    ------
    UnknownName : there is none
    """
    if source not in sources():
        raise UnknownName("--source", source, sources())
    write: Write = import_module(f"feeds.writers.{source}").write
    return write


def said(source: str, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What of some canonical tables a source's layout can say; all of it unless its writer says otherwise."""
    writer(source)
    say = getattr(import_module(f"feeds.writers.{source}"), "said", dict)
    found: dict[str, pl.DataFrame] = say(tables)
    return found
