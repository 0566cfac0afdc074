"""The freedom left in a fitted SliceTCA model, and the canonical choice within it.

*Between* types i < j: for any tensor f[r, s, …] over the remaining axes,
A_i[r] += Σ_s u_j[s] ⊗ f[r, s] and A_j[s] −= Σ_r u_i[r] ⊗ f[r, s] leave X̂ as it was.
*Within* a type: u_i → Gᵀ u_i, A_i → G⁻¹ A_i for any invertible G.

Canonical choice between types: the T_i of least Σ_i w_i mean(T_i²). Let P_i project on the span of the
loadings of type i. The commuting projectors Π_S = Π_{j∈S} P_j Π_{j∉S} (I − P_j), S a non-empty set of types,
split X̂ into mutually orthogonal parts. T_i = P_i T_i, so only types in S can contribute to part S, and each
of them can contribute anything there. Minimising Σ_{i∈S} w_i ‖t_i‖² subject to Σ_{i∈S} t_i = Π_S X̂ gives t_i
= (1/w_i) / Σ_{j∈S} (1/w_j) · Π_S X̂. Canonical choice within a type: the singular value decomposition of the
unfolded T_i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from tests.common.reference_cp import FloatArray, unfold
from tests.common.reference_slicetca import project, reconstruct_slicetca, type_tensor

Transformation = Mapping[tuple[int, int], FloatArray]


def l2_objective(
    loadings: Sequence[FloatArray], slices: Sequence[FloatArray], weights: Sequence[float] | None = None
) -> float:
    """Return Σ_i w_i mean(T_i²); all w_i = 1 unless `weights` says otherwise."""
    pairs = zip(loadings, slices, strict=True)
    means = [float(np.mean(type_tensor(*pair, axis) ** 2)) for axis, pair in enumerate(pairs)]
    return float(np.dot(np.ones(len(means)) if weights is None else weights, means))


def span(loadings: FloatArray) -> FloatArray:
    """Return an orthonormal basis (d, r) of the span of the rows of `loadings` (R, d); r may be below R."""
    left, singular, _ = np.linalg.svd(loadings.T, full_matrices=False)
    if singular.size == 0 or singular[0] == 0:
        return left[:, :0]
    return left[:, singular > singular[0] * 1e-12]


def l2_closed_form(
    loadings: Sequence[FloatArray], slices: Sequence[FloatArray], weights: Sequence[float] | None = None
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the model of least `l2_objective` among those with the same X̂ and spans of the loadings.

    The loadings come back unchanged; the slices are the shortest that give the optimal type tensors. Types
    with no component take no part.
    """
    n_axes = len(loadings)
    shares = np.ones(n_axes) if weights is None else 1 / np.asarray(weights, dtype=np.float64)
    active = [axis for axis in range(n_axes) if loadings[axis].shape[0] > 0]
    bases = [span(loading) for loading in loadings]
    whole = reconstruct_slicetca(loadings, slices)
    tensors = [np.zeros_like(whole) for _ in range(n_axes)]
    for size in range(1, len(active) + 1):
        for subset in combinations(active, size):
            part = whole
            for axis in active:
                inside = project(part, bases[axis], axis)
                part = inside if axis in subset else part - inside
            for axis in subset:
                tensors[axis] = tensors[axis] + shares[axis] / sum(shares[other] for other in subset) * part
    new_slices = []
    for axis in range(n_axes):
        rest = whole.shape[:axis] + whole.shape[axis + 1 :]
        solution = np.linalg.lstsq(loadings[axis].T, unfold(tensors[axis], axis), rcond=1e-12)[0]
        new_slices.append(solution.astype(np.float64).reshape(loadings[axis].shape[0], *rest))
    return [loading.copy() for loading in loadings], new_slices


def between_shapes(
    loadings: Sequence[FloatArray],
) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return for every pair of types i < j the shape of their free tensor, (R_i, R_j, remaining axes)."""
    sizes = [loading.shape[1] for loading in loadings]
    ranks = [loading.shape[0] for loading in loadings]
    return {
        (i, j): (ranks[i], ranks[j], *(size for axis, size in enumerate(sizes) if axis not in (i, j)))
        for i, j in combinations(range(len(loadings)), 2)
    }


def between_transformation(
    loadings: Sequence[FloatArray], slices: Sequence[FloatArray], free: Transformation
) -> list[FloatArray]:
    """Return the slices after the transformation *between* types given by the tensors `free[i, j]`, i < j."""
    moved = [part.copy() for part in slices]
    for (i, j), tensor in free.items():
        # Slices of type i run over all axes but i: there, axis j sits one place earlier because i < j.
        gained = np.tensordot(tensor, loadings[j], axes=(1, 0))
        moved[i] += np.moveaxis(gained, -1, 1 + (j - 1))
        lost = np.tensordot(tensor, loadings[i], axes=(0, 0))
        moved[j] -= np.moveaxis(lost, -1, 1 + i)
    return moved


def random_between_transformation(
    rng: np.random.Generator, loadings: Sequence[FloatArray], slices: Sequence[FloatArray], scale: float = 1.0
) -> list[FloatArray]:
    """Return the slices after a transformation between all pairs, its free tensors Gaussian of SD `scale`."""
    free = {pair: scale * rng.normal(size=shape) for pair, shape in between_shapes(loadings).items()}
    return between_transformation(loadings, slices, free)


def within_svd(
    loadings: Sequence[FloatArray], slices: Sequence[FloatArray]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the same type tensors with orthonormal loadings and orthogonal slices, the strongest first.

    The loading entry of largest magnitude is made positive.
    """
    new_loadings, new_slices = [], []
    for axis, (loading, part) in enumerate(zip(loadings, slices, strict=True)):
        rank = loading.shape[0]
        left, singular, right = np.linalg.svd(unfold(type_tensor(loading, part, axis), axis), full_matrices=False)
        vectors = left[:, :rank].T
        signs = np.sign(vectors[np.arange(rank), np.argmax(np.abs(vectors), axis=1)])[:, None]
        new_loadings.append(signs * vectors)
        new_slices.append((signs * singular[:rank, None] * right[:rank]).reshape(part.shape))
    return new_loadings, new_slices
