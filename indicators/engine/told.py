"""What was told session by session, readings or the gauge: the earlier part as a store kept it, the rest fresh."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Item = TypeVar("Item")


class Told(Sequence[Item]):
    """Items by session, ascending. A kept one is read only when somebody looks at it: ten years hold thousands.

    Attributes
    ----------
    days : the session of each item
    ranked : float64, the number of each item that is ranked, NaN for null
    """

    def __init__(
        self,
        kept: pl.DataFrame,
        read: Callable[[dict[str, Any]], Item],
        fresh: Sequence[Item],
        days: Sequence[date],
        ranked: Floats,
    ) -> None:
        """`kept`: rows with `session`, `ranked` and what `read` needs to make an item; `days`, `ranked` of `fresh`."""
        self._kept, self._read = kept, read
        self._items: list[Item | None] = [None] * kept.height + [*fresh]
        self.days: list[date] = [*kept["session"].to_list(), *days]
        self.ranked: Floats = np.concatenate([kept["ranked"].cast(pl.Float64).fill_null(np.nan).to_numpy(), ranked])

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        item = self._items[at]
        if item is None:
            place = range(len(self))[at]
            item = self._items[place] = self._read(self._kept.row(place, named=True))
        return item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
