from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "__version__",
    "canonicalize_slicetca",
    "compress_tca",
    "fit_slicetca",
    "fit_slicetca_chunks",
    "fit_tca",
    "fit_tca_chunks",
    "num_threads",
    "pass_slicetca",
    "pass_tca",
    "read_arrays",
    "reconstruct_slicetca",
    "reconstruct_tca",
    "set_num_threads",
    "survey_chunk",
    "transform_slicetca",
    "transform_tca",
    "write_arrays",
]

__version__: Final[str]

_Real = NDArray[np.float32] | NDArray[np.float64]
_Double = NDArray[np.float64]
_Mask = NDArray[np.bool_] | None
_Answer = tuple[_Double, list[_Double], float]
_Passes = Callable[[int, list[_Double], _Double], list[_Answer]]
_Progress = Callable[[int, int, float], object] | None

def num_threads() -> int: ...
def set_num_threads(n_threads: int | None, /) -> None: ...
def write_arrays(path: str | PathLike[str], arrays: Mapping[str, _Real], text: str, /) -> None: ...
def read_arrays(path: str | PathLike[str], /) -> tuple[dict[str, NDArray[Any]], str]: ...
def compress_tca(
    x: _Real, mask: _Mask, *, n_components: int, n_threads: int | None
) -> tuple[list[_Double], _Double] | None: ...
def survey_chunk(x: _Real, mask: _Mask, *, n_threads: int | None) -> dict[str, Any]: ...
def fit_tca(
    x: _Real,
    mask: _Mask,
    *,
    n_components: int,
    nonnegative: Sequence[bool],
    init: str | Sequence[_Double],
    n_init: int,
    max_iter: int,
    tol: float,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
    core: tuple[Sequence[_Double], _Double] | None = None,
) -> tuple[dict[str, Any], BaseException | None]: ...
def pass_tca(
    x: _Real,
    mask: _Mask,
    step: int,
    shared: Sequence[_Double],
    rows: _Double,
    *,
    nonnegative: Sequence[bool],
    incomplete: bool,
    scale: float,
    n_threads: int | None,
) -> _Answer: ...
def fit_tca_chunks(
    passes: _Passes,
    *,
    shape: Sequence[int],
    n_observed: int,
    sum_of_squares: float,
    incomplete: bool,
    scale: float,
    single: bool,
    n_components: int,
    nonnegative: Sequence[bool],
    init: Sequence[_Double],
    max_iter: int,
    tol: float,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def transform_tca(
    x: _Real,
    mask: _Mask,
    weights: _Double,
    factors: Sequence[_Double],
    *,
    nonnegative: bool,
    n_threads: int | None,
) -> _Double: ...
def reconstruct_tca(
    weights: _Double, factors: Sequence[_Double], *, components: Sequence[int], single: bool
) -> NDArray[Any]: ...
def fit_slicetca(
    x: _Real,
    mask: _Mask,
    *,
    n_components: Sequence[int],
    nonnegative: Sequence[bool],
    init: str | tuple[Sequence[_Double], Sequence[_Double]],
    n_init: int | None,
    invariance: str | None,
    max_iter: int,
    tol: float,
    seed: int,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def pass_slicetca(
    x: _Real,
    mask: _Mask,
    step: int,
    shared: Sequence[_Double],
    rows: _Double,
    *,
    nonnegative: Sequence[bool],
    scale: float,
    n_threads: int | None,
) -> _Answer: ...
def fit_slicetca_chunks(
    passes: _Passes,
    *,
    shape: Sequence[int],
    n_observed: int,
    sum_of_squares: float,
    incomplete: bool,
    scale: float,
    single: bool,
    n_components: Sequence[int],
    nonnegative: Sequence[bool],
    init: tuple[Sequence[_Double], Sequence[_Double]],
    invariance: str | None,
    max_iter: int,
    tol: float,
    n_threads: int | None,
    progress: _Progress,
) -> tuple[dict[str, Any], BaseException | None]: ...
def transform_slicetca(
    x: _Real,
    mask: _Mask,
    loadings: Sequence[_Double],
    slices: Sequence[_Double],
    *,
    nonnegative: Sequence[bool],
    n_threads: int | None,
) -> tuple[_Double, _Double, _Double]: ...
def canonicalize_slicetca(
    loadings: Sequence[_Double], slices: Sequence[_Double], *, n_threads: int | None
) -> dict[str, Any]: ...
def reconstruct_slicetca(
    loadings: Sequence[_Double],
    slices: Sequence[_Double],
    *,
    components: Sequence[Sequence[int]],
    single: bool,
    n_threads: int | None,
) -> NDArray[Any]: ...
