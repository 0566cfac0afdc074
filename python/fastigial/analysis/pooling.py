"""Averages over trials of units that were, or were not, recorded together: one recording or a list of them.

Units of a list are pooled as if recorded together (a pseudo-population): averages over trials of a condition can be
put side by side, single trials cannot, since what units share from trial to trial is not known.

NaN means *not observed*; here a unit may miss whole trials, which are no part of its averages. Within a trial
nothing of a unit may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.trial_labels import missing
from fastigial.recording import Recording

__all__ = ["Part", "condition_averages", "labels_of_parts", "parts_of", "weighted_averages", "whole_labels"]


@dataclass(frozen=True, eq=False)
class Part:
    """Units recorded together.

    Attributes
    ----------
    values : ndarray, shape (n_trials, n_steps, n_units)
        Zero where a unit misses a trial.
    seen : ndarray, shape (n_trials, n_units)
        1 where a unit has a trial, otherwise 0.
    coords : dict of str to ndarray, shape (n_trials,)
        Labels of the trials.
    """

    values: NDArray[np.float64]
    seen: NDArray[np.float64]
    coords: dict[str, NDArray[Any]]


def parts_of(x: Any, name: str = "x") -> list[Part]:
    """Read one recording or a list of them.

    Raises
    ------
    TypeError
        If there are no real numbers.
    ValueError
        If a recording does not have three axes, holds infinite values, or misses a part of a trial of a unit; or if
        steps differ in number.
    """
    if isinstance(x, list | tuple) and x and all(_is_recording(one) for one in x):
        parts = [_part(one, f"{name}[{number}]") for number, one in enumerate(x)]
    else:
        parts = [_part(x, name)]
    if len({part.values.shape[1] for part in parts}) > 1:
        steps = [part.values.shape[1] for part in parts]
        raise ValueError(f"recordings of {name} have {steps} steps, expected the same number in all")
    return parts


def condition_averages(x: Any, labels: str | ArrayLike | Sequence[ArrayLike]) -> Recording:
    """Average over the trials of each condition, with units of several recordings side by side.

    Parameters
    ----------
    x : Recording, trajectory, xarray.DataArray or array_like (n_trials, n_neurons, n_steps), or list of recordings
        NaN where a unit misses a trial.
    labels : str, array_like, or list of array_like
        Condition of each trial: name of a coordinate, values, or one array per recording. Trials without a label are
        left out.

    Returns
    -------
    Recording, shape (n_conditions, n_units, n_steps)
        Conditions in order, as the coordinate "condition"; NaN where a unit has no trial of a condition. Labels of
        units and steps come along where all recordings have them.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If labels do not fit, or a unit misses a part of a trial.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> first, second = np.ones((4, 3, 5)), np.zeros((2, 2, 5))
    >>> fg.analysis.condition_averages([first, second], [[1, 2, 1, 2], [2, 1]]).shape
    (2, 5, 5)
    """
    parts = parts_of(x)
    values = labels_of_parts(parts, labels, "labels")
    levels = whole_labels(values)
    if not levels:
        raise ValueError("labels hold no condition")
    weights = [np.stack([one == level for level in levels]).astype(np.float64) for one in values]
    averages, _ = weighted_averages(parts, weights)
    coords: dict[str, tuple[str, NDArray[Any]]] = {"condition": ("trial", np.array(levels))}
    sources = list(x) if isinstance(x, list | tuple) else [x]
    if all(isinstance(one, Recording) for one in sources):
        first = sources[0].coords
        shared = [name for name in first if all(name in one.coords for one in sources)]
        for name in shared:
            if first[name][0] == "neuron":
                coords[name] = ("neuron", np.concatenate([one[name] for one in sources]))
            elif first[name][0] == "time" and all(np.array_equal(one[name], first[name][1]) for one in sources):
                coords[name] = first[name]
    return Recording(averages.transpose(0, 2, 1), coords=coords, name="condition averages")


def _is_recording(one: Any) -> bool:
    return isinstance(one, Recording) or hasattr(one, "states") or np.ndim(one) == 3


def _part(x: Any, name: str) -> Part:
    coords: dict[str, NDArray[Any]] = {}
    if hasattr(x, "states"):
        values = np.asarray(x.states)
    else:
        if type(x).__name__ == "DataArray":
            x = Recording.from_xarray(x)
        if isinstance(x, Recording):
            coords = {key: labels for key, (dim, labels) in x.coords.items() if dim == "trial"}
        values = np.asarray(x)
        if values.ndim == 3:
            values = values.transpose(0, 2, 1)
    if values.dtype.kind not in "iufb":
        raise TypeError(f"{name} has dtype {values.dtype}, expected real numbers")
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"{name} has shape {np.shape(x)}, expected (n_trials, n_neurons, n_steps), none of them 0")
    values = values.astype(np.float64)
    gone = np.isnan(values)
    lost = gone.all(axis=1)
    if (gone.any(axis=1) & ~lost).any():
        raise ValueError(
            f"{name} misses some of the steps of a unit on a trial; a unit may miss whole trials only: choose a "
            "window that all trials fill"
        )
    if not np.isfinite(values[~gone]).all():
        raise ValueError(f"{name} holds infinite values; mark what was not observed as NaN")
    return Part(np.where(gone, 0.0, values), (~lost).astype(np.float64), coords)


def labels_of_parts(
    parts: list[Part], labels: str | ArrayLike | Sequence[ArrayLike], argument: str
) -> list[NDArray[Any]]:
    """One label for each trial of each part: the name of a coordinate, an array, or a list of one array per part.

    Raises
    ------
    ValueError
        If there is no such coordinate, or an array has another length.
    """
    if isinstance(labels, str):
        for part in parts:
            if labels not in part.coords:
                known = ", ".join(map(repr, part.coords)) or "none"
                raise ValueError(f"{argument} is {labels!r}, expected the name of a label of the trials: {known}")
        return [part.coords[labels] for part in parts]
    given: list[Any] = [labels] if len(parts) == 1 and not _holds_one_array(labels) else list(labels)  # type: ignore[arg-type]
    if len(given) != len(parts):
        raise ValueError(f"{argument} holds labels for {len(given)} recordings, expected {len(parts)}")
    found = [np.asarray(one) for one in given]
    for values, part in zip(found, parts, strict=True):
        if values.shape != (len(part.seen),):
            raise ValueError(f"{argument} has shape {values.shape}, expected ({len(part.seen)},): one for each trial")
    return found


def _holds_one_array(labels: Any) -> bool:
    return isinstance(labels, list | tuple) and len(labels) == 1 and np.ndim(labels[0]) == 1


def whole_labels(labels: list[NDArray[Any]]) -> list[Any]:
    """The different labels of all parts, in order, without those that are missing."""
    present = [values[~missing(values)] for values in labels]
    return sorted({value for values in present for value in values.tolist()})


def weighted_averages(
    parts: list[Part], weights: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Averages (n_conditions, n_steps, n_units) and how much weight is in each (n_conditions, n_units).

    Parameters
    ----------
    parts : list of Part
    weights : list of ndarray, shape (n_conditions, n_trials)
        Of each part: how often each trial counts in each condition. NaN where nothing counts.
    """
    averages, totals = [], []
    for part, weight in zip(parts, weights, strict=True):
        total = weight @ part.seen
        sums = (weight @ part.values.reshape(len(part.values), -1)).reshape(len(weight), *part.values.shape[1:])
        with np.errstate(invalid="ignore", divide="ignore"):
            averages.append(sums / np.where(total > 0, total, np.nan)[:, None, :])
        totals.append(total)
    return np.concatenate(averages, axis=2), np.concatenate(totals, axis=1)
