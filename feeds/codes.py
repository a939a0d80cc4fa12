"""Codes of a file's own for what it names, until the store gives its own numbers."""

import polars as pl


class Codes:
    """Codes for what a file names (contracts, venues, …) in the order in which it names them."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.codes: pl.DataFrame | None = None

    def coded(self, batch: pl.DataFrame) -> pl.Series:
        """A batch's codes (Int32), row by row; names that are new get the next ones."""
        named = batch.select(self.columns)
        if self.codes is None:
            self.codes = named.clear().with_columns(given=pl.lit(None, pl.Int32))
        codes = self._known(named, self.codes)
        unknown = codes.is_null()
        if unknown.any():
            unseen = named.filter(unknown)
            held, fresh = self.codes.height, unseen.unique(maintain_order=True)
            numbered = fresh.with_columns(given=pl.int_range(held, held + fresh.height, dtype=pl.Int32))
            self.codes = pl.concat([self.codes, numbered])
            codes = codes.scatter(unknown.arg_true(), self._known(unseen, self.codes))
        return codes

    def _known(self, named: pl.DataFrame, codes: pl.DataFrame) -> pl.Series:
        """Codes of what was seen before, null where it was not."""
        return named.join(codes, on=self.columns, how="left", maintain_order="left")["given"]
