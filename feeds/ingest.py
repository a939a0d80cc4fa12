"""Files in, ledger lines out: find them, let a feed claim each, check every row, write it whole or not at all."""

import glob
import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from feeds.akshare import AkShare
from feeds.canonical import Canonical, of_known_types
from feeds.cboe import Cboe
from feeds.check import BEFORE_CALENDAR, check
from feeds.china_series import ChinaSeries
from feeds.csindex import CsIndex
from feeds.daily import Daily
from feeds.databento import Databento
from feeds.errors import (
    BadValue,
    BullbearError,
    FillsNoTable,
    NothingToShow,
    StoreFull,
    TooManyRejects,
    UnknownName,
    UnreadableFile,
    first_line,
)
from feeds.feed import Claim, Desk, Feed, magic, rows_expected, unreadable, zipped_files
from feeds.finra import Finra
from feeds.form4 import Form4
from feeds.holdings import Holdings
from feeds.lean import Lean
from feeds.lean_universe import LeanUniverse
from feeds.mapping import Mapped
from feeds.massive import Massive
from feeds.members import Members
from feeds.schema import TABLES, Sessions, Table
from feeds.sec_insider import SecInsider
from feeds.shenwan import Shenwan
from feeds.shiller import Shiller
from feeds.spglobal import Spglobal
from feeds.store import Store
from feeds.taq import Taq
from feeds.thetadata import ThetaData
from feeds.unusual_whales import UnusualWhales
from feeds.writing import FileWriting

_Item = TypeVar("_Item")

SNIFFING: tuple[Feed, ...] = (
    Lean(),
    LeanUniverse(),
    SecInsider(),
    Form4(),
    Finra(),
    Spglobal(),
    Shiller(),
    Daily(),
    Members(),
    Holdings(),
    Massive(),
    Databento(),
    Taq(),
    Cboe(),
    ThetaData(),
    UnusualWhales(),
    CsIndex(),
    Shenwan(),
    ChinaSeries(),
    AkShare(),
    Canonical(),
)
"""The feeds asked, in this order, whether a file is theirs."""

MOST_REJECTED = 0.01
"""Share of a file's rows that may be refused before the whole file is."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file and table: read = stored + duplicates + rejected, or an error, or nothing (`skipped`).

    `aside` counts what is in the file and is no row of its table, by what it is: outside of `read`. `shown` is the
    file's path below the folder that was given, its name where it was given itself: two days' files share a name.
    """

    path: Path
    table: str | None = None
    source: str | None = None
    read: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    replaced: int = 0
    corrected: int = 0
    completed: int = 0
    assumed: str | None = None
    ignored: tuple[str, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    skipped: bool = False
    why: str | None = None
    shown: str = ""


Progress = Callable[[Path, int, int | None], None]
"""Called with the file, the rows read of it so far, and about how many it has (None: unknown)."""


def ingest(
    store: Store,
    paths: Sequence[Path | str],
    table: str | None = None,
    source: str | None = None,
    mapping: Path | None = None,
    most_rejected: float = MOST_REJECTED,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Ingest files, folders and globs; one outcome a file and table, as each is done.

    Raises
    ------
    UnknownName : `table` or `source` does not exist
    BadValue : the mapping file is not usable
    NothingToShow : there is no file under the paths
    """
    if table is not None and table not in TABLES:
        raise UnknownName("table", table, TABLES)
    if not 0 <= most_rejected <= 1:
        raise BadValue("--max-rejected", most_rejected, "expected a share from 0 to 1")
    feeds = _chosen(table, source, mapping)
    found = False
    for path, folder in found_files(paths):
        found = True
        shown = path.name if folder is None else path.relative_to(folder).as_posix()
        try:
            for outcome in _one(store, path, folder is None, feeds, most_rejected, progress):
                yield replace(outcome, shown=shown)
        except StoreFull:
            raise  # no other file will find room either
        except FillsNoTable as error:
            why, by_name = str(error), folder is None
            yield Outcome(path, skipped=not by_name, why=why, error=why if by_name else None, shown=shown)
        except BullbearError as error:
            yield Outcome(path, table, error=str(error), shown=shown)
    if not found:
        raise NothingToShow(f"`PATH`, was {', '.join(map(repr, map(str, paths)))[:200]}: no file is in there")


def _chosen(table: str | None, source: str | None, mapping: Path | None) -> tuple[Feed, ...]:
    if mapping is not None:
        return (Mapped.of(mapping, table),)
    if source is not None:
        known = {feed.name: feed for feed in SNIFFING}
        if source not in known:
            raise UnknownName("source", source, known)
        return (Canonical(table),) if source == "canonical" else (known[source],)
    return (Canonical(table),) if table is not None else SNIFFING


def found_files(paths: Sequence[Path | str]) -> Iterator[tuple[Path, Path | None]]:
    """Every file under the paths in name order, and the folder in which it was found; None if asked for by name."""
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if (inner.is_symlink() or not inner.is_dir()) and not any(
                    part.startswith(".") for part in inner.relative_to(path).parts
                ):
                    yield inner, path
        elif path.exists():
            yield path, None
        else:
            matches = [Path(match) for match in sorted(glob.glob(str(given), recursive=True))]
            files = [(match, None) for match in matches if not match.is_dir()]
            # a path that matches nothing is read all the same: that says that it does not exist
            yield from files or (found_files(matches) if matches else [(path, None)])


def _one(
    store: Store, path: Path, asked: bool, feeds: Sequence[Feed], most_rejected: float, progress: Progress | None
) -> list[Outcome]:
    if not path.exists():
        raise UnreadableFile(f"'{path}': no such file or folder")
    if path.is_dir():
        raise FillsNoTable(f"'{path.name}': expected a file, found a link to a folder, not followed: name it itself")
    if not path.is_file():
        raise UnreadableFile(f"'{path.name}': expected a file, found a pipe or a device. Write it to a file first.")
    try:
        kind = magic(path)
    except OSError as error:
        found = error.strerror or first_line(error)
        raise UnreadableFile(f"'{path.name}': expected a file that may be read, found: {found}") from None
    if kind == "empty":
        raise UnreadableFile(f"'{path.name}': expected rows, found zero bytes")
    feed, claim = _claimed(path, feeds)
    if feed is None or claim is None:
        if (wrong := unreadable(path)) is not None:
            raise UnreadableFile(f"'{path.name}': {wrong}")
        lacked = next((lacked for feed in feeds if (lacked := feed.lacking(path)) is not None), None)
        if lacked is not None:
            raise UnreadableFile(lacked)
        if not asked:
            return [Outcome(path, skipped=True)]
        if (several := zipped_files(path)) is not None:
            raise UnreadableFile(f"'{path.name}': no feed knows this layout, {several}")
        raise UnreadableFile(
            f"'{path.name}': no feed knows this layout. Name its table with --table (its header must then be the"
            " table's columns), or map its columns with --mapping."
        )
    tables = tuple(TABLES[name] for name in (claim.table, *claim.also))
    sha256 = _sha256(claim.learned, path, *claim.beside)
    held = store.holds(claim.table, feed.name, sha256)
    lacking = None if held is None else store.lacking([t.name for t in tables if not t.is_tape], feed.name, sha256)
    if lacking is not None:
        claim = replace(claim, logical_name=lacking)
    elif held is not None:
        return [
            Outcome(path, table.name, feed.name, read=held, duplicates=held, assumed=claim.assumed) for table in tables
        ]
    return _stored(store, path, feed, claim, tables, sha256, most_rejected, progress)


def _stored(
    store: Store,
    path: Path,
    feed: Feed,
    claim: Claim,
    tables: tuple[Table, ...],
    sha256: str,
    most_rejected: float,
    progress: Progress | None,
) -> list[Outcome]:
    """Check a file's rows for each table that they fill, and write all of the tables or none."""
    sessions = store.calendar(tables[0].exchange)
    desk = Desk(store.read_text, sessions)
    waiting: list[tuple[list[pl.DataFrame], pl.DataFrame]] = []
    expected = None if progress is None else rows_expected(path)
    read = 0
    before_calendar = 0
    named = (feed.name, claim.logical_name, sha256)
    # one table's rows are staged outside any transaction: a file of any size keeps its bound of memory
    with store.together() if claim.also else nullcontext():
        with (
            store.writing(tables[0], *named, path.name, claim.assumed) as writing,
            closing(_ahead(of_known_types(path, feed.frames(path, claim, desk)))) as frames,
            closing(_ahead(_checked(path, frames, tables, sessions, feed.scaled))) as batches,
        ):
            for height, good, rejects in batches:
                writing.add(good[0])
                writing.refuse(rejects)
                before_calendar += rejects.filter(pl.col("reason") == BEFORE_CALENDAR).height
                if claim.also:
                    waiting.append((good[1:], rejects))
                read += height
                if progress is not None:
                    progress(path, read, expected)
            for misfits in desk.refused:
                writing.leave_out(misfits)
            if read or writing.left_out or not desk.aside:
                _enough_good(path, writing, before_calendar, most_rejected)
            seen = read + writing.left_out
            entries = [writing.settle(seen)]
        for n, table in enumerate(tables[1:]):
            rows = [good[n] for good, _ in waiting]
            refused = [rejects for _, rejects in waiting]
            entries.append(
                store.append(
                    table, *named, rows, path.name, refused, misfits=desk.refused, assumed=claim.assumed, rows=seen
                )
            )
    return [
        Outcome(
            path, table.name, feed.name, entry.read, entry.stored, entry.duplicates, entry.rejected,
            entry.replaced, entry.corrected, entry.completed, claim.assumed, claim.ignored, dict(desk.aside),
        )
        for table, entry in zip(tables, entries, strict=True)
    ]  # fmt: skip


def _parted(
    frame: pl.DataFrame, tables: Sequence[Table], sessions: Sessions, scaled: bool
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """The good rows for each table, and those that any of them refuses."""
    parted = [check(frame, table, sessions, scaled=scaled) for table in tables]
    if len(parted) == 1:
        return [parted[0].good], parted[0].rejects
    rejects = pl.concat([part.rejects for part in parted]).unique("record", keep="first", maintain_order=True)
    return [part.good.join(rejects, on="record", how="anti", maintain_order="left") for part in parted], rejects


def _checked(
    path: Path, frames: Iterator[pl.DataFrame], tables: Sequence[Table], sessions: Sessions, scaled: bool
) -> Iterator[tuple[int, list[pl.DataFrame], pl.DataFrame]]:
    """Each frame's height, its good rows for each table, and its rejects."""
    for frame in frames:
        try:
            good, rejects = _parted(frame, tables, sessions, scaled)
        except UnreadableFile as error:
            raise UnreadableFile(f"'{path.name}': {error}") from None
        yield frame.height, good, rejects


def _claimed(path: Path, feeds: Sequence[Feed]) -> tuple[Feed | None, Claim | None]:
    for feed in feeds:
        if (claim := feed.claim(path)) is not None:
            return feed, claim
    return None, None


def _ahead(items: Iterator[_Item]) -> Generator[_Item, None, None]:
    """The items in their order; the next one is made in a thread while the last one is worked on."""
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item


def _enough_good(path: Path, writing: FileWriting, before_calendar: int, most_rejected: float) -> None:
    """Refuse the whole file when too many of its rows are bad: it is probably not what it was taken for.

    A row older than the calendar is refused like any other, but says nothing against the file.
    """
    refused = writing.refused + writing.left_out
    total = writing.good + refused
    bad = refused - before_calendar
    if total == 0:
        raise UnreadableFile(f"'{path.name}': expected rows, found a header and nothing below it")
    if bad > most_rejected * total and writing.first_refused is not None:
        record, reason = writing.first_refused
        raise TooManyRejects(
            f"'{path.name}': {bad:,} of {total:,} rows rejected, more than {most_rejected:.0%}; nothing stored."
            f" First: line {record}: {reason}. Raise --max-rejected to store the rest."
        )


def _sha256(learned: str, *paths: Path) -> str:
    digest = hashlib.sha256(learned.encode())
    for path in paths:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
