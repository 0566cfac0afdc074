"""Telling the recording that was fitted from others: by a few entries that a fit keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.intake import Data

__all__ = ["recognised", "remember"]

# Entries that are kept, twice this many; and in how many of each stretch the largest is looked for.
_N_REMEMBERED = 64
_N_LOOKED_AT = 1 << 10


def remember(data: Data) -> NDArray[np.float64]:
    """Places of a few entries and what stands there: some spread evenly, and the largest of each stretch.

    Evenly spread places alone would not tell apart two recordings that are mostly zeros.
    """
    last = data.array.size - 1
    even = np.linspace(0, last, _N_REMEMBERED).astype(np.intp)
    many = np.linspace(0, last, _N_REMEMBERED * _N_LOOKED_AT).astype(np.intp).reshape(_N_REMEMBERED, _N_LOOKED_AT)
    sizes = np.nan_to_num(np.abs(_observed_at(data, many)), nan=0.0)
    largest = np.take_along_axis(many, sizes.argmax(axis=1)[:, None], axis=1)[:, 0]
    places = np.concatenate([even, largest])
    return np.stack([places.astype(np.float64), _observed_at(data, places)], axis=1)


def recognised(remembered: NDArray[np.float64], data: Data, first: int = 0) -> bool:
    """Whether `data` holds what is remembered, as far as both were observed; its first entry has the place `first`."""
    places, values = remembered.T
    here = (places >= first) & (places < first + data.array.size)
    now, values = _observed_at(data, places[here].astype(np.intp) - first), values[here]
    both = ~(np.isnan(now) | np.isnan(values))
    return bool(np.array_equal(now[both], values[both]))


def _observed_at(data: Data, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Entries at flat places, NaN where not observed."""
    values = _at(data.array, places).astype(np.float64)
    if data.mask is not None:
        values[~_at(data.mask, places)] = np.nan
    return values


def _at(array: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    # Finding the indices along all axes would take longer than many a fit; only an array with strides needs them.
    if array.flags.c_contiguous:
        return np.asarray(array.reshape(-1)[places])
    return np.asarray(array[np.unravel_index(places, array.shape)])
