"""Fits of recordings in chunks: a start from a sample of the trials, then sweeps over all of them, pass by pass.

The loop is the core's; a pass goes through `Chunks.passes`. In memory at a time: the sample (as many trials as a chunk
has), one chunk (on a cluster: one for each worker thread), and what belongs to single trials of the model. A few times
these are copied, where the data have gaps or an odd layout; so the peak stays below six chunks and four copies of the
model's part for the trials, whatever the length of the recording.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.convergence import ConvergenceWarning
from fastigial.tensor.checks import as_count, as_flags, as_number, as_threads
from fastigial.tensor.chunks import Chunks, Survey
from fastigial.tensor.progress import Callback

if TYPE_CHECKING:
    from fastigial.tensor.slicetca import SliceTCA
    from fastigial.tensor.tca import TCA

__all__ = ["fit_slicetca", "fit_tca"]

Double = NDArray[np.float64]
Found = tuple[dict[str, Any], BaseException | None]
Model = TypeVar("Model", "TCA", "SliceTCA")


def fit_tca(model: TCA, chunks: Chunks, progress: Callback | None) -> Found:
    """Fits a TCA to chunks; what `_core.fit_tca` would return."""
    start = model._start()
    n_components, n_threads = as_count("n_components", model.n_components), as_threads(model.n_threads)
    nonnegative = as_flags("nonnegative", model.nonnegative, len(chunks.shape))
    survey = chunks.survey(n_threads)
    if isinstance(start, str):
        others = [factor.astype(np.float64) for factor in _on_sample(model, survey).factors_[1:]]
        start = [np.zeros((chunks.shape[0], n_components)), *others]
    incomplete = survey.n_observed < np.prod(chunks.shape, dtype=np.int64)
    kernel = partial(
        _core.pass_tca,
        nonnegative=nonnegative,
        incomplete=bool(incomplete),
        scale=survey.scale,
        n_threads=n_threads,
    )
    return _core.fit_tca_chunks(
        chunks.passes(kernel),
        shape=chunks.shape,
        n_observed=survey.n_observed,
        sum_of_squares=survey.sum_of_squares,
        incomplete=bool(incomplete),
        scale=survey.scale,
        single=chunks.dtype == np.float32,
        n_components=n_components,
        nonnegative=nonnegative,
        init=start,
        max_iter=as_count("max_iter", model.max_iter),
        tol=as_number("tol", model.tol),
        progress=progress,
    )


def fit_slicetca(model: SliceTCA, chunks: Chunks, progress: Callback | None) -> Found:
    """Fits a SliceTCA to chunks; what `_core.fit_slicetca` would return."""
    start, n_threads = model._start(), as_threads(model.n_threads)
    nonnegative = as_flags("nonnegative", model.nonnegative, 3)
    survey = chunks.survey(n_threads)
    if isinstance(start, str):
        found = _on_sample(model, survey)
        (trial, *loadings), (slices, *own) = found._loadings64(), found._slices64()
        n_trials = chunks.shape[0]
        start = (
            [np.zeros((len(trial), n_trials)), *loadings],
            [slices, *(np.zeros((len(part), n_trials, part.shape[2])) for part in own)],
        )
    kernel = partial(_core.pass_slicetca, nonnegative=nonnegative, scale=survey.scale, n_threads=n_threads)
    return _core.fit_slicetca_chunks(
        chunks.passes(kernel),
        shape=chunks.shape,
        n_observed=survey.n_observed,
        sum_of_squares=survey.sum_of_squares,
        incomplete=bool(survey.n_observed < np.prod(chunks.shape, dtype=np.int64)),
        scale=survey.scale,
        single=chunks.dtype == np.float32,
        n_components=model._ranks(),
        nonnegative=nonnegative,
        init=start,
        invariance=model.invariance,
        max_iter=as_count("max_iter", model.max_iter),
        tol=as_number("tol", model.tol),
        n_threads=n_threads,
        progress=progress,
    )


def _on_sample(model: Model, survey: Survey) -> Model:
    """The same model of the sample, in memory."""
    sample = type(model)(**{**model.get_params(), "progress": False})
    with warnings.catch_warnings():
        # A start need not have settled.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return sample.fit(survey.sample)
