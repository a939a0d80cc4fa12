"""Feeds of delimited files with a header: a layout says which columns make a file its own, and what each one becomes.

Values stay text, so that `check` sees what stood in the file; only units are changed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of, magic

_BLANKS = ("", "nan", "NaN", "None", "null", "NaT", "-", "--")
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"

Rows = Callable[[pl.DataFrame, str], pl.DataFrame]
"""A file's whole frame (text columns, `record`) and what its name says, to rows under canonical names."""


@dataclass(frozen=True)
class Layout:
    """One kind of file.

    Attributes
    ----------
    needs : columns that the header must have
    lacks : columns that it must not have: they make it another kind
    fills : canonical table → how its rows come from the file's; a file of two tables fills both
    named : pattern of the file's name whose first group says what no column does (an index, a day, a concept)
    asks : what the name should be like, for the error when it is not
    ignored : what of the file is passed over, for the record
    assumed : canonical columns that are assumed when the name does not match `sure`
    """

    needs: tuple[str, ...]
    fills: Mapping[str, Rows]
    lacks: tuple[str, ...] = ()
    named: str | None = None
    asks: str = ""
    ignored: tuple[str, ...] = ()
    sure: str | None = None
    assumed: str | None = None

    def fits(self, header: tuple[str, ...]) -> bool:
        """Whether a header is of this kind."""
        return set(self.needs) <= set(header) and not set(self.lacks) & set(header)

    def word(self, path: Path) -> str:
        """What the file's name says; "" where nothing is asked of it."""
        if self.named is None:
            return ""
        if (found := re.search(self.named, path.name)) is None:
            raise UnreadableFile(f"'{path.name}': expected a file name like {self.asks}: no column says it")
        return found[1]


class LayoutFeed(Feed):
    """A source whose files are told apart by their headers."""

    layouts: ClassVar[tuple[Layout, ...]]

    def _layout(self, path: Path) -> Layout | None:
        if magic(path) not in ("text", "gz", "zst") or (header := header_of(path)) is None:
            return None
        return next((layout for layout in self.layouts if layout.fits(header)), None)

    def claim(self, path: Path) -> Claim | None:
        """By header; the name is asked only for what no column says."""
        if (layout := self._layout(path)) is None:
            return None
        try:
            layout.word(path)
        except UnreadableFile as error:
            raise UnreadableFile(f"{error}. Or {lacked}" if (lacked := self.lacking(path)) else str(error)) from None
        assumed = layout.assumed if layout.sure and not re.search(layout.sure, path.name) else None
        first, *others = layout.fills
        return Claim(first, dated_name(path), assumed, layout.ignored, also=tuple(others))

    def headers(self, path: Path) -> list[tuple[str, ...]]:
        """What each layout needs; two columns are anybody's unless the file's name says whose."""
        header = set(header_of(path) or ())
        return [
            layout.needs
            for layout in self.layouts
            if not set(layout.lacks) & header
            and (len(layout.needs) > 2 or re.search(layout.named or "$^", path.name) is not None)
        ]

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The whole file at once: these hold thousands of rows, and a stub is told by the row before it."""
        layout, header = self._layout(path), header_of(path)
        if layout is None or header is None:
            raise UnreadableFile(f"'{path.name}': expected one of the layouts of {self.name}, found another header")
        names = [name or f"unnamed_{i}" for i, name in enumerate(header)]
        text = desk.read_text(path, ",", names)
        batches = list(text.batches())
        desk.refused.append(text.misfits())
        if batches:
            raw = pl.concat(batches).with_columns(_bare(name) for name in names)
            try:
                first, *others = (rows(raw, layout.word(path)) for rows in layout.fills.values())
            except UnreadableFile as error:
                raise UnreadableFile(f"'{path.name}': {error}") from None
            for more in others:  # another table's columns of the same rows
                own = [name for name in more.columns if name == "record" or name not in first.columns]
                first = first.join(more.select(own), on="record", how="left", maintain_order="left")
            yield first


def _bare(name: str) -> pl.Expr:
    """Text without blanks around it; the ways of writing "nothing" become null."""
    bare = pl.col(name).str.strip_chars()
    return pl.when(~bare.is_in(_BLANKS)).then(bare).alias(name)


def times(name: str, factor: float) -> pl.Expr:
    """A text number in another unit, as text; what is no number stays as it stands, for `check` to refuse.

    >>> pl.DataFrame({"x": ["8198.35", "?"]}).select(times("x", 1e8))["x"].to_list()
    ['819835000000.0', '?']
    """
    text = pl.col(name)
    number = pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False) * factor
    return pl.coalesce(number.cast(pl.String), text).alias(name)


def day(name: str) -> pl.Expr:
    """A date as YYYY-MM-DD from that, from YYYYMMDD or from a time at midnight; other text stays as it stands.

    >>> pl.DataFrame({"d": ["20240913", "2024-09-13 00:00:00", "?"]}).select(day("d"))["d"].to_list()
    ['2024-09-13', '2024-09-13', '?']
    """
    return (
        pl.col(name)
        .str.replace(r"^(\d{4})(\d{2})(\d{2})$", "${1}-${2}-${3}")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00(\.0+)?$", "${1}")
    )


def stubs(close: str, *blank: str) -> pl.Expr:
    """Why a row is a stub: no price of its own, and the close of the row before; null for other rows."""
    empty = pl.all_horizontal(pl.col(name).is_null() for name in blank)
    same = pl.col(close) == pl.col(close).shift(1)
    return pl.when(empty & same).then(pl.lit("a forward-filled stub: no trade, and the close of the row before"))


def repeats(date: str, *others: str) -> pl.Expr:
    """Why a file's first row is refused: it says under another date what the second row says; null for other rows."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in others)
    first = pl.int_range(pl.len()) == 0
    said = pl.concat_str(pl.lit("repeats the numbers of "), pl.col(date).shift(-1), pl.lit(" under another date"))
    return pl.when(first & same & (pl.col(date) != pl.col(date).shift(-1))).then(said)
