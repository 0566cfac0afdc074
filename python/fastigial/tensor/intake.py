"""What goes into a fit: numbers in a precision the core knows, a mask, and the labels of the axes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Data", "take", "take_mask"]

Coords = dict[str, tuple[str, NDArray[Any]]]

DEFAULT_DIMS = ("trial", "neuron", "time")


@dataclass(frozen=True)
class Data:
    """A tensor with its labels."""

    array: NDArray[Any]
    mask: NDArray[np.bool_] | None
    dims: tuple[str, ...]
    coords: Coords


def take(X: Any, mask: ArrayLike | None = None) -> Data:
    """Accept an array, array-like, `Recording` or DataArray.

    float32 and float64 stay as they are (no copy where strides and byte order allow), integers and booleans become
    float64, everything else is a TypeError. A masked array's hidden entries count as not observed.
    """
    # NumPy imports its masked arrays when they are first named; if nobody did, X is none. (An import here could wait
    # for ever in a process that was forked during the same import.)
    masked = sys.modules.get("numpy.ma")
    hidden = masked.getmaskarray(X) if masked is not None and isinstance(X, masked.MaskedArray) else None
    try:
        array = np.asarray(X.data if hidden is not None else X)
    except ValueError as error:
        raise TypeError(f"X is not an array of numbers: {error}") from None
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    elif array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    else:
        raise TypeError(f"X has dtype {array.dtype}, expected real numbers (float32, float64 or integers)")
    observed = take_mask(mask)
    if hidden is not None and hidden.any():
        observed = ~hidden if observed is None else observed & ~hidden
    dims, coords = _labels(X, array.ndim)
    return Data(array, observed, dims, coords)


def take_mask(mask: ArrayLike | None) -> NDArray[np.bool_] | None:
    """Accept a boolean mask, True where observed."""
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype.kind != "b":
        raise TypeError(f"mask has dtype {array.dtype}, expected bool (True where X was observed)")
    return array


def _labels(X: Any, n_dims: int) -> tuple[tuple[str, ...], Coords]:
    dims = getattr(X, "dims", None)
    coords = getattr(X, "coords", None)
    if dims is None or not isinstance(coords, Mapping):
        names = DEFAULT_DIMS if n_dims == 3 else tuple(f"mode_{i}" for i in range(n_dims))
        return names, {}
    dims = tuple(str(dim) for dim in dims)
    labels: Coords = {}
    for name, coord in coords.items():
        if isinstance(coord, tuple):
            labels[str(name)] = (str(coord[0]), np.asarray(coord[1]))
        elif len(coord.dims) == 1:
            # Labels along several axes at once belong to the data, not to any factor.
            labels[str(name)] = (str(coord.dims[0]), np.asarray(coord.values))
    return dims, labels
