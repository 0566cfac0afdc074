"""What a figure needs to know of a fitted model: its axes, their coordinates, and the trials' labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Role = Literal["trial", "neuron", "time", "other"]
"""What an axis of the data stands for; decides how it is drawn."""

_ROLE_OF_NAME: Mapping[str, Role] = {
    "trial": "trial",
    "neuron": "neuron",
    "unit": "neuron",
    "cell": "neuron",
    "channel": "neuron",
    "roi": "neuron",
    "time": "time",
    "time_ms": "time",
}


class FittedModel(Protocol):
    """A fitted model that knows the names and coordinates of the data's axes."""

    @property
    def dims_(self) -> Sequence[str]:
        """Names of the axes."""

    @property
    def coords_(self) -> Mapping[str, tuple[str, NDArray[Any]]]:
        """Coordinate name to (axis name, values)."""


class FactorModel(FittedModel, Protocol):
    """A CP model: one factor matrix (d_i, R) for each mode, and R weights."""

    @property
    def factors_(self) -> Sequence[NDArray[Any]]:
        """Factor matrices (d_i, R)."""

    @property
    def weights_(self) -> NDArray[Any]:
        """Weights (R,)."""


class SliceModel(FittedModel, Protocol):
    """A SliceTCA model: for each slice type, loadings (r_i, d_i) and slices (r_i, d_j, d_k) with j < k."""

    @property
    def loadings_(self) -> Sequence[NDArray[Any]]:
        """Loading vectors (r_i, d_i)."""

    @property
    def slices_(self) -> Sequence[NDArray[Any]]:
        """Slices (r_i, d_j, d_k)."""


class ReconstructingModel(FittedModel, Protocol):
    """A model that can return its estimate of the data it was fitted to."""

    def reconstruct(self) -> Any:
        """Return the estimate, in the shape of the data."""


@dataclass(frozen=True)
class Axis:
    """One axis of the data as it is drawn.

    Attributes
    ----------
    name : str
        Name of the dimension.
    values : ndarray of shape (size,)
        Strictly increasing positions along the drawn axis.
    label : str
        Axis label, with the unit.
    """

    name: str
    values: NDArray[np.float64]
    label: str

    @property
    def edges(self) -> NDArray[np.float64]:
        """Borders (size + 1,) of the cells around the positions: midpoints, half a step beyond the ends."""
        if self.values.size < 2:
            return np.array([self.values[0] - 0.5, self.values[0] + 0.5])
        middle = (self.values[1:] + self.values[:-1]) / 2
        first = self.values[0] - (middle[0] - self.values[0])
        last = self.values[-1] + (self.values[-1] - middle[-1])
        return np.concatenate(([first], middle, [last]))

    @property
    def is_regular(self) -> bool:
        """Whether all steps between neighbouring positions are equal, up to rounding."""
        steps = np.diff(self.values)
        return bool(steps.size < 2 or np.ptp(steps) <= 1e-3 * steps.mean())


def role_of(name: str) -> Role:
    """Return what the axis called `name` stands for; unknown names are ``"other"``.

    Examples
    --------
    >>> from fastigial.plot.labels import role_of
    >>> role_of("trial"), role_of("units"), role_of("session")
    ('trial', 'neuron', 'other')
    """
    lowered = name.lower()
    return _ROLE_OF_NAME.get(lowered, _ROLE_OF_NAME.get(lowered.removesuffix("s"), "other"))


def find_role(dims: Sequence[str], role: Role) -> int | None:
    """Return the first position in `dims` with this role, or None."""
    return next((index for index, name in enumerate(dims) if role_of(name) == role), None)


def require_fitted(model: object, *attributes: str) -> None:
    """Raise a ValueError unless `model` carries all of `attributes`."""
    missing = [name for name in attributes if not hasattr(model, name)]
    if missing:
        raise ValueError(f"model must be fitted before it is drawn: {type(model).__name__} has no {', '.join(missing)}")


def axis_of(model: FittedModel, mode: int, size: int) -> Axis:
    """Return axis `mode` of the data with its coordinate, or counted from 0 if it has none that can be drawn.

    A coordinate is drawn when it has the name of its axis and is numeric, finite and strictly increasing.
    Neurons are always counted: their place in a figure is a rank, not a quantity.
    """
    name = str(model.dims_[mode])
    role = role_of(name)
    counted = np.arange(size, dtype=np.float64)
    if role == "neuron":
        return Axis(name, counted, name)
    owner, raw = model.coords_.get(name, (name, counted))
    values = np.asarray(raw)
    drawable = (
        name in model.coords_
        and owner == name
        and values.shape == (size,)
        and values.dtype.kind in "iuf"
        and bool(np.isfinite(values).all())
        and bool((np.diff(values) > 0).all())
    )
    if role == "time":
        unit = "step" if not drawable else "ms" if name.endswith("_ms") else "s"
        label = f"{name.removesuffix('_ms')} ({unit})"
    else:
        label = name
    return Axis(name, values.astype(np.float64) if drawable else counted, label)


def trial_values(model: FittedModel, values: str | ArrayLike, n_trials: int, argument: str) -> tuple[NDArray[Any], str]:
    """Return one value per trial and what to call it, from the name of a coordinate or from an array.

    Parameters
    ----------
    model : FittedModel
        Where a name is looked up.
    values : str or array_like of shape (n_trials,)
        Name of a coordinate of the trial axis, or the values.
    n_trials : int
        Length of the trial axis.
    argument : str
        Name of the caller's argument, for messages.

    Raises
    ------
    ValueError
        If the model has no trial axis, no such coordinate, or the array has another length.
    """
    mode = find_role(model.dims_, "trial")
    if mode is None:
        raise ValueError(f"{argument} needs a trial axis, but the model's axes are {tuple(model.dims_)}")
    trial = model.dims_[mode]
    if isinstance(values, str):
        if values == trial and values not in model.coords_:
            return np.arange(n_trials), trial
        known = [name for name, (owner, _) in model.coords_.items() if owner == trial]
        if values not in known:
            raise ValueError(
                f"{argument}={values!r} is not a coordinate of the {trial} axis; "
                f"the model has {', '.join(map(repr, known)) if known else 'none'}"
            )
        found, label = np.asarray(model.coords_[values][1]), values
    else:
        named = getattr(values, "name", None)
        found, label = np.asarray(values), named if isinstance(named, str) and named else argument
    if found.shape != (n_trials,):
        raise ValueError(f"{argument} must hold one value per trial: expected ({n_trials},), got {found.shape}")
    return found, label


def selection(chosen: int | ArrayLike | None, size: int, argument: str) -> NDArray[np.intp]:
    """Return `chosen` as an array of indices into `size` entries; None selects all.

    Raises
    ------
    ValueError
        If an index is not an integer or lies outside ``0 … size - 1``.
    """
    if chosen is None:
        return np.arange(size)
    indices = np.atleast_1d(np.asarray(chosen))
    if indices.ndim != 1 or indices.size == 0 or indices.dtype.kind not in "iu":
        raise ValueError(f"{argument} must be integer indices, at least one; got {chosen!r}")
    wrong = indices[(indices < 0) | (indices >= size)]
    if wrong.size:
        raise ValueError(f"{argument} must lie between 0 and {size - 1}; got {wrong[0]}")
    return indices.astype(np.intp)
