"""Small A-share histories by hand: rows as text through the same check as a file's, and the readings made of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import polars as pl

from feeds.calendar import exchange_sessions
from feeds.check import check
from feeds.schema import TABLES, Part, Sessions
from indicators.engine.indicator import Indicator, Reading
from indicators.engine.run import compute


@lru_cache(maxsize=1)
def calendar() -> Sessions:
    return exchange_sessions("XSHG", date(2014, 1, 1), date(2026, 12, 31))


def sessions(start: date, end: date) -> Sessions:
    return calendar().window(start, end)


def days(start: date, end: date) -> list[date]:
    return list(sessions(start, end).dates)


def part(tables: Mapping[str, Sequence[Mapping[str, Any]]], upto: Sessions) -> Part:
    frames = {}
    for name, rows in tables.items():
        kinds = {"text": pl.String, "date": pl.Date, "double": pl.Float64}
        schema = {column.name: kinds[column.kind] for column in TABLES[name].columns}
        frame = pl.DataFrame([{key: row.get(key) for key in schema} for row in rows], schema=schema, orient="row")
        numbered = frame.with_columns(record=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
        parted = check(numbered, TABLES[name], calendar())
        assert parted.rejects.rows() == []
        good = parted.good.filter(pl.col("session") <= upto.dates[-1])
        frames[name] = good.with_columns(file=pl.lit(1, pl.Int32), assumed=pl.lit(None, pl.String)).sort(
            "session", *TABLES[name].key
        )
    return Part(None, frames, upto)


def readings(
    indicator: Indicator,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    start: date,
    end: date,
    as_of: datetime | None = None,
    key: str | None = None,
) -> dict[date, Reading]:
    upto = sessions(start, end)
    found = indicator.value(compute(indicator, [part(tables, upto)]), upto, as_of, key)
    return {reading.session: reading for reading in found}
