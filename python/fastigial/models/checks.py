"""Samples and targets as the core wants them, or an error that names the argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.checks import as_count

__all__ = ["as_classes", "as_matrix", "as_sizes", "as_targets"]


def as_sizes(name: str, value: Any, least: int) -> list[int]:
    """Units per layer, for at least so many layers."""
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise TypeError(f"{name} is {value!r}, expected numbers of units, one for each hidden layer")
    sizes = [as_count(name, size) for size in value]
    if len(sizes) < least or 0 in sizes:
        raise ValueError(f"{name} is {value!r}, expected {least} layers or more, with at least one unit each")
    return sizes


def as_matrix(name: str, value: Any) -> NDArray[Any]:
    """Numbers in a precision the core knows, (n_samples, n)."""
    array = np.asarray(value)
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
        raise TypeError(f"{name} is of dtype {array.dtype}, expected real numbers (float32, float64 or integers)")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} has the shape {array.shape}, expected (n_samples, n), with at least one of each")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def as_classes(y: Any, n_samples: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels in order, and probabilities of 0 and 1, (n_samples, n_classes)."""
    labels = np.asarray(y)
    if labels.shape != (n_samples,):
        raise ValueError(f"y has the shape {labels.shape}, expected ({n_samples},), a label for each row of X")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError("y holds NaN or infinities, expected labels")
    classes, places = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds one class, {classes[0]!r}, expected at least two")
    return classes, (places[:, None] == np.arange(len(classes))).astype(dtype)


def as_targets(y: Any, x: NDArray[Any]) -> NDArray[Any]:
    """Targets, (n_samples, n_outputs), in the precision of the inputs."""
    array = np.asarray(y)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"y is of dtype {array.dtype}, expected real numbers")
    if array.ndim not in (1, 2) or len(array) != len(x) or 0 in array.shape:
        raise ValueError(f"y has the shape {array.shape}, expected ({len(x)},) or ({len(x)}, n_outputs)")
    if np.isinf(array).any() or np.isnan(array).all():
        raise ValueError("y holds infinities, or nothing but NaN; expected numbers, and NaN where none was observed")
    return np.ascontiguousarray(array.reshape(len(x), -1), dtype=x.dtype)
