"""Single facts of the small tables, asked by key: no table is read whole for a handful of rows."""

from collections.abc import Collection
from typing import Any

import polars as pl

from feeds.arrow import integers
from feeds.query import query

_STRIKE = pl.lit("0.000001").cast(pl.Decimal(7, 6))


def _rested(asked: pl.DataFrame) -> pl.DataFrame:
    """Contracts asked for, each once, with strikes as they rest."""
    strike = (pl.col("strike").cast(pl.Decimal(38, 0)) * _STRIKE).cast(pl.Decimal(18, 6))
    return asked.unique().with_columns(strike)


class Lookup:
    """The part of a store that answers single questions; its queries stand in feeds/sql/lookup."""

    _db: Any

    def open_interest_of(self, asked: pl.DataFrame, as_of: int | None = None) -> pl.DataFrame:
        """Open interest of some contracts on some dates, and the volume published beside it.

        Parameters
        ----------
        asked : date, underlying, expiry (Date), strike (Int64 micros), right; repeated rows count once
        as_of : nanoseconds UTC; what was published later is left out

        Returns
        -------
        the same columns with open_interest, volume (Int64, null where the source has none) and known_at (Int64
        nanoseconds); contracts without a row are absent
        """
        return self._looked_up("open_interest", "asked_contracts", _rested(asked), as_of=as_of)

    def tape_open_interest_of(self, asked: pl.DataFrame, as_of: int | None = None) -> pl.DataFrame:
        """Open interest that prints of a session carry, as published that morning; from the first one that has it.

        Parameters and result as `open_interest_of`, with `session` in the place of the date and no volume.
        """
        return self._looked_up("tape_open_interest", "asked_contracts", _rested(asked), as_of=as_of)

    def closes_of(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Closes of some symbols or indices on some dates: date, symbol, close (Float64); the rest are absent."""
        return self._looked_up("closes", "asked_symbols", asked.unique())

    def file_names(self, files: Collection[int]) -> dict[int, str]:
        """The names under which files were read, by their number in the ledger."""
        rows = self._db.execute(query("lookup/files"), {"files": sorted(set(files))}).fetchall()
        return {int(file): str(name) for file, name in rows}

    def _looked_up(self, name: str, asked_as: str, asked: pl.DataFrame, **values: object) -> pl.DataFrame:
        self._db.register(asked_as, asked.to_arrow())
        try:
            return integers(self._db.sql(query(f"lookup/{name}"), params=values).to_arrow_table())
        finally:
            self._db.unregister(asked_as)
