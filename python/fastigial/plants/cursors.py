"""What is shown of the hand: cursors that are turned or stretched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plants.arrays import as_reals, precision_of
from fastigial.tensor.checks import as_number

__all__ = ["VisualGain", "VisuomotorRotation", "cursor_numbers"]

_DOUBLE = np.dtype(np.float64)


def _about(origin: ArrayLike, position: ArrayLike, matrix: NDArray[np.float64]) -> NDArray[Any]:
    dtype = precision_of(position=position)
    places, centre = as_reals("position", position, _DOUBLE), as_reals("origin", origin, _DOUBLE)
    if places.ndim == 0 or places.shape[-1] != 2:
        raise ValueError(f"position has the shape {places.shape}, expected (..., 2)")
    return np.asarray(centre + (places - centre) @ matrix.T, dtype=dtype)


def _check_origin(origin: Any) -> None:
    if np.shape(as_reals("origin", origin, _DOUBLE)) != (2,):
        raise ValueError(f"origin is {origin!r}, expected two numbers")


@dataclass(frozen=True)
class VisuomotorRotation:
    """A cursor that goes where the hand goes, turned about a place.

    Parameters
    ----------
    angle : float
        Degrees, counterclockwise.
    origin : (float, float)
        What it is turned about: where reaches begin, m.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.VisuomotorRotation(90, origin=(0.0, 0.4))([0.1, 0.4]).round(6)
    array([0. , 0.5])
    """

    angle: float
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not np.isfinite(as_number("angle", self.angle)):
            raise ValueError(f"angle is {self.angle!r}, expected a finite number of degrees")
        _check_origin(self.origin)

    def __call__(self, position: ArrayLike) -> NDArray[Any]:
        """Where the cursor is, (..., 2), for hands (..., 2)."""
        return _about(self.origin, position, self._matrix)

    @property
    def _matrix(self) -> NDArray[np.float64]:
        cosine, sine = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        return np.array([[cosine, -sine], [sine, cosine]])


@dataclass(frozen=True)
class VisualGain:
    """A cursor that goes farther than the hand, or less far.

    Parameters
    ----------
    gain : float
        Of distances from the origin.
    origin : (float, float)
        Where reaches begin, m.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.VisualGain(1.5)([0.1, 0.2])
    array([0.15, 0.3 ])
    """

    gain: float
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not np.isfinite(as_number("gain", self.gain)):
            raise ValueError(f"gain is {self.gain!r}, expected a finite number")
        _check_origin(self.origin)

    def __call__(self, position: ArrayLike) -> NDArray[Any]:
        """Where the cursor is, (..., 2), for hands (..., 2)."""
        return _about(self.origin, position, self._matrix)

    @property
    def _matrix(self) -> NDArray[np.float64]:
        return self.gain * np.eye(2)


Cursor = VisuomotorRotation | VisualGain


def cursor_numbers(cursor: Cursor | Sequence[Cursor | None] | None, n_trials: int) -> NDArray[np.float64]:
    """Matrix and origin of the cursor of all trials or of each, (1 or n_trials, 6), as the core reads them."""
    cursors = list(cursor) if isinstance(cursor, Sequence) else [cursor]
    if len(cursors) not in (1, n_trials):
        raise ValueError(f"cursor is a list of {len(cursors)}, expected one for each of {n_trials} trials")
    rows = []
    for one in cursors:
        if one is not None and not isinstance(one, Cursor):
            raise TypeError(f"cursor is {one!r}, expected VisuomotorRotation, VisualGain, None, or a list of these")
        matrix, origin = (np.eye(2), (0.0, 0.0)) if one is None else (one._matrix, one.origin)
        rows.append(np.concatenate([np.ravel(matrix), np.asarray(origin, dtype=np.float64)]))
    return np.stack(rows)
