"""What was computed and is kept: rows measured from tapes, readings as they were published, reports."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import polars as pl

from feeds.arrow import integers
from feeds.query import query


class Kept(ABC):
    """The part of a store that keeps what can be computed again; its queries stand in feeds/sql/kept."""

    _db: Any

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    def _kept(self, name: str, names: Mapping[str, str] | None = None, **values: object) -> list[Any]:
        rows: list[Any] = self._db.execute(query(f"kept/{name}", **(names or {})), values).fetchall()
        return rows

    def measured(self, indicator: str, recipe: str) -> dict[date, str]:
        """Sessions whose measured rows are held for an indicator's recipe, with the hash of what they rest on."""
        return dict(self._kept("measured", indicator=indicator, recipe=recipe))

    def measured_rows(self, indicator: str, recipe: str, days: Collection[date]) -> dict[str, pl.DataFrame]:
        """Held rows of some sessions, by frame: ascending by session, each one's as they were measured."""
        if not days:
            return {}
        found = {}
        for table, frame in self._measured_tables(indicator, recipe).items():
            relation = self._db.sql(query("kept/rows", table=table), params={"days": list(days)})
            rows = integers(relation.to_arrow_table())
            if not rows["held_for"].is_sorted():  # an earlier session was measured again, after later ones
                rows = rows.sort("held_for", maintain_order=True)
            found[frame] = rows.drop("held_for")
        return found

    def _measured_tables(self, indicator: str, recipe: str) -> dict[str, str]:
        prefix = _rows_table(indicator, recipe)
        return {str(name): str(name).removeprefix(prefix) for (name,) in self._kept("tables", prefix=prefix)}

    def keep_rows(
        self, indicator: str, recipe: str, fresh: Mapping[date, tuple[str, Mapping[str, pl.DataFrame]]]
    ) -> None:
        """Keep measured rows of sessions, (input hash, rows by frame) each, in place of what was held for them.

        Rows of the indicator's other recipes go: nobody will ask for them again.
        """
        with self._transaction():
            held = self._measured_tables(indicator, recipe)
            for (name,) in self._kept("tables", prefix=f"rows_{indicator}_"):
                if name not in held:
                    self._kept("drop_rows", {"table": name})
            self._kept("forget_recipes", indicator=indicator, recipe=recipe)
            for name in held:
                self._kept("forget_rows", {"table": name}, days=list(fresh))
            frames: dict[str, list[pl.DataFrame]] = {}
            for day, (_, rows) in fresh.items():
                for frame, part in rows.items():
                    frames.setdefault(frame, []).append(part.with_columns(held_for=pl.lit(day)))
            for frame, parts in frames.items():
                name = _rows_table(indicator, recipe) + frame
                self._db.register("fresh_rows", pl.concat(parts).to_arrow())
                self._kept("more_rows" if name in held else "first_rows", {"table": name})
                self._db.unregister("fresh_rows")
            self._kept("forget_measured", indicator=indicator, days=list(fresh))
            self._db.executemany(
                query("kept/keep_measured"),
                [[indicator, recipe, day, input_hash] for day, (input_hash, _) in fresh.items()],
            )

    def keep_readings(self, indicator: str, recipe: str, readings: pl.DataFrame) -> list[date]:
        """Keep readings as they were published; one that differs supersedes the old, which stays, marked.

        Parameters
        ----------
        readings : `session`, `reading` (JSON), `money` (where in it text is exact money, JSON), `ranked`, and
            `input_hash`, what the reading rests on; a session whose `reading` is null has none any longer

        Returns the sessions whose reading was superseded under the same recipe: their input was corrected.
        """
        with self._transaction():
            self._db.register("fresh_readings", readings.to_arrow())
            corrected = self._kept("corrected_readings", indicator=indicator, recipe=recipe)
            for step in ("supersede_readings", "renew_readings", "keep_readings"):
                self._kept(step, indicator=indicator, recipe=recipe)
            self._db.unregister("fresh_readings")
        return [day for (day,) in corrected]

    def kept_readings(self, indicator: str, recipe: str) -> pl.DataFrame:
        """The readings in force of an indicator's recipe by session, ascending, as `keep_readings` takes them."""
        asked = {"indicator": indicator, "recipe": recipe}
        return integers(self._db.sql(query("kept/readings"), params=asked).to_arrow_table())

    def superseded_readings(self, indicator: str) -> list[tuple[date, str]]:
        """Readings that were published once and hold no longer, oldest first."""
        return [(day, str(reading)) for day, reading in self._kept("superseded_readings", indicator=indicator)]

    def kept_report(self, key: str) -> str | None:
        """A report that was computed before from the same code and the same input."""
        found = self._kept("report", key=key)
        return str(found[0][0]) if found else None

    def keep_report(self, key: str, document: str) -> None:
        """Keep a report for the next time the same is asked."""
        with self._transaction():
            self._kept("forget_report", key=key)
            self._kept("keep_report", key=key, document=document)


def _rows_table(indicator: str, recipe: str) -> str:
    """The beginning of the names of an indicator's tables of measured rows."""
    return f"rows_{indicator}_{recipe[:16]}_"
