"""Recordings that are read in parts: a source that counts, fails or is interrupted, and files of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask.array as da
import h5py
import numpy as np
import zarr
from numpy.typing import NDArray


@dataclass
class Source:
    """An array that is read trials by trials: what `fit` takes for a zarr or h5py array.

    `failure` is raised by the read number `n_good` (from 0) and all later ones.

    Examples
    --------
    >>> source = Source(np.ones((5, 3, 2)))
    >>> source[1:4].shape, source.reads
    ((3, 3, 2), [(1, 4)])
    """

    array: NDArray[Any]
    chunks: tuple[int, ...] | None = None
    failure: BaseException | None = None
    n_good: int = 0
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __getitem__(self, trials: slice) -> NDArray[Any]:
        self.reads.append((trials.start, trials.stop))
        if self.failure is not None and len(self.reads) > self.n_good:
            raise self.failure
        return self.array[trials]


def in_dask(array: NDArray[Any], n_trials: int | tuple[int, ...] = 7) -> da.Array:
    """Chunks of so many trials.

    Examples
    --------
    >>> in_dask(np.ones((10, 3, 2)), 4).chunks
    ((4, 4, 2), (3,), (2,))
    """
    return da.from_array(array, chunks=(n_trials, *array.shape[1:]))


def _memmap(array: NDArray[Any], folder: Path) -> Any:
    path = folder / "recording.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def _zarr(array: NDArray[Any], folder: Path) -> Any:
    stored = zarr.create_array(folder / "recording.zarr", shape=array.shape, chunks=(3, 5, 4), dtype=array.dtype)
    stored[:] = array
    return stored


def _h5py(array: NDArray[Any], folder: Path) -> Any:
    return h5py.File(folder / "recording.h5", "w").create_dataset("X", data=array)


def _h5py_in_chunks(array: NDArray[Any], folder: Path) -> Any:
    return h5py.File(folder / "recording.h5", "w").create_dataset("X", data=array, chunks=(3, 2, 2))


KINDS: dict[str, Callable[[NDArray[Any], Path], Any]] = {
    "dask": lambda array, _: in_dask(array),
    "dask-along-all-axes": lambda array, _: da.from_array(array, chunks=(7, 5, 4)),
    "dask-along-neurons": lambda array, _: da.from_array(array, chunks=(-1, 5, -1)),
    "memmap": _memmap,
    "zarr": _zarr,
    "h5py": _h5py,
    "h5py-in-chunks": _h5py_in_chunks,
    "anything": lambda array, _: Source(array),
}
