"""What a query answers, in Arrow, as frames of integers; and rows to be written the other way round."""

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feeds.schema import Table


def integers(table: Any) -> pl.DataFrame:
    """An Arrow table as a frame: decimal64 buffers and timestamps taken as the int64 they are, without a copy."""
    import pyarrow as pa

    arrays, names = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_decimal64(kind) or pa.types.is_timestamp(kind):
            chunks = [
                pa.Array.from_buffers(pa.int64(), len(chunk), chunk.buffers(), chunk.null_count, chunk.offset)
                for chunk in column.chunks
            ]
            column = pa.chunked_array(chunks, type=pa.int64())
        arrays.append(column)
        names.append(name)
    frame = pl.from_arrow(pa.table(arrays, names=names))
    return pl.DataFrame(frame).rechunk()


def resting(batch: pl.DataFrame, table: Table) -> Any:
    """Rows as an Arrow table: nanoseconds and micros seen as times and decimals, the same bytes."""
    import pyarrow as pa

    seen = dict.fromkeys(("ts", "known_at"), pa.timestamp("ns", "UTC"))
    decimals = [column.name for column in table.columns if column.kind in ("price", "decimal")]
    for name in decimals:
        seen[name] = pa.decimal32(9, 6) if batch.schema.get(name) == pl.Int32 else pa.decimal64(18, 6)
    arrays = []
    for series in batch.get_columns():
        array = series.rechunk().to_arrow()
        if kind := seen.get(series.name):
            array = pa.Array.from_buffers(kind, len(array), array.buffers(), array.null_count, array.offset)
        arrays.append(array)
    return pa.table(arrays, names=batch.columns)


class Room:
    """Memory for columns that is taken again as soon as nobody looks at it any more.

    Fresh memory comes from the system page by page, each cleared first, which costs more than the copy into it.
    """

    def __init__(self) -> None:
        self._free: list[npt.NDArray[np.uint8]] = []

    def take(self, rows: int, dtype: str) -> npt.NDArray[Any]:
        """An array of its own kind and length, of any content; its memory is free again when its last view is gone."""
        needed = rows * np.dtype(dtype).itemsize
        fitting = [n for n, memory in enumerate(self._free) if needed <= len(memory) <= 2 * needed]
        memory = self._free.pop(fitting[0]) if fitting else np.empty(needed, np.uint8)
        # An array made from a buffer is the base of its views, where one made from an array passes its own base on.
        array = np.frombuffer(memory.data, dtype, rows)
        weakref.finalize(array, self._free.append, memory)
        return array


def columns_of(batch: Any) -> dict[str, npt.NDArray[Any]]:
    """An Arrow batch without nulls as arrays by column: integers of their width, nothing copied; booleans unpacked."""
    import pyarrow as pa

    columns: dict[str, npt.NDArray[Any]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_boolean(column.type):
            columns[name] = column.to_numpy(zero_copy_only=False)
        else:
            came = np.frombuffer(column.buffers()[1], f"int{column.type.bit_width}")
            columns[name] = came[column.offset : column.offset + len(column)]
    return columns


def gathered(reader: Any, rows: int, room: Room) -> pl.DataFrame:
    """Arrow batches as one frame of one chunk, each copied where it belongs while it is still warm.

    Keeping the batches and joining them afterwards moves every byte twice more. No tape column is ever null.
    """
    import pyarrow as pa

    fields = {field.name: field.type for field in reader.schema}
    bools = {name for name, kind in fields.items() if pa.types.is_boolean(kind)}
    dtypes = {name: "bool" if name in bools else f"int{kind.bit_width}" for name, kind in fields.items()}
    arrays = {name: room.take(rows, dtype) for name, dtype in dtypes.items()}
    at, held = 0, rows
    for batch in reader:
        end = at + batch.num_rows
        if end > held:
            held = max(end, 2 * held)
            for name, old in list(arrays.items()):
                arrays[name] = room.take(held, dtypes[name])
                arrays[name][:at] = old[:at]
        for name, came in columns_of(batch).items():
            arrays[name][at:end] = came
        at = end
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        if name in bools:
            columns[name] = pa.array(array[:at])
        else:
            kind = fields[name] if pa.types.is_date32(fields[name]) else pa.from_numpy_dtype(array.dtype)
            columns[name] = pa.Array.from_buffers(kind, at, [None, pa.py_buffer(array)])
    return pl.DataFrame(pl.from_arrow(pa.table(columns)))
