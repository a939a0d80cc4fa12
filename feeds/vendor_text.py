"""What vendors' text files have in common: wall clocks of New York, codes put into words, cells that stay as they came.

A cell that cannot be read is left as its own text, so that the reject says what stood there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from feeds.calendar import ZONES
from feeds.errors import UnreadableFile
from feeds.feed import open_text
from seeds.conditions import words_of
from seeds.option_venues import opra_letters
from seeds.underlyings import asset_classes

CODE_LENGTH = 40
"""Characters kept of a code that no list knows."""

SLICE_ROWS = 1 << 15
"""Rows put into canonical columns at once, so that what is made on the way stays small."""

_BLOCK = 1 << 23
_LONGEST = 1 << 24
"""Bytes of one line beyond which a file is not what it was taken for."""

_ISO = "%Y-%m-%dT%H:%M:%S%.9f%:z"


def new_york(day: pl.Expr, clock: pl.Expr) -> pl.Expr:
    """A time as ISO text with its offset, null where the wall clock of New York shows no such time.

    Parameters
    ----------
    day : Date
    clock : Int64, nanoseconds since midnight; the earlier of two times that show the same
    """
    wall = day.cast(pl.Datetime("ns"), strict=False) + pl.duration(nanoseconds=clock)
    zoned = wall.dt.replace_time_zone(ZONES["XNYS"], ambiguous="earliest", non_existent="null")
    return zoned.dt.convert_time_zone("UTC").dt.to_string(_ISO)


def clock_digits(text: pl.Expr) -> pl.Expr:
    """HHMMSS and up to nine digits of a second as nanoseconds since midnight (Int64); null where it is no time."""
    hour, minute, second = (text.str.slice(at, 2).cast(pl.Int64, strict=False) for at in (0, 2, 4))
    part = text.str.slice(6).str.pad_end(9, "0").cast(pl.Int64, strict=False)
    shaped = text.str.contains(r"^\d{6,15}$") & (hour < 24) & (minute < 60) & (second < 60)
    return pl.when(shaped).then(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + part)


def in_words(codes: pl.Series, say: Callable[[str], str]) -> pl.Series:
    """Each code put into words, null where there is nothing to say; a tape holds few distinct codes."""
    distinct = codes.unique().drop_nulls().to_list()
    return codes.replace_strict({code: say(code) or None for code in distinct}, default=None, return_dtype=pl.String)


def said_of(code: str, source: str, codes: str) -> str:
    """One code in the store's words; a code that the list lacks stays as `source:code`, so that it is counted.

    >>> said_of("F", "taq", "taq"), said_of("!", "taq", "taq")
    ('sweep', 'taq:!')
    """
    words = words_of(codes).get(code)
    return f"{source}:{code[:CODE_LENGTH].replace(';', ',')}" if words is None else words


def together(*words: str) -> str:
    """Words of several codes, each once, in order.

    >>> together("sweep", "", "late;sweep")
    'sweep;late'
    """
    return ";".join(dict.fromkeys(word for text in words for word in text.split(";") if word))


def asset_class(roots: pl.Series) -> pl.Series:
    """The published kind of each option root, null where none is."""
    return roots.replace_strict(asset_classes(), default=None, return_dtype=pl.String)


def venue(numbers: pl.Series, source: str) -> pl.Series:
    """The OPRA letter of each exchange number of a source ("cboe", "thetadata"); an unknown number stays."""
    return numbers.replace(opra_letters(source))


def quote(bid: str, ask: str) -> dict[str, pl.Expr]:
    """`bid` and `ask` as they stand, both null where both are nought: there is no quote."""
    none = pl.all_horizontal(pl.col(side).cast(pl.Float64, strict=False) == 0.0 for side in (bid, ask)).fill_null(False)
    return {"bid": pl.when(~none).then(bid), "ask": pl.when(~none).then(ask)}


def six_places(name: str) -> pl.Expr:
    """A number's text rounded to six places, for what is no price; other text stays."""
    rounded = pl.col(name).cast(pl.Float64, strict=False).round(6)
    usable = rounded.is_finite() & (rounded.abs() < 1e9)
    return pl.coalesce(pl.when(usable).then(rounded.cast(pl.Decimal(18, 6)).cast(pl.String)), pl.col(name))


def blocks_of_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line and the lines of each block of a file; bytes that are no UTF-8 become U+FFFD."""
    number, rest = 1, b""
    try:
        with open_text(path) as stream:
            while block := stream.read(_BLOCK):
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    lines = whole.decode("utf-8", "replace").split("\n")
                    yield number, lines
                    number += len(lines)
                elif len(rest) > _LONGEST:
                    raise UnreadableFile(f"'{path.name}': expected lines, found one of more than {_LONGEST:,} bytes")
    except (OSError, EOFError, pa.ArrowException) as error:
        raise UnreadableFile(f"'{path.name}': expected delimited text, found: {error}") from None
    if rest:
        yield number, [rest.decode("utf-8", "replace")]
