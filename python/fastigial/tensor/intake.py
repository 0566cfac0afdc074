"""What goes into a fit: numbers in a precision the core knows, a mask, and the labels of the axes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.labels import Coords, is_frame, is_series, labels_of

__all__ = ["Data", "aligned", "take"]


@dataclass(frozen=True)
class Data:
    """A tensor with its labels."""

    array: NDArray[Any]
    mask: NDArray[np.bool_] | None
    dims: tuple[str, ...]
    coords: Coords

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the entries."""
        return self.array.dtype


def take(X: Any, mask: ArrayLike | None = None) -> Data:
    """Accept an array, array-like, `Recording`, DataArray, or a pandas DataFrame as a matrix.

    float32 and float64 stay as they are (no copy where strides and byte order allow), integers and booleans become
    float64, everything else is a TypeError. A masked array's hidden entries and pandas' NA count as not observed.
    """
    # NumPy imports its masked arrays when they are first named; if nobody did, X is none. (An import here could wait
    # for ever in a process that was forked during the same import. Nor is X one while another thread imports them.)
    masked: Any = sys.modules.get("numpy.ma")
    kind = getattr(masked, "MaskedArray", None)
    hidden = masked.getmaskarray(X) if kind is not None and isinstance(X, kind) else None
    if is_series(X):
        raise ValueError(
            "X is a pandas Series, expected two or more axes: X.unstack() is a table, X.to_xarray() a tensor"
        )
    try:
        array = _numbers_of_frame(X) if is_frame(X) else np.asarray(X.data if hidden is not None else X)
    except (TypeError, ValueError) as error:
        raise TypeError(f"X is not an array of numbers: {error}") from None
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    elif array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    else:
        raise TypeError(f"X has dtype {array.dtype}, expected real numbers (float32, float64 or integers)")
    dims, coords = labels_of(X, array.ndim)
    observed = _take_mask(mask, dims if hasattr(X, "dims") else None)
    if hidden is not None and hidden.any():
        observed = ~hidden if observed is None else observed & ~hidden
    return Data(array, observed, dims, coords)


def _numbers_of_frame(frame: Any) -> NDArray[Any]:
    from pandas.api.types import is_numeric_dtype

    odd = [
        (name, str(dtype))
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
        if not is_numeric_dtype(dtype)
    ]
    if odd:
        raise TypeError(
            f"columns of the table hold {odd[:5]}. A table goes in as the matrix that it is; make a tensor of a long "
            "one (a row per entry) first: X.set_index([...])['value'].to_xarray()"
        )
    array: NDArray[Any] = frame.to_numpy()
    # Columns that can hold NA come out as objects.
    return array if array.dtype != object else frame.to_numpy(dtype=np.float64, na_value=np.nan)


def _take_mask(mask: Any, dims: tuple[str, ...] | None) -> NDArray[np.bool_] | None:
    """Accept a boolean mask, True where observed; a labelled one for labelled data by the names of its axes."""
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype.kind != "b":
        raise TypeError(f"mask has dtype {array.dtype}, expected bool (True where X was observed)")
    found: NDArray[np.bool_] = aligned(array, mask, dims)
    return found


def aligned(array: Any, mask: Any, dims: tuple[str, ...] | None) -> Any:
    """The entries of a mask with their axes in the order of `dims`, where both data and mask are labelled."""
    own = tuple(str(dim) for dim in mask.dims) if dims is not None and hasattr(mask, "dims") else dims
    if dims is None or own is None or own == dims:
        return array
    if sorted(own) != sorted(dims):
        raise ValueError(f"mask has the axes {own}, expected those of X, {dims}")
    return array.transpose([own.index(dim) for dim in dims])
