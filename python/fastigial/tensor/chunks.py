"""Recordings that do not fit into memory: read a chunk of trials at a time, here or on the workers of a cluster.

What counts as one: a `dask.array.Array` of several chunks along the trials; a `numpy.memmap`, a `zarr.Array` or an
`h5py.Dataset` larger than `CHUNK_BYTES` (smaller ones are simply loaded); and an `xarray.DataArray` that holds one of
them. A fit goes through such a recording in passes. Each pass reads every chunk once, runs a kernel on it, and keeps
only the kernel's answer; with a dask array and an active `dask.distributed` client the kernels run on its workers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.tensor.intake import Data, take
from fastigial.tensor.labels import Coords, labels_of
from fastigial.tensor.recognition import recognised, remember

__all__ = ["CHUNK_BYTES", "Chunks", "Survey", "as_chunks"]

# Bytes of a chunk, where the recording does not say itself.
CHUNK_BYTES = 64 << 20
# Trials of the sample on which a fit starts, at least.
_SAMPLE_TRIALS = 64

Double = NDArray[np.float64]
Answer = tuple[Double, list[Double], float]
Kernel = Callable[..., Answer]


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
    largest : float
    sample : ndarray
        Some of the trials, evenly spread.
    sample_trials : ndarray of int
        Which.
    """

    n_observed: int
    sum_of_squares: float
    scale: float
    largest: float
    sample: NDArray[Any]
    sample_trials: NDArray[np.intp]


class Chunks:
    """A recording in chunks along its first axis.

    Parameters
    ----------
    source : array-like
        Has ``shape``, ``dtype`` and can be cut along the first axis.
    mask : array-like of bool, optional
        Of the same shape; cut alike.
    bounds : sequence of int
        Where chunks begin, and where the last one ends.
    """

    def __init__(self, source: Any, mask: Any, bounds: Sequence[int], dims: tuple[str, ...], coords: Coords) -> None:
        self.source = source
        self.mask = mask
        self.bounds = list(bounds)
        self.dims = dims
        self.coords = coords
        self.shape: tuple[int, ...] = tuple(int(length) for length in source.shape)
        self.dtype = np.dtype(np.float32 if np.dtype(source.dtype) == np.float32 else np.float64)

    def survey(self, n_threads: int | None) -> Survey:
        """Count, sum, look for infinities, and draw a sample of trials, in one pass."""
        n_trials, longest = self.shape[0], int(np.max(np.diff(self.bounds)))
        n_sample = min(n_trials, max(longest, _SAMPLE_TRIALS))
        chosen = np.unique(np.linspace(0, n_trials - 1, n_sample).round().astype(np.intp))
        picks = [chosen[(chosen >= a) & (chosen < b)] - a for a, b in self._spans()]
        answers = self._map(partial(_survey, n_threads=n_threads), [(pick,) for pick in picks])
        n_observed = sum(found["n_observed"] for found, _ in answers)
        if n_observed == 0:
            raise ValueError("X holds no observed entry: it is empty, all NaN, or all masked")
        largest = max(found["largest"] for found, _ in answers)
        # The scale of the whole, as every chunk would find it for itself.
        scale = next((found["scale"] for found, _ in answers if found["largest"] == largest), 1.0)
        squares = sum(found["sum_of_squares"] * (found["scale"] / scale) ** 2 for found, _ in answers)
        sample = np.concatenate([rows for _, rows in answers])
        return Survey(n_observed, float(squares), float(scale), float(largest), sample, chosen)

    def passes(self, kernel: Kernel) -> Callable[[int, list[Double], Double], list[Answer]]:
        """What the core calls for a pass: runs ``kernel(x, mask, step, shared, rows)`` on every chunk."""

        def run(step: int, shared: list[Double], rows: Double) -> list[Answer]:
            cut = [rows[a:b] for a, b in self._spans()]
            return self._map(partial(_answer, kernel, step), [(part,) for part in cut], shared)

        return run

    def each(self) -> Iterator[tuple[tuple[int, int], Data]]:
        """The chunks one after the other, in memory, and the trials that they hold."""
        for number, span in enumerate(self._spans()):
            yield span, self._load(number)

    def remembered(self) -> NDArray[np.float64]:
        """A few entries by which to recognise the recording, from the first chunk."""
        return remember(self._load(0))

    def hold(self, remembered: NDArray[np.float64]) -> bool:
        """Whether the recording holds such entries, as far as they lie in the first chunk."""
        return recognised(remembered, self._load(0))

    def _spans(self) -> list[tuple[int, int]]:
        return list(zip(self.bounds[:-1], self.bounds[1:], strict=True))

    def _load(self, number: int) -> Data:
        a, b = self._spans()[number]
        mask = None if self.mask is None else np.asarray(self.mask[a:b])
        return take(np.asarray(self.source[a:b]), mask)

    def _map(self, function: Callable[..., Any], arguments: list[tuple[Any, ...]], shared: Any = None) -> list[Any]:
        """``function(shared, data, *arguments)`` for each chunk; on the workers of a cluster where there is one."""
        client = _client() if _is_dask(self.source) else None
        if client is None:
            return [function(shared, self._load(i), *arguments[i]) for i in range(len(arguments))]
        from dask.delayed import delayed

        everywhere = delayed(shared)
        tasks = []
        for (a, b), own in zip(self._spans(), arguments, strict=True):
            mask = None if self.mask is None else self.mask[a:b]
            # The blocks themselves go into the graph, so that each is made, or lies already, where its kernel runs.
            blocks = self.source[a:b].to_delayed().ravel()[0]
            tasks.append(delayed(_on_worker, pure=False)(function, everywhere, blocks, mask, own))
        return list(client.gather(client.compute(tasks)))


def as_chunks(X: Any, mask: Any) -> Chunks | None:
    """The recording as chunks, or None if it is in memory, or small enough to be brought there."""
    inner = getattr(X, "data", X) if hasattr(X, "dims") and hasattr(X, "coords") else X
    if _is_dask(inner):
        bounds = np.concatenate([[0], np.cumsum(inner.chunks[0])]) if inner.ndim else np.zeros(1)
        if len(bounds) < 3:
            return None
        if np.isnan(bounds).any():
            raise ValueError("X is a dask array of unknown chunk sizes; call X.compute_chunk_sizes() first")
        source = inner.rechunk(dict.fromkeys(range(1, inner.ndim), -1))
        bounds = bounds.astype(int)
    elif isinstance(inner, np.memmap) or _is_stored(inner):
        row = int(np.prod(inner.shape[1:], dtype=np.int64)) * np.dtype(inner.dtype).itemsize
        if len(inner.shape) < 2 or row * inner.shape[0] <= CHUNK_BYTES:
            return None
        own = (getattr(inner, "chunks", None) or (1,))[0]
        step = max(CHUNK_BYTES // max(row, 1) // own, 1) * own
        source, bounds = inner, np.append(np.arange(0, inner.shape[0], step), inner.shape[0])
    else:
        return None
    if np.dtype(source.dtype).kind not in "iubf":
        raise TypeError(f"X has dtype {source.dtype}, expected real numbers (float32, float64 or integers)")
    if mask is not None:
        mask = mask.data if hasattr(mask, "dims") else mask
        mask = mask if hasattr(mask, "shape") else np.asarray(mask)
        if tuple(mask.shape) != tuple(source.shape):
            raise ValueError(f"mask has shape {tuple(mask.shape)}, expected that of X, {tuple(source.shape)}")
    dims, coords = labels_of(X, len(source.shape))
    return Chunks(source, mask, [int(bound) for bound in bounds], dims, coords)


def _is_dask(X: Any) -> bool:
    dask_array = sys.modules.get("dask.array")
    return dask_array is not None and isinstance(X, dask_array.Array)


def _is_stored(X: Any) -> bool:
    """Arrays of zarr and h5py: known by what they can do, so that neither need be installed."""
    wanted = ("shape", "dtype", "chunks", "__getitem__")
    return not isinstance(X, np.ndarray) and not _is_dask(X) and all(hasattr(X, name) for name in wanted)


def _client() -> Any:
    """The active client of dask.distributed, if there is one."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def _survey(shared: None, data: Data, picks: NDArray[np.intp], *, n_threads: int | None) -> Any:
    del shared
    found = _core.survey_chunk(data.array, data.mask, n_threads=n_threads)
    rows = np.array(data.array[picks])
    if data.mask is not None:
        rows[~data.mask[picks]] = np.nan
    return found, rows


def _answer(kernel: Kernel, step: int, shared: list[Double], data: Data, rows: Double) -> Answer:
    return kernel(data.array, data.mask, step, shared, np.ascontiguousarray(rows))


def _on_worker(function: Callable[..., Any], shared: Any, block: Any, mask: Any, arguments: tuple[Any, ...]) -> Any:
    return function(shared, take(np.asarray(block), None if mask is None else np.asarray(mask)), *arguments)
