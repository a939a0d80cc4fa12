"""Files in, ledger lines out: find them, let a feed claim each, check every row, write it whole or not at all."""

import glob
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.akshare import AkShare
from feeds.canonical import Canonical
from feeds.check import check
from feeds.china_series import ChinaSeries
from feeds.csindex import CsIndex
from feeds.errors import BadValue, BullbearError, TooManyRejects, UnknownName, UnreadableFile
from feeds.feed import Claim, Desk, Feed, magic
from feeds.lean import Lean
from feeds.mapping import Mapped
from feeds.schema import TABLES
from feeds.shenwan import Shenwan
from feeds.store import Store

SNIFFING: tuple[Feed, ...] = (Lean(), CsIndex(), Shenwan(), ChinaSeries(), AkShare(), Canonical())
"""The feeds asked, in this order, whether a file is theirs."""

MOST_REJECTED = 0.01
"""Share of a file's rows that may be refused before the whole file is."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: read = stored + duplicates + rejected, or an error, or nothing (`skipped`)."""

    path: Path
    table: str | None = None
    source: str | None = None
    read: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    replaced: int = 0
    corrected: int = 0
    assumed: str | None = None
    ignored: tuple[str, ...] = ()
    error: str | None = None
    skipped: bool = False


Progress = Callable[[Path, int], None]
"""Called with the file and the rows read of it so far."""


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
    """
    if table is not None and table not in TABLES:
        raise UnknownName("table", table, TABLES)
    if not 0 <= most_rejected <= 1:
        raise BadValue("--max-rejected", most_rejected, "expected a share from 0 to 1")
    feeds = _chosen(table, source, mapping)
    for path, asked in found_files(paths):
        try:
            yield from _one(store, path, asked, feeds, most_rejected, progress)
        except BullbearError as error:
            yield Outcome(path, table, error=str(error))


def _chosen(table: str | None, source: str | None, mapping: Path | None) -> tuple[Feed, ...]:
    if mapping is not None:
        return (Mapped.of(mapping, table),)
    if source is not None:
        known = {feed.name: feed for feed in SNIFFING}
        if source not in known:
            raise UnknownName("source", source, known)
        return (Canonical(table),) if source == "canonical" else (known[source],)
    return (Canonical(table),) if table is not None else SNIFFING


def found_files(paths: Sequence[Path | str]) -> Iterator[tuple[Path, bool]]:
    """Every file under the paths in name order, and whether it was asked for by name (not found in a folder)."""
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_file() and not any(part.startswith(".") for part in inner.relative_to(path).parts):
                    yield inner, False
        elif path.is_file():
            yield path, True
        else:
            matches = sorted(glob.glob(str(given), recursive=True))
            for match in matches:
                if Path(match).is_file():
                    yield Path(match), True
            if not matches:
                yield path, True  # reading it says that it does not exist


def _one(
    store: Store, path: Path, asked: bool, feeds: Sequence[Feed], most_rejected: float, progress: Progress | None
) -> Iterator[Outcome]:
    if not path.exists():
        raise UnreadableFile(f"'{path}': no such file or folder")
    if magic(path) == "empty":
        raise UnreadableFile(f"'{path.name}': expected rows, found zero bytes")
    feed, claim = _claimed(path, feeds)
    if feed is None or claim is None:
        if not asked:
            yield Outcome(path, skipped=True)
            return
        raise UnreadableFile(
            f"'{path.name}': no feed knows this layout. Name its table with --table (its header must then be the"
            " table's columns), or map its columns with --mapping."
        )
    sha256 = _sha256(path)
    for each in (claim, *claim.also):
        yield _table(store, path, feed, each, sha256, most_rejected, progress)


def _table(
    store: Store, path: Path, feed: Feed, claim: Claim, sha256: str, most_rejected: float, progress: Progress | None
) -> Outcome:
    table = TABLES[claim.table]
    held = store.holds(table.name, feed.name, sha256)
    if held is not None:
        return Outcome(path, table.name, feed.name, read=held, duplicates=held, assumed=claim.assumed)
    sessions = store.calendar(table.exchange)
    desk = Desk(store.read_text, sessions)
    refused: list[pl.DataFrame] = []
    read = 0

    def checked() -> Iterator[pl.DataFrame]:
        nonlocal read
        for frame in feed.frames(path, claim, desk):
            parted = check(frame, table, sessions, scaled=feed.scaled)
            refused.append(parted.rejects)
            read += frame.height
            if progress is not None:
                progress(path, read)
            if parted.good.height:
                yield parted.good
        _enough_good(path, read, refused, desk.refused, most_rejected)

    entry = store.append(
        table,
        feed.name,
        claim.logical_name,
        sha256,
        checked(),
        path=path.name,
        rejects=refused,
        misfits=desk.refused,
        assumed=claim.assumed,
    )
    return Outcome(
        path, table.name, feed.name, entry.read, entry.stored, entry.duplicates, entry.rejected,
        entry.replaced, entry.corrected, claim.assumed, claim.ignored,
    )  # fmt: skip


def _claimed(path: Path, feeds: Sequence[Feed]) -> tuple[Feed | None, Claim | None]:
    for feed in feeds:
        if (claim := feed.claim(path)) is not None:
            return feed, claim
    return None, None


def _enough_good(
    path: Path, rows: int, refused: list[pl.DataFrame], misfits: list[pl.DataFrame], most_rejected: float
) -> None:
    """Refuse the whole file when too many of its rows are bad: it is probably not what it was taken for."""
    unfit = sum(frame.height for frame in misfits)
    bad = sum(frame.height for frame in refused) + unfit
    total = rows + unfit
    if total == 0:
        raise UnreadableFile(f"'{path.name}': expected rows, found a header and nothing below it")
    if bad > most_rejected * total:
        first = next(frame for frame in (*refused, *misfits) if frame.height).row(0, named=True)
        raise TooManyRejects(
            f"'{path.name}': {bad:,} of {total:,} rows rejected, more than {most_rejected:.0%}; nothing stored."
            f" First: line {first['record']}: {first['reason']}. Raise --max-rejected to store the rest."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
