"""The recording beside a model of it: checked, in double precision, and with zeros where nothing was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.intake import take

__all__ = ["Observations", "observations_of"]


@dataclass(frozen=True)
class Observations:
    """What was observed, in units of its largest entry: squares of 1e200 and of 1e-200 are out of range.

    Attributes
    ----------
    values : ndarray, shape of the model
        X / scale, zero where not observed.
    seen : ndarray of bool, shape of the model
        True where observed.
    scale : float
        The largest |X| that was observed; 1 if all are zero.
    """

    values: NDArray[np.float64]
    seen: NDArray[np.bool_]
    scale: float

    @property
    def sum_of_squares(self) -> float:
        """Σ(X / scale)² over the observed entries."""
        return float(np.vdot(self.values, self.values))


def observations_of(model: TCA | SliceTCA, X: ArrayLike, mask: ArrayLike | None) -> Observations:
    """Take the recording that a model was fitted to.

    Raises
    ------
    TypeError
        If X does not hold real numbers or the mask is not boolean.
    ValueError
        If X has another shape than the model, or the mask another than X; if X holds infinities or no observed entry.
    """
    data = take(X, mask)
    if data.array.shape != model.shape_:
        raise ValueError(
            f"X has shape {data.array.shape}, but the model was fitted to one of {model.shape_}: pass the recording "
            "that was fitted, or for other trials fit a model of their own"
        )
    seen = ~np.isnan(data.array)
    if data.mask is not None:
        if data.mask.shape != data.array.shape:
            raise ValueError(f"mask has shape {data.mask.shape}, expected that of X, {data.array.shape}")
        seen &= data.mask
    if not seen.any():
        raise ValueError("X holds no observed entry: it is all NaN, or all masked")
    values = np.where(seen, data.array, 0).astype(np.float64, copy=False)
    scale = float(np.abs(values).max())
    if not np.isfinite(scale):
        raise ValueError("X holds infinite values; mark what was not observed as NaN")
    scale = scale or 1.0
    return Observations(values / scale, seen, scale)
