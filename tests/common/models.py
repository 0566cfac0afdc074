"""Fitted models with chosen numbers, for tests of what is computed from a model rather than of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from tests.common.reference_cp import CP, FloatArray

import fastigial as fg

Model = TypeVar("Model", fg.TCA, fg.SliceTCA)


def tca_of(factors: Sequence[FloatArray], weights: FloatArray | None = None, **parameters: object) -> fg.TCA:
    """A fitted TCA with these factors, kept as they are: neither scaled to length one nor sorted.

    Examples
    --------
    >>> tca_of([np.ones((2, 1)), np.ones((3, 1))]).reconstruct().shape
    (2, 3)
    """
    n_components = factors[0].shape[1]
    model = fg.TCA(n_components, **parameters)  # type: ignore[arg-type]
    model.factors_ = [np.asarray(factor, dtype=np.float64) for factor in factors]
    model.weights_ = np.ones(n_components) if weights is None else np.asarray(weights, dtype=np.float64)
    return _fitted(model, tuple(len(factor) for factor in factors))


def slicetca_of(loadings: Sequence[FloatArray], slices: Sequence[FloatArray], **parameters: object) -> fg.SliceTCA:
    """A fitted SliceTCA with these loadings (r_i, d_i) and slices (r_i, d_j, d_k), kept as they are.

    Examples
    --------
    >>> loadings = [np.ones((1, 2)), np.ones((0, 3)), np.ones((0, 4))]
    >>> slices = [np.ones((1, 3, 4)), np.ones((0, 2, 4)), np.ones((0, 2, 3))]
    >>> slicetca_of(loadings, slices).reconstruct().shape
    (2, 3, 4)
    """
    model = fg.SliceTCA(tuple(len(loading) for loading in loadings), **parameters)  # type: ignore[arg-type]
    model.loadings_ = [np.asarray(loading, dtype=np.float64) for loading in loadings]
    model.slices_ = [np.asarray(many, dtype=np.float64) for many in slices]
    return _fitted(model, tuple(loading.shape[1] for loading in loadings))


def cp_of(model: fg.TCA) -> CP:
    """Weights and factors, as the slow references take them."""
    return model.weights_, model.factors_


def _fitted(model: Model, shape: tuple[int, ...]) -> Model:
    names = ("trial", "neuron", "time") if len(shape) == 3 else tuple(f"mode_{i}" for i in range(len(shape)))
    model.labels_ = (names, {})
    model.shape_, model.dtype_ = shape, np.dtype(np.float64)
    model.loss_, model.explained_variance_ = 0.0, 1.0
    return model


def random_tca(seed: int, shape: Sequence[int], n_components: int, **parameters: object) -> fg.TCA:
    """Gaussian factors and positive weights."""
    rng = np.random.default_rng(seed)
    factors = [rng.normal(size=(size, n_components)) for size in shape]
    return tca_of(factors, rng.uniform(0.5, 2.0, n_components), **parameters)


def random_slicetca(seed: int, shape: Sequence[int], ranks: Sequence[int], **parameters: object) -> fg.SliceTCA:
    """Gaussian loadings and slices."""
    rng = np.random.default_rng(seed)
    loadings = [rng.normal(size=(rank, size)) for rank, size in zip(ranks, shape, strict=True)]
    slices = [rng.normal(size=(rank, *shape[:axis], *shape[axis + 1 :])) for axis, rank in enumerate(ranks)]
    return slicetca_of(loadings, slices, **parameters)
