"""What a fitted model says of data, entry by entry, and how far that is off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.chunks import as_chunks
from fastigial.tensor.intake import Data, take

if TYPE_CHECKING:
    from fastigial.tensor.estimator import Decomposition

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """Sums over the observed entries; squares are those of the data divided by `size`, so that none overflows.

    Attributes
    ----------
    size : float
        The largest magnitude, or 1.
    residual, total : float
        Σ (X − X̂)² and Σ X².
    n_observed : int
    """

    size: float
    residual: float
    total: float
    n_observed: int

    @classmethod
    def of(cls, truth: NDArray[np.float64], model: NDArray[Any]) -> Self:
        """Of some entries and what the model says of them."""
        size = float(np.max(np.abs(truth))) or 1.0
        residual = float(np.sum(((truth - model) / size) ** 2))
        return cls(size, residual, float(np.sum((truth / size) ** 2)), truth.size)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Of all parts together."""
        parts = list(parts)
        size = max(part.size for part in parts)
        residual = sum(part.residual * (part.size / size) ** 2 for part in parts)
        total = sum(part.total * (part.size / size) ** 2 for part in parts)
        return cls(size, residual, total, sum(part.n_observed for part in parts))

    @property
    def score(self) -> float:
        """1 − Σ (X − X̂)² / Σ X²."""
        return 1.0 - self.residual / max(self.total, float(np.finfo(np.float64).tiny))

    @property
    def mean_loss(self) -> float:
        """Σ (X − X̂)² / n."""
        return self.residual / self.n_observed * self.size * self.size


def compare(model: Decomposition, X: ArrayLike, mask: ArrayLike | None) -> Comparison:
    """A fitted model with the recording that was fitted, or with other trials, which are transformed first."""
    chunks = as_chunks(X, mask)
    if chunks is None:
        data = take(X, mask)
        if data.mask is not None and data.mask.shape != data.array.shape:
            raise ValueError(f"mask has shape {data.mask.shape}, expected that of X, {data.array.shape}")
        parts = [_compare(model if model._recognises(data) else None, model, data)]
    else:
        same = chunks.shape == model.shape_ and chunks.hold(model._remembered)
        parts = [
            _compare(model._of_trials(start, stop) if same else None, model, data)
            for (start, stop), data in chunks.each()
        ]
    found = [part for part in parts if part is not None]
    if not found:
        raise ValueError("X holds no observed entry: it is all NaN, or all masked")
    return Comparison.joined(found)


def _compare(known: Decomposition | None, model: Decomposition, data: Data) -> Comparison | None:
    observed = ~np.isnan(data.array)
    if data.mask is not None:
        observed &= data.mask
    if not observed.any():
        return None
    truth = data.array[observed].astype(np.float64)
    if not np.isfinite(truth).all():
        raise ValueError("X holds infinite values; mark what was not observed as NaN")
    said = model._reconstruct_new(data) if known is None else known.reconstruct()
    return Comparison.of(truth, said[observed])
