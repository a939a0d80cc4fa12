"""What a query answers, in Arrow, as frames of integers."""

from typing import Any

import numpy as np
import polars as pl


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


def gathered(reader: Any, rows: int) -> pl.DataFrame:
    """Arrow batches as one frame of one chunk, each copied where it belongs while it is still warm.

    Keeping the batches and joining them afterwards moves every byte twice more. No tape column is ever null.
    """
    import pyarrow as pa

    frames: dict[str, Any] = {}
    arrays = {
        field.name: np.empty(rows, f"int{field.type.bit_width}")
        for field in reader.schema
        if not pa.types.is_boolean(field.type)
    }
    flags: dict[str, list[Any]] = {field.name: [] for field in reader.schema if field.name not in arrays}
    at = 0
    for batch in reader:
        end = at + batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in flags:
                flags[name].append(column)
                continue
            if end > len(arrays[name]):
                arrays[name] = np.concatenate(
                    [arrays[name][:at], np.empty(max(at, batch.num_rows), arrays[name].dtype)]
                )
            came = np.frombuffer(column.buffers()[1], arrays[name].dtype)
            arrays[name][at:end] = came[column.offset : column.offset + len(column)]
        at = end
    for field in reader.schema:
        if field.name in flags:
            frames[field.name] = pa.chunked_array(flags[field.name], field.type).combine_chunks()
        else:
            kind = field.type if pa.types.is_date32(field.type) else pa.from_numpy_dtype(arrays[field.name].dtype)
            frames[field.name] = pa.Array.from_buffers(kind, at, [None, pa.py_buffer(arrays[field.name])])
    return pl.DataFrame(pl.from_arrow(pa.table(frames)))
