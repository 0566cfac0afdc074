"""SliceTCA of tiny tensors with missing entries or non-negative factors, by dense regressions.

Model and names are those of `reference_slicetca`. Two exact steps alternate, so the loss never rises:

1. all slices of all types at once, given the loadings: one regression with a column for every slice entry;
2. for each type in turn, its loadings given all else: one regression for every index along that type's axis.

A regression of a non-negative type is a non-negative least-squares problem. In step 1 a type that may change
sign enters such a problem as the difference of two non-negative parts. Of several minimisers the shortest is
taken (unconstrained case), so that entries nothing was observed about are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from tests.common.reference_cp import BoolArray, FloatArray, observed, solve_rows, unfold
from tests.common.reference_slicetca import reconstruct_slicetca


class SliceFit(NamedTuple):
    """Loadings, slices, and the mean squared error per observed entry after each sweep."""

    loadings: list[FloatArray]
    slices: list[FloatArray]
    losses: FloatArray


def slicetca_loss(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    mask: BoolArray | None = None,
) -> float:
    """Return the squared error averaged over the observed entries."""
    seen = observed(data, mask)
    return float(np.mean((data[seen] - reconstruct_slicetca(loadings, slices)[seen]) ** 2))


def slice_design(loadings: Sequence[FloatArray], seen: BoolArray) -> FloatArray:
    """Return the matrix from all slice entries (type by type, in C order) to the observed entries of X̂."""
    coordinates = np.nonzero(seen)
    entry = np.arange(coordinates[0].size)
    blocks = []
    for axis, loading in enumerate(loadings):
        rest = [size for other, size in enumerate(seen.shape) if other != axis]
        position = np.ravel_multi_index([where for other, where in enumerate(coordinates) if other != axis], rest)
        for component in loading:
            block = np.zeros((entry.size, int(np.prod(rest))))
            block[entry, position] = component[coordinates[axis]]
            blocks.append(block)
    return np.hstack(blocks)


def best_slices(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    mask: BoolArray | None = None,
    nonnegative: Sequence[bool] = (False, False, False),
) -> list[FloatArray]:
    """Return the slices of all types that jointly minimise the loss for given loadings."""
    seen = observed(data, mask)
    design = slice_design(loadings, seen)
    shapes = [(loading.shape[0], *data.shape[:axis], *data.shape[axis + 1 :]) for axis, loading in enumerate(loadings)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    if any(nonnegative):
        free = np.repeat(~np.asarray(nonnegative), sizes)
        stacked = np.hstack([design, -design[:, free]])
        parts = nnls(stacked, data[seen], maxiter=100 * stacked.shape[1])[0]
        entries = parts[: free.size].copy()
        entries[free] -= parts[free.size :]
    else:
        entries = np.linalg.lstsq(design, data[seen], rcond=None)[0].astype(np.float64)
    pieces = np.split(entries, np.cumsum(sizes)[:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def masked_projected_loss(data: FloatArray, loadings: Sequence[FloatArray], mask: BoolArray | None = None) -> float:
    """Return the least loss that any slices can reach with these loadings, observed entries only."""
    return slicetca_loss(data, loadings, best_slices(data, loadings, mask), mask)


def best_loadings(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    axis: int,
    mask: BoolArray | None = None,
    nonnegative: bool = False,
) -> FloatArray:
    """Return the loadings (R_i, d_i) of one type that minimise the loss given everything else."""
    rank = loadings[axis].shape[0]
    if rank == 0:
        return loadings[axis]
    seen = np.moveaxis(observed(data, mask), axis, 0).reshape(data.shape[axis], -1)
    elsewhere = reconstruct_slicetca(loadings, slices) - reconstruct_slicetca(loadings, slices, slice_type=axis)
    return solve_rows(slices[axis].reshape(rank, -1).T, unfold(data - elsewhere, axis), seen, nonnegative).T


def slicetca_als(
    data: FloatArray,
    loadings_init: Sequence[FloatArray],
    n_sweeps: int,
    *,
    mask: BoolArray | None = None,
    nonnegative: Sequence[bool] = (False, False, False),
    tol: float = 0.0,
) -> SliceFit:
    """Alternate the two exact steps, beginning with the slices and ending with them.

    Parameters
    ----------
    data : (d_0, d_1, d_2)
        NaN means not observed.
    loadings_init : sequence of (R_i, d_i)
        Non-negative for the non-negative types.
    n_sweeps : int
        Number of sweeps, each of the loadings type by type and then of all slices.
    mask : (d_0, d_1, d_2), optional
        True where observed.
    nonnegative : one bool per type
        Whether the loadings and slices of that type must be non-negative.
    tol : float
        Stop after a sweep that lowers the loss by no more than this fraction of it.

    Returns
    -------
    SliceFit
        `losses[0]` belongs to the initial loadings with their best slices, `losses[n]` to the end of sweep n.
    """
    loadings = [loading.astype(np.float64) for loading in loadings_init]
    slices = best_slices(data, loadings, mask, nonnegative)
    losses = [slicetca_loss(data, loadings, slices, mask)]
    for _ in range(n_sweeps):
        for axis, sign in enumerate(nonnegative):
            loadings[axis] = best_loadings(data, loadings, slices, axis, mask, sign)
        slices = best_slices(data, loadings, mask, nonnegative)
        losses.append(slicetca_loss(data, loadings, slices, mask))
        if losses[-2] - losses[-1] <= tol * losses[-2]:
            break
    return SliceFit(loadings, slices, np.array(losses))
