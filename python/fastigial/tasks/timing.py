"""Seconds to steps, and the checks that every task's arguments pass.

A task is told durations in seconds and its step dt; each duration is rounded to whole steps, and must not vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Seconds: TypeAlias = "float | tuple[float, float]"
"""A fixed duration, or the shortest and longest of durations that are drawn uniformly in whole steps."""

_MOST = 10**9
"""Steps, items and the like up to which a number may have been meant."""


def number(name: str, value: Any, *, low: float = -np.inf, high: float = np.inf, above: bool = False) -> float:
    """Return a number in [low, high], or above `low` if it must be `above`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r}")
    # A whole number may be too large for a float, which is as good as infinity.
    size: Any = abs(value)
    finite = bool(size <= float(np.finfo(np.float64).max))
    if not (low < value if above else low <= value) or not value <= high or not finite:
        least = "" if low == -np.inf else f" above {low:g}" if above else f" of at least {low:g}"
        most = "" if high == np.inf else f"{' and' if least else ''} at most {high:g}"
        raise ValueError(f"{name} must be a finite number{least}{most}, got {value}")
    return float(value)


def whole(name: str, value: Any, least: int, most: int | None = _MOST) -> int:
    """Return a whole number that is not below `least`, nor above `most` unless that is None."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")
    return int(value)


def choice(name: str, value: Any, known: Sequence[str]) -> None:
    """Raise a ValueError unless `value` is one of the words in `known`."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, got {value!r}")


def steps(name: str, duration: Any, dt: float, *, least: int = 1) -> int:
    """Return a duration in whole steps.

    Raises
    ------
    ValueError
        If it is negative, rounds to fewer than `least` steps, or is beyond all measure.

    Examples
    --------
    >>> from fastigial.tasks.timing import steps
    >>> steps("delay", 0.5, 0.02)
    25
    """
    seconds = number(name, duration, low=0.0)
    if seconds / dt > _MOST:
        raise ValueError(f"{name} must last at most {_MOST} steps of dt={dt:g} s, got {seconds:g} s")
    n_steps = round(seconds / dt)
    if n_steps < least:
        raise ValueError(f"{name} must last at least {least} step{'s'[: least > 1]} of dt={dt:g} s, got {seconds:g} s")
    return n_steps


def step_range(name: str, duration: Seconds, dt: float, *, least: int = 1) -> tuple[int, int]:
    """Return the shortest and longest of a fixed or drawn duration, in steps."""
    if isinstance(duration, int | float | np.integer | np.floating):
        n_steps = steps(name, duration, dt, least=least)
        return n_steps, n_steps
    ends = tuple(duration) if isinstance(duration, tuple | list) else ()
    if len(ends) != 2:
        raise TypeError(f"{name} must be seconds, or (shortest, longest) in seconds, got {duration!r}")
    low, high = (steps(name, end, dt, least=least) for end in ends)
    if low > high:
        raise ValueError(f"{name} must be (shortest, longest), got {duration!r}")
    return low, high


def draw_steps(
    name: str, duration: Seconds, dt: float, n_trials: int, rng: np.random.Generator, *, least: int = 1
) -> NDArray[np.intp]:
    """Draw one duration per trial, in steps, uniformly from the shortest to the longest."""
    low, high = step_range(name, duration, dt, least=least)
    return rng.integers(low, high, n_trials, dtype=np.intp, endpoint=True)


def within(n_steps: int, start: NDArray[np.intp], stop: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which steps lie in [start, stop), (n_trials, n_steps), for one start and stop per trial."""
    t = np.arange(n_steps)
    return (t >= start[:, None]) & (t < stop[:, None])


def white_noise(
    shape: tuple[int, ...], noise: float, dt: float, rng: np.random.Generator
) -> NDArray[np.float64] | float:
    """Draw white noise whose integral over one second has the standard deviation `noise`, whatever dt."""
    return 0.0 if noise == 0 else noise / np.sqrt(dt) * rng.standard_normal(shape)
