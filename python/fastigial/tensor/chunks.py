"""Recordings that do not fit into memory: read a chunk of trials at a time, here or on the workers of a cluster.

What counts as one: a `dask.array.Array` of several chunks; a `numpy.memmap`, a `zarr.Array` or an `h5py.Dataset` (or
what has their ``shape``, ``dtype``, ``chunks`` and ``[]``) of more than `CHUNK_BYTES`, while smaller ones are simply
loaded; and an `xarray.DataArray` that holds one of them. A fit goes through such a recording in passes. Each pass reads
every chunk once, runs a kernel on it, and keeps only the kernel's answer; with a dask array and an active client of
`dask.distributed` the kernels run on its workers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.intake import Data, aligned, take
from fastigial.tensor.labels import Coords, labels_of

__all__ = ["CHUNK_BYTES", "Chunks", "as_chunks"]

# Bytes of a chunk, as the kernels take it, where the recording does not say itself.
CHUNK_BYTES = 64 << 20
# Answers that are fetched from a cluster at a time.
_TOGETHER = 8

Double = NDArray[np.float64]
Answer = tuple[Double, list[Double], float]
Kernel = Callable[..., Answer]


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
    dims, coords
        Labels of the axes.
    """

    def __init__(self, source: Any, mask: Any, bounds: Sequence[int], dims: tuple[str, ...], coords: Coords) -> None:
        self.source = source
        self.mask = mask
        self.bounds = list(bounds)
        self.dims = dims
        self.coords = coords
        self.shape: tuple[int, ...] = tuple(int(length) for length in source.shape)
        self.dtype = _precision(source.dtype)
        # Told of each chunk that is done, and of how many there are.
        self.on_chunk: Callable[[int, int], object] | None = None
        # Masks on the workers of a cluster.
        self._sent: list[Any] | None = None

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First trial of each chunk, and the first one after it."""
        return list(zip(self.bounds[:-1], self.bounds[1:], strict=True))

    def load(self, number: int) -> Data:
        """One chunk, in memory."""
        mask = None if self._masks is None else np.asarray(self._masks[number])
        return take(_loaded(self._parts[number]), mask)

    def map(self, function: Callable[..., Any], arguments: Sequence[Any], shared: Any = None) -> Iterator[Any]:
        """``function(shared, data, argument)`` of each chunk, in their order; on the workers of a client if any.

        In memory at a time are one chunk and what the caller keeps; of a cluster a few answers.
        """
        client = _client() if _is_dask(self.source) else None
        if client is not None:
            yield from self._on_workers(client, function, arguments, shared)
            return
        for number, argument in enumerate(arguments):
            yield function(shared, self.load(number), argument)
            self._tell(number + 1)

    def passes(self, kernel: Kernel) -> Callable[[int, list[Double], Double], Iterator[Answer]]:
        """What the core calls for a pass: runs ``kernel(x, mask, step, shared, rows)`` on the chunks in their order."""

        def run(step: int, shared: list[Double], rows: Double) -> Iterator[Answer]:
            return self.map(partial(_answer, kernel, step), [rows[a:b] for a, b in self.spans], shared)

        return run

    @cached_property
    def _parts(self) -> Sequence[Any]:
        return _Cut(self.source, self.spans)

    @cached_property
    def _masks(self) -> Sequence[Any] | None:
        return None if self.mask is None else _Cut(self.mask, self.spans)

    def _on_workers(
        self, client: Any, function: Callable[..., Any], arguments: Sequence[Any], shared: Any
    ) -> Iterator[Any]:
        from dask.delayed import delayed

        # Numbers go straight to the workers: in the graph they would all pass through the scheduler. The blocks
        # themselves are part of the graph, so that each is made, or lies already, where its kernel runs.
        everywhere = client.scatter([shared], hash=False)[0]
        own = client.scatter(list(arguments), hash=False)
        on_worker = delayed(_on_worker, pure=False)
        masks = [None] * len(own) if self._masks is None else self._masks_for(client)
        tasks = [
            on_worker(function, everywhere, part.to_delayed().ravel()[0], mask, argument)
            for part, mask, argument in zip(self._parts, masks, own, strict=True)
        ]
        futures = client.compute(tasks)
        for first in range(0, len(tasks), _TOGETHER):
            yield from client.gather(futures[:_TOGETHER])
            # Workers may now forget these.
            del futures[:_TOGETHER]
            self._tell(min(first + _TOGETHER, len(tasks)))

    def _masks_for(self, client: Any) -> list[Any]:
        """Masks where the workers find them; those in memory are sent once, not in every pass."""
        if _is_dask(self.mask):
            return [mask.to_delayed().ravel()[0] for mask in self._masks or ()]
        if self._sent is None:
            self._sent = client.scatter([np.asarray(mask) for mask in self._masks or ()], hash=False)
        return self._sent

    def _tell(self, done: int) -> None:
        if self.on_chunk is not None:
            self.on_chunk(done, len(self.bounds) - 1)


class _Cut(Sequence[Any]):
    """The parts of an array along its first axis: each is cut off when it is asked for."""

    def __init__(self, array: Any, spans: list[tuple[int, int]]) -> None:
        self._array = array
        self._spans = spans
        self._optimized: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, number: Any) -> Any:
        a, b = self._spans[number]
        if not _is_dask(self._array):
            return self._array[a:b]
        # The graph of a part is found once, not in every pass: that takes longer the more chunks there are.
        if number not in self._optimized:
            from dask.base import optimize

            (self._optimized[number],) = optimize(self._array[a:b].rechunk(-1))
        return self._optimized[number]


def as_chunks(X: Any, mask: Any) -> Chunks | None:
    """The recording as chunks, or None if it is in memory, or small enough to be brought there.

    Raises
    ------
    ValueError
        If a dask array does not know the sizes of its chunks, or the mask has another shape.
    TypeError
        If X does not hold real numbers, or the mask is not boolean.
    """
    source = getattr(X, "data", X) if hasattr(X, "dims") and hasattr(X, "coords") else X
    if _is_dask(source):
        lengths = _lengths_of_dask(source)
    elif isinstance(source, np.memmap) or _is_stored(source):
        lengths = _lengths_of_stored(source)
    else:
        return None
    if lengths is None:
        return None
    dtype = np.dtype(source.dtype)
    if dtype.kind not in "iubf" or (dtype.kind == "f" and dtype.itemsize not in (4, 8)):
        raise TypeError(f"X has dtype {dtype}, expected real numbers (float32, float64 or integers)")
    dims, coords = labels_of(X, len(source.shape))
    if mask is not None:
        inner = mask.data if hasattr(mask, "dims") else mask
        inner = inner if hasattr(inner, "shape") and hasattr(inner, "dtype") else np.asarray(inner)
        if np.dtype(inner.dtype).kind != "b":
            raise TypeError(f"mask has dtype {inner.dtype}, expected bool (True where X was observed)")
        mask = aligned(inner, mask, dims if hasattr(X, "dims") else None)
        if tuple(mask.shape) != tuple(source.shape):
            raise ValueError(f"mask has shape {tuple(mask.shape)}, expected that of X, {tuple(source.shape)}")
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    return Chunks(source, mask, [int(bound) for bound in bounds], dims, coords)


def _lengths_of_dask(array: Any) -> list[int] | None:
    """Trials of each chunk: the array's own. Blocks along other axes are joined."""
    if np.isnan([length for lengths in array.chunks for length in lengths]).any():
        raise ValueError("X is a dask array of unknown chunk sizes; call X.compute_chunk_sizes() first")
    if array.ndim < 2 or array.npartitions < 2:
        return None
    lengths = [int(length) for length in array.chunks[0] if length > 0]
    if len(lengths) > 1:
        return lengths
    # Cut along other axes only: all of them are needed for any trial.
    row = _bytes_of_trial(array)
    if row * array.shape[0] <= CHUNK_BYTES:
        return None
    return _equal_lengths(array.shape[0], CHUNK_BYTES // row)


def _lengths_of_stored(array: Any) -> list[int] | None:
    """Trials of each chunk: whole chunks of the file, as many as `CHUNK_BYTES` hold.

    Where chunks of the file are long but narrow, so that `CHUNK_BYTES` hold no layer of them, they are read in part.
    """
    if len(array.shape) < 2:
        return None
    row = _bytes_of_trial(array)
    if row * array.shape[0] <= CHUNK_BYTES:
        return None
    own = getattr(array, "chunks", None) or (1,)
    stored = int(np.prod(own, dtype=np.int64)) * _precision(array.dtype).itemsize
    step = max(CHUNK_BYTES, stored) // row
    return _equal_lengths(array.shape[0], step // own[0] * own[0] or step)


def _bytes_of_trial(array: Any) -> int:
    return max(int(np.prod(array.shape[1:], dtype=np.int64)) * _precision(array.dtype).itemsize, 1)


def _equal_lengths(n_trials: int, step: int) -> list[int]:
    step = max(step, 1)
    return [min(step, n_trials - first) for first in range(0, n_trials, step)]


def _precision(dtype: Any) -> np.dtype[Any]:
    """Precision in which a recording is fitted."""
    return np.dtype(np.float32 if np.dtype(dtype).newbyteorder("=") == np.float32 else np.float64)


def _is_dask(X: Any) -> bool:
    # Another thread may be importing it just now: then it has no such class yet, and X is none of it.
    kind = getattr(sys.modules.get("dask.array"), "Array", None)
    return kind is not None and isinstance(X, kind)


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


def _loaded(part: Any) -> Any:
    return part.compute() if _is_dask(part) else part


def _answer(kernel: Kernel, step: int, shared: list[Double], data: Data, rows: Double) -> Answer:
    return kernel(data.array, data.mask, step, shared, np.ascontiguousarray(rows))


def _on_worker(function: Callable[..., Any], shared: Any, block: Any, mask: Any, argument: Any) -> Any:
    return function(shared, take(block, None if mask is None else np.asarray(mask)), argument)
