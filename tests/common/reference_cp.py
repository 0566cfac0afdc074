"""CP decomposition of a tensor of any order by the textbook route.

Model: X̂[i₀, i₁, …] = Σ_r λ_r Π_m A_m[i_m, r].

| symbol | name       | shape            |
| ------ | ---------- | ---------------- |
| X      | data       | (d_0, d_1, …)    |
| A_m    | factors[m] | (d_m, R)         |
| λ      | weights    | (R,)             |

An entry counts as observed when it is not NaN and `mask`, where given, is True there.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
CP = tuple[FloatArray, Sequence[FloatArray]]


class CPFit(NamedTuple):
    """What `cp_als` ends with; the weights are all one until `normalise_cp` is called."""

    weights: FloatArray
    factors: list[FloatArray]
    losses: FloatArray


def observed(data: FloatArray, mask: BoolArray | None = None) -> BoolArray:
    """Return a boolean array shaped like `data`: True where an entry is not NaN and not masked out.

    Examples
    --------
    >>> observed(np.array([1.0, np.nan, 3.0]), np.array([True, True, False]))
    array([ True, False, False])
    """
    seen = ~np.isnan(data)
    return seen if mask is None else seen & mask


def unfold(data: FloatArray, mode: int) -> FloatArray:
    """Return the (d_mode, product of the others) matrix whose columns run over the other axes in C order.

    Examples
    --------
    >>> unfold(np.arange(8.0).reshape(2, 2, 2), 1)
    array([[0., 1., 4., 5.],
           [2., 3., 6., 7.]])
    """
    return np.moveaxis(data, mode, 0).reshape(data.shape[mode], -1)


def khatri_rao(matrices: Sequence[FloatArray]) -> FloatArray:
    """Return the column-wise Kronecker product, (Π d_m, R); the last matrix's row index runs fastest.

    Examples
    --------
    >>> khatri_rao([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])]).ravel()
    array([3., 4., 6., 8.])
    """
    n_components = matrices[0].shape[1]
    columns = []
    for component in range(n_components):
        column: FloatArray = np.ones(1)
        for matrix in matrices:
            column = np.kron(column, matrix[:, component]).astype(np.float64)
        columns.append(column)
    return np.stack(columns, axis=1)


def others(factors: Sequence[FloatArray], mode: int) -> list[FloatArray]:
    """Return the factors of all modes but one, in order."""
    return [factor for index, factor in enumerate(factors) if index != mode]


def reconstruct_cp(weights: FloatArray, factors: Sequence[FloatArray]) -> FloatArray:
    """Return the dense tensor of a CP model, shape (d_0, d_1, …).

    Examples
    --------
    >>> reconstruct_cp(np.array([2.0]), [np.array([[1.0], [3.0]]), np.array([[1.0], [5.0]])])
    array([[ 2., 10.],
           [ 6., 30.]])
    """
    axes = string.ascii_lowercase[: len(factors)]
    subscripts = ",".join(f"{axis}Z" for axis in axes)
    return np.asarray(np.einsum(f"Z,{subscripts}->{axes}", weights, *factors))


def mttkrp(data: FloatArray, factors: Sequence[FloatArray], mode: int, mask: BoolArray | None = None) -> FloatArray:
    """Return the matricised tensor times Khatri-Rao product, shape (d_mode, R).

    M[i, r] is the sum, over observed entries with i_mode = i, of X · Π_{m ≠ mode} A_m[i_m, r].
    """
    filled = np.where(observed(data, mask), data, 0.0)
    axes = string.ascii_lowercase[: data.ndim]
    rest = [axis for index, axis in enumerate(axes) if index != mode]
    subscripts = ",".join([axes, *(f"{axis}Z" for axis in rest)])
    return np.asarray(np.einsum(f"{subscripts}->{axes[mode]}Z", filled, *others(factors, mode)))


def cp_loss(
    data: FloatArray, weights: FloatArray, factors: Sequence[FloatArray], mask: BoolArray | None = None
) -> float:
    """Return the squared error averaged over the observed entries."""
    seen = observed(data, mask)
    return float(np.mean((data[seen] - reconstruct_cp(weights, factors)[seen]) ** 2))


def cp_als(
    data: FloatArray,
    n_components: int,
    init_factors: Sequence[FloatArray],
    n_sweeps: int,
    *,
    mask: BoolArray | None = None,
    nonnegative: bool | Sequence[bool] = False,
) -> CPFit:
    """Alternate exact least squares over the modes 0, 1, … for `n_sweeps` sweeps.

    Each row of each factor is its own regression of that row's observed entries on the Khatri-Rao product of
    the other factors; where several minimisers exist the shortest is taken, so a row with nothing observed
    becomes zero. For a mode with `nonnegative` the regression is an exact non-negative least-squares problem.

    Parameters
    ----------
    data : (d_0, d_1, …)
        NaN means not observed.
    n_components : int
        Number of components R.
    init_factors : sequence of (d_m, R)
        The first mode's entries only matter for its shape: it is solved for first.
    n_sweeps : int
        Sweeps over all modes.
    mask : (d_0, d_1, …), optional
        True where observed.
    nonnegative : bool or one bool per mode
        Which factors must be non-negative.

    Returns
    -------
    CPFit
        Weights (ones), factors and the loss after each sweep, shape (n_sweeps,).

    Examples
    --------
    >>> fit = cp_als(np.outer([1.0, 2.0], [3.0, 4.0]), 1, [np.ones((2, 1)), np.ones((2, 1))], 2)
    >>> bool(fit.losses[-1] < 1e-20)
    True
    """
    if any(factor.shape[1] != n_components for factor in init_factors):
        shapes = [factor.shape for factor in init_factors]
        raise ValueError(f"init_factors have shapes {shapes}, expected {n_components} columns in each")
    flags = [nonnegative] * data.ndim if isinstance(nonnegative, bool) else list(nonnegative)
    seen = observed(data, mask)
    weights = np.ones(n_components)
    factors = [factor.astype(np.float64) for factor in init_factors]
    losses = []
    for _ in range(n_sweeps):
        for mode in range(data.ndim):
            design = khatri_rao(others(factors, mode))
            factors[mode] = solve_rows(design, unfold(data, mode), _unfold_bool(seen, mode), flags[mode])
        losses.append(cp_loss(data, weights, factors, mask))
    return CPFit(weights, factors, np.array(losses))


def solve_rows(design: FloatArray, targets: FloatArray, seen: BoolArray, nonnegative: bool) -> FloatArray:
    """Regress each row of `targets` (n, p) on `design` (p, R) over its observed columns; returns (n, R)."""
    rows = np.zeros((targets.shape[0], design.shape[1]))
    for row in range(targets.shape[0]):
        kept = seen[row]
        if not kept.any():
            continue
        if nonnegative:
            rows[row] = nnls(design[kept], targets[row, kept], maxiter=100 * design.shape[1])[0]
        else:
            rows[row] = np.linalg.lstsq(design[kept], targets[row, kept], rcond=None)[0]
    return rows


def normalise_cp(weights: FloatArray, factors: Sequence[FloatArray]) -> tuple[FloatArray, list[FloatArray]]:
    """Move the column norms into the weights, make those non-negative and sort them from large to small.

    A negative weight is absorbed by the last mode. A component with a zero column gets weight zero and keeps
    that column.
    """
    weights = np.array(weights, dtype=np.float64)
    unit = []
    for factor in factors:
        norms = np.linalg.norm(factor, axis=0)
        weights *= norms
        unit.append(factor / np.where(norms > 0, norms, 1.0))
    unit[-1] = unit[-1] * np.where(weights < 0, -1.0, 1.0)
    weights = np.abs(weights)
    order = np.argsort(-weights, kind="stable")
    return weights[order], [factor[:, order] for factor in unit]


def _unfold_bool(seen: BoolArray, mode: int) -> BoolArray:
    return np.moveaxis(seen, mode, 0).reshape(seen.shape[mode], -1)
