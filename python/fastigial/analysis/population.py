"""Runs of networks and recordings of neurons as one kind of thing: samples × units, with the labels of the trials.

| what comes in                                              | is read as                                              |
| ---------------------------------------------------------- | ------------------------------------------------------- |
| an object with ``.states``, such as a network's trajectory | (trials, time, units)                                   |
| `Recording`, xarray.DataArray                              | by the names of its axes, in any order                  |
| any other array with three axes                            | (trials, neurons, time), as every recording             |
| a matrix                                                   | (samples, units): trials of one step each               |

A sample is one trial at one step. NaN means *not observed*, and here a sample counts as a whole or not at all: one
without any unit (the end of a shorter trial, a lost trial) is left out, one with some of its units is refused, since
whatever stands in for the others would be a model of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.trial_labels import as_codes
from fastigial.tensor.intake import Data, take

__all__ = ["Population", "centred", "levels_of", "paired", "population_of"]

_ROLES = {
    "trial": ("trial", "trials"),
    "time": ("time", "times", "time_ms", "step", "steps", "bin", "bins"),
    "unit": ("neuron", "neurons", "unit", "units", "cell", "cells", "channel", "channels"),
}


@dataclass(frozen=True, eq=False)
class Population:
    """Activity of some units on some trials, in units of its largest entry: squares of 1e200 are out of range.

    Attributes
    ----------
    values : ndarray, shape (n_trials, n_steps, n_units)
        Activity / scale, zero in samples that were not observed.
    seen : ndarray of bool, shape (n_trials, n_steps)
        Which samples were observed.
    scale : float
        The largest absolute activity; 1 if all are zero.
    time : ndarray, shape (n_steps,)
        Seconds, or steps from 0.
    time_unit : {"s", "ms", "step"}
    trial_coords : dict of str to ndarray, shape (n_trials,)
        Labels of the trials, by name.
    source : {"network", "recording"}
    """

    values: NDArray[np.float64]
    seen: NDArray[np.bool_]
    scale: float
    time: NDArray[np.float64]
    time_unit: Literal["s", "ms", "step"]
    trial_coords: dict[str, NDArray[Any]]
    source: Literal["network", "recording"]

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.values.shape[0])

    @property
    def n_steps(self) -> int:
        """Number of steps of a trial."""
        return int(self.values.shape[1])

    @property
    def n_units(self) -> int:
        """Number of units or neurons."""
        return int(self.values.shape[2])

    def samples(self) -> NDArray[np.float64]:
        """What was observed, (n_samples, n_units), trial after trial."""
        return self.values[self.seen]

    def trial_values(self, values: str | ArrayLike, argument: str) -> tuple[NDArray[Any], str]:
        """One value per trial and what to call it, from the name of a coordinate or from an array.

        Raises
        ------
        ValueError
            If there is no such coordinate, or the array has another length.
        """
        if isinstance(values, str):
            if values not in self.trial_coords:
                known = ", ".join(map(repr, self.trial_coords)) or "none"
                raise ValueError(
                    f"{argument} is {values!r}, expected one value per trial, or the name of a coordinate of the "
                    f"trials: there are {known}"
                )
            return self.trial_coords[values], values
        found = np.asarray(values)
        if found.shape != (self.n_trials,):
            raise ValueError(f"{argument} has shape {found.shape}, expected ({self.n_trials},): one value per trial")
        own_name = getattr(values, "name", None)
        return found, own_name if isinstance(own_name, str) and own_name else argument


def population_of(x: Any, name: str = "x") -> Population:
    """Read a trajectory, recording, DataArray or array as trials × steps × units.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        See the head of this file.
    name : str
        What the caller calls it, for messages.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it has another number of axes or axes of unknown names, infinities, no observed sample, or samples of which
        some units were observed and others were not.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.analysis.population import population_of
    >>> population_of(np.zeros((5, 20, 30))).values.shape
    (5, 30, 20)
    """
    source: Literal["network", "recording"] = "recording"
    order: list[str]
    if hasattr(x, "states") and not hasattr(x, "dims"):
        data = _taken(x.states, f"{name}.states")
        if data.array.ndim != 3:
            raise ValueError(f"{name}.states has shape {data.shape}, expected (trials, time, units)")
        source, order = "network", ["trial", "time", "unit"]
    else:
        data = _taken(x, name)
        order = _roles(x, data, name)
    array = np.where(data.mask, data.array, np.nan) if data.mask is not None else data.array
    array = array.astype(np.float64, copy=False)
    # A matrix has no axis of time, or none of trials.
    array = array if array.ndim == 3 else array[:, :, np.newaxis]
    full = order + [role for role in ("trial", "time", "unit") if role not in order]
    values = array.transpose([full.index(role) for role in ("trial", "time", "unit")])
    values, seen, scale = _checked(values, name)
    time, time_unit = _time(x, data, order, values.shape[1], name)
    coords = {}
    if source == "recording" and "trial" in order:
        trial_dim = data.dims[order.index("trial")]
        coords = {key: labels for key, (dim, labels) in data.coords.items() if dim == trial_dim}
    return Population(values, seen, scale, time, time_unit, coords, source)


def _taken(x: Any, name: str) -> Data:
    try:
        return take(x)
    except (TypeError, ValueError) as error:
        message = str(error)
        raise type(error)(f"{name}{message[1:]}" if message.startswith("X ") else f"{name}: {message}") from None


def _roles(x: Any, data: Data, name: str) -> list[str]:
    """What each axis stands for: "trial", "time" or "unit"."""
    n_axes = data.array.ndim
    if n_axes not in (2, 3):
        raise ValueError(
            f"{name} has shape {data.shape}, expected (trials, neurons, time), a matrix (samples, units), or a "
            "trajectory"
        )
    if not hasattr(x, "dims"):
        return ["trial", "unit", "time"][:n_axes]
    roles = [next((role for role, names in _ROLES.items() if dim.lower() in names), dim.lower()) for dim in data.dims]
    if len(set(roles)) < n_axes or "unit" not in roles or not set(roles) <= set(_ROLES):
        raise ValueError(
            f"{name} has the axes {data.dims}, expected trial, neuron (or unit) and time, in any order; "
            "x.rename({'old': 'new'}) names them"
        )
    return roles


def _checked(values: NDArray[np.float64], name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    if 0 in values.shape:
        raise ValueError(f"{name} is empty: {values.shape[0]} trials, {values.shape[1]} steps, {values.shape[2]} units")
    gone = np.isnan(values)
    seen: NDArray[np.bool_] = np.asarray(~gone.any(axis=2))
    partly = ~seen & ~gone.all(axis=2)
    if partly.any():
        raise ValueError(
            f"{name} holds {partly.sum()} samples (trial, step) of which some units were observed and others were not: "
            "leave out those units or trials, or fill the gaps with the reconstruction of a model (fg.TCA takes NaN)"
        )
    if not seen.any():
        raise ValueError(f"{name} holds no observed sample: it is all NaN, or all masked")
    values = np.where(gone, 0.0, values)
    scale = float(np.abs(values).max())
    if not np.isfinite(scale):
        raise ValueError(f"{name} holds infinite values; mark what was not observed as NaN")
    scale = scale or 1.0
    return values / scale, seen, scale


def _time(
    x: Any, data: Data, order: list[str], n_steps: int, name: str
) -> tuple[NDArray[np.float64], Literal["s", "ms", "step"]]:
    """Times of the steps, where they are known and can be drawn."""
    dim = data.dims[order.index("time")] if "time" in order and len(data.dims) == len(order) else ""
    found = getattr(x, "time", None) if hasattr(x, "states") else data.coords.get(dim, (dim, None))[1]
    if found is None:
        return np.arange(n_steps, dtype=np.float64), "step"
    times = np.asarray(found)
    if times.shape != (n_steps,):
        raise ValueError(f"{name}.time has shape {times.shape}, expected ({n_steps},)")
    if times.dtype.kind not in "iuf" or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        return np.arange(n_steps, dtype=np.float64), "step"
    return times.astype(np.float64), "ms" if dim.endswith("_ms") else "s"


def paired(a: Any, b: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], Population, Population]:
    """Samples of two systems that belong together, (n_samples, n_units_a) and (n_samples, n_units_b).

    Raises
    ------
    TypeError, ValueError
        As in `population_of`; or if trials or steps have different numbers, or no sample was observed in both.
    """
    first, second = population_of(a, "a"), population_of(b, "b")
    if first.seen.shape != second.seen.shape:
        raise ValueError(
            f"a has {first.n_trials} trials of {first.n_steps} steps and b has {second.n_trials} of {second.n_steps}: "
            "expected the same, since samples are compared in pairs; average over trials, or bring both to the same "
            "steps first"
        )
    both = first.seen & second.seen
    if not both.any():
        raise ValueError("a and b have no sample that was observed in both")
    return first.values[both], second.values[both], first, second


def centred(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (n, d) without their mean; exactly zero in columns that do not vary."""
    # The first row goes first: the mean of equal numbers need not be that number.
    moved = rows - rows[0]
    return np.asarray(moved - moved.mean(axis=0), dtype=np.float64)


def levels_of(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """The different labels, in order, and which of them each value (n,) is; none may be missing."""
    try:
        levels, codes = np.unique(values, return_inverse=True)
    except TypeError:
        # Labels of several types have no order: they come as they come.
        codes = as_codes(values)
        return [values[np.flatnonzero(codes == code)[0]] for code in range(codes.max(initial=-1) + 1)], codes
    return levels.tolist(), codes
