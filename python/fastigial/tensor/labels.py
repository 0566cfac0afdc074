"""Labels of the axes: out of Recording, xarray and pandas into a fit, and out of a fit into xarray and pandas.

A fit keeps the names of its axes and, by name, the coordinates along single axes: `Coords`. A hierarchical index (a
pandas.MultiIndex) is one coordinate of tuples, named as it is in xarray, and beside it one coordinate a level.
Neither pandas nor xarray is imported before somebody asks for their objects: who hands one in has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from fastigial.tensor.estimator import Decomposition

__all__ = ["Coords", "as_dataset", "as_frame", "is_frame", "is_series", "labels_of", "levels_of"]

Coords = dict[str, tuple[str, NDArray[Any]]]

DEFAULT_DIMS = ("trial", "neuron", "time")


def is_frame(X: Any) -> TypeGuard[pd.DataFrame]:
    """Whether X is a pandas DataFrame."""
    kind = getattr(sys.modules.get("pandas"), "DataFrame", None)
    return kind is not None and isinstance(X, kind)


def is_series(X: Any) -> TypeGuard[pd.Series[Any]]:
    """Whether X is a pandas Series."""
    kind = getattr(sys.modules.get("pandas"), "Series", None)
    return kind is not None and isinstance(X, kind)


# In


def labels_of(X: Any, n_dims: int) -> tuple[tuple[str, ...], Coords]:
    """Names of X's axes and coordinates along them; the default names if it has none.

    Raises
    ------
    ValueError
        If two axes have one name.
    """
    if is_frame(X):
        return _labels_of_frame(X)
    dims, coords = getattr(X, "dims", None), getattr(X, "coords", None)
    if dims is None or not isinstance(coords, Mapping):
        return _default_dims(n_dims), {}
    dims = tuple(str(dim) for dim in dims)
    if len(set(dims)) < len(dims):
        raise ValueError(f"X has the axes {dims}, expected a different name for each")
    labels: Coords = {}
    for name, coord in coords.items():
        if isinstance(coord, tuple):
            labels[str(name)] = (str(coord[0]), np.asarray(coord[1]))
        elif len(coord.dims) == 1:
            # Labels along several axes at once belong to the data, not to any factor.
            labels[str(name)] = (str(coord.dims[0]), np.asarray(coord.values))
    return dims, labels


def _default_dims(n_dims: int) -> tuple[str, ...]:
    return DEFAULT_DIMS if n_dims == 3 else tuple(f"mode_{i}" for i in range(n_dims))


def _labels_of_frame(frame: pd.DataFrame) -> tuple[tuple[str, ...], Coords]:
    import pandas as pd

    axes = (frame.index, frame.columns)
    defaults = _default_dims(2)
    dims = tuple(str(default if axis.name is None else axis.name) for axis, default in zip(axes, defaults, strict=True))
    if len(set(dims)) < 2:
        # A correlation matrix names its rows as its columns.
        dims = defaults
    labels: Coords = {}
    for dim, axis in zip(dims, axes, strict=True):
        if isinstance(axis, pd.MultiIndex):
            for level, name in enumerate(axis.names):
                values = np.asarray(axis.get_level_values(level))
                name = f"{dim}_level_{level}" if name is None else str(name)
                labels[_free(name, (*labels, *dims))] = (dim, values)
        # Mere numbers from 0 are what pandas gives to a table without labels.
        if not axis.equals(pd.RangeIndex(len(axis))):
            labels[dim] = (dim, np.asarray(axis))
    return dims, labels


# Out


def levels_of(name: str, coords: Coords) -> list[str] | None:
    """Names of the coordinates that are the levels of a hierarchical one, or None if it is not one."""
    dim, values = coords[name]
    if values.dtype != object or not all(isinstance(value, tuple) for value in values):
        return None
    levels: list[str] = []
    for level in zip(*values, strict=True):
        same = (
            other
            for other, (along, labels) in coords.items()
            if along == dim and other not in (name, *levels) and _are(labels, level)
        )
        found = next(same, None)
        if found is None:
            return None
        levels.append(found)
    return levels or None


def _are(labels: NDArray[Any], values: tuple[Any, ...]) -> bool:
    try:
        return bool(labels.tolist() == np.array(values, dtype=labels.dtype).tolist())
    except (TypeError, ValueError):
        return False


def as_dataset(model: Decomposition, variables: Mapping[str, tuple[tuple[int | str, ...], NDArray[Any]]]) -> xr.Dataset:
    """Learned arrays as an xarray Dataset with the labels of the data.

    Parameters
    ----------
    model : Decomposition
        Whose labels, loss and explained variance to take along.
    variables : mapping of str to (axes, array)
        By name; an axis is the number of one of the data's, or the name of a new one. Where a new axis or a variable
        would take the name of one of the data's axes, or a coordinate that of a variable, it gets an underscore.

    Returns
    -------
    xarray.Dataset
        Hierarchical indices are whole again.
    """
    import pandas as pd
    import xarray as xr

    dims = model.dims_
    held: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {}
    for name, (axes, array) in variables.items():
        named = tuple(dims[axis] if isinstance(axis, int) else _free(axis, dims) for axis in axes)
        held[_free(name, (*dims, *held))] = (named, array)
    axes_held = {axis for named, _ in held.values() for axis in named}
    plain: Coords = {}
    hierarchical: dict[str, pd.MultiIndex] = {}
    levels = {name: found for name in model.coords_ if (found := levels_of(name, model.coords_)) and name in dims}
    inside = {level for found in levels.values() for level in found}
    for name, (dim, values) in model.coords_.items():
        if name in levels:
            hierarchical[name] = pd.MultiIndex.from_tuples(values.tolist(), names=levels[name])
        elif name not in inside:
            plain[_free(name, (*held, *(axes_held - {dim}), *plain))] = (dim, values)
    dataset = xr.Dataset(
        held, coords=plain, attrs={"loss": model.loss_, "explained_variance": model.explained_variance_}
    )
    for dim, index in hierarchical.items():
        dataset = dataset.assign_coords(xr.Coordinates.from_pandas_multiindex(index, dim))
    return dataset


def as_frame(model: Decomposition, axis: int, matrix: NDArray[Any]) -> pd.DataFrame:
    """One row per entry of an axis, labelled with all coordinates along it, and one column per component."""
    import pandas as pd

    dim, coords = model.dims_[axis], model.coords_
    along = {name: values for name, (where, values) in coords.items() if where == dim and not levels_of(name, coords)}
    index: pd.Index[Any]
    if not along:
        index = pd.RangeIndex(len(matrix), name=dim)
    elif len(along) == 1:
        ((name, values),) = along.items()
        index = pd.Index(values, name=name)
    else:
        index = pd.MultiIndex.from_arrays(list(along.values()), names=list(along))
    return pd.DataFrame(matrix, index=index, columns=pd.RangeIndex(matrix.shape[1], name="component"))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
