"""Fits of one estimator to parts or resamples of a recording, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import groups_of
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.intake import Data, take

__all__ = ["Places", "at_places", "matched_similarities", "model_at", "observed_in", "side_by_side", "whole_model"]

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


@dataclass(frozen=True, eq=False)
class Places:
    """Some places along an axis, to which an estimator is fitted; they may repeat.

    Attributes
    ----------
    axis : int
    places : ndarray of int
    start : TCA or SliceTCA, optional
        A model of the whole recording; the fit starts from it at these places.
    """

    axis: int
    places: NDArray[np.intp]
    start: TCA | SliceTCA | None = None

    def fit(self, estimator: Any, X: NDArray[Any], mask: NDArray[np.bool_] | None, progress: Any) -> tuple[Any, float]:
        """Fit a clone of the estimator; the model, and no loss of held-out entries (as `selection.splits` have it)."""
        model = estimator.__sklearn_clone__().set_params(progress=progress)
        if self.start is not None:
            # Only now: starts for all resamples at once could be larger than the recording.
            model.init = model_at(self.start, self.axis, self.places)
        return model.fit(*at_places(X, mask, self.axis, self.places)), float("nan")


def side_by_side(
    estimators: Sequence[Any],
    parts: Sequence[Places],
    data: Data,
    n_jobs: int | None,
    keep: Callable[[int, Any], Result],
) -> list[Result]:
    """Fit each estimator to its part of the recording, and keep of each model, (its number, model), what is wanted.

    The results are in the order of the parts. Fits do not warn: the caller counts those that ran out of iterations.
    """
    # The room of searches uses this one: it is named only when fits are run.
    from fastigial.selection.runner import Job, Stop, run

    # Nothing is held out here, so that parts need not know how to check what is.
    held: Sequence[Any] = parts
    jobs = [Job((number,), estimator, held[number]) for number, estimator in enumerate(estimators)]
    kept: dict[int, Result] = {}
    for finished in run(jobs, data.array, data.mask, n_jobs=n_jobs, stop=Stop()):
        (number,) = finished.key
        kept[number] = keep(number, finished.model)
    return [kept[number] for number in range(len(jobs))]


def at_places(
    array: NDArray[Any], mask: NDArray[np.bool_] | None, axis: int, places: NDArray[np.intp]
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Array and mask at some places along an axis."""
    return np.take(array, places, axis=axis), None if mask is None else np.take(mask, places, axis=axis)


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
