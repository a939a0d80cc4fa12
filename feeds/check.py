"""What a good row is: text or typed columns in, exact typed rows and reasoned rejects out.

Casts in databases and frames round and guess silently ('1.0055555' → 1.005556, '12.7' → 13, '0x10' accepted), so text
is matched against a pattern first and cast afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl

from feeds.calendar import ZONES, session_of
from feeds.errors import UnreadableFile
from feeds.schema import ABSENT, ASSET_CLASSES, MICRO, Column, PrintFlag, Sessions, Table
from seeds.conditions import condition_flags

SYMBOL_LENGTH = 64
ABSURD_PRICE = 10_000_000
"""Dollars: more than ten times the dearest share ever listed."""

_INT64 = 9.2e18
_DAY_END = 24 * 3600 * 1_000_000_000 - 1_000_000_000
_CURVE_OUT = 18 * 3600 * 1_000_000_000
_EDGAR_CLOSE = 22 * 3600 * 1_000_000_000
_SYMBOLS = frozenset(
    {"symbol", "underlying", "index", "group", "scheme", "exchange", "industry", "concept", "code", "fund", "kind"}
)
_NONE = pl.DataFrame(schema={"record": pl.Int64, "reason": pl.String, "raw": pl.String})
_DECIMAL = r"^(\d{1,12}(\.\d{0,6}0*)?|\.\d{1,6}0*)$"
_LONG_DECIMAL = r"^(\d{1,12}(\.\d{0,18})?|\.\d{1,18})$"
_DOUBLE = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_TRUE = ("true", "1")
_FALSE = ("false", "0")


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
    objections = [_NONE]
    if "refused" in frame.columns:
        objected = frame.filter(pl.col("refused").is_not_null())
        raw = _raw(objected.drop("refused").columns)
        objections = [objected.select(pl.col("record").cast(pl.Int64), reason="refused", raw=raw)]
        frame = frame.filter(pl.col("refused").is_null()).drop("refused")
    rules = [_Rule.of(column, frame, table, scaled) for column in table.columns]
    carried = [pl.col("record").cast(pl.Int64)]
    if "assumed" in frame.columns:
        carried.append(pl.col("assumed"))
    typed = frame.select(
        *carried, *(rule.value.alias(rule.column.name) for rule in rules), *(rule.bad for rule in rules)
    )
    bad = pl.any_horizontal(f"bad:{rule.column.name}" for rule in rules) if rules else pl.lit(False)
    mask = typed.select(bad.alias("bad"))["bad"]
    rejects = [*objections, _reasons(frame.filter(mask), typed.filter(mask), rules)]
    good = typed.filter(~mask).select(pl.exclude("^bad:.*$"))
    originals = frame.filter(~mask)

    good = _with_session(good, table, sessions)
    for reason, fault in _row_faults(table):
        wrong = good.select(fault.fill_null(False).alias("wrong"))["wrong"]
        if wrong.any():
            found = originals.filter(wrong)
            rejects.append(
                found.select(pl.col("record").cast(pl.Int64), reason=pl.lit(reason), raw=_raw(found.columns))
            )
            good, originals = good.filter(~wrong), originals.filter(~wrong)
    return Checked(_tape_row(good) if table.is_tape else good, pl.concat(rejects))


@dataclass(frozen=True)
class _Given:
    """A column as it came: an expression for it, its type, and how exactly it must be read."""

    source: pl.Expr
    dtype: pl.DataType
    column: Column
    exact: bool
    scaled: bool


@dataclass(frozen=True)
class _Rule:
    """How one column is read: its typed value, what makes it bad, and what is said of a bad one."""

    column: Column
    value: pl.Expr
    bad: pl.Expr
    expected: str

    @classmethod
    def of(cls, column: Column, frame: pl.DataFrame, table: Table, scaled: bool) -> "_Rule":
        name = column.name
        if name not in frame.columns:
            return cls(column, pl.lit(None, dtype=_null_type(column)), pl.lit(False).alias(f"bad:{name}"), "")
        dtype = frame.schema[name]
        if dtype == pl.Categorical or isinstance(dtype, pl.Enum):
            frame, dtype = frame.with_columns(pl.col(name).cast(pl.String)), pl.String()
        source = (
            pl.col(name).cast(pl.String) if isinstance(frame.schema[name], pl.Categorical | pl.Enum) else pl.col(name)
        )
        if dtype == pl.String:
            source = pl.when(source.str.len_bytes() > 0).then(source)
        value, expected = _READERS[column.kind](_Given(source, dtype, column, table.is_tape, scaled))
        present = source.is_not_null()
        missing = ~present if column.required and column.kind != "tristate" else pl.lit(False)
        return cls(column, value, (missing | (present & value.is_null())).alias(f"bad:{name}"), expected)


def _null_type(column: Column) -> pl.DataType:
    return {
        "ts": pl.Int64(), "date": pl.Date(), "text": pl.String(), "price": pl.Int64(), "decimal": pl.Int64(),
        "double": pl.Float64(), "int": pl.Int64(), "bool": pl.Boolean(), "tristate": pl.Boolean(),
    }[column.kind]  # fmt: skip


def _cannot(given: _Given, expected: str) -> UnreadableFile:
    return UnreadableFile(f"`{given.column.name}`, was a column of type {given.dtype}: expected {expected}")


def _read_ts(given: "_Given") -> tuple[pl.Expr, str]:
    expected = "a time in ISO-8601 with offset or Z, to nanoseconds"
    if given.dtype == pl.String:
        parsed = given.source.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)
        return parsed.dt.epoch("ns"), expected
    if isinstance(given.dtype, pl.Datetime) and given.dtype.time_zone is not None:
        return given.source.dt.convert_time_zone("UTC").dt.cast_time_unit("ns").dt.epoch("ns"), expected
    if given.scaled and given.dtype == pl.Int64:
        return given.source, expected
    raise _cannot(given, expected)


def _read_date(given: "_Given") -> tuple[pl.Expr, str]:
    expected = "a date YYYY-MM-DD"
    if given.dtype == pl.String:
        shaped = given.source.str.contains(r"^\d{4}-\d{2}-\d{2}$")
        return pl.when(shaped).then(given.source).str.to_date("%Y-%m-%d", strict=False), expected
    if given.dtype == pl.Date:
        return given.source, expected
    if isinstance(given.dtype, pl.Datetime):
        midnight = given.source.dt.truncate("1d") == given.source
        return pl.when(midnight).then(given.source.dt.date()), expected
    raise _cannot(given, expected)


def _read_decimal(given: "_Given") -> tuple[pl.Expr, str]:
    """Int64 micros. A print's price with more than six places is refused; a filing's average is rounded half-even."""
    zero = given.column.kind == "decimal" and given.column.zero_allowed
    expected = f"a decimal {'of zero or more' if zero else 'above zero'} with at most six places"
    if given.dtype == pl.String:
        shaped = given.source.str.contains(_DECIMAL if given.exact else _LONG_DECIMAL)
        wide = pl.when(shaped).then(given.source).cast(pl.Decimal(38, 18), strict=False)
        micros = wide.round(6, mode="half_to_even").cast(pl.Decimal(18, 6), strict=False).to_physical().cast(pl.Int64)
    elif given.dtype.is_float():
        # a double holds six places exactly enough up to ten million: what is further off than a thousandth of a
        # micro-dollar carries more places than six
        product = given.source * MICRO
        exact = (product - product.round()).abs() <= 1e-3
        usable = given.source.is_finite() & (given.source.abs() < 1e12) & (exact if given.exact else pl.lit(True))
        micros = pl.when(usable).then(product.round(mode="half_to_even")).cast(pl.Int64, strict=False)
    elif given.dtype.is_integer():
        micros = given.source.cast(pl.Int64) if given.scaled else given.source.cast(pl.Int64) * MICRO
    elif isinstance(given.dtype, pl.Decimal):
        six = given.source.round(6, mode="half_to_even")
        usable = (six == given.source) if given.exact else pl.lit(True)
        micros = pl.when(usable).then(six.cast(pl.Decimal(18, 6), strict=False)).to_physical().cast(pl.Int64)
    else:
        raise _cannot(given, expected)
    return pl.when(micros >= 0 if zero else micros > 0).then(micros), expected


def _read_double(given: "_Given") -> tuple[pl.Expr, str]:
    least = "" if given.column.signed else " of zero or more" if given.column.zero_allowed else " above zero"
    if given.dtype == pl.String:
        value = pl.when(given.source.str.contains(_DOUBLE)).then(given.source).cast(pl.Float64, strict=False)
    elif given.dtype.is_numeric():
        value = given.source.cast(pl.Float64)
    else:
        raise _cannot(given, "numbers")
    allowed = value.is_finite()
    if not given.column.signed:
        allowed &= value >= 0 if given.column.zero_allowed else value > 0
    return pl.when(allowed).then(value), f"a finite number{least}"


def _read_int(given: "_Given") -> tuple[pl.Expr, str]:
    expected = f"a whole number {'of zero or more' if given.column.zero_allowed else 'above zero'}"
    if given.dtype == pl.String:
        shaped = given.source.str.contains(r"^\d{1,18}(\.0+)?$")
        value = pl.when(shaped).then(given.source).str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    elif given.dtype.is_float():
        value = (
            pl.when((given.source == given.source.round()) & (given.source.abs() < 2**53))
            .then(given.source)
            .cast(pl.Int64, strict=False)
        )
    elif given.dtype.is_integer():
        value = given.source.cast(pl.Int64, strict=False)
    else:
        raise _cannot(given, expected)
    return pl.when(value >= 0 if given.column.zero_allowed else value > 0).then(value), expected


def _read_bool(given: "_Given") -> tuple[pl.Expr, str]:
    expected = "true or false"
    if given.dtype == pl.Boolean:
        return given.source, expected
    if given.dtype == pl.String:
        lowered = given.source.str.to_lowercase()
        return pl.when(lowered.is_in(_TRUE)).then(True).when(lowered.is_in(_FALSE)).then(False), expected
    raise _cannot(given, expected)


def _read_text(given: "_Given") -> tuple[pl.Expr, str]:
    if given.dtype != pl.String:
        if not given.dtype.is_integer():
            raise _cannot(given, "text")
        given = replace(given, source=given.source.cast(pl.String))
    if given.column.choices:
        return pl.when(given.source.is_in(given.column.choices)).then(
            given.source
        ), f"one of {', '.join(given.column.choices)}"
    if given.column.name in _SYMBOLS:
        usable = (given.source.str.len_chars() <= SYMBOL_LENGTH) & ~given.source.str.contains(
            r"[\x00-\x1f\x7f-\x9f\u{fffd}]"
        )
        return pl.when(usable).then(given.source), f"at most {SYMBOL_LENGTH} characters of valid UTF-8, none a control"
    return given.source, "text"


_Reader = Callable[["_Given"], tuple[pl.Expr, str]]
_READERS: dict[str, _Reader] = {
    "ts": _read_ts, "date": _read_date, "price": _read_decimal, "decimal": _read_decimal, "double": _read_double,
    "int": _read_int, "bool": _read_bool, "tristate": _read_bool, "text": _read_text,
}  # fmt: skip


def _raw(columns: list[str]) -> pl.Expr:
    """The row as it came, its fields joined by commas, cut at 2,000 characters."""
    fields = [pl.col(name).cast(pl.String).fill_null("") for name in columns if name not in ("record", "assumed")]
    return pl.concat_str(fields, separator=",").str.slice(0, 2000)


def _reasons(frame: pl.DataFrame, typed: pl.DataFrame, rules: list[_Rule]) -> pl.DataFrame:
    """Record, reason and raw text of rows with a bad column; the first bad column is named."""
    reason: pl.Expr = pl.lit(None, dtype=pl.String)
    wide = pl.concat([frame, typed.select(pl.col("^bad:.*$"))], how="horizontal")
    for rule in reversed(rules):
        name = rule.column.name
        if name not in frame.columns:
            continue
        shown = pl.col(name).cast(pl.String).str.slice(0, 60).fill_null("")
        said = pl.concat_str([pl.lit(f"`{name}`, was '"), shown, pl.lit(f"': expected {rule.expected}")])
        reason = pl.when(pl.col(f"bad:{name}")).then(said).otherwise(reason)
    return wide.select(pl.col("record").cast(pl.Int64), reason=reason, raw=_raw(frame.columns))


def _local_ns(day: str, clock: int, exchange: str) -> pl.Expr:
    """Nanoseconds UTC of a clock time on a local date."""
    local = pl.col(day).cast(pl.Datetime("ns")) + pl.duration(nanoseconds=clock)
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


def _row_faults(table: Table) -> list[tuple[str, pl.Expr]]:
    """What can be wrong with a row whose every column is well formed."""
    faults: list[tuple[str, pl.Expr]] = []
    if table.known == "filed":
        faults.append(
            ("neither `known_at` nor `filing_date`: when it became public is unknown", pl.col("known_at").is_null())
        )
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


def _tape_row(good: pl.DataFrame) -> pl.DataFrame:
    """The columns that rest: absent quotes as ABSENT, codes for class and aggressor, flags from the conditions."""
    columns = [pl.col("sequence").fill_null(pl.col("record"))]
    quoted = ("bid", "ask", "bid_size", "ask_size", "underlying_price")
    columns += [pl.col(name).fill_null(ABSENT) for name in quoted if name in good.columns]
    if "exchange" in good.columns:
        columns.append(pl.col("exchange").fill_null(""))
    if "conditions" in good.columns:
        columns.append(pl.col("conditions").fill_null(""))
    if "multiplier" in good.columns:
        columns.append(pl.col("multiplier").fill_null(100).cast(pl.Int32))
    if "asset_class" in good.columns:
        codes = {name: code for code, name in enumerate(ASSET_CLASSES)}
        columns.append(pl.col("asset_class").replace_strict(codes, default=0, return_dtype=pl.Int8))
    if "aggressor" in good.columns:
        signs = {"B": 1, "S": -1}
        columns.append(pl.col("aggressor").replace_strict(signs, default=0, return_dtype=pl.Int8))
    good = good.with_columns(columns)
    if "conditions" not in good.columns:
        return good
    texts = good["conditions"].unique()
    flags = pl.DataFrame(
        {"conditions": texts, "flags": [flags_of(text)[0] for text in texts]}, schema_overrides={"flags": pl.Int32}
    )
    cancelled = pl.col("cancelled").fill_null(False).cast(pl.Int32) * int(PrintFlag.CANCELLED)
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
