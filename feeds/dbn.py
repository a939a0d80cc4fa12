"""Databento Binary Encoding: metadata, records as numpy structures, and what an instrument number means on a day.

The metadata is decoded by Databento's own library, which also gives the layout of each record; records are then taken
as they lie in the file, some hundred thousand at a time, never one by one.

Source: databento.com/docs, Databento Binary Encoding (metadata, record header, versions 1 to 3) and symbology.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import magic, open_text

MESSAGES = {
    "trades": ("TradeMsg", (0,)),
    "tbbo": ("MBP1Msg", (1,)),
    "tcbbo": ("CMBP1Msg", (177, 194)),
    "cmbp-1": ("CMBP1Msg", (177,)),
    "statistics": ("StatMsg", (24,)),
    "definition": ("InstrumentDefMsg", (19,)),
}
"""The library's record of each schema, and the record types that it may carry."""

RECORDS = 1 << 17
"""Records read at once."""

LONGEST_METADATA = 1 << 28
"""Bytes of metadata that are believed: some hundred a symbol, a million and a half option symbols at most."""

DAY = 86_400_000_000_000
_UNDEFINED_MULTIPLIER = 2**31 - 1
_DAY_BITS = 20
_DAY_MASK = (1 << _DAY_BITS) - 1
_LAST_DAY = 100_000


def library() -> Any:
    """The databento_dbn package; UnreadableFile where the extra is not installed."""
    try:
        import databento_dbn
    except ImportError:
        raise UnreadableFile(
            "DBN needs the package databento-dbn, found none; install it with pip install 'bullbear[databento]'"
        ) from None
    return databento_dbn


def is_dbn(path: Path) -> bool:
    """Whether a plain or zst file begins as DBN does."""
    if magic(path) not in ("zst", "text"):
        return False
    try:
        with open_text(path) as stream:
            return stream.read(3) == b"DBN"
    except (OSError, EOFError):
        return False


def read_metadata(stream: IO[bytes], name: str) -> Any:
    """The metadata at the head of a stream, which is left at the first record."""
    dbn = library()
    try:
        head = _exactly(stream, 8)
        length = int.from_bytes(head[4:8], "little")
        if length > LONGEST_METADATA:
            raise UnreadableFile(f"'{name}': expected at most {LONGEST_METADATA:,} bytes of metadata, found {length:,}")
        return dbn.Metadata.decode(head + _exactly(stream, length))
    except (dbn.DBNError, OSError, EOFError, ValueError, OverflowError) as error:
        found = " ".join(str(error).split())[:150]
        raise UnreadableFile(f"'{name}': expected DBN metadata, found: {found}") from None


def _exactly(stream: IO[bytes], length: int) -> bytes:
    """So many bytes, or what is left: a compressed stream may give fewer at a time."""
    parts = []
    while length and (part := stream.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def layout(metadata: Any) -> np.dtype[np.void]:
    """The fields of a file's records, as its version has them."""
    return fields_of(str(metadata.schema), int(metadata.version), bool(metadata.ts_out))


def fields_of(schema: str, version: int, ts_out: bool = False) -> np.dtype[np.void]:
    """The fields of a schema's records, little-endian, without gaps."""
    dbn = library()
    name = MESSAGES[schema][0]
    fields = list(getattr(getattr(dbn, f"v{version}", dbn), name)._dtypes)
    return np.dtype([*fields, ("ts_out", "u8")] if ts_out else fields)


def batches(stream: IO[bytes], metadata: Any, name: str) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first record, records) to the end; UnreadableFile where other records stand in between."""
    fields = layout(metadata)
    kinds = MESSAGES[str(metadata.schema)][1]
    first = 1
    while True:
        try:
            content = _exactly(stream, RECORDS * fields.itemsize)
        except (OSError, EOFError) as error:
            raise UnreadableFile(f"'{name}': expected a whole DBN file, found: {str(error)[:150]}") from None
        if not content:
            return
        records = np.frombuffer(content, fields, count=len(content) // fields.itemsize)
        strange = np.flatnonzero((records["length"] != fields.itemsize // 4) | ~np.isin(records["rtype"], kinds))
        if len(strange):
            odd = records[strange[0]]
            raise UnreadableFile(
                f"'{name}': expected records of {metadata.schema} alone ({fields.itemsize} bytes, type {kinds[0]}),"
                f" found {int(odd['length']) * 4} bytes of type {odd['rtype']} at record {first + strange[0]}"
            )
        if left := len(content) % fields.itemsize:
            raise UnreadableFile(
                f"'{name}': expected whole records of {fields.itemsize} bytes, found {left} bytes after record"
                f" {first + len(records) - 1}"
            )
        yield first, records
        first += len(records)


@dataclass(frozen=True)
class Definitions:
    """Instruments of definition files: sorted keys (number and day), symbols and multipliers beside them."""

    keys: np.ndarray
    symbols: np.ndarray
    multipliers: np.ndarray

    @classmethod
    def beside(cls, path: Path, dataset: str) -> "Definitions":
        """Of the data set's definition files in a file's folder; those that cannot be read are as if not there."""
        parts: list[tuple[np.ndarray, ...]] = []
        for other in sorted(path.parent.iterdir()):
            if not other.is_file() or not is_dbn(other):
                continue
            try:
                with open_text(other) as stream:
                    metadata = read_metadata(stream, other.name)
                    if str(metadata.schema) == "definition" and metadata.dataset == dataset:
                        parts += [
                            (_keys(records), records["raw_symbol"].astype("S71"), records["contract_multiplier"])
                            for _, records in batches(stream, metadata, other.name)
                        ]
            except UnreadableFile:
                continue
        if not parts:
            return cls(np.empty(0, np.int64), np.empty(0, "S71"), np.empty(0, np.int32))
        keys, symbols, multipliers = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], symbols[order], multipliers[order])

    def of(self, key: int) -> tuple[str | None, int | None]:
        """Symbol and multiplier of a number on a day, the last definition of the day; None for what is not told."""
        at = int(np.searchsorted(self.keys, key, side="right")) - 1
        if at < 0 or self.keys[at] != key:
            return None, None
        multiplier = int(self.multipliers[at])
        given = multiplier if 0 < multiplier < _UNDEFINED_MULTIPLIER else None
        return self.symbols[at].decode("utf-8", "replace"), given


@dataclass
class Symbols:
    """What an instrument number of a file means on a day: by the metadata, else by a definition beside the file.

    Attributes
    ----------
    intervals : number → (first day, day after the last, symbol), from the metadata's mappings
    suffices : whether a symbol needs nothing from a definition
    """

    intervals: dict[int, list[tuple[date, date, str]]]
    path: Path
    dataset: str
    suffices: Callable[[str], bool]
    _known: dict[int, tuple[str | None, int | None]] = field(default_factory=dict)
    _definitions: Definitions | None = None

    @classmethod
    def of(cls, metadata: Any, path: Path, suffices: Callable[[str], bool]) -> "Symbols":
        """Of a file's metadata; mappings go from symbols to numbers, or the other way if numbers were asked for."""
        intervals: dict[int, list[tuple[date, date, str]]] = {}
        numbered = str(metadata.stype_in) == "instrument_id"
        for symbol, spans in metadata.mappings.items():
            for span in spans:
                number, name = (symbol, span["symbol"]) if numbered else (span["symbol"], symbol)
                if number.isascii() and number.isdigit() and name:
                    intervals.setdefault(int(number), []).append((span["start_date"], span["end_date"], name))
        return cls(intervals, path, metadata.dataset, suffices)

    def named(self, records: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
        """What the records are of.

        Returns
        -------
        instruments : symbol (String, null where nothing says it) and multiplier (Int64, null likewise), one row a
            number and day
        at : each record's row of them
        """
        keys, at = np.unique(_keys(records), return_inverse=True)
        rows = [self._name(key) for key in keys.tolist()]
        schema = {"symbol": pl.String, "multiplier": pl.Int64}
        return pl.DataFrame(
            {"symbol": [symbol for symbol, _ in rows], "multiplier": [times for _, times in rows]}, schema=schema
        ), at

    def _name(self, key: int) -> tuple[str | None, int | None]:
        if key not in self._known:
            self._known[key] = self._looked_up(key)
        return self._known[key]

    def _looked_up(self, key: int) -> tuple[str | None, int | None]:
        day = datetime.fromtimestamp(min(key & _DAY_MASK, _LAST_DAY) * 86_400, UTC).date()
        spans = self.intervals.get(key >> _DAY_BITS, ())
        name = next((name for start, end, name in spans if start <= day < end), None)
        if name is not None and self.suffices(name):
            return name, None
        if self._definitions is None:
            self._definitions = Definitions.beside(self.path, self.dataset)
        defined, multiplier = self._definitions.of(key)
        return defined or name, multiplier


def _keys(records: np.ndarray) -> np.ndarray:
    """Instrument number and day (UTC) of each record as one Int64."""
    days = (records["ts_event"] // np.uint64(DAY)).astype(np.int64) & _DAY_MASK
    return (records["instrument_id"].astype(np.int64) << _DAY_BITS) | days
