"""What a force field or a rotation does to a reach: its direction at the start, and how far it is pushed aside.

For one trial with positions x_0 … x_T (two dimensions), dt apart, and the target in the direction θ from x_0; with
e = (cos θ, sin θ) along the reach and n = (−sin θ, cos θ) to its left:

    initial angular error   atan2(d · n, d · e),  d = x(after) − x_0
    lateral deviation       (x_t − x_0) · n       at the time of peak speed, or where it is largest

Speed is the norm of the position's derivative, which is smoothed with a Gaussian first: hand paths are noisy, and the
noise of a difference over one sample is larger than that of the position. Which moment stands for "initial" differs
between laboratories; 100 ms is before visual feedback can correct the reach.

| symbol | name       | shape                     |
| ------ | ---------- | ------------------------- |
| x      | positions  | (n_trials, n_steps, 2)    |
| θ      | directions | (n_trials,), radians      |
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.movement import movements

__all__ = ["initial_angular_error", "lateral_deviation"]


def initial_angular_error(
    positions: ArrayLike, directions: ArrayLike, *, dt: float, after: float = 0.1
) -> NDArray[np.float64]:
    """Angle between where the hand goes at first and where the target is.

    Parameters
    ----------
    positions : array_like, shape (n_trials, n_steps, 2)
        From movement onset. NaN at the start or end of a trial: no part of the movement.
    directions : array_like, shape (n_trials,)
        Of the target from the start of the movement, in radians, counter-clockwise from the first coordinate's axis.
    dt : float
        Seconds between steps.
    after : float
        Seconds from the start of the movement to where its direction is read (to the nearest step).

    Returns
    -------
    ndarray, shape (n_trials,)
        In degrees, −180 to 180, positive to the left of the reach (counter-clockwise). NaN where the movement is
        shorter, or the hand has not moved.

    Raises
    ------
    TypeError
        If positions are not numbers.
    ValueError
        If shapes do not fit, positions are infinite or missing within a movement, or a time is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> path = np.linspace([0, 0], [1, 1], 21)[None]
    >>> fg.analysis.initial_angular_error(path, [0.0], dt=0.01).round(6)
    array([45.])
    """
    x, first, last, along, left = _reaches(positions, directions, dt)
    if not 0 < after < np.inf:
        raise ValueError(f"after is {after}, expected a positive number of seconds")
    step = first + max(round(after / dt), 1)
    trial = np.arange(len(x))
    d = x[trial, np.minimum(step, x.shape[1] - 1)] - x[trial, first]
    angle = np.degrees(np.arctan2(np.sum(d * left, axis=1), np.sum(d * along, axis=1)))
    moved = np.linalg.norm(d, axis=1) > 0
    return np.asarray(np.where((step <= last) & moved, angle, np.nan))


def lateral_deviation(
    positions: ArrayLike,
    directions: ArrayLike,
    *,
    dt: float,
    at: Literal["peak_speed", "largest"] = "peak_speed",
    smoothing: float = 0.02,
) -> NDArray[np.float64]:
    """How far the hand is to the side of the straight line to its target.

    Parameters
    ----------
    positions : array_like, shape (n_trials, n_steps, 2)
        From movement onset. NaN at the start or end of a trial: no part of the movement.
    directions : array_like, shape (n_trials,)
        Of the target from the start of the movement, in radians.
    dt : float
        Seconds between steps.
    at : {"peak_speed", "largest"}
        When: at the peak of the speed, or where the deviation is largest.
    smoothing : float
        SD in seconds of the Gaussian that velocity is smoothed with to find the peak of the speed; 0 for none.

    Returns
    -------
    ndarray, shape (n_trials,)
        In the unit of the positions, positive to the left of the reach. NaN for movements of fewer than 3 steps.

    Raises
    ------
    TypeError
        If positions are not numbers.
    ValueError
        As in `initial_angular_error`; or if `at` is neither, or `smoothing` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> time = np.linspace(0, 1, 51)
    >>> path = np.stack([10 * time**3 - 15 * time**4 + 6 * time**5, 0.1 * np.sin(np.pi * time)], axis=1)[None]
    >>> fg.analysis.lateral_deviation(path, [0.0], dt=0.01).round(3)
    array([0.1])
    """
    x, first, last, _, left = _reaches(positions, directions, dt)
    if at not in ("peak_speed", "largest"):
        raise ValueError(f'at is {at!r}, expected "peak_speed" or "largest"')
    if not 0 <= smoothing < np.inf:
        raise ValueError(f"smoothing is {smoothing}, expected a number of seconds that is not negative")
    found = np.full(len(x), np.nan)
    for trial, (start, end) in enumerate(zip(first, last, strict=True)):
        path = x[trial, start : end + 1] - x[trial, start]
        if len(path) < 3:
            continue
        aside = path @ left[trial]
        place = np.argmax(np.abs(aside)) if at == "largest" else np.argmax(_speed(path, smoothing / dt))
        found[trial] = aside[place]
    return found


def _speed(path: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    velocity = np.gradient(path, axis=0)
    if sd > 0:
        lags = np.arange(len(path))
        kernel = np.exp(-((lags[:, None] - lags) ** 2) / (2 * sd**2))
        velocity = kernel @ velocity / kernel.sum(axis=1, keepdims=True)
    return np.asarray(np.linalg.norm(velocity, axis=1))


def _reaches(
    positions: ArrayLike, directions: ArrayLike, dt: float
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Paths, first and last step of each movement, and unit vectors along the reach and to its left."""
    if not 0 < dt < np.inf:
        raise ValueError(f"dt is {dt}, expected a positive number of seconds")
    x, first, last = movements(positions)
    theta = np.asarray(directions, dtype=np.float64)
    if x.shape[2] != 2:
        raise ValueError(f"positions have {x.shape[2]} dimensions, expected two")
    if theta.shape != (len(x),):
        raise ValueError(f"directions have shape {theta.shape}, expected ({len(x)},), one for each trial")
    along = np.column_stack([np.cos(theta), np.sin(theta)])
    return x, first, last, along, np.column_stack([-along[:, 1], along[:, 0]])
