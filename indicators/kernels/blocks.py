"""Blocks of a tape: the runs of rows of one instrument."""

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


def block_starts(instrument: I32) -> I64:
    """Row bounds of the runs of equal instrument: where each starts, and the number of rows.

    >>> block_starts(np.array([4, 4, 9], np.int32))
    array([0, 2, 3])
    """
    heads = np.flatnonzero(instrument[1:] != instrument[:-1]) + 1
    ends = [len(instrument)] if len(instrument) else []
    return np.concatenate([[0], heads, ends]).astype(np.int64)
