"""What a good row is: columns of text or typed values in, exact typed rows and reasoned rejects out."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, reduce
from operator import or_

import numpy as np
import polars as pl

from feeds.calendar import ZONES, session_of
from feeds.cells import Cells, read_cells
from feeds.schema import ABSENT, ABSENT_DELTA, ASSET_CLASSES, MICRO, PrintFlag, Sessions, Table
from seeds.conditions import condition_flags

ABSURD_PRICE = 10_000_000
"""Dollars: more than ten times the dearest share ever listed."""

BEFORE_CALENDAR = "`date` is before the first session that the calendar knows"

_INT64 = 9.2e18
_DAY_END = 24 * 3600 * 1_000_000_000 - 1_000_000_000
_CURVE_OUT = 18 * 3600 * 1_000_000_000
_EDGAR_CLOSE = 22 * 3600 * 1_000_000_000


@dataclass(frozen=True)
class Checked:
    """The rows of one batch, parted.

    Attributes
    ----------
    good : typed rows. Tapes: instrument columns as text, dates and Int64 micros; the rest as in `TAPE_DTYPES`, with
        `session`, `exchange` and `conditions` as text. Other tables: as in `Part`, with `session` and `known_at`.
    rejects : record (Int64), reason (String), raw (String)
    """

    good: pl.DataFrame
    rejects: pl.DataFrame


def check(frame: pl.DataFrame, table: Table, sessions: Sessions, scaled: bool = False) -> Checked:
    """Part a batch into exact typed rows and rejects.

    Parameters
    ----------
    frame : canonical column names, text or typed; beside them `record` (Int64), perhaps `assumed` (String) and
        `refused` (String): why the feed itself refuses the row, null where it does not
    table : what the rows should be
    sessions : of the table's exchange, reaching beyond every row
    scaled : integers in price and decimal columns are micro-dollars and micro-shares already

    Raises
    ------
    UnreadableFile : a column has a type that cannot be what the table needs (a time without a zone, say)
    """
    columns = set(frame.columns) - {"refused"}
    rejects = [_NOTHING]
    if "refused" in frame.columns:
        objected = frame.filter(pl.col("refused").is_not_null())
        raw = _raw(objected.drop("refused").columns)
        rejects.append(objected.select(pl.col("record").cast(pl.Int64), reason="refused", raw=raw))
        frame = frame.filter(pl.col("refused").is_null()).drop("refused")
    cells = [
        read_cells(column, frame[column.name] if column.name in columns else None, frame.height, table.is_tape, scaled)
        for column in table.columns
    ]
    carried = [frame["record"].cast(pl.Int64)]
    if "assumed" in columns:
        carried.append(frame["assumed"])
    good, kept = pl.DataFrame([*carried, *(read.value for read in cells)]), None
    if bad := [read.bad for read in cells if read.bad is not None]:
        mask = reduce(or_, bad)
        rejects.append(_reasons(frame.filter(mask), [read for read in cells if read.bad is not None], mask))
        kept = ~mask
        good = good.filter(kept)

    good = _with_session(good, table, sessions)
    faults = _row_faults(table, sessions)
    spoilt = good.select(spoilt=pl.any_horizontal(fault for _, fault in faults).fill_null(False))["spoilt"]
    if spoilt.any():
        originals = frame if kept is None else frame.filter(kept)
        found = originals.filter(spoilt)
        reason = pl.coalesce(pl.when(fault).then(pl.lit(said)) for said, fault in faults)
        said = good.filter(spoilt).select(reason=reason)["reason"]
        rejects.append(found.select(pl.col("record").cast(pl.Int64), reason=said, raw=_raw(found.columns)))
        good = good.filter(~spoilt)
    return Checked(_tape_row(good, columns) if table.is_tape else good, pl.concat(rejects))


_NOTHING = pl.DataFrame(schema={"record": pl.Int64, "reason": pl.String, "raw": pl.String})


def _raw(columns: list[str]) -> pl.Expr:
    """The row as it came, its fields joined by commas, cut at 2,000 characters."""
    fields = [pl.col(name).cast(pl.String).fill_null("") for name in columns if name not in ("record", "assumed")]
    return pl.concat_str(fields, separator=",").str.slice(0, 2000)


def _reasons(found: pl.DataFrame, cells: list[Cells], mask: pl.Series) -> pl.DataFrame:
    """Record, reason and raw text of rows with a bad cell; the first bad column is named."""
    bads = pl.DataFrame(
        [read.bad.filter(mask).alias(f"bad:{n}") for n, read in enumerate(cells) if read.bad is not None]
    )
    reason: pl.Expr = pl.lit(None, dtype=pl.String)
    for n, read in reversed(list(enumerate(cells))):
        shown = pl.col(read.column.name).cast(pl.String).str.slice(0, 60).fill_null("")
        said = pl.concat_str([pl.lit(f"`{read.column.name}`, was '"), shown, pl.lit(f"': expected {read.expected}")])
        reason = pl.when(pl.col(f"bad:{n}")).then(said).otherwise(reason)
    wide = pl.concat([found, bads], how="horizontal")
    return wide.select(pl.col("record").cast(pl.Int64), reason=reason, raw=_raw(found.columns))


def _local_ns(day: str, clock: int, exchange: str) -> pl.Expr:
    """Nanoseconds UTC of a clock time on a local date."""
    # what nanoseconds can tell: no calendar reaches either end
    shown = pl.col(day).clip(date(1678, 1, 1), date(2262, 1, 1))
    local = shown.cast(pl.Datetime("ns")) + pl.duration(nanoseconds=clock)
    return local.dt.replace_time_zone(ZONES[exchange], ambiguous="earliest", non_existent="null").dt.epoch("ns")


def _with_session(good: pl.DataFrame, table: Table, sessions: Sessions) -> pl.DataFrame:
    """Add `session` (null where a row belongs to none) and, for all but tapes, `known_at`."""
    if table.is_tape:
        return good.with_columns(session=session_of(good["ts"], sessions, table.exchange))
    if table.known in ("close", "next"):
        calendar = sessions.frame()
        if table.known == "next":
            calendar = calendar.with_columns(session_next=pl.col("session").shift(-1), known=pl.col("open").shift(-1))
        else:
            calendar = calendar.with_columns(session_next=pl.col("session"), known=pl.col("close"))
        return good.join(
            calendar.select(date="session", session="session_next", known_at="known"),
            on="date", how="left", maintain_order="left",
        )  # fmt: skip
    if table.known == "evening":
        good = good.with_columns(known_at=_local_ns("date", _CURVE_OUT, table.exchange))
        at = np.searchsorted(sessions.days, good["date"].to_numpy().astype("datetime64[D]"))
        return good.with_columns(session=pl.Series([*sessions.dates, None], dtype=pl.Date).gather(at))
    if table.known == "published":
        good = good.with_columns(known_at=_local_ns("published", _DAY_END, table.exchange))
    elif table.known == "filed":
        good = good.with_columns(
            known_at=pl.coalesce("known_at", _local_ns("filing_date", _EDGAR_CLOSE, table.exchange))
        )
    else:
        day = "from_date" if "from_date" in good.columns else "date"
        good = good.with_columns(known_at=_local_ns(day, 0, table.exchange))
    known = good["known_at"]
    at = sessions.first_closing_at_or_after(known.fill_null(np.iinfo(np.int64).max).to_numpy())
    dates = pl.Series([*sessions.dates, None], dtype=pl.Date)
    return good.with_columns(session=dates.gather(at))


def _row_faults(table: Table, sessions: Sessions) -> list[tuple[str, pl.Expr]]:
    """What can be wrong with a row whose every column is well formed."""
    faults: list[tuple[str, pl.Expr]] = []
    if table.known == "filed":
        faults.append(
            ("neither `known_at` nor `filing_date`: when it became public is unknown", pl.col("known_at").is_null())
        )
    if table.known in ("close", "next") and len(sessions):
        faults.append((BEFORE_CALENDAR, pl.col("date") < sessions.dates[0]))
    where = {
        "tape": f"`ts` is a time in no session of {table.exchange}",
        "close": f"`date` is no session of {table.exchange}",
        "next": f"`date` is no session of {table.exchange}",
    }.get(table.known, f"became known after the last session of {table.exchange} that the calendar knows")
    faults.append((where, pl.col("session").is_null()))
    if not table.is_tape:
        return faults
    names = table.names
    if "price" in names:
        faults.append((f"`price` is absurd: above {ABSURD_PRICE:,} dollars", pl.col("price") > ABSURD_PRICE * MICRO))
        value = pl.col("price").cast(pl.Float64) * pl.col("size").cast(pl.Float64)
        if "multiplier" in names:
            value = value * pl.col("multiplier").fill_null(100).cast(pl.Float64)
            faults.append(("price × multiplier × size overflows", value > _INT64))
            faults.append(("`multiplier` overflows", pl.col("multiplier") > 2**31 - 1))
        else:
            faults.append(("price × size overflows", value / MICRO > _INT64))
    if "expiry" in names:
        faults.append(("`expiry` is before the session of the print", pl.col("expiry") < pl.col("session")))
    return faults


_UNSAID: dict[str, int | str | bool] = {
    "bid": ABSENT, "ask": ABSENT, "bid_size": ABSENT, "ask_size": ABSENT, "underlying_price": ABSENT,
    "open_interest": ABSENT, "delta": ABSENT_DELTA, "exchange": "", "conditions": "", "multiplier": 100,
    "cancelled": False,
}  # fmt: skip
"""What rests where a feed does not say."""

_CODES = {"asset_class": {name: n for n, name in enumerate(ASSET_CLASSES)}, "aggressor": {"B": 1, "S": -1}}
_NARROW = {"multiplier": pl.Int32(), "delta": pl.Int32()}


def _tape_row(good: pl.DataFrame, came: Set[str]) -> pl.DataFrame:
    """The columns that rest: absent quotes as ABSENT, codes for class and aggressor, flags from the conditions."""
    columns: list[pl.Expr | pl.Series] = [pl.col("sequence").fill_null(pl.col("record"))]
    for name in good.columns:
        if name in _CODES:
            coded = pl.col(name).replace_strict(_CODES[name], default=0, return_dtype=pl.Int8)
            columns.append(coded if name in came else pl.lit(0, pl.Int8).alias(name))
        elif name in _UNSAID:
            kind = _NARROW.get(name, good.schema[name])
            said = pl.col(name).fill_null(_UNSAID[name]) if name in came else pl.lit(_UNSAID[name])
            columns.append(said.cast(kind).alias(name))
    good = good.with_columns(columns)
    if "conditions" not in good.columns:
        return good
    texts = good["conditions"].unique()
    flags = pl.DataFrame(
        {"conditions": texts, "flags": [flags_of(text)[0] for text in texts]}, schema_overrides={"flags": pl.Int32}
    )
    cancelled = pl.col("cancelled").cast(pl.Int32) * int(PrintFlag.CANCELLED)
    return (
        good.join(flags, on="conditions", how="left", maintain_order="left")
        .with_columns(flags=pl.col("flags") | cancelled)
        .drop("cancelled")
    )


@lru_cache(maxsize=4096)
def flags_of(conditions: str) -> tuple[int, str]:
    """Flag bits of a `;`-separated list of condition words, and the words that nobody knows.

    >>> flags_of("sweep;late;xyz") == (int(PrintFlag.SWEEP | PrintFlag.LATE | PrintFlag.UNKNOWN_CONDITION), "xyz")
    True
    """
    known = condition_flags()
    flags = PrintFlag(0)
    unknown = []
    for word in filter(None, (part.strip().lower() for part in conditions.split(";"))):
        if word not in known:
            flags |= PrintFlag.UNKNOWN_CONDITION
            unknown.append(word)
        elif known[word]:
            flags |= PrintFlag[known[word]]
    return int(flags), ";".join(unknown)
