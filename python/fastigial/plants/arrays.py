"""States and controls as the core wants them, or an error that names the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["as_reals", "precision_of", "rows", "shaped"]

Array = NDArray[Any]


def precision_of(**arrays: Any) -> np.dtype[Any]:
    """The precision to compute in: single if all of these are, else double; TypeError if one is not of numbers."""
    found: list[np.dtype[Any]] = []
    for name, value in arrays.items():
        if value is None:
            continue
        dtype = np.asarray(value).dtype
        if dtype.kind not in "iuf" or dtype.itemsize > 8 or dtype == np.float16:
            raise TypeError(f"{name} is of dtype {dtype}, expected real numbers (float32, float64 or integers)")
        found.append(dtype)
    single = bool(found) and all(dtype.kind == "f" and dtype.itemsize == 4 for dtype in found)
    return np.dtype(np.float32 if single else np.float64)


def as_reals(name: str, value: ArrayLike, dtype: np.dtype[Any]) -> Array:
    """Finite numbers in this precision."""
    precision_of(**{name: value})
    array = np.asarray(value, dtype=dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinities, expected finite numbers")
    return array


def shaped(name: str, value: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Finite numbers, repeated along axes that they lack."""
    array = as_reals(name, value, dtype)
    try:
        return np.ascontiguousarray(np.broadcast_to(array, shape))
    except ValueError:
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape}") from None


def rows(name: str, value: ArrayLike, width: int, dtype: np.dtype[Any]) -> tuple[Array, tuple[int, ...]]:
    """Rows (n, width) of an array (..., width), and the shape in front of them."""
    array = as_reals(name, value, dtype)
    if array.ndim == 0 or array.shape[-1] != width:
        raise ValueError(f"{name} has the shape {array.shape}, expected (..., {width})")
    return np.ascontiguousarray(array.reshape(-1, width)), array.shape[:-1]
