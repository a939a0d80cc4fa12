"""Any CSV or Parquet with a small mapping file, so that nobody is locked out.

table = "insider_trades"                       # unless --table says it

[columns]                                      # canonical name = the file's own
symbol = "ticker"
code = "transaction_type"

[constants]                                    # the same for every row, and known to be
form = "4"

[assume]                                       # what the file does not say: flagged on every reading built on it
line = 1                                       # a constant
accession = "row"                              # the row's number
acquired_disposed = { P = "A", S = "D" }       # by the row's `code`
known_at = "transaction_date + 2 business days"  # 22:00 New York of that day
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feeds.calendar import ZONES
from feeds.canonical import columns_of, raw_frames
from feeds.errors import BadValue, UnknownName, UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, unknown_to
from feeds.schema import TABLES, Sessions

_LATER = re.compile(r"^(\w+) \+ (\d{1,2}) business days?$")


class Mapping(BaseModel):
    """A mapping file's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict)
    assume: dict[str, str | int | float | bool | dict[str, str]] = Field(default_factory=dict)


def read_mapping(path: Path) -> Mapping:
    """A mapping file; BadValue names what is wrong with it."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadValue("--mapping", path, "no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadValue("--mapping", path, f"not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadValue("--mapping", path, f"`{where}`: {first['msg']}") from None


@dataclass(frozen=True)
class Mapped(Feed):
    """Files read through a mapping, whose file is `called` so.

    The same file through another mapping is another file; through the same one, changed since, it is read anew and its
    rows replace the earlier ones.
    """

    mapping: Mapping
    table: str
    called: str
    name = "mapped"
    fills = tuple(TABLES)
    about = "any CSV or Parquet through --mapping"

    @classmethod
    def of(cls, path: Path, table: str | None) -> "Mapped":
        """The feed of a mapping file; `table` overrides the file's own."""
        mapping = read_mapping(path)
        chosen = table or mapping.table
        if chosen is None:
            raise BadValue("--mapping", path, "it names no `table`; add one, or give --table")
        if chosen not in TABLES:
            raise UnknownName("table", chosen, TABLES)
        named = [*mapping.columns, *mapping.constants, *mapping.assume]
        if stray := unknown_to(named, TABLES[chosen].names):
            raise UnknownName("column", stray[0], TABLES[chosen].names)
        return cls(mapping, chosen, path.name)

    @property
    def assumed(self) -> str | None:
        """The assumed columns, as they are flagged."""
        return ", ".join(sorted(self.mapping.assume)) or None

    def claim(self, path: Path) -> Claim | None:
        """Every file that has the columns which the mapping names; else an error that names those missing."""
        found = columns_of(path)
        if found is None:
            raise UnreadableFile(f"'{path.name}': expected a header line of text, found none")
        wanted = self._sources(found)
        if missing := unknown_to(tuple(wanted.values()), found):
            raise UnreadableFile(
                f"'{path.name}': expected the columns that the mapping names, missing {', '.join(missing)};"
                f" found {', '.join(found)[:200]}"
            )
        filled = {*wanted, *self.mapping.constants, *self.mapping.assume}
        if lacking := [name for name in TABLES[self.table].required if name not in filled]:
            raise UnreadableFile(
                f"'{path.name}': the mapping leaves {', '.join(lacking)} of {self.table} without a source"
            )
        said = self.mapping.model_dump_json()
        return Claim(self.table, f"{self.called}/{dated_name(path)}", self.assumed, learned=said)

    def _sources(self, found: tuple[str, ...]) -> dict[str, str]:
        """Canonical column → the file's own, by the mapping; a column of the canonical name maps to itself."""
        spoken_for = {*self.mapping.columns, *self.mapping.constants, *self.mapping.assume}
        same = {name: name for name in TABLES[self.table].names if name in found and name not in spoken_for}
        return {**same, **self.mapping.columns}

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Rows under canonical names, constants and assumptions filled in."""
        sources = self._sources(columns_of(path) or ())
        for raw in raw_frames(path, desk):
            frame = raw.select("record", *(pl.col(source).alias(name) for name, source in sources.items()))
            frame = frame.with_columns(pl.lit(value).alias(name) for name, value in self.mapping.constants.items())
            for name, rule in self.mapping.assume.items():
                frame = frame.with_columns(_assumed(name, rule, frame, dated_name(path), desk.sessions))
            yield _as_kinds(frame, self.table)


def _assumed(name: str, rule: Any, frame: pl.DataFrame, file: str, sessions: Sessions) -> pl.Series:
    """One assumed column of a batch."""
    if isinstance(rule, dict):
        if "code" not in frame.columns:
            raise BadValue("--mapping", name, "a table of values looks up `code`; map that column first")
        return frame["code"].cast(pl.String).replace_strict(rule, default=None, return_dtype=pl.String).alias(name)
    if rule == "row":
        return frame.select((pl.lit(f"{file}#") + pl.col("record").cast(pl.String)).alias(name))[name]
    if isinstance(rule, str) and (later := _LATER.match(rule)):
        column, days = later.group(1), int(later.group(2))
        if column not in frame.columns:
            raise BadValue("--mapping", rule, f"`{column}` is not among the mapped columns")
        return _business_days_later(frame[column], days, sessions).alias(name)
    return pl.Series(name, [rule]).new_from_index(0, frame.height)


def _business_days_later(days: pl.Series, n: int, sessions: Sessions) -> pl.Series:
    """22:00 New York, n sessions after each date (a date that is no session counts from the next one)."""
    if days.dtype == pl.String:
        days = days.str.to_date("%Y-%m-%d", strict=False)
    at = np.searchsorted(sessions.days, days.fill_null(date.max).to_numpy().astype("datetime64[D]"), side="left") + n
    gathered = pl.Series([*sessions.dates, None], dtype=pl.Date).gather(np.minimum(at, len(sessions)))
    return gathered.cast(pl.Datetime("ns")).dt.offset_by("22h").dt.replace_time_zone(ZONES["XNYS"])


def _as_kinds(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Constants of TOML (whole numbers, floats) as text where the table wants text."""
    text = [c.name for c in TABLES[table].columns if c.kind == "text" and c.name in frame.columns]
    return frame.with_columns(pl.col(name).cast(pl.String) for name in text)
