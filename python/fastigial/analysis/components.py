"""The components of a fitted model, of whichever kind, as outer products of unit vectors.

A component of a TCA is the outer product of one vector along each axis; one of a SliceTCA the outer product of a
loading along one axis and a slice over all others. Both are seen here as weight · part ⊗ part ⊗ …, each part of length
one, so that what can be said of inner products and norms need only be said once. Components of different slice types
are never compared with one another: they stand in different groups.

| symbol | name                      | shape                                        |
| ------ | ------------------------- | -------------------------------------------- |
| w      | Group.weights             | (R,), not negative                           |
| p_m    | Group.parts[m].vectors    | (product of the sizes of the part's axes, R) |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor import TCA, SliceTCA

__all__ = ["Group", "Part", "as_axes", "check_model", "groups_of", "inner_products", "labels_of", "tensors"]


@dataclass(frozen=True)
class Part:
    """What the components of a group have along some of the axes."""

    axes: tuple[int, ...]
    vectors: NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Components that may be compared with one another: those of a TCA, or of one slice type.

    A component with a part of zeros has weight zero.
    """

    slice_type: int | None
    parts: tuple[Part, ...]
    weights: NDArray[np.float64]


def check_model(name: str, model: Any) -> TCA | SliceTCA:
    """Return a fitted model.

    Raises
    ------
    TypeError
        If it is neither a `TCA` nor a `SliceTCA`.
    AttributeError
        If it is not fitted.
    """
    if not isinstance(model, TCA | SliceTCA):
        raise TypeError(f"{name} is a {type(model).__name__}, expected a fitted TCA or SliceTCA")
    model._check_fitted()
    return model


def groups_of(model: TCA | SliceTCA) -> list[Group]:
    """Components of a fitted model: one group for a TCA, three (of which some may be empty) for a SliceTCA."""
    if isinstance(model, TCA):
        parts = [((axis,), np.asarray(factor)) for axis, factor in enumerate(model.factors_)]
        return [_group(None, parts, model.weights_.astype(np.float64))]
    groups = []
    for axis, (loadings, slices) in enumerate(zip(model.loadings_, model.slices_, strict=True)):
        others = tuple(other for other in range(3) if other != axis)
        # An empty array cannot be told to find its own length.
        size = int(np.prod([model.shape_[other] for other in others]))
        pair = [((axis,), loadings.T), (others, slices.reshape(len(slices), size).T)]
        groups.append(_group(axis, pair, np.ones(len(loadings))))
    return groups


def _group(
    slice_type: int | None, parts: Sequence[tuple[tuple[int, ...], NDArray[Any]]], weights: NDArray[np.float64]
) -> Group:
    unit = []
    with np.errstate(over="ignore", under="ignore"):
        for axes, vectors in parts:
            columns = vectors.astype(np.float64)
            # Squares of the data's largest and smallest numbers are out of range; those of numbers around one are not.
            sizes = np.abs(columns).max(axis=0, initial=0.0)
            columns = columns / np.where(sizes > 0, sizes, 1.0)
            norms = np.linalg.norm(columns, axis=0)
            unit.append(Part(axes, columns / np.where(norms > 0, norms, 1.0)))
            weights = weights * sizes * norms
    return Group(slice_type, tuple(unit), weights)


def labels_of(groups: Sequence[Group]) -> list[Any]:
    """Numbers of all components, group after group: r of a TCA, (slice type, r) of a SliceTCA."""
    if groups[0].slice_type is None:
        return list(range(groups[0].weights.size))
    return [(place, number) for place, group in enumerate(groups) for number in range(group.weights.size)]


def tensors(groups: Sequence[Group], shape: tuple[int, ...], rows: slice, scale: float) -> NDArray[np.float64]:
    """Tensors of all components, group after group, divided by a scale, at some places of the first axis.

    Returns
    -------
    ndarray, shape (sum of R, number of rows, d_1, d_2, …)
    """
    found = []
    n_rows = len(range(*rows.indices(shape[0])))
    for group in groups:
        n_components = group.weights.size
        product = (group.weights / scale).reshape(n_components, *(1 for _ in shape))
        for part in group.parts:
            sizes = [size if axis in part.axes else 1 for axis, size in enumerate(shape)]
            full = part.vectors.T.reshape(n_components, *sizes)
            product = product * (full[:, rows] if 0 in part.axes else full)
        found.append(np.broadcast_to(product, (n_components, n_rows, *shape[1:])))
    return np.concatenate(found)


def inner_products(groups: Sequence[Group], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Inner products (ΣR, ΣR) of the components' tensors, each of them at length one; no tensor is formed.

    For the components of a TCA, and within a slice type, that is the product of the cosines of their parts.
    """
    own, other = len(shape), len(shape) + 1
    rows = []
    for a in groups:
        row = []
        for b in groups:
            operands: list[Any] = []
            for group, index in ((a, own), (b, other)):
                for part in group.parts:
                    sizes = [shape[axis] for axis in part.axes]
                    operands += [part.vectors.reshape(*sizes, group.weights.size), [*part.axes, index]]
            row.append(np.einsum(*operands, [own, other], optimize="greedy"))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def as_axes(model: TCA | SliceTCA, axes: Any) -> tuple[int, ...]:
    """Numbers of some of the axes, given by number or by name; None is all.

    Raises
    ------
    ValueError
        If there is no such axis, or none is left.
    """
    names = model.dims_
    if axes is None:
        return tuple(range(len(names)))
    asked = [axes] if isinstance(axes, str | int | np.integer) else list(axes)
    found = []
    for axis in asked:
        number = names.index(axis) if isinstance(axis, str) and axis in names else axis
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 0 <= number < len(names):
            raise ValueError(f"axes holds {axis!r}, expected 0 to {len(names) - 1} or one of {', '.join(names)}")
        found.append(int(number))
    if not found:
        raise ValueError("axes is empty, expected at least one axis")
    return tuple(sorted(set(found)))
