"""Fits of recordings in chunks: a start from a sample of the trials, then sweeps over all of them, pass by pass.

The loop is the core's; a pass goes through `Chunks.passes`. In memory at a time are either the sample (as many trials
as a chunk has) with its fit, or one chunk (on a cluster: one for each worker thread), copied where it has a mask or an
odd layout or scale; and what belongs to single trials of the model. Measured, the peak stays below three chunks and
seven copies of the model's part for the trials, whatever the length of the recording.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.convergence import ConvergenceWarning
from fastigial.tensor.checks import as_count, as_flags, as_number, as_threads
from fastigial.tensor.chunks import Answer, Chunks
from fastigial.tensor.progress import Report
from fastigial.tensor.survey import Sample, survey

if TYPE_CHECKING:
    from fastigial.tensor.slicetca import SliceTCA
    from fastigial.tensor.tca import TCA

__all__ = ["fit_slicetca", "fit_tca"]

# How far the model of a sample is followed; no further than this is of use to a start.
_SWEEPS_OF_SAMPLE = 500
_TOL_OF_SAMPLE = 1e-7

Double = NDArray[np.float64]
Found = tuple[dict[str, Any], BaseException | None]
Model = TypeVar("Model", "TCA", "SliceTCA")


def fit_tca(model: TCA, chunks: Chunks, report: Report) -> Found:
    """Fits a TCA to chunks; what `_core.fit_tca` would return."""
    chunks.on_chunk = report.chunk
    n_components, n_threads = as_count("n_components", model.n_components), as_threads(model.n_threads)
    nonnegative = as_flags("nonnegative", model.nonnegative, len(chunks.shape))
    fit = partial(
        _core.fit_tca_chunks,
        shape=chunks.shape,
        single=chunks.dtype == np.float32,
        n_components=n_components,
        nonnegative=nonnegative,
        max_iter=as_count("max_iter", model.max_iter),
        tol=as_number("tol", model.tol),
    )
    given = model._start()
    init = [_zeros((length, n_components)) for length in chunks.shape] if isinstance(given, str) else given
    _refuse_early(model, fit, [_grown(factor.T, n_components).T for factor in init])
    whole, sample = survey(chunks, n_threads)
    start_losses = np.zeros(0)
    if isinstance(given, str) or init[0].shape[1] < n_components:
        found = _on_sample(model, sample)
        init[1:] = found._factors64()[1:]
        init[0] = _zeros((chunks.shape[0], n_components))
        start_losses = found.restart_losses_
    del sample
    incomplete = bool(whole.n_observed < np.prod(chunks.shape, dtype=np.int64))
    kernel = partial(
        _core.pass_tca, nonnegative=nonnegative, incomplete=incomplete, scale=whole.scale, n_threads=n_threads
    )
    result, exception = fit(
        chunks.passes(kernel),
        n_observed=whole.n_observed,
        sum_of_squares=whole.sum_of_squares,
        incomplete=incomplete,
        scale=whole.scale,
        init=init,
        progress=report.callback,
    )
    return {**result, "start_losses": start_losses, "remembered": whole.remembered}, exception


def fit_slicetca(model: SliceTCA, chunks: Chunks, report: Report) -> Found:
    """Fits a SliceTCA to chunks; what `_core.fit_slicetca` would return."""
    chunks.on_chunk = report.chunk
    ranks, n_threads = model._ranks(), as_threads(model.n_threads)
    nonnegative = as_flags("nonnegative", model.nonnegative, 3)
    fit = partial(
        _core.fit_slicetca_chunks,
        shape=chunks.shape,
        single=chunks.dtype == np.float32,
        n_components=ranks,
        nonnegative=nonnegative,
        invariance=model.invariance,
        max_iter=as_count("max_iter", model.max_iter),
        tol=as_number("tol", model.tol),
        n_threads=n_threads,
    )
    given = model._start()
    loadings, slices = _silent_slices(chunks.shape, ranks) if isinstance(given, str) else given
    _refuse_early(model, fit, tuple(list(map(_grown, parts, ranks)) for parts in (loadings, slices)))
    whole, sample = survey(chunks, n_threads, at_least=ranks[0])
    start_losses = np.zeros(0)
    if isinstance(given, str) or [len(loading) for loading in given[0]] != ranks:
        found = _on_sample(model, sample)
        given = _silent_slices(chunks.shape, ranks)
        given[0][1:], given[1][0] = found._loadings64()[1:], found._slices64()[0]
        start_losses = found.restart_losses_
    del sample
    result, exception = fit(
        chunks.passes(partial(_core.pass_slicetca, nonnegative=nonnegative, scale=whole.scale, n_threads=n_threads)),
        n_observed=whole.n_observed,
        sum_of_squares=whole.sum_of_squares,
        incomplete=bool(whole.n_observed < np.prod(chunks.shape, dtype=np.int64)),
        scale=whole.scale,
        init=given,
        progress=report.callback,
    )
    return {**result, "start_losses": start_losses, "remembered": whole.remembered}, exception


def _silent_slices(shape: tuple[int, ...], ranks: list[int]) -> tuple[list[Double], list[Double]]:
    """Loadings and slices that are all zero; of three axes, however many there are."""
    lengths = (*shape, 1, 1)[:3]
    others = [lengths[:kind] + lengths[kind + 1 :] for kind in range(3)]
    loadings = [_zeros((rank, length)) for rank, length in zip(ranks, lengths, strict=True)]
    return loadings, [_zeros((rank, *over)) for rank, over in zip(ranks, others, strict=True)]


def _grown(components: Double, n_components: int) -> Double:
    """As many components, those that were lacking all zero; they run along the first axis."""
    missing = max(n_components - len(components), 0)
    if missing == 0:
        return components
    return np.concatenate([components, _zeros((missing, *components.shape[1:]))])


def _zeros(shape: tuple[int, ...]) -> Double:
    """Zeros that take no memory; not to be written to."""
    return np.broadcast_to(np.zeros(()), shape)


class _Begun(Exception):  # noqa: N818 (nothing went wrong)
    """The core has taken all parameters and asks for the first pass."""


def _refuse_early(model: TCA | SliceTCA, fit: Callable[..., Found], init: Any) -> None:
    """Let the core refuse parameters before the recording is read: that takes its time."""
    if model.n_init != "auto":
        as_count("n_init", model.n_init)

    def begin(*asked: Any) -> Iterator[Answer]:
        raise _Begun(asked)

    with suppress(_Begun):
        fit(begin, n_observed=1, sum_of_squares=1.0, incomplete=True, scale=1.0, init=init, progress=None)


def _on_sample(model: Model, sample: Sample) -> Model:
    """The same model of the sample, in memory."""
    start: Any = model.init
    if not isinstance(start, str):
        # With fewer components than are asked for: the sample tells where the others begin.
        start = start._of_trials(sample.trials)
    # A start need not have settled: sweeps over everything go on from there.
    changed = {"progress": False, "init": start, "max_iter": _SWEEPS_OF_SAMPLE, "tol": max(model.tol, _TOL_OF_SAMPLE)}
    found = type(model)(**{**model.get_params(), **changed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return found.fit(sample.array)
