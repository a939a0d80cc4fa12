"""FINRA: daily short sale volume off exchange, and weekly volume of the alternative trading systems.

    CNMSshvolYYYYMMDD.txt, FNSQ…, FNYX…, FNQC…, FORF…   Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market
    otcMarket/weeklySummary, JSON or CSV                weekStartDate, summaryTypeCode, issueSymbolIdentifier, …

The last line of a daily file is the number of its rows. CNMS adds up the facilities of listed stocks: its rows stand
under the facility `schema.CONSOLIDATED`, and whoever reads takes them or the facilities' own, never both. Of the weekly
summaries only those of alternative trading systems are rows: one a firm (`venue` is its MPID), or one a symbol (no
venue), which is the sum of the firms. A summary is known by its last update: an updated number was not public before.

Layout: FINRA, "Daily Short Sale Volume File Layout"; "OTC Transparency API Specifications", File Download.
"""

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of, magic, open_text, unknown_to
from feeds.schema import CONSOLIDATED

_DAILY = {
    "date": "date", "symbol": "symbol", "shortvolume": "short_volume", "shortexemptvolume": "short_exempt_volume",
    "totalvolume": "total_volume", "market": "facility", "marketcenter": "facility",
}  # fmt: skip
_DAILY_NEEDED = ("Date", "Symbol", "ShortVolume", "TotalVolume", "Market")

_WEEKLY = {
    "weekStartDate": "week_start", "issueSymbolIdentifier": "symbol",
    "totalWeeklyShareQuantity": "shares", "totalWeeklyTradeCount": "trades",
}  # fmt: skip
_WEEKLY_NEEDED = (
    "weekStartDate", "summaryTypeCode", "issueSymbolIdentifier", "totalWeeklyShareQuantity", "totalWeeklyTradeCount"
)  # fmt: skip
_WEEKLY_DATES = ("lastUpdateDate", "initialPublishedDate")
_FIRM = ("MPID", "marketParticipantName")
_WEEKLY_USED = (*_WEEKLY, *_FIRM, "summaryTypeCode", *_WEEKLY_DATES)

_BY_SYMBOL, _BY_FIRM = "ATS_W_SMBL", "ATS_W_SMBL_FIRM"
_ROWS = 1 << 16
_CHUNK = 1 << 20
_LARGEST_RECORD = 1 << 16


@dataclass(frozen=True)
class Finra(Feed):
    """Daily short volume and weekly summaries."""

    name = "finra"
    fills = ("short_volume", "ats_weekly")
    about = "FINRA daily short volume (CNMSshvol… and facilities' txt) and ATS weekly summaries (json, csv)"

    def claim(self, path: Path) -> Claim | None:
        """By the header of a daily file or a weekly CSV, by the keys of the first record of a weekly JSON."""
        if magic(path) in ("zip", "parquet", "empty"):
            return None
        columns = header_of(path, "|")
        if columns is not None and len(columns) > 1:
            plain = [_plain(name) for name in columns]
            if "shortvolume" in plain:
                found = {_DAILY[name] for name in plain if name in _DAILY}
                _has(path, [name for name in _DAILY_NEEDED if _DAILY[name.lower()] not in found], columns)
                return Claim("short_volume", dated_name(path), ignored=_left_out(columns, plain, _DAILY))
        for delimiter in (",", "|"):
            columns = header_of(path, delimiter)
            if columns is not None and "weekStartDate" in columns and len(columns) > 1:
                return _weekly_claim(path, columns)
        keys = _first_keys(path)
        return _weekly_claim(path, keys) if keys is not None and "weekStartDate" in keys else None

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """Of a daily file and of a weekly one."""
        return (_DAILY_NEEDED, _WEEKLY_NEEDED)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Rows under canonical names; a daily file is whole only where its last line counts its rows right."""
        if claim.table == "short_volume":
            yield from _daily_frames(path, desk)
        else:
            for frame in _weekly_records(path, desk):
                yield _weekly(frame, desk)


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


def _left_out(columns: tuple[str, ...], plain: list[str], known: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name, bare in zip(columns, plain, strict=True) if bare not in known)


def _has(path: Path, missing: list[str], found: tuple[str, ...]) -> None:
    if missing:
        raise UnreadableFile(
            f"'{path.name}': expected FINRA's columns, missing {', '.join(missing)}; found {', '.join(found)[:200]}"
        )
    if len({*found}) != len(found):
        raise UnreadableFile(f"'{path.name}': expected one name a column, found {', '.join(found)[:200]}")


def _weekly_claim(path: Path, columns: tuple[str, ...]) -> Claim:
    missing = [name for name in _WEEKLY_NEEDED if name not in columns]
    if not any(name in columns for name in _WEEKLY_DATES):
        missing.append(" or ".join(_WEEKLY_DATES))
    _has(path, missing, columns)
    return Claim("ats_weekly", dated_name(path), ignored=unknown_to(columns, _WEEKLY_USED))


def _daily_frames(path: Path, desk: Desk) -> Iterator[pl.DataFrame]:
    columns = header_of(path, "|") or ()
    sources = {_DAILY[_plain(name)]: name for name in columns if _plain(name) in _DAILY}
    consolidated = pl.col(sources["facility"]).str.contains(",", literal=True) | pl.lit(
        "CNMS" in path.name.upper(), dtype=pl.Boolean
    )
    day = pl.col(sources["date"]).str.strip_chars()
    digits = r"^(\d{4})(\d{2})(\d{2})$"
    text = desk.read_text(path, "|", columns)
    rows = 0
    for batch in text.batches():
        rows += batch.height
        yield batch.select(
            "record",
            *(pl.col(source).str.strip_chars().alias(name) for name, source in sources.items()),
        ).with_columns(
            date=batch.select(day.str.replace(digits, "$1-$2-$3")).to_series(),
            facility=batch.select(
                pl.when(consolidated)
                .then(pl.lit(CONSOLIDATED))
                .otherwise(pl.col(sources["facility"]).str.strip_chars())
            ).to_series(),
        )
    misfits = text.misfits()
    last = misfits.tail(1)  # they come in the order of their lines
    footer = re.fullmatch(r"\s*(\d{1,12})\s*", last["raw"].item() or "") if last.height else None
    unfit = misfits if footer is None else misfits.head(-1)
    if footer is None and "ShortVolume" in columns:
        raise UnreadableFile(
            f"'{path.name}': expected a last line that counts the rows, found none below {rows + unfit.height:,} rows:"
            " the file is truncated. Download it again."
        )
    if footer is not None and int(footer.group(1)) != rows + unfit.height:
        raise UnreadableFile(
            f"'{path.name}': expected the {int(footer.group(1)):,} rows that its last line counts, found"
            f" {rows + unfit.height:,}: the file is truncated or was cut. Download it again."
        )
    if footer is not None and not rows + unfit.height:
        desk.aside["last line that counts no rows"] += 1
    desk.refused.append(unfit)


def _weekly_records(path: Path, desk: Desk) -> Iterator[pl.DataFrame]:
    """Frames of FINRA's own columns as text, with `record`."""
    for delimiter in (",", "|"):
        columns = header_of(path, delimiter)
        if columns is not None and "weekStartDate" in columns and len(columns) > 1:
            text = desk.read_text(path, delimiter, columns)
            for batch in text.batches():
                yield batch.select("record", *(pl.col(name) for name in _WEEKLY_USED if name in columns))
            desk.refused.append(text.misfits())
            return
    rows: list[tuple[str | None, ...]] = []
    at = 0
    schema = dict.fromkeys(_WEEKLY_USED, pl.String)
    for record in _json_records(path):
        rows.append(tuple(_as_text(record.get(name)) for name in _WEEKLY_USED))
        if len(rows) == _ROWS:
            yield _numbered(pl.DataFrame(rows, schema=schema, orient="row"), at)
            at, rows = at + len(rows), []
    if rows:
        yield _numbered(pl.DataFrame(rows, schema=schema, orient="row"), at)


def _numbered(frame: pl.DataFrame, at: int) -> pl.DataFrame:
    return frame.with_columns(record=pl.int_range(at + 1, at + frame.height + 1, dtype=pl.Int64))


def _weekly(frame: pl.DataFrame, desk: Desk) -> pl.DataFrame:
    """The rows of alternative trading systems; the other summaries hold the same or other volume, and are counted."""
    kind = pl.col("summaryTypeCode").fill_null("")
    other = ~kind.is_in([_BY_SYMBOL, _BY_FIRM])
    for name, rows in frame.filter(other).group_by(kind, maintain_order=True).len().iter_rows():
        desk.aside[f"summaries of type {name[:40]}"] += rows
    dates = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in _WEEKLY_DATES if name in frame.columns]
    names = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in _FIRM if name in frame.columns]
    kept = frame.filter(~other)
    return kept.select(
        "record",
        *(pl.col(source).alias(name) for source, name in _WEEKLY.items()),
        # a firm without a name would pass for the sum of all firms
        venue=pl.when(kind == _BY_FIRM).then(pl.coalesce(*names, pl.lit("unnamed"))),
        published=pl.coalesce(dates),
    )


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _first_keys(path: Path) -> tuple[str, ...] | None:
    try:
        with open_text(path) as stream:
            if not stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
                return None
        first = next(_json_records(path), None)
    except (UnreadableFile, OSError, EOFError):
        return None
    return tuple(first) if first is not None else None


def _json_records(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON array one by one, a chunk of the file in memory at a time."""
    decoder = json.JSONDecoder()
    read = codecs.getincrementaldecoder("utf-8-sig")("replace")
    buffer, begun, ended = "", False, False
    try:
        with open_text(path) as stream:
            while not ended:
                chunk = stream.read(_CHUNK)
                buffer = (buffer + read.decode(chunk, final=not chunk)).lstrip()
                if not begun and buffer:
                    if buffer[0] != "[":
                        raise UnreadableFile(f"'{path.name}': expected a JSON array, found {buffer[:40]!r}")
                    begun, buffer = True, buffer[1:]
                records, buffer, ended = _taken(decoder, buffer, path.name)
                yield from records
                if not chunk and not ended:
                    raise UnreadableFile(
                        f"'{path.name}': expected a whole JSON array, found it broken at {buffer[:40]!r}"
                    )
    except (OSError, EOFError) as error:
        raise UnreadableFile(f"'{path.name}': expected a whole file, found: {error}") from None


def _taken(decoder: json.JSONDecoder, buffer: str, name: str) -> tuple[list[dict[str, Any]], str, bool]:
    """The whole objects at the head of a buffer, what is left of it, and whether the array ended.

    What is wrong is said only when nothing good stands before it.
    """
    records: list[dict[str, Any]] = []
    at = 0
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if at < len(buffer) and buffer[at] == "]":
            return records, "", True
        try:
            record, end = decoder.raw_decode(buffer, at)
            if not isinstance(record, dict):
                raise ValueError(repr(record)[:40])
        except (ValueError, RecursionError) as error:
            whole = buffer[at : at + 1] == "{" and not isinstance(error, RecursionError)
            if records or (whole and len(buffer) - at <= _LARGEST_RECORD) or at == len(buffer):
                return records, buffer[at:], False  # perhaps the rest of it is in the next chunk
            raise UnreadableFile(f"'{name}': expected a JSON array of flat records, found: {error}") from None
        records.append(record)
        at = end
