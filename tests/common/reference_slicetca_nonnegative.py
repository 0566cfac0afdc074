"""SliceTCA with non-negative and free slice types, by block coordinate descent with a regression for every row.

Model and names are those of `reference_slicetca`; L = Σ_observed (X̂ − X)² / n, n the number of observed entries.
Where `reference_slicetca_masked` solves for all slices at once (a dense matrix with a column for every slice
entry), here one block is one array of one type, so that tensors of a few thousand entries are affordable:

* slices of type i given all else: each fibre X[·, j, k] along axis i is regressed on the loadings u_i;
* loadings of type i given all else: each slab X[a, ·, ·] across axis i is regressed on the slices A_i.

A regression of a non-negative type is a non-negative least-squares problem. Every block is solved exactly, so the
loss never rises. Where types share what they explain such a descent zigzags for thousands of sweeps; `polish` goes
the rest of the way, moving all entries at once along the gradient (a quasi-Newton method with bounds).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from tests.common.reference_cp import BoolArray, FloatArray, observed, solve_rows, unfold
from tests.common.reference_slicetca import reconstruct_slicetca
from tests.common.reference_slicetca_masked import SliceFit, best_loadings, slicetca_loss

Arrays = list[FloatArray]


def best_slices_of_type(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    axis: int,
    mask: BoolArray | None = None,
    nonnegative: bool = False,
) -> FloatArray:
    """Return the slices (R_i, d_j, d_k) of one type that minimise the loss given everything else."""
    rank = loadings[axis].shape[0]
    if rank == 0:
        return slices[axis]
    seen = np.moveaxis(observed(data, mask), axis, 0).reshape(data.shape[axis], -1)
    elsewhere = reconstruct_slicetca(loadings, slices) - reconstruct_slicetca(loadings, slices, slice_type=axis)
    fibres = unfold(data - elsewhere, axis)
    return solve_rows(loadings[axis].T, fibres.T, seen.T, nonnegative).T.reshape(slices[axis].shape)


def nonnegative_block_descent(
    data: FloatArray,
    loadings_init: Sequence[FloatArray],
    slices_init: Sequence[FloatArray],
    n_sweeps: int,
    *,
    mask: BoolArray | None = None,
    nonnegative: Sequence[bool] = (True, True, True),
    tol: float = 0.0,
) -> SliceFit:
    """Minimise the loss over one array at a time: the slices, then the loadings of types 0, 1, 2 in turn.

    Parameters
    ----------
    data : (d_0, d_1, d_2)
        NaN means not observed.
    loadings_init, slices_init : sequence of (R_i, d_i), sequence of (R_i, d_j, d_k)
        Non-negative for the non-negative types.
    n_sweeps : int
        Sweeps over all blocks at the most.
    mask : (d_0, d_1, d_2), optional
        True where observed.
    nonnegative : one bool per type
        Whether the loadings and slices of that type must be non-negative.
    tol : float
        Stop after a sweep that lowers the loss by no more than this fraction of it.

    Returns
    -------
    SliceFit
        `losses[0]` belongs to the start, `losses[n]` to the end of sweep n.

    Examples
    --------
    >>> loadings = [np.ones((1, 2)), np.zeros((0, 3)), np.zeros((0, 2))]
    >>> slices = [np.ones((1, 3, 2)), np.zeros((0, 2, 2)), np.zeros((0, 2, 3))]
    >>> data = np.array([1.0, 2.0])[:, None, None] * np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 4.0]])
    >>> bool(nonnegative_block_descent(data, loadings, slices, 2).losses[-1] < 1e-20)
    True
    """
    loadings = [loading.astype(np.float64) for loading in loadings_init]
    slices = [part.astype(np.float64) for part in slices_init]
    losses = [slicetca_loss(data, loadings, slices, mask)]
    for _ in range(n_sweeps):
        for axis, flag in enumerate(nonnegative):
            slices[axis] = best_slices_of_type(data, loadings, slices, axis, mask, flag)
            loadings[axis] = best_loadings(data, loadings, slices, axis, mask, flag)
        losses.append(slicetca_loss(data, loadings, slices, mask))
        if losses[-2] - losses[-1] <= tol * losses[-2]:
            break
    return SliceFit(loadings, slices, np.array(losses))


def polish(
    data: FloatArray,
    loadings_init: Sequence[FloatArray],
    slices_init: Sequence[FloatArray],
    *,
    mask: BoolArray | None = None,
    nonnegative: Sequence[bool] = (True, True, True),
    n_rounds: int = 50,
) -> tuple[Arrays, Arrays]:
    """Return the loadings and slices where rounds of L-BFGS-B and one sweep of block descent end.

    The quasi-Newton method stops at times where its idea of the curvature is poor; a sweep and a fresh beginning
    bring it on its way again. The rounds end when one lowers the loss by no more than rounding.
    """
    loadings, slices = list(loadings_init), list(slices_init)
    shapes = [array.shape for array in [*loadings, *slices]]
    sizes = [int(np.prod(shape)) for shape in shapes]
    scale = float(np.mean(data[observed(data, mask)] ** 2))

    def unpacked(entries: FloatArray) -> tuple[Arrays, Arrays]:
        pieces = np.split(entries, np.cumsum(sizes)[:-1])
        arrays = [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]
        return arrays[:3], arrays[3:]

    def loss_and_slope(entries: FloatArray) -> tuple[float, FloatArray]:
        gradients = slicetca_gradient(data, *unpacked(entries), mask)
        slope = np.concatenate([part.ravel() for part in [*gradients[0], *gradients[1]]])
        return slicetca_loss(data, *unpacked(entries), mask) / scale, slope / scale

    bounds = [(0.0, None) if flag else (None, None) for flag in np.repeat([*nonnegative, *nonnegative], sizes)]
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-12, "maxcor": 30}
    loss = slicetca_loss(data, loadings, slices, mask)
    for _ in range(n_rounds):
        start = np.concatenate([array.ravel() for array in [*loadings, *slices]])
        end = minimize(loss_and_slope, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options)
        sweep = nonnegative_block_descent(data, *unpacked(end.x), 1, mask=mask, nonnegative=nonnegative)
        loadings, slices = sweep.loadings, sweep.slices
        if loss - sweep.losses[-1] <= 1e-13 * scale:
            break
        loss = sweep.losses[-1]
    return loadings, slices


def random_model(
    rng: np.random.Generator,
    shape: Sequence[int],
    ranks: Sequence[int],
    nonnegative: Sequence[bool] = (True, True, True),
) -> tuple[Arrays, Arrays]:
    """Return Gaussian loadings and slices, their absolute values for the non-negative types.

    Examples
    --------
    >>> loadings, slices = random_model(np.random.default_rng(0), (4, 3, 2), (1, 0, 2))
    >>> [part.shape for part in slices], min(part.min(initial=0.0) for part in loadings + slices)
    ([(1, 3, 2), (0, 4, 2), (2, 4, 3)], np.float64(0.0))
    """
    loadings = [rng.normal(size=(rank, size)) for rank, size in zip(ranks, shape, strict=True)]
    slices = [rng.normal(size=(rank, *shape[:axis], *shape[axis + 1 :])) for axis, rank in enumerate(ranks)]
    return _bounded(loadings, nonnegative), _bounded(slices, nonnegative)


def slicetca_gradient(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    mask: BoolArray | None = None,
) -> tuple[Arrays, Arrays]:
    """Return ∂L/∂u_i and ∂L/∂A_i for the three types, each shaped like its array.

    With E = X̂ − X on the observed entries and zero elsewhere: ∂L/∂u_i[r, a] = 2/n Σ_jk E[a, j, k] A_i[r, j, k] and
    ∂L/∂A_i[r, j, k] = 2/n Σ_a E[a, j, k] u_i[r, a], axis i written first.
    """
    seen = observed(data, mask)
    error = np.where(seen, reconstruct_slicetca(loadings, slices) - np.where(seen, data, 0.0), 0.0)
    by_loading, by_slice = [], []
    for axis, (loading, part) in enumerate(zip(loadings, slices, strict=True)):
        first = np.moveaxis(error, axis, 0)
        by_loading.append(2.0 / seen.sum() * np.einsum("ajk,rjk->ra", first, part))
        by_slice.append(2.0 / seen.sum() * np.einsum("ajk,ra->rjk", first, loading))
    return by_loading, by_slice


def optimality_violation(
    data: FloatArray,
    loadings: Sequence[FloatArray],
    slices: Sequence[FloatArray],
    mask: BoolArray | None = None,
    nonnegative: Sequence[bool] = (True, True, True),
) -> float:
    """Return how far the model is from the Karush-Kuhn-Tucker conditions: zero at a stationary point.

    Those are, for an entry θ of a non-negative type with slope g = ∂L/∂θ: g ≥ 0 where θ = 0, and g = 0 where θ > 0;
    for a free type g = 0. Violations are measured without units, the same however a component's size is shared
    between its loading and its slice: with z the array that multiplies θ (a slice for a loading, a loading for a
    slice), θ' = θ ‖z‖ / ‖X‖ and g' = g n / (2 ‖z‖ ‖X‖). Then θ' − g' is where the exact minimiser over θ alone lies
    (complete data), and the violation, the largest |max(θ' − g', 0) − θ'| (free types: |g'|), is the largest change
    that one more coordinate step would make to the tensor, as a share of the tensor. It is −g' where θ = 0 and
    g < 0; |g'| where θ is clearly positive; and θ' where the slope asks for zero and rounding left a little.

    Parameters
    ----------
    data, loadings, slices, mask, nonnegative
        As in `nonnegative_block_descent`.

    Returns
    -------
    float
    """
    seen = observed(data, mask)
    size = float(np.linalg.norm(data[seen]))
    worst = 0.0
    slopes = slicetca_gradient(data, loadings, slices, mask)
    for arrays, gradients, partners in ((loadings, slopes[0], slices), (slices, slopes[1], loadings)):
        for flag, array, gradient, partner in zip(nonnegative, arrays, gradients, partners, strict=True):
            for entries, slope, multiplier in zip(array, gradient, partner, strict=True):
                length = float(np.linalg.norm(multiplier))
                # With nothing to multiply, the entries make no difference and their slope is zero.
                scaled = slope * seen.sum() / (2.0 * length * size) if length > 0 else np.zeros_like(slope)
                at = entries * length / size
                change = np.maximum(at - scaled, 0.0) - at if flag else scaled
                worst = max(worst, float(np.abs(change).max()))
    return worst


def _bounded(arrays: Arrays, nonnegative: Sequence[bool]) -> Arrays:
    return [np.abs(array) if flag else array for array, flag in zip(arrays, nonnegative, strict=True)]
