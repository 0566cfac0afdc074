"""Fits of one estimator to parts or resamples of a recording, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import groups_of
from fastigial.convergence import ConvergenceWarning
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.intake import Data, take

__all__ = ["at_places", "matched_similarities", "model_at", "observed_in", "prepared", "side_by_side", "whole_model"]

Result = TypeVar("Result")


def whole_model(estimator: Any, X: ArrayLike, mask: ArrayLike | None, seed: int) -> tuple[Any, Data]:
    """The model of the whole recording, and the recording.

    An estimator that was fitted to this recording is that model, and is not fitted again.
    """
    if not isinstance(estimator, TCA | SliceTCA):
        raise TypeError(f"estimator is a {type(estimator).__name__}, expected a TCA or SliceTCA")
    data = take(X, mask)
    if data.mask is not None and data.mask.shape != data.array.shape:
        raise ValueError(f"mask has shape {data.mask.shape}, expected that of X, {data.array.shape}")
    if hasattr(estimator, "loss_") and estimator._recognises(data):
        return estimator, data
    model = estimator.__sklearn_clone__()
    if model.random_state is None:
        model.random_state = seed
    return model.fit(X, mask), data


def prepared(estimator: Any, n_jobs: int, **parameters: Any) -> Any:
    """An unfitted estimator for one of many fits: silent, and with one thread where fits run side by side."""
    clone = estimator.__sklearn_clone__().set_params(progress=False, **parameters)
    if n_jobs != 1 and clone.n_threads is None:
        clone.n_threads = 1
    return clone


def side_by_side(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], n_jobs: int) -> list[Result]:
    """Results of the function for each task, in their order, from `n_jobs` threads (joblib).

    The core lets go of the interpreter, so that threads suffice; `joblib.parallel_config` can put others in their
    place. Fits that did not converge do not warn one by one: the caller counts them.
    """
    from joblib import Parallel, delayed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found: list[Result] = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(*task) for task in tasks)
    return found


def at_places(data: Data, axis: int, places: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Array and mask at some places along an axis; places may repeat."""
    mask = None if data.mask is None else np.take(data.mask, places, axis=axis)
    return np.take(data.array, places, axis=axis), mask


def observed_in(array: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Which entries were observed."""
    seen = ~np.isnan(array)
    return np.asarray(seen if mask is None else seen & mask, dtype=np.bool_)


def model_at(model: Any, axis: int, places: NDArray[np.intp]) -> Any:
    """The model of the recording at some places along an axis; what it holds along the others stays."""
    found = copy(model)
    found.shape_ = tuple(len(places) if i == axis else size for i, size in enumerate(model.shape_))
    if isinstance(found, TCA):
        found.factors_ = [factor[places] if i == axis else factor for i, factor in enumerate(model.factors_)]
        return found
    found.loadings_ = [loading[:, places] if i == axis else loading for i, loading in enumerate(model.loadings_)]
    found.slices_ = [
        # Components come first, then the axes other than that of the type.
        slices if i == axis else np.take(slices, places, axis=axis + 1 if axis < i else axis)
        for i, slices in enumerate(model.slices_)
    ]
    return found


def matched_similarities(a: Any, b: Any, axes: tuple[int, ...], method: str) -> NDArray[np.float64]:
    """Similarity of each component of one model with that of the same number of another, along some axes, (ΣR,).

    The mean or the product ("factor_match") of the absolute cosines of the parts that lie within the axes; NaN for
    components that have none.
    """
    found = []
    for own, other in zip(groups_of(a), groups_of(b), strict=True):
        cosines = [
            np.minimum(np.abs(np.sum(p.vectors * q.vectors, axis=0)), 1.0)
            for p, q in zip(own.parts, other.parts, strict=True)
            if set(p.axes) <= set(axes)
        ]
        if not cosines:
            found.append(np.full(own.weights.size, np.nan))
        else:
            found.append(np.mean(cosines, axis=0) if method == "mean_cosine" else np.prod(cosines, axis=0))
    return np.concatenate(found)
