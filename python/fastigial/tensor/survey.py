"""The first pass over a recording in chunks: how much was observed, how large it is, and trials to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.tensor.chunks import Chunks
from fastigial.tensor.intake import Data
from fastigial.tensor.recognition import N_REMEMBERED, remember

__all__ = ["Sample", "Survey", "survey"]

# Trials of the sample on which a fit starts, at least.
_SAMPLE_TRIALS = 64


@dataclass(frozen=True)
class Survey:
    """What one pass tells of a recording.

    Attributes
    ----------
    n_observed : int
    sum_of_squares : float
        Of the observed entries divided by `scale`.
    scale : float
        A power of two; not 1 only where squares of the entries would overflow or vanish.
    remembered : ndarray
        Entries by which to recognise the recording, some of each chunk.
    """

    n_observed: int
    sum_of_squares: float
    scale: float
    remembered: NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Some of the trials, evenly spread.

    Attributes
    ----------
    array : ndarray
        NaN where not observed.
    trials : ndarray of int
        Which.
    """

    array: NDArray[Any]
    trials: NDArray[np.intp]


def survey(chunks: Chunks, n_threads: int | None, at_least: int = 0) -> tuple[Survey, Sample]:
    """Count, sum, look for infinities, and draw a sample of trials, in one pass.

    The sample has as many trials as the longest chunk, or `at_least` so many. Trials that are silent or were not
    observed would tell nothing: if such are drawn, others are, in a second pass.

    Raises
    ------
    ValueError
        If nothing was observed, or something infinite.
    """
    spans = chunks.spans
    n_sample = min(chunks.shape[0], max(_SAMPLE_TRIALS, at_least, *(b - a for a, b in spans)))
    chosen = _evenly(np.arange(chunks.shape[0]), n_sample)
    look = partial(_look, n_threads=n_threads, n_remembered=-(-N_REMEMBERED // len(spans)))
    size = np.prod(chunks.shape[1:], dtype=np.float64)
    n_observed, parts, rows, telling, remembered = 0, [], [], [], []
    for (start, _), found in zip(spans, chunks.map(look, _shared_out(chosen, chunks)), strict=True):
        n_observed += found.n_observed
        parts.append((found.largest, found.scale, found.sum_of_squares))
        rows.append(found.rows)
        telling.append(found.telling)
        remembered.append(np.add(found.remembered, [start * size, 0.0]))
    if n_observed == 0:
        raise ValueError("X holds no observed entry: it is empty, all NaN, or all masked")
    # The scale of the whole is the one that its largest entry asks for.
    _, scale, _ = max(parts)
    squares = sum(own * (own_scale / scale) ** 2 for _, own_scale, own in parts if own > 0)
    told = np.concatenate(telling)
    if told.any() and not told[chosen].all():
        chosen = _evenly(np.flatnonzero(told), n_sample)
        rows = list(_drawn(chunks, chosen))
    whole = Survey(n_observed, float(squares), float(scale), np.concatenate(remembered))
    return whole, Sample(np.concatenate(rows), chosen)


@dataclass(frozen=True)
class _Found:
    """What one chunk tells; `telling`: which of its trials hold an observed entry that is not zero."""

    n_observed: int
    sum_of_squares: float
    scale: float
    largest: float
    rows: NDArray[Any]
    telling: NDArray[np.bool_]
    remembered: NDArray[np.float64]


def _evenly(trials: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    return trials[np.unique(np.linspace(0, len(trials) - 1, min(n, len(trials))).round().astype(np.intp))]


def _shared_out(chosen: NDArray[np.intp], chunks: Chunks) -> list[NDArray[np.intp]]:
    """Numbers of the chosen trials within each chunk."""
    return [chosen[(chosen >= a) & (chosen < b)] - a for a, b in chunks.spans]


def _look(shared: None, data: Data, picks: NDArray[np.intp], *, n_threads: int | None, n_remembered: int) -> _Found:
    del shared
    found = _core.survey_chunk(data.array, data.mask, n_threads=n_threads)
    # NaN is neither; and signs, unlike magnitudes, take a byte each.
    entries: NDArray[np.bool_] = (data.array > 0) | (data.array < 0)
    if data.mask is not None:
        entries &= data.mask
    return _Found(
        n_observed=found["n_observed"],
        sum_of_squares=found["sum_of_squares"],
        scale=found["scale"],
        largest=found["largest"],
        rows=_rows(data, picks),
        telling=np.asarray(entries.any(axis=tuple(range(1, entries.ndim)))),
        remembered=remember(data, n_remembered),
    )


def _drawn(chunks: Chunks, chosen: NDArray[np.intp]) -> Iterator[NDArray[Any]]:
    return chunks.map(_draw, _shared_out(chosen, chunks))


def _draw(shared: None, data: Data, picks: NDArray[np.intp]) -> NDArray[Any]:
    del shared
    return _rows(data, picks)


def _rows(data: Data, picks: NDArray[np.intp]) -> NDArray[Any]:
    rows: NDArray[Any] = data.array[picks]
    if data.mask is not None:
        rows[~data.mask[picks]] = np.nan
    return rows
