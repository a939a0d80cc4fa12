"""How readings are kept in a store, and which of the kept ones still hold: those whose whole past is as it was."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from feeds.schema import Sessions
from feeds.store import Store
from indicators.engine.gauge import GaugeReading, fuse
from indicators.engine.indicator import Indicator, Reading, Rows, days_of
from indicators.engine.recipe import code_hash, recipe_of, recipe_of_gauge
from indicators.engine.told import Told

KEPT = {"session": pl.Date, "reading": pl.String, "money": pl.String, "ranked": pl.Float64, "input_hash": pl.String}
"""A kept reading: its JSON as published, where in it exact money stands, the number ranked, what it rests on."""

Fresh = tuple[str, pl.DataFrame]
"""What was told anew: its recipe, and rows to keep; one with nothing but a session says that it has no reading now."""


@dataclass(frozen=True)
class Earlier:
    """What a store has kept of readings, as far as nothing that they rest on has changed.

    A reading rests on its session's part of each table and on all sessions before. Each session has a hash over that
    session's hash and the one before, so that one comparison answers for the whole past.
    """

    store: Store
    sessions: Sessions
    files: Mapping[str, Mapping[date, str]]

    @classmethod
    def of(cls, store: Store, tables: Iterable[str], sessions: Sessions) -> "Earlier":
        """What is kept for the sessions of a scope, of readings that rest on some of the tables."""
        return cls(store, sessions, store.partition_hashes(tables, sessions.dates[-1]))

    def readings(self, indicator: Indicator, rows: Rows) -> tuple[Told[Reading], int, Fresh]:
        """An indicator's readings.

        Returns
        -------
        readings, the position of the first session that was told anew, and what was, as a store keeps it
        """
        recipe, rests_on = recipe_of(indicator), self._rests_on([indicator])
        held, past = self._held(indicator.name, recipe, rests_on)
        # A null at the end may be told because of what came later: a session without a tape between two that have one.
        full = np.flatnonzero(held["ranked"].is_not_null().to_numpy())
        held = held.head(int(full[-1]) + 1 if len(full) else 0)
        anew = self._after(held)
        since = self.sessions.dates[anew] if anew < len(self.sessions) else None
        told = indicator.value(rows, self.sessions, since=since) if since else []
        readings = Told(held, read_again, told, [r.session for r in told], indicator.ranked(told))
        fresh = self._rows(told, readings, [*money_of(told)], rests_on)
        return readings, anew, (recipe, _with_gone(fresh, past))

    def gauge(
        self,
        market: str,
        indicators: Mapping[str, Indicator],
        parts: Mapping[str, Sequence[Reading]],
        told_from: Mapping[str, int],
    ) -> tuple[Told[GaugeReading], Fresh]:
        """A market's gauge, told anew at least from the first position at which a part was; and what was told."""
        weighed = [name for name in told_from if indicators[name].weighed]
        before = min((told_from[name] for name in weighed), default=len(self.sessions))
        sure = min((self._sure(indicators[name], parts[name]) for name in weighed), default=len(self.sessions))
        recipe, rests_on = recipe_of_gauge(indicators.values()), self._rests_on(indicators.values(), weighed)
        held, past = self._held(f"gauge_{market}", recipe, rests_on)
        held = held.filter(pl.col("session").is_in(self.sessions.dates[:before]))
        anew = self._after(held)
        told: list[GaugeReading] = []
        if anew < len(self.sessions):
            levels_held = held.filter(pl.col("ranked").is_not_null())
            zone = gauge_again(levels_held.row(-1, named=True)).zone if levels_held.height else None
            told = fuse(parts, indicators, self.sessions, since=self.sessions.dates[anew], before=zone)
        levels = np.array([np.nan if g.level is None else g.level for g in told], dtype=np.float64)
        gauge = Told(held, gauge_again, told, [g.session for g in told], levels)
        # Where a part may yet be told a null, an older reading of it stands in: kept as published, never read again.
        held_to = [*rests_on[:sure], *[None] * (len(rests_on) - sure)]
        return gauge, (recipe, _with_gone(self._rows(told, gauge, ["[]"] * len(told), held_to), past))

    def _sure(self, indicator: Indicator, readings: Sequence[Reading]) -> int:
        """The position up to which no later session tells another reading: the one after the last that is not null."""
        full = np.flatnonzero(~np.isnan(indicator.ranked(readings)))
        return self.sessions.position(days_of(readings)[int(full[-1])]) + 1 if len(full) else 0

    def _rests_on(self, indicators: Iterable[Indicator], parts: Iterable[str] = ()) -> list[str]:
        """By session, sha256 over the code, the calendar and the files of the indicators' tables up to it.

        `parts` names those that are told at all: a part whose tables are empty is missing for another reason than one
        whose rows all came later, of which the files up to a session say nothing.
        """
        names = sorted({need.table for indicator in indicators for need in indicator.inputs})
        held = [self.files.get(name, {}) for name in names]
        last = repr((code_hash(), sorted(parts)))
        found = []
        closes, after = self.sessions.closes.tolist(), [*self.sessions.dates[1:], self.sessions.following]
        for day, close, following in zip(self.sessions.dates, closes, after, strict=True):
            here = [(name, digest) for name, by_day in zip(names, held, strict=True) if (digest := by_day.get(day))]
            last = hashlib.sha256(repr((last, day, close, following, here)).encode()).hexdigest()
            found.append(last)
        return found

    def _held(self, name: str, recipe: str, rests_on: Sequence[str]) -> tuple[pl.DataFrame, list[date]]:
        """What is kept and holds, by session, ascending; and the sessions of what is kept and does not."""
        right = pl.DataFrame(
            {"session": self.sessions.dates, "now": rests_on}, schema={"session": pl.Date, "now": pl.String}
        )
        kept = self.store.kept_readings(name, recipe).join(right, on="session", maintain_order="left")
        same = (kept["input_hash"] == kept["now"]).fill_null(False)
        count = kept.height if same.all() else int(same.arg_min() or 0)
        return kept.head(count).drop("now"), kept.filter(~same)["session"].to_list()

    def _after(self, held: pl.DataFrame) -> int:
        """The position after the last held session."""
        return self.sessions.position(held["session"][-1]) + 1 if held.height else 0

    def _rows(
        self,
        fresh: Sequence[Reading] | Sequence[GaugeReading],
        every: Told[Any],
        money: Sequence[str],
        rests_on: Sequence[str | None],
    ) -> pl.DataFrame:
        """The fresh ones, which are the last of every one, as rows to keep."""
        ranked = every.ranked[len(every) - len(fresh) :]
        return pl.DataFrame(
            {
                "session": [reading.session for reading in fresh],
                "reading": [reading.model_dump_json() for reading in fresh],
                "money": money,
                "ranked": pl.Series(ranked, nan_to_null=True),
                "input_hash": [rests_on[self.sessions.position(reading.session)] for reading in fresh],
            },
            schema=KEPT,
        )


def _with_gone(fresh: pl.DataFrame, past: Sequence[date]) -> pl.DataFrame:
    """Rows to keep, and those of the sessions whose kept reading holds no longer and that have none now."""
    told = set(fresh["session"])
    gone = pl.DataFrame({"session": [day for day in past if day not in told]}, schema={"session": pl.Date})
    return pl.concat([fresh, gone], how="diagonal")


def money_of(readings: Iterable[Reading]) -> Iterator[str]:
    """Of each reading, as JSON, where among its components exact money stands, which JSON writes as text."""
    for reading in readings:
        yield json.dumps([*_decimals(reading.components, ())])


def _decimals(part: object, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(part, Decimal):
        yield path
    elif isinstance(part, dict | list):
        for name, inner in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _decimals(inner, (*path, name))


def read_again(row: Mapping[str, Any]) -> Reading:
    """A kept reading, equal to the one that was told."""
    reading = Reading.model_validate_json(row["reading"])
    for *path, name in json.loads(row["money"]):
        inner: Any = reading.components
        for step in path:
            inner = inner[step]
        inner[name] = Decimal(inner[name])
    return reading


def gauge_again(row: Mapping[str, Any]) -> GaugeReading:
    """A kept reading of the gauge."""
    return GaugeReading.model_validate_json(row["reading"])
