"""From NumPy to Arrow, without a Python object a row."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

EPOCH = date(1970, 1, 1)
MICROSECONDS = 1_000_000


def lookup(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """A table that turns an integer below ``bins`` into a choice: last axis probabilities -> last axis codes.

    Drawing from it costs one byte read a row, whatever the other axes.
    """
    cumulated = np.cumsum(probabilities, axis=-1)
    cumulated /= cumulated[..., -1:]
    points = (np.arange(bins) + 0.5) / bins
    flat = cumulated.reshape(-1, cumulated.shape[-1])
    chosen = np.stack([np.searchsorted(row, points) for row in flat])
    return chosen.reshape(*cumulated.shape[:-1], bins).astype(np.uint8)


def coded(codes: np.ndarray, values: Sequence[str]) -> pa.Array:
    """Codes into ``values`` as a dictionary array; a negative code is null."""
    small: np.ndarray = codes.astype(np.int8 if len(values) < 128 else np.int32, copy=False)
    missing = small < 0
    index = pa.array(small, mask=missing) if missing.any() else pa.array(small)
    return pa.DictionaryArray.from_arrays(index, pa.array(values, pa.string()))


def numbers(values: np.ndarray, kind: pa.DataType, null: np.ndarray | None = None) -> pa.Array:
    """Numbers or flags; ``null``: where there is none (default: where the number is negative)."""
    if null is None and values.dtype.kind == "i":
        null = values < 0
    return pa.array(values, kind, mask=null)


def moments(seconds: np.ndarray, origin: int, null: np.ndarray | None = None) -> pa.Array:
    """Seconds after ``origin`` (seconds of the Unix epoch, UTC) as times."""
    return pa.array((seconds.astype(np.int64) + origin) * MICROSECONDS, pa.timestamp("us"), mask=null)


def days(numbers_: np.ndarray, origin: date, null: np.ndarray | None = None) -> pa.Array:
    """Days after ``origin`` as dates."""
    return pa.array((numbers_ + (origin - EPOCH).days).astype(np.int32), pa.date32(), mask=null)


def digits(matrix: np.ndarray, first: int, width: int, values: np.ndarray) -> None:
    """Write ``values`` with leading zeros into ``width`` columns of a matrix of ASCII codes."""
    rest = values.astype(np.int32)
    for column in range(first + width - 1, first - 1, -1):
        upper = rest // 10
        matrix[:, column] = (rest - upper * 10 + ord("0")).astype(np.uint8)
        rest = upper


def texts(matrix: np.ndarray) -> pa.Array:
    """Rows of ASCII codes as strings of equal length."""
    count, width = matrix.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(matrix)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
