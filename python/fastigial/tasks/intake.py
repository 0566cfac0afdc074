"""What trials accept: every array is checked once, here, and an error names it, what it was and what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray


def _as_floating(values: Any, name: str) -> NDArray[np.floating[Any]]:
    """Return numbers as they are if float32 or float64, integers and booleans as float64."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be one array, with rows of equal length") from error
    if array.dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    raise TypeError(f"{name} must be float32, float64 or integers, got dtype {array.dtype}")


def as_inputs(values: Any) -> NDArray[np.floating[Any]]:
    """Return inputs (n_trials, n_steps, n_inputs), all finite."""
    inputs = _as_floating(values, "inputs")
    if inputs.ndim != 3:
        raise ValueError(f"inputs must have 3 axes (trials, steps, inputs), got shape {inputs.shape}")
    if not np.isfinite(inputs).all():
        raise ValueError("inputs must be finite: a network cannot be shown NaN or infinity")
    return inputs


def as_targets(values: Any, shape: tuple[int, ...]) -> NDArray[np.floating[Any]]:
    """Return targets (n_trials, n_steps, n_outputs) for inputs of this `shape`; NaN stays."""
    targets = _as_floating(values, "targets")
    if targets.ndim == 2 and targets.shape == shape[:2]:
        raise ValueError(
            f"targets must have 3 axes (trials, steps, outputs), got shape {targets.shape}: give one output as "
            "targets[:, :, None], and classes as fg.tasks.one_hot(labels, n_classes)"
        )
    if targets.ndim != 3 or targets.shape[:2] != shape[:2]:
        raise ValueError(
            f"targets must be (trials, steps, outputs) with the trials and steps of inputs, {shape[:2]}; "
            f"got shape {targets.shape}"
        )
    if np.isinf(targets).any():
        raise ValueError("targets must be finite, or NaN where they were not observed; got infinity")
    return targets


def as_mask(values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the mask, booleans or weights, for targets of this `shape`; None counts everything."""
    if values is None:
        return np.ones(shape[:2], dtype=bool)
    mask = np.asarray(values)
    if mask.dtype.kind not in "biuf":
        raise TypeError(f"mask must be booleans or weights, got dtype {mask.dtype}")
    if mask.shape not in (shape[:2], shape):
        raise ValueError(f"mask must have the shape {shape[:2]} or {shape}, got {mask.shape}")
    if mask.dtype.kind == "b":
        return mask
    if not np.isfinite(mask).all() or (mask < 0).any():
        raise ValueError("mask must hold booleans, or finite weights that are not negative")
    return mask if mask.dtype in (np.dtype(np.float32), np.dtype(np.float64)) else mask.astype(np.float64)


def as_arrays_per_trial(values: Any, n_trials: int) -> dict[str, NDArray[Any]]:
    """Return what is known of each trial: arrays whose first axis are the trials."""
    if not isinstance(values, Mapping):
        raise TypeError(f"info must map names to one value per trial, got {type(values).__name__}")
    arrays = {}
    for name, entry in values.items():
        if not isinstance(name, str):
            raise TypeError(f"info must have names that are text, got {name!r}")
        array = np.asarray(entry)
        if array.ndim == 0 or len(array) != n_trials:
            raise ValueError(
                f"info[{name!r}] must hold one value per trial: expected ({n_trials}, …), got {array.shape}"
            )
        arrays[name] = array
    return arrays


def as_events(values: Any, n_trials: int) -> dict[str, NDArray[np.float64]]:
    """Return times of events (n_trials,) in seconds; NaN where an event did not happen."""
    if not isinstance(values, Mapping):
        raise TypeError(f"events must map names to one time per trial, got {type(values).__name__}")
    events = {}
    for name, entry in values.items():
        if not isinstance(name, str):
            raise TypeError(f"events must have names that are text, got {name!r}")
        times = np.asarray(entry)
        if times.dtype.kind not in "iuf":
            raise TypeError(f"events[{name!r}] must hold times in seconds, got dtype {times.dtype}")
        if times.shape != (n_trials,) or np.isinf(times).any():
            raise ValueError(
                f"events[{name!r}] must hold one time in seconds per trial, or NaN: expected ({n_trials},), "
                f"got {times.shape if times.shape != (n_trials,) else 'infinity'}"
            )
        events[name] = times.astype(np.float64)
    return events


def as_names(names: Any, n_channels: int, kind: str) -> tuple[str, ...]:
    """Return one name per channel; None counts them."""
    if names is None:
        return tuple(f"{kind} {channel}" for channel in range(n_channels))
    if isinstance(names, str) or not np.iterable(names) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{kind}_names must be a sequence of text, got {names!r}")
    given = tuple(names)
    if len(given) != n_channels or len(set(given)) != n_channels:
        raise ValueError(f"{kind}_names must be {n_channels} different names, got {given}")
    return given


def in_seconds(dt: Any) -> float:
    """Return the duration of a step."""
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.integer | np.floating):
        raise TypeError(f"dt must be a number of seconds, got {dt!r}")
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be a positive number of seconds, got {dt}")
    return float(dt)


def trial_index(index: Any, n_trials: int) -> slice | NDArray[Any]:
    """Return an index into the trials that keeps their axis."""
    if isinstance(index, slice):
        return index
    array = np.asarray(index)
    if array.ndim == 0 and isinstance(index, SupportsIndex) and array.dtype.kind in "iu":
        if not -n_trials <= int(array) < n_trials:
            raise IndexError(f"trial {int(array)} is out of range: there are {n_trials}")
        return np.array([int(array)])
    if array.size == 0 and array.dtype.kind == "f":
        return np.zeros(0, dtype=np.intp)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise TypeError(f"trials are selected by a position, a slice, positions or booleans, got {index!r}")
    if array.dtype.kind == "b" and len(array) != n_trials:
        raise ValueError(f"one boolean per trial selects trials: expected {n_trials}, got {len(array)}")
    return array
