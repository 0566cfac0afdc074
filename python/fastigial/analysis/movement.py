"""How smooth, straight and accurate movements are, and how sure choices: signs of ataxia and dysmetria in a network.

For one trial with positions x_0 … x_T, dt apart, targets x*_t, and logits y_t of C classes:

    path irregularity    Σ_t ‖x_(t+1) − x_t‖ / ‖x_T − x_0‖           ∫ of the speed over the distance: 1 if straight
    mean squared jerk    ⟨‖(v_(t+2) − 2 v_(t+1) + v_t) / dt²‖²⟩,   v_t = (x_(t+1) − x_t) / dt
    end-point error      ‖x_T − x*_T‖
    choice uncertainty   1 − ⟨max_c softmax(y_t)_c⟩                  0 if certain, 1 − 1/C if all classes are equal

Cerebellar patients move irregularly (ataxia) and miss their aim (dysmetria). Boven, Pemberton, Chadderton, Apps & Costa
(Nature Communications 14:51, 2023) report the irregularity of drawings and the uncertainty of choices, of networks with
and without a cerebellum; their exact formulas are not public. These four are a design of this package.

| symbol | name      | shape                               |
| ------ | --------- | ----------------------------------- |
| x      | positions | (n_trials, n_steps, n_dims)         |
| x*     | targets   | as positions, or (n_trials, n_dims) |
| y      | outputs   | (n_trials, n_steps, n_classes)      |

NaN means not observed: steps before the first and after the last that were observed are no part of a movement. Within
a movement nothing may be missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["choice_uncertainty", "end_point_error", "mean_squared_jerk", "path_irregularity"]


def path_irregularity(positions: ArrayLike) -> NDArray[np.float64]:
    """How much longer each path is than the straight way from its start to its end: ∫ of the speed / distance.

    A design of this package: the formula behind the irregularity that Boven et al. (2023) report is not public.

    Parameters
    ----------
    positions : array_like, shape (n_trials, n_steps, n_dims)
        Such as the outputs of a network that draws. NaN at the start or end of a trial: no part of the movement.

    Returns
    -------
    ndarray, shape (n_trials,)
        1 for a straight path without return, infinite for one that ends where it starts, NaN where nothing moves or
        nothing was observed.

    Raises
    ------
    TypeError
        If positions are not numbers.
    ValueError
        If they have another number of axes, are infinite, or missing within a movement.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.analysis.path_irregularity([[[0, 0], [3, 0], [3, 4]], [[0, 0], [1, 1], [2, 2]]])
    array([1.4, 1. ])
    """
    x, first, last = movements(positions)
    trial = np.arange(len(x))
    length = np.nansum(np.linalg.norm(np.diff(x, axis=1), axis=2), axis=1)
    distance = np.linalg.norm(x[trial, last] - x[trial, first], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(length / distance)


def mean_squared_jerk(positions: ArrayLike, dt: float = 1.0) -> NDArray[np.float64]:
    """How jerky each movement is: the mean squared third derivative of the position.

    By second differences of the velocity, which is the first difference of the positions. A design of this package:
    what Boven et al. (2023) measured is not public.

    Parameters
    ----------
    positions : array_like, shape (n_trials, n_steps, n_dims)
        Of at least 4 steps. NaN at the start or end of a trial: no part of the movement.
    dt : float
        Duration of a step, in seconds.

    Returns
    -------
    ndarray, shape (n_trials,)
        In squares of the positions' unit over s³; NaN for movements of fewer than 4 steps.

    Raises
    ------
    TypeError
        If positions are not numbers.
    ValueError
        If they have another number of axes, are infinite, or missing within a movement; or if `dt` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> time = np.arange(20) * 0.01
    >>> fg.analysis.mean_squared_jerk((time**3)[None, :, None], dt=0.01).round(6)
    array([36.])
    """
    if not 0 < dt < np.inf:
        raise ValueError(f"dt is {dt}, expected a positive number of seconds")
    x, _, _ = movements(positions)
    if x.shape[1] < 4:
        raise ValueError(f"positions has {x.shape[1]} steps, expected at least 4")
    squares = (np.diff(x, n=3, axis=1) ** 2).sum(axis=2) / dt**6
    seen = np.isfinite(squares)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen, squares, 0.0).sum(axis=1) / seen.sum(axis=1))


def end_point_error(positions: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """How far each movement ends from its target: ‖x_T − x*_T‖.

    A design of this package, as a measure of dysmetria.

    Parameters
    ----------
    positions : array_like, shape (n_trials, n_steps, n_dims)
        NaN at the start or end of a trial: no part of the movement.
    targets : array_like, shape (n_trials, n_steps, n_dims) or (n_trials, n_dims)
        Where the movement should be at each step, or should end. Of the former, the step at which the movement ends
        counts.

    Returns
    -------
    ndarray, shape (n_trials,)
        In the positions' unit; NaN where the target was not observed.

    Raises
    ------
    TypeError
        If an array does not hold numbers.
    ValueError
        If shapes do not agree, or positions are infinite or missing within a movement.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.analysis.end_point_error([[[0, 0], [3, 4]]], [[0, 0]])
    array([5.])
    """
    x, _, last = movements(positions)
    ends = _numbers(targets, "targets")
    if ends.shape == x.shape:
        ends = ends[np.arange(len(x)), last]
    if ends.shape != (x.shape[0], x.shape[2]):
        raise ValueError(f"targets has shape {ends.shape}, expected {x.shape} or {(x.shape[0], x.shape[2])}")
    return np.asarray(np.linalg.norm(x[np.arange(len(x)), last] - ends, axis=1))


def choice_uncertainty(outputs: ArrayLike, mask: ArrayLike | None = None) -> NDArray[np.float64]:
    """How unsure each trial's choice is: 1 less the mean probability of the likeliest class.

    A design of this package: Boven et al. (2023) report uncertainty, and do not say in which formula.

    Parameters
    ----------
    outputs : array_like, shape (n_trials, n_steps, n_classes)
        Logits.
    mask : array_like, shape (n_trials, n_steps), optional
        Steps that count, or their weights, such as the mask of a task's trials. Default: all.

    Returns
    -------
    ndarray, shape (n_trials,)
        From 0 to 1 − 1/n_classes; NaN where no step counts, or one that counts has an output of NaN.

    Raises
    ------
    TypeError
        If an array does not hold numbers.
    ValueError
        If outputs have another number of axes, or the mask another shape or negative weights.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> fg.analysis.choice_uncertainty(np.log([[[0.5, 0.25, 0.25], [0.75, 0.125, 0.125]]])).round(3)
    array([0.375])
    """
    y = _numbers(outputs, "outputs")
    if y.ndim != 3 or y.shape[2] == 0:
        raise ValueError(f"outputs has shape {y.shape}, expected (n_trials, n_steps, n_classes)")
    weights = np.ones(y.shape[:2]) if mask is None else _numbers(mask, "mask")
    if weights.shape != y.shape[:2] or not (weights >= 0).all():
        raise ValueError(
            f"mask must hold booleans or weights of shape {y.shape[:2]}, not negative; got {weights.shape}"
        )
    with np.errstate(invalid="ignore"):
        sure = 1.0 / np.exp(y - y.max(axis=2, keepdims=True)).sum(axis=2)
        return np.asarray(1.0 - np.where(weights > 0, weights * sure, 0.0).sum(axis=1) / weights.sum(axis=1))


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    return array.astype(np.float64)


def movements(positions: Any) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Return positions, and the first and last observed step of each trial."""
    x = _numbers(positions, "positions")
    if x.ndim != 3 or 0 in x.shape[1:]:
        raise ValueError(f"positions has shape {x.shape}, expected (n_trials, n_steps, n_dims)")
    if np.isinf(x).any():
        raise ValueError("positions must be finite, or NaN where they were not observed; got infinity")
    seen: NDArray[np.bool_] = np.asarray(~np.isnan(x).any(axis=2))
    first, last = seen.argmax(axis=1), x.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
    steps = np.arange(x.shape[1])
    within = (steps >= first[:, None]) & (steps <= last[:, None]) & np.asarray(seen.any(axis=1))[:, None]
    gaps = np.argwhere(within & ~seen)
    if gaps.size:
        trial, step = gaps[0]
        raise ValueError(f"positions is NaN within the movement of trial {trial}, at step {step}: fill gaps first")
    return x, first, last
