"""How a cell is read: text or typed values of one column in, exact typed values out, and which of them are bad.

Casts in databases and frames round and guess silently ('1.0055555' → 1.005556, '12.7' → 13, '0x10' accepted), so text
is matched against a pattern first and cast afterwards. Long columns of text go a quicker way to the same answers: the
rule is asked once for each distinct text, and whole numbers and times are cast at once, the rule being asked only of
those whose form the cast might have taken too kindly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl

from feeds.errors import UnreadableFile
from feeds.schema import DELTA_MICROS, MICRO, Column

SYMBOL_LENGTH = 64

QUICK_ROWS = 1024
"""Rows from which on the quicker way pays."""

_SYMBOLS = frozenset({"symbol", "underlying", "index", "group", "scheme", "exchange"})
_DECIMAL = r"^(\d{1,12}(\.\d{0,6}0*)?|\.\d{1,6}0*)$"
_LONG_DECIMAL = r"^(\d{1,12}(\.\d{0,18})?|\.\d{1,18})$"
_DELTA = r"^[+-]?(\d(\.\d{0,6}0*)?|\.\d{1,6}0*)$"
_DOUBLE = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_DOLLARS = 10**12
"""More whole dollars or shares than a cell may say, as in the patterns: their micros stay far within an int64."""

_YEARS = (1678, 2261)
_TRUE = ("true", "1")
_FALSE = ("false", "0")


@dataclass(frozen=True)
class Cells:
    """A column as it was read.

    Attributes
    ----------
    value : typed values, null where the cell is absent or bad
    bad : which cells are; None where none is
    expected : what is said of a bad one
    """

    column: Column
    value: pl.Series
    bad: pl.Series | None = None
    expected: str = ""


@dataclass(frozen=True)
class _Given:
    """A column as it came: an expression for it, its type, and how exactly it must be read."""

    source: pl.Expr
    dtype: pl.DataType
    column: Column
    exact: bool
    scaled: bool


def read_cells(column: Column, given: pl.Series | None, height: int, exact: bool, scaled: bool) -> Cells:
    """Read a column.

    Parameters
    ----------
    given : text or typed values; None where the file has no such column
    exact : a price or decimal with more than six places is refused, not rounded
    scaled : integers in price and decimal columns are micro-dollars and micro-shares already

    Raises
    ------
    UnreadableFile : the type cannot be what the column needs (a time without a zone, say)
    """
    if given is None:
        return Cells(column, pl.Series(column.name, [None], dtype=_null_type(column)).new_from_index(0, height))
    if given.dtype == pl.Null:  # how Parquet keeps a column in which nobody wrote anything
        given = given.cast(pl.String)
    if isinstance(given.dtype, pl.Categorical | pl.Enum):
        if (distinct := _categories(given)) is not None:
            return _once_each(column, given, distinct, exact, scaled)
        given = given.cast(pl.String)
    if given.dtype != pl.String or given.len() < QUICK_ROWS:
        return _by_rule(column, given, exact, scaled)
    if column.kind == "int":
        return _cast_first(column, given, exact, scaled, *_whole_at_once(column, given))
    if column.kind == "ts":
        return _cast_first(column, given, exact, scaled, *_time_at_once(given))
    return _once_each(column, given, _distinct(given), exact, scaled)


def _by_rule(column: Column, given: pl.Series, exact: bool, scaled: bool) -> Cells:
    """The rule itself, asked of every cell: what the quicker ways must agree with."""
    value, bad, expected = _rule(column, given.dtype, exact, scaled)
    found = given.alias(column.name).to_frame().select(value=value, bad=bad)
    wrong = found["bad"]
    return Cells(column, found["value"].alias(column.name), wrong if wrong.any() else None, expected)


@lru_cache(maxsize=512)
def _rule(column: Column, dtype: pl.DataType, exact: bool, scaled: bool) -> tuple[pl.Expr, pl.Expr, str]:
    """A column's value, whether a cell is bad, and what is said of it: written down once, not for each batch."""
    source = pl.col(column.name)
    if dtype == pl.String:
        source = pl.when(source.str.len_bytes() > 0).then(source)
    value, expected = _READERS[column.kind](_Given(source, dtype, column, exact, scaled))
    present = source.is_not_null()
    missing = ~present if must_be(column) else pl.lit(False)
    return value, missing | (present & value.is_null()), expected


def must_be(column: Column) -> bool:
    """Whether an empty cell is bad."""
    return column.required and column.kind != "tristate"


_Distinct = tuple[pl.Series, pl.Series]
"""The distinct texts of a column, and for each row the position of its own among them: null where the cell is empty."""


def _distinct(given: pl.Series) -> _Distinct:
    coded = given.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    return pl.Series(given.name, coded.dictionary), pl.Series(coded.indices)


def _categories(given: pl.Series) -> _Distinct | None:
    """Those of a column of categories; None where they reach beyond the rows, being other rows' too."""
    if not isinstance(given.dtype, pl.Categorical) or given.len() < QUICK_ROWS:
        return None
    codes = given.to_physical()
    last = codes.max()
    if not isinstance(last, int) or last >= given.len():
        return None
    every = pl.Series(given.name, np.arange(last + 1), dtype=codes.dtype)
    return every.cat.to(given.dtype).cast(pl.String), codes


def _once_each(column: Column, given: pl.Series, distinct: _Distinct, exact: bool, scaled: bool) -> Cells:
    """The rule asked once for each distinct text."""
    texts, codes = distinct
    each = _by_rule(column, texts, exact, scaled)
    kept = given.dtype == pl.String and each.value.dtype == pl.String
    kept = kept and each.bad is None and each.value.null_count() == 0
    bad = None if each.bad is None else each.bad.gather(codes)
    if given.null_count() and must_be(column):
        bad = given.is_null() if bad is None else bad.fill_null(True)
    elif bad is not None:
        bad = bad.fill_null(False)
    value = given if kept else each.value.gather(codes)
    return Cells(column, value.alias(column.name), bad if bad is not None and bad.any() else None, each.expected)


def _cast_first(
    column: Column, given: pl.Series, exact: bool, scaled: bool, value: pl.Series, sure: pl.Series
) -> Cells:
    """Values of a cast where `sure`; the rule's elsewhere."""
    doubtful = (~sure.fill_null(False)).arg_true()
    if not doubtful.len():
        return Cells(column, value.alias(column.name))
    asked = _by_rule(column, given.gather(doubtful), exact, scaled)
    value = value.scatter(doubtful, asked.value)
    bad = None
    if asked.bad is not None:
        bad = pl.Series([False]).new_from_index(0, given.len()).scatter(doubtful, asked.bad)
    return Cells(column, value.alias(column.name), bad, asked.expected)


def _whole_at_once(column: Column, given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Text of digits alone, at most 18 of them."""
    text, value = pl.col(given.name), pl.col(given.name).cast(pl.Int64, strict=False)
    plain = ~text.str.starts_with("+") & ~text.str.starts_with("-") & (text.str.len_bytes() <= 18)
    allowed = value >= 0 if column.zero_allowed else value > 0
    found = given.to_frame().select(value=value, sure=plain & allowed)
    return found["value"], found["sure"]


def _time_at_once(given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Times of this century like 2025-11-05T14:30:00.123456789Z, the fraction of one to nine digits or absent."""
    import pyarrow as pa

    written = pl.col(given.name)
    fits = written.str.starts_with("20") & written.str.ends_with("Z") & written.str.len_bytes().is_between(20, 30)
    shaped = given.to_frame().select(shaped=fits & (written.str.slice(10, 1) == "T"))["shaped"]
    text = given.to_arrow(compat_level=pl.CompatLevel.oldest())
    if not shaped.all():
        text = given.zip_with(shaped.fill_null(False), pl.Series([None], dtype=pl.String)).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
    try:
        stamps = text.cast(pa.timestamp("ns", tz="UTC"))
    except pa.ArrowInvalid:
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, given.len()), pl.Series([False]).new_from_index(
            0, given.len()
        )
    value = pl.Series(given.name, stamps.view(pa.int64()))
    return value, value.is_not_null()


def _null_type(column: Column) -> pl.DataType:
    return {
        "ts": pl.Int64(), "date": pl.Date(), "text": pl.String(), "price": pl.Int64(), "decimal": pl.Int64(),
        "delta": pl.Int64(), "double": pl.Float64(), "int": pl.Int64(), "bool": pl.Boolean(), "tristate": pl.Boolean(),
    }[column.kind]  # fmt: skip


def _cannot(given: _Given, expected: str) -> UnreadableFile:
    return UnreadableFile(f"`{given.column.name}`, was a column of type {given.dtype}: expected {expected}")


def _read_ts(given: "_Given") -> tuple[pl.Expr, str]:
    expected = "a time in ISO-8601 with offset or Z, to nanoseconds"
    if given.dtype == pl.String:
        parsed = given.source.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)
        return parsed.dt.epoch("ns"), expected
    if isinstance(given.dtype, pl.Datetime) and given.dtype.time_zone is not None:
        # what nanoseconds since 1970 hold: a cast of any other time is an error, not a null
        held = pl.when(given.source.dt.year().is_between(*_YEARS)).then(given.source)
        return held.dt.convert_time_zone("UTC").dt.cast_time_unit("ns").dt.epoch("ns"), expected
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
        usable = given.source.is_finite() & (given.source.abs() < _DOLLARS) & (exact if given.exact else pl.lit(True))
        micros = pl.when(usable).then(product.round(mode="half_to_even")).cast(pl.Int64, strict=False)
    elif given.dtype.is_integer():
        whole = given.source.cast(pl.Int64, strict=False)
        micros = whole if given.scaled else pl.when(whole < _DOLLARS).then(whole) * MICRO
    elif isinstance(given.dtype, pl.Decimal):
        six = given.source.round(6, mode="half_to_even")
        usable = (six == given.source) if given.exact else pl.lit(True)
        micros = pl.when(usable).then(six.cast(pl.Decimal(18, 6), strict=False)).to_physical().cast(pl.Int64)
    else:
        raise _cannot(given, expected)
    return pl.when(micros >= 0 if zero else micros > 0).then(micros), expected


def _read_delta(given: "_Given") -> tuple[pl.Expr, str]:
    """Int64 micros from −1 to 1; never rounded."""
    if given.dtype == pl.String:
        shaped = pl.when(given.source.str.contains(_DELTA)).then(given.source)
        micros = shaped.str.strip_prefix("+").cast(pl.Decimal(38, 18), strict=False)
        micros = micros.cast(pl.Decimal(18, 6), strict=False).to_physical().cast(pl.Int64)
    elif given.dtype.is_float():
        product = given.source * MICRO
        usable = given.source.is_finite() & ((product - product.round()).abs() <= 1e-3)
        micros = pl.when(usable).then(product.round()).cast(pl.Int64, strict=False)
    elif isinstance(given.dtype, pl.Decimal):
        six = given.source.round(6)
        micros = pl.when(six == given.source).then(six.cast(pl.Decimal(18, 6), strict=False)).to_physical()
        micros = micros.cast(pl.Int64)
    elif given.dtype.is_integer():
        whole = given.source.cast(pl.Int64, strict=False)
        micros = whole if given.scaled else pl.when(whole.is_between(-1, 1)).then(whole) * MICRO
    else:
        raise _cannot(given, "numbers")
    return pl.when(micros.is_between(-DELTA_MICROS, DELTA_MICROS)).then(
        micros
    ), "a number from -1 to 1 with at most six places"


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
    "int": _read_int, "bool": _read_bool, "tristate": _read_bool, "text": _read_text, "delta": _read_delta,
}  # fmt: skip
