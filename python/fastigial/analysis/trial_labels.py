"""Labels along an axis of a fitted model: by the name of a coordinate, or one value per trial."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor import TCA, SliceTCA

__all__ = ["as_codes", "missing", "values_along"]


def values_along(
    model: TCA | SliceTCA, values: str | ArrayLike, argument: str, axis: int = 0
) -> tuple[NDArray[Any], str]:
    """One value for each place along an axis, and what to call them.

    Raises
    ------
    ValueError
        If there is no such coordinate along the axis, or the array has another length.
    """
    dim, size = model.dims_[axis], model.shape_[axis]
    if isinstance(values, str):
        known = [name for name, (owner, _) in model.coords_.items() if owner == dim]
        if values not in known:
            raise ValueError(
                f"{argument} is {values!r}, expected one value for each {dim}, or the name of a coordinate along "
                f"{dim}: the recording has {', '.join(map(repr, known)) if known else 'none'}"
            )
        return np.asarray(model.coords_[values][1]), values
    own_name = getattr(values, "name", None)
    found = np.asarray(values)
    if found.shape != (size,):
        raise ValueError(f"{argument} has shape {found.shape}, expected ({size},): one value for each {dim}")
    return found, own_name if isinstance(own_name, str) and own_name else argument


def missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are None, NaN, NaT or pandas' NA."""
    if values.dtype.kind in "fcmM":
        return np.asarray(np.isnan(values), dtype=np.bool_)
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=np.bool_)
    # NA is neither equal to itself nor unequal, nor anything that can be asked.
    return np.array(
        [value is None or type(value).__name__ in ("NAType", "NaTType") or value != value for value in values],
        dtype=np.bool_,
    )


def as_codes(values: NDArray[Any]) -> NDArray[np.intp]:
    """Number the different values from 0; all that are missing are one more value."""
    gone = missing(values)
    codes = np.full(len(values), -1, dtype=np.intp)
    present = values[~gone]
    if present.dtype.kind == "O":
        # Labels of several types have no order to sort them in, but each can be looked up.
        numbers: dict[Any, int] = {}
        codes[~gone] = [numbers.setdefault(value, len(numbers)) for value in present.tolist()]
    else:
        codes[~gone] = np.unique(present, return_inverse=True)[1]
    codes[gone] = codes.max(initial=-1) + 1
    return codes
