"""What is done to a network during a run, from seconds and areas to steps and units.

::

    inject    z_t ← z_t + I_t                          a current added to the drive (of the candidate, in gated cells)
    silence   r_t ← 0                                  units that send nothing, and whose state is 0, at these steps
    lesion    W r, W_in x or W_fb y ← 0                a pathway that is gone

Step t stands for the time t · dt; what is asked from `start` to `stop` seconds is done at the steps with
start ≤ t · dt < stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.areas import Areas
from fastigial.rnn.checks import one_of
from fastigial.tensor.checks import as_count

__all__ = ["PATHWAYS", "injected", "lesions", "silenced", "step_range"]

PATHWAYS = ("recurrent", "input", "feedback")


def step_range(start: float | None, stop: float | None, dt: float, n_steps: int, argument: str) -> tuple[int, int]:
    """First step, and the one after the last, from times in seconds.

    Parameters
    ----------
    start, stop : float or None
        In seconds; None is the beginning, or the end.
    dt : float
        Seconds per step.
    n_steps : int
        Steps of the run; times beyond it are cut off.
    argument : str
        For messages.

    Raises
    ------
    ValueError
        Unless start < stop.

    Examples
    --------
    >>> from fastigial.rnn.perturbations import step_range
    >>> step_range(0.1, 0.3, 0.1, 10, "silence"), step_range(None, None, 0.1, 10, "silence")
    ((1, 3), (0, 10))
    """
    first = 0.0 if start is None else float(start)
    last = n_steps * dt if stop is None else float(stop)
    if not first < last:
        raise ValueError(f"{argument} is from {first} s to {last} s, expected start < stop")
    # A hair of slack: 0.3 / 0.1 is a little less than 3.
    steps = [int(np.clip(np.ceil(time / dt - 1e-6), 0, n_steps)) for time in (first, last)]
    return steps[0], steps[1]


def injected(inject: Any, areas: Areas, dt: float, n_steps: int, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Current to add at each step, (T, N), or None.

    Parameters
    ----------
    inject : None, mapping, sequence of mappings, or array_like of shape (T, N)
        A mapping has ``"amplitude"`` (a number, or one per unit that is named), and, if need be, ``"units"`` (an area,
        unit numbers or booleans; all by default), ``"start"`` and ``"stop"`` in seconds. Several add up.
    areas, dt, n_steps, dtype
        Of the network and the run.
    """
    shape = (n_steps, areas.n_units)
    if inject is None:
        return None
    if not _are_mappings(inject):
        current = np.asarray(inject)
        if current.dtype.kind not in "iuf":
            raise TypeError(f"inject is of dtype {current.dtype}, expected numbers or mappings")
        if current.shape != shape:
            raise ValueError(f"inject has the shape {current.shape}, expected (time, units) = {shape}")
        if not np.isfinite(current).all():
            raise ValueError("inject holds NaN or infinities")
        return np.ascontiguousarray(current, dtype=dtype)
    current = np.zeros(shape)
    for item in _items(inject):
        _check_keys("inject", item, {"units", "amplitude", "start", "stop"}, needed="amplitude")
        units = _units(item, areas, "inject")
        amplitude = np.asarray(item["amplitude"], dtype=np.float64)
        if amplitude.shape not in ((), units.shape) or not np.isfinite(amplitude).all():
            raise ValueError(f'inject["amplitude"] is {item["amplitude"]!r}, expected a number or {units.size} of them')
        first, last = step_range(item.get("start"), item.get("stop"), dt, n_steps, "inject")
        current[first:last, units] += amplitude
    return current.astype(dtype)


def silenced(silence: Any, areas: Areas, dt: float, n_steps: int) -> NDArray[np.bool_] | None:
    """Units that are silent at each step, (T, N), or None.

    Parameters
    ----------
    silence : None, mapping, sequence of mappings, array_like of bool of shape (T, N), or units
        A mapping has ``"units"``, ``"start"`` and ``"stop"`` as for `injected`. The name of an area, or unit numbers,
        are silent throughout.
    areas, dt, n_steps
        Of the network and the run.
    """
    shape = (n_steps, areas.n_units)
    if silence is None:
        return None
    silent = np.zeros(shape, dtype=np.bool_)
    if _are_mappings(silence):
        for item in _items(silence):
            _check_keys("silence", item, {"units", "start", "stop"}, needed="units")
            first, last = step_range(item.get("start"), item.get("stop"), dt, n_steps, "silence")
            silent[first:last, _units(item, areas, "silence")] = True
        return silent
    if np.ndim(silence) == 2:
        given = np.asarray(silence)
        if given.dtype != np.bool_:
            raise TypeError(f"silence is of dtype {given.dtype}, expected booleans")
        if given.shape != shape:
            raise ValueError(f"silence has the shape {given.shape}, expected (time, units) = {shape}")
        return np.ascontiguousarray(given)
    silent[:, areas.units(silence, "silence")] = True
    return silent


def lesions(lesion: Any, dt: float, n_steps: int, *, feedback: bool) -> list[tuple[str, int, int]]:
    """Pathways that are gone, with the first step and the one after the last.

    Parameters
    ----------
    lesion : None, str, mapping of str to (start, stop), or sequence of (str, int, int)
        ``"recurrent"``, ``"input"`` or ``"feedback"``; alone, throughout the run. A mapping is in seconds; a sequence
        of (pathway, first, last) is in whole steps, the last one not included, and may name a pathway several times.
    dt, n_steps
        Of the network and the run.
    feedback : bool
        Whether the network has output feedback that could be gone.
    """
    found = _lesions(lesion, dt, n_steps)
    if not feedback and any(pathway == "feedback" for pathway, _, _ in found):
        raise ValueError('lesion names "feedback", but the network has no output feedback')
    return found


def _lesions(lesion: Any, dt: float, n_steps: int) -> list[tuple[str, int, int]]:
    if lesion is None:
        return []
    if isinstance(lesion, str):
        lesion = {lesion: (None, None)}
    if isinstance(lesion, list | tuple):
        return [_in_steps(item, n_steps) for item in lesion]
    if not isinstance(lesion, Mapping):
        raise TypeError(f"lesion is {lesion!r}, expected {{pathway: (start, stop)}} or the name of a pathway")
    found = []
    for pathway, times in lesion.items():
        one_of("lesion", pathway, PATHWAYS)
        if not isinstance(times, Sequence) or len(times) != 2:
            raise ValueError(f"lesion[{pathway!r}] is {times!r}, expected (start, stop) in seconds")
        found.append((pathway, *step_range(times[0], times[1], dt, n_steps, "lesion")))
    return found


def _in_steps(item: Any, n_steps: int) -> tuple[str, int, int]:
    if not isinstance(item, tuple | list) or len(item) != 3:
        raise TypeError(f"lesion holds {item!r}, expected (pathway, first, last)")
    first, last = (as_count("lesion", step) for step in item[1:])
    if not first < last <= n_steps:
        raise ValueError(f"lesion is from step {first} to {last}, expected first < last, at most {n_steps}")
    return one_of("lesion", item[0], PATHWAYS), first, last


def _are_mappings(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(item, Mapping) for item in value)


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [value] if isinstance(value, Mapping) else list(value)


def _units(item: Mapping[str, Any], areas: Areas, argument: str) -> NDArray[np.intp]:
    chosen = item.get("units")
    return np.arange(areas.n_units) if chosen is None else areas.units(chosen, f'{argument}["units"]')


def _check_keys(argument: str, item: Mapping[str, Any], known: set[str], *, needed: str) -> None:
    if set(item) - known or needed not in item:
        raise ValueError(f"{argument} has the keys {sorted(map(str, item))}, expected {sorted(known)}, with {needed!r}")
