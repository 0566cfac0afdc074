"""What a fitted model says of data, entry by entry, and how far that is off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.chunks import Chunks, as_chunks
from fastigial.tensor.intake import Data, take
from fastigial.tensor.recognition import recognised

if TYPE_CHECKING:
    from fastigial.tensor.estimator import Decomposition

__all__ = ["Comparison", "compare", "holds"]

# Entries that are compared at a time.
_PIECE = 1 << 20


@dataclass(frozen=True)
class Comparison:
    """Sums over the observed entries; squares are those of the data divided by `size`, so that none overflows.

    Attributes
    ----------
    size : float
        The largest magnitude, or that of the model where the data are silent, or 1.
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
        size = float(np.max(np.abs(truth))) or float(np.max(np.abs(model))) or 1.0
        residual = float(np.sum(((truth - model) / size) ** 2))
        return cls(size, residual, float(np.sum((truth / size) ** 2)), truth.size)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Of all parts together."""
        parts = list(parts)
        # A part that is silent all over has no size.
        size = max((part.size for part in parts if part.total > 0 or part.residual > 0), default=1.0)
        residual = sum(part.residual * (part.size / size) ** 2 for part in parts if part.residual > 0)
        total = sum(part.total * (part.size / size) ** 2 for part in parts if part.total > 0)
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
        same = model._recognises(data)
        parts = [_compare(model._bare(own=same), data, 0 if same else None)]
    else:
        same = chunks.shape == model.shape_ and holds(chunks, model._remembered)
        firsts = [first if same else None for first, _ in chunks.spans]
        parts = list(chunks.map(_compare, firsts, model._bare(own=same)))
    found = [comparison for part in parts for comparison in part]
    if not found:
        raise ValueError("X holds no observed entry: it is all NaN, or all masked")
    return Comparison.joined(found)


def holds(chunks: Chunks, remembered: NDArray[np.float64]) -> bool:
    """Whether a recording in chunks holds what is remembered.

    Looks into the first and the last of the chunks from which anything observed is remembered.
    """
    size = int(np.prod(chunks.shape[1:], dtype=np.int64))
    places, values = remembered.T
    observed = places[~np.isnan(values)]
    numbers = np.searchsorted(chunks.bounds, observed // max(size, 1), side="right") - 1
    looked_at = {int(numbers.min()), int(numbers.max())} if len(numbers) else set()
    return all(recognised(remembered, chunks.load(i), chunks.bounds[i] * size) for i in sorted(looked_at))


def _compare(model: Decomposition, data: Data, first: int | None) -> list[Comparison]:
    """With the model's own trials from `first` on, or, if None, with trials that it has to be transformed to."""
    n_trials, *others = data.shape or (0,)
    step = max(_PIECE // max(int(np.prod(others, dtype=np.int64)), 1), 1)
    found = []
    for a in range(0, n_trials, step):
        b = min(a + step, n_trials)
        piece = Data(data.array[a:b], None if data.mask is None else data.mask[a:b], data.dims, data.coords)
        observed = ~np.isnan(piece.array)
        if piece.mask is not None:
            observed &= piece.mask
        if not observed.any():
            continue
        truth = piece.array[observed].astype(np.float64)
        if not np.isfinite(truth).all():
            raise ValueError("X holds infinite values; mark what was not observed as NaN")
        if first is None:
            said = model._reconstruct_new(piece)
        else:
            said = model._of_trials(np.arange(first + a, first + b)).reconstruct()
        found.append(Comparison.of(truth, said[observed]))
    return found
