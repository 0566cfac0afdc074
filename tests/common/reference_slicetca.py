"""SliceTCA by explicit projections and full eigendecompositions.

Model for a tensor of order D (three here, but nothing below relies on it): X̂ = Σ_i T_i with
T_i = Σ_r u_i[r] ⊗ A_i[r], the loading u_i[r] running along axis i and the slice A_i[r] along all the others.

| symbol        | name        | shape                              |
| ------------- | ----------- | ---------------------------------- |
| X             | data        | (d_0, d_1, d_2)                    |
| R_i           | ranks[i]    |                                    |
| u_i           | loadings[i] | (R_i, d_i)                         |
| A_i           | slices[i]   | (R_i, d_j, d_k), j < k             |
| Q_i, Q_iᵀQ_i=I | bases[i]    | (d_i, R_i)                         |

For fixed spans of the loadings, P_i = Q_i Q_iᵀ, what no choice of slices can explain is Π_i (I − P_i) X.
Hence the loss as a function of the bases alone, and an exact block step: with the other bases fixed, the best
Q_i holds the leading eigenvectors of the mode-i Gram matrix of Π_{j≠i} (I − P_j) X.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from tests.common.reference_cp import FloatArray, unfold


class BlockDescent(NamedTuple):
    """Bases at the end of `block_descent` and the mean squared residual after each sweep."""

    bases: list[FloatArray]
    losses: FloatArray


def type_tensor(loadings: FloatArray, slices: FloatArray, axis: int) -> FloatArray:
    """Return T_i = Σ_r u_i[r] ⊗ A_i[r] for the slice type of one axis, as a full tensor."""
    return np.moveaxis(np.tensordot(loadings, slices, axes=(0, 0)), 0, axis)


def reconstruct_slicetca(
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    *,
    slice_type: int | None = None,
    component: int | None = None,
) -> FloatArray:
    """Return the whole model, one slice type of it, or one component of one type, as a full tensor.

    Examples
    --------
    >>> loadings = [np.array([[1.0, 2.0]]), np.zeros((0, 2)), np.zeros((0, 1))]
    >>> slices = [np.array([[[1.0], [10.0]]]), np.zeros((0, 2, 1)), np.zeros((0, 2, 2))]
    >>> reconstruct_slicetca(loadings, slices)[:, :, 0]
    array([[ 1., 10.],
           [ 2., 20.]])
    """
    if slice_type is None:
        parts = [type_tensor(*pair, axis) for axis, pair in enumerate(zip(loadings, slices, strict=True))]
        return np.asarray(np.sum(parts, axis=0))
    chosen = slice(None) if component is None else slice(component, component + 1)
    return type_tensor(loadings[slice_type][chosen], slices[slice_type][chosen], slice_type)


def project(data: FloatArray, basis: FloatArray, axis: int) -> FloatArray:
    """Return P_i X, every fibre along `axis` projected on the span of the orthonormal `basis` (d_i, R_i)."""
    return np.moveaxis(np.tensordot(basis @ basis.T, data, axes=(1, axis)), 0, axis)


def projected_residual(data: FloatArray, bases: Sequence[FloatArray], skip: int | None = None) -> FloatArray:
    """Return Π_i (I − P_i) X, leaving out axis `skip`."""
    residual = data
    for axis, basis in enumerate(bases):
        if axis != skip:
            residual = residual - project(residual, basis, axis)
    return residual


def projected_residual_loss(data: FloatArray, bases: Sequence[FloatArray]) -> float:
    """Return the mean squared residual of the best SliceTCA model with these spans of the loadings."""
    return float(np.mean(projected_residual(data, bases) ** 2))


def block_descent(
    data: FloatArray,
    ranks: Sequence[int],
    bases_init: Sequence[FloatArray],
    *,
    n_sweeps: int = 10_000,
    tol: float = 1e-10,
) -> BlockDescent:
    """Minimise the projected residual by exact block steps over axes 0, 1, 2 in turn.

    Stops after the sweep that lowers the loss by no more than `tol` times its value, or after `n_sweeps`.
    """
    bases = [basis.copy() for basis in bases_init]
    losses: list[float] = []
    for _ in range(n_sweeps):
        for axis, rank in enumerate(ranks):
            unexplained = unfold(projected_residual(data, bases, skip=axis), axis)
            bases[axis] = leading_eigenvectors(unexplained @ unexplained.T, rank)
        losses.append(projected_residual_loss(data, bases))
        if len(losses) > 1 and losses[-2] - losses[-1] <= tol * losses[-2]:
            break
    return BlockDescent(bases, np.array(losses))


def leading_eigenvectors(symmetric: FloatArray, n_vectors: int) -> FloatArray:
    """Return the eigenvectors of the largest eigenvalues, (d, n_vectors), largest first.

    Examples
    --------
    >>> np.abs(leading_eigenvectors(np.diag([1.0, 3.0, 2.0]), 2))
    array([[0., 0.],
           [1., 0.],
           [0., 1.]])
    """
    _, vectors = np.linalg.eigh(symmetric)
    return vectors[:, ::-1][:, :n_vectors]


def hosvd_init(data: FloatArray, ranks: Sequence[int]) -> list[FloatArray]:
    """Return the leading left singular vectors of each unfolding, as bases."""
    left = [np.linalg.svd(unfold(data, axis), full_matrices=False)[0] for axis in range(data.ndim)]
    return [vectors[:, :rank] for vectors, rank in zip(left, ranks, strict=True)]


def random_init(rng: np.random.Generator, shape: Sequence[int], ranks: Sequence[int]) -> list[FloatArray]:
    """Return uniformly distributed random bases: orthonormalised Gaussian matrices."""
    return [np.linalg.qr(rng.normal(size=(size, rank)))[0] for size, rank in zip(shape, ranks, strict=True)]


def fibre_init(rng: np.random.Generator, data: FloatArray, ranks: Sequence[int]) -> list[FloatArray]:
    """Return bases spanned by randomly chosen columns of each unfolding: fibres of the data themselves."""
    unfolded = [unfold(data, axis) for axis in range(data.ndim)]
    chosen = [matrix[:, rng.integers(matrix.shape[1], size=rank)] for matrix, rank in zip(unfolded, ranks, strict=True)]
    return [np.linalg.qr(columns)[0] for columns in chosen]


def model_from_bases(data: FloatArray, bases: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return one best model with these spans: each type takes all it can of what the earlier ones left."""
    loadings, slices = [], []
    residual = data
    for axis, basis in enumerate(bases):
        loadings.append(basis.T.copy())
        slices.append(np.tensordot(basis, residual, axes=(0, axis)))
        residual = residual - project(residual, basis, axis)
    return loadings, slices
