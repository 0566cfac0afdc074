"""SliceTCA by exact block descent in plain NumPy: what the mathematics costs without a compiled core.

Let Qᵢ (dᵢ × Rᵢ, orthonormal) span the loadings of slice type i and Pᵢ = Qᵢ Qᵢᵀ act on axis i. Whatever
the projectors, the best slices leave the residual (I−P₀)(I−P₁)(I−P₂) X. With the other two fixed, the best
Pᵢ spans the Rᵢ leading eigenvectors of the mode-i Gram matrix of (I−Pⱼ)(I−Pₖ) X, and since projectors on
different axes commute that Gram matrix is

    Gᵢ(X) − Gᵢ(Yⱼ) − Gᵢ(Yₖ) + Gᵢ(Qₖᵀ Yⱼ),        Yⱼ = Qⱼᵀ X,

so a sweep never forms a residual. The squared error is the sum of the dᵢ − Rᵢ eigenvalues left over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def gram(tensor: Array, axis: int) -> NDArray[np.float64]:
    """Gram matrix of the unfolding along ``axis``, (d, d)."""
    unfolded = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    return (unfolded @ unfolded.T).astype(np.float64)


def along(matrix: Array, tensor: Array, axis: int) -> Array:
    """Multiply every fibre of ``tensor`` along ``axis`` by ``matrix`` (m, d); that axis becomes m long."""
    return np.moveaxis(np.tensordot(matrix, tensor, axes=(1, axis)), 0, axis)


@dataclass(frozen=True)
class BlockFit:
    """Orthonormal bases (d_i, R_i) and, for each slice type, slices with R_i entries on axis i."""

    bases: list[Array]
    slices: list[Array]
    n_iter: int

    def reconstruct(self) -> Array:
        """Sum of the three slice types, in the shape of the data."""
        parts = [along(self.bases[axis], self.slices[axis], axis) for axis in range(3)]
        return parts[0] + parts[1] + parts[2]


def leading(matrix: NDArray[np.float64], n_vectors: int) -> tuple[NDArray[np.float64], float]:
    """Leading ``n_vectors`` eigenvectors (d, n_vectors) and the sum of the other eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    split = len(values) - n_vectors
    return vectors[:, split:], float(values[:split].sum())


def fit(data: Array, ranks: tuple[int, int, int], tol: float = 1e-7, max_iter: int = 500) -> BlockFit:
    """Fit SliceTCA from the leading eigenvectors of each unfolding.

    Parameters
    ----------
    data
        (n_trials, n_neurons, n_steps), nothing missing.
    ranks
        Components of each slice type.
    tol
        Stop when a sweep lowers the squared error by less than this fraction.
    max_iter
        Most sweeps.

    Returns
    -------
    BlockFit
        The fitted bases and slices.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = np.einsum("rk,rnt->knt", rng.standard_normal((2, 9)), rng.standard_normal((2, 8, 7)))
    >>> bool(np.allclose(fit(data, (2, 1, 1)).reconstruct(), data))
    True
    """
    grams = [gram(data, axis) for axis in range(3)]
    bases = [leading(grams[axis], ranks[axis])[0].astype(data.dtype) for axis in range(3)]
    projected = [along(bases[axis].T, data, axis) for axis in range(3)]
    history = [np.inf]
    while len(history) <= max_iter:
        for axis in range(3):
            j, k = (other for other in range(3) if other != axis)
            overlap = along(bases[k].T, projected[j], k)
            left = grams[axis] - gram(projected[j], axis) - gram(projected[k], axis) + gram(overlap, axis)
            basis, squared_error = leading(left, ranks[axis])
            bases[axis] = basis.astype(data.dtype)
            projected[axis] = along(bases[axis].T, data, axis)
        history.append(squared_error)
        if history[-2] - squared_error <= tol * squared_error:
            break

    # Each type takes what the types before it have left: P₀X, then P₁(I−P₀)X, then P₂(I−P₁)(I−P₀)X.
    slices = []
    for axis in range(3):
        remaining = projected[axis]
        for earlier in range(axis):
            remaining = remaining - along(bases[earlier], along(bases[earlier].T, remaining, earlier), earlier)
        slices.append(remaining)
    return BlockFit(bases, slices, n_iter=len(history) - 1)
