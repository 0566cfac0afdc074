"""Models in files: arrays as safetensors, everything else as JSON beside them; nothing in a file is executed."""

from __future__ import annotations

import json
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.tensor.labels import Coords, levels_of

if TYPE_CHECKING:
    from fastigial.tensor.estimator import Decomposition

__all__ = ["load", "save"]

FORMAT = 1

_SCALARS: dict[str, type] = {
    "loss_": float,
    "explained_variance_": float,
    "n_iter_": int,
    "converged_": bool,
    "outcome_": str,
}
# In place of a type: the coordinate is a hierarchical index, made of these others.
_LEVELS = "levels"
# Who builds what is no decomposition.
_ROOMS = {
    "RNN": "fastigial.rnn.files",
    "Cerebellum": "fastigial.cerebellum.files",
    "CorticoCerebellarRNN": "fastigial.models.cortico_cerebellar_files",
    "CerebelloCorticalNetwork": "fastigial.models.cerebello_cortical_files",
    "GranuleLayer": "fastigial.cerebellum.granule_files",
}
_HISTORIES = ("loss_history_", "restart_losses_", "_remembered")


def load(path: str | PathLike[str]) -> Any:
    """Read a decomposition, a network, a part of the cerebellum or a model that ``save`` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    TCA, SliceTCA, RNN, GranuleLayer, Cerebellum, CorticoCerebellarRNN or CerebelloCorticalNetwork
        A fitted decomposition with its labels, anything else with its parameters.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read, or is not a complete fastigial model (cut short, damaged, something else).

    Examples
    --------
    >>> import tempfile, pathlib, fastigial as fg
    >>> model = fg.TCA(2, random_state=0).fit(fg.datasets.make_tca((8, 7, 6), 2, seed=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.safetensors"
    ...     model.save(path)
    ...     again = fg.load(path)
    >>> bool((again.weights_ == model.weights_).all()), again.n_components
    (True, 2)
    """
    where = Path(path)
    # A pipe or a device has no size that could be checked, and no end.
    if where.exists() and not where.is_file():
        raise OSError(f"{where}: is not a file, expected a fastigial model")
    arrays, text = _core.read_arrays(path)
    try:
        return _build(arrays, json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise OSError(f"{fspath(path)}: is not a fastigial model this version can read ({error!r})") from error


def save(model: Decomposition, path: str | PathLike[str]) -> None:
    """Write a fitted model; see `load`."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in model._arrays:
        value = getattr(model, name)
        if isinstance(value, list):
            arrays |= {f"{name}{i}": np.ascontiguousarray(array) for i, array in enumerate(value)}
        else:
            arrays[name] = value
    arrays |= {name: np.asarray(getattr(model, name), dtype=np.float64) for name in _HISTORIES}
    description = {
        "format": FORMAT,
        "class": type(model).__name__,
        "parameters": {name: _plain(value) for name, value in model.get_params().items()},
        "fit": {name: getattr(model, name) for name in _SCALARS},
        "shape": list(model.shape_),
        "dtype": model.dtype_.name,
        "dims": list(model.dims_),
        "coords": {name: [dim, *_coordinate(name, model.coords_)] for name, (dim, _) in model.coords_.items()},
    }
    _core.write_arrays(path, arrays, json.dumps(description))


def _build(arrays: dict[str, NDArray[Any]], description: dict[str, Any]) -> Any:
    from fastigial.tensor import TCA, SliceTCA

    if description["format"] != FORMAT:
        raise ValueError(f"its format is {description['format']!r}, this version reads {FORMAT}")
    room = _ROOMS.get(description["class"])
    if room is not None:
        return import_module(room).build(arrays, description)
    classes: dict[str, type[TCA] | type[SliceTCA]] = {"TCA": TCA, "SliceTCA": SliceTCA}
    kind = classes[description["class"]]
    # JSON knows no tuples, and nothing else that parameters are.
    parameters: dict[str, Any] = dict(description["parameters"])
    parameters.update({name: tuple(value) for name, value in parameters.items() if isinstance(value, list)})
    model = kind(**parameters)
    shape = tuple(int(length) for length in description["shape"])
    for name in kind._arrays:
        if name in arrays:
            setattr(model, name, arrays[name])
        else:
            count = sum(key.startswith(name) for key in arrays)
            setattr(model, name, [arrays[f"{name}{i}"] for i in range(count)])
    for name in _HISTORIES:
        setattr(model, name, arrays[name])
    for name, scalar in _SCALARS.items():
        value = description["fit"][name]
        if type(value) is not scalar:
            raise ValueError(f"its {name} is {value!r}, expected {scalar.__name__}")
        setattr(model, name, value)
    model.shape_ = shape
    dtypes: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}
    model.dtype_ = dtypes[description["dtype"]]
    model.labels_ = (tuple(str(dim) for dim in description["dims"]), _coords(description["coords"]))
    _check_shapes(model, shape)
    return model


def _check_shapes(model: Decomposition, shape: tuple[int, ...]) -> None:
    """A file that lies about its sizes is refused here, not where it is used."""
    from fastigial.tensor import TCA

    if len(shape) != len(model.dims_) or len(shape) < 2:
        raise ValueError(f"its shape {shape} and axes {model.dims_} do not fit")
    lengths = dict(zip(model.dims_, shape, strict=True))
    for name, (dim, values) in model.coords_.items():
        if lengths.get(dim) != len(values):
            raise ValueError(f"its coordinate {name!r} does not fit an axis of {lengths}")
    if model._remembered.ndim != 2 or model._remembered.shape[1] != 2:
        raise ValueError("it does not say which recording it was fitted to")
    if isinstance(model, TCA):
        if len(model.factors_) != len(shape):
            raise ValueError(f"it has {len(model.factors_)} factors for {len(shape)} axes")
        expected = [(length, len(model.weights_)) for length in shape]
        found = [factor.shape for factor in model.factors_]
        if model.weights_.ndim != 1 or found != expected:
            raise ValueError(f"its factors have shapes {found}, expected {expected}")
        return
    loadings, slices = model.loadings_, model.slices_  # type: ignore[attr-defined]
    if not len(shape) == len(loadings) == len(slices) == 3:
        raise ValueError(f"it has {len(loadings)} types for {len(shape)} axes, expected three")
    for i, (loading, part) in enumerate(zip(loadings, slices, strict=True)):
        others = tuple(length for j, length in enumerate(shape) if j != i)
        if loading.shape[1:] != (shape[i],) or part.shape != (len(loading), *others):
            raise ValueError(f"type {i} has shapes {loading.shape} and {part.shape}, which do not fit {shape}")


def _plain(value: Any) -> Any:
    """Parameters as JSON; what cannot be kept in a file (a generator, a callback, a model) returns to its default."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if callable(value):
        return False
    return "svd" if hasattr(value, "get_params") else None


def _coordinate(name: str, coords: Coords) -> tuple[str, list[Any]]:
    levels = levels_of(name, coords)
    if levels is not None:
        return _LEVELS, levels
    values = coords[name][1]
    if values.dtype.kind in "biuf" and values.dtype.itemsize <= 8:
        return values.dtype.name, values.tolist()
    if values.dtype.kind in "mM":
        return values.dtype.str, values.astype(np.int64).tolist()
    return "str", [str(value) for value in values.tolist()]


def _coords(stored: dict[str, Any]) -> Coords:
    plain = {name: (dim, _array(*value)) for name, (dim, *value) in stored.items() if value[0] != _LEVELS}
    coords = {}
    for name, (dim, kind, values) in stored.items():
        if kind == _LEVELS:
            tuples = list(zip(*(plain[level][1] for level in values), strict=True))
            joined = np.empty(len(tuples), dtype=object)
            joined[:] = tuples
            coords[name] = (dim, joined)
        else:
            coords[name] = plain[name]
    return coords


def _array(dtype: str, values: list[Any]) -> NDArray[Any]:
    if dtype == "str":
        return np.array([str(value) for value in values], dtype=np.str_)
    kind = np.dtype(dtype)
    if kind.kind in "mM":
        return np.array(values, dtype=np.int64).view(kind)
    if kind.kind not in "biuf":
        raise ValueError(f"it holds a coordinate of type {dtype!r}")
    return np.array(values, dtype=kind)
