"""Minimising how far a network's step leads, from many states at once: Levenberg–Marquardt on q(s) = ½ |F(s, x) − s|².

| symbol | name      | shape     |                                                          |
| ------ | --------- | --------- | -------------------------------------------------------- |
| s      | ends      | (M, S)    | where each start has come                                |
| G      | residuals | (M, S)    | F(s, x) − s, in units of `scale`                          |
| J      | slopes    | (M, S, S) | ∂F/∂s − I                                                |
| μ      | damping   | (M,)      | relative to the mean of the diagonal of JᵀJ              |

Each start has its own μ, which a step that lowers q divides by three or more and one that does not multiplies by 2, 4,
8, … (Nielsen, IMM-REP-1999-05). Starts that have ended are left out of the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.spectrum import number_type

__all__ = ["descend"]

# Numbers held at once for Jacobians: 64 MB, and as much again for their squares.
_N_AT_ONCE = 1 << 23
_LEAST_DAMPING, _MOST_DAMPING = 1e-14, 1e12
# Cosine between G and the range of J below which q has a minimum.
_FLAT = 1e-6


def descend(
    net: Any, starts: NDArray[np.float64], inputs: NDArray[np.float64], scale: float, max_iter: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Follow each start to a minimum of q.

    Parameters
    ----------
    net : network
        With ``step_function`` and ``jacobian``.
    starts : ndarray, shape (M, S)
    inputs : ndarray, shape (I,)
    scale : float
        Size of a state, for what is negligible.
    max_iter : int

    Returns
    -------
    ends, residuals : ndarray, shape (M, S)
        Where each start ended, and F(s) − s there.
    flat : ndarray of bool, shape (M,)
        Whether the gradient of q vanishes there.

    Raises
    ------
    ValueError
        If the network returns arrays of other shapes, or its step from a start is not finite.
    """
    kind = number_type(net)
    ends, flat = starts.copy(), np.zeros(len(starts), dtype=np.bool_)

    def residuals_at(states: NDArray[np.float64]) -> NDArray[np.float64]:
        drive = np.tile(inputs, (len(states), 1)).astype(kind)
        after = np.asarray(net.step_function(states.astype(kind), drive))
        if after.shape != states.shape:
            raise ValueError(
                f"net.step_function returned shape {after.shape}, expected {states.shape}: do the states hold all "
                "variables of the network, and inputs all of its inputs?"
            )
        return np.asarray((after.astype(np.float64) - states) / scale)

    residuals = residuals_at(ends)
    if not np.isfinite(residuals).all():
        raise ValueError("net.step_function returned values that are not finite at the starts")
    at_once = max(1, _N_AT_ONCE // starts.shape[1] ** 2)
    damping, growth = np.full(len(starts), 1e-3), np.full(len(starts), 2.0)
    active = np.arange(len(starts))
    for _ in range(max_iter):
        going = []
        for first in range(0, len(active), at_once):
            rows = active[first : first + at_once]
            steps, level = _steps(net, ends[rows], residuals[rows], inputs, damping[rows], kind)
            # A gradient that vanishes while G does not: a minimum that is no zero.
            flat[rows] = level
            moved = ends[rows] + scale * steps
            with np.errstate(over="ignore", invalid="ignore"):
                after = residuals_at(moved)
                before_q, after_q = np.sum(residuals[rows] ** 2, axis=1), np.sum(after**2, axis=1)
            # A NaN is no improvement.
            better = after_q < before_q
            taken = rows[better]
            ends[taken], residuals[taken] = moved[better], after[better]
            damping[taken] = np.maximum(damping[taken] / 5, _LEAST_DAMPING)
            growth[taken] = 2.0
            refused = rows[~better]
            damping[refused] *= growth[refused]
            growth[refused] *= 2
            # Steps below the rounding of the state lead nowhere.
            small = np.abs(steps).max(axis=1) <= 1e-15 * (1 + np.abs(ends[rows]).max(axis=1) / scale)
            done = (after_q == 0) | level | small | (damping[rows] > _MOST_DAMPING)
            going.append(rows[~done])
        active = np.concatenate(going) if going else active[:0]
        if not active.size:
            break
    return ends, residuals * scale, flat


def _steps(
    net: Any,
    states: NDArray[np.float64],
    residuals: NDArray[np.float64],
    inputs: NDArray[np.float64],
    damping: NDArray[np.float64],
    kind: np.dtype[Any],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Steps (M, S) in units of the scale, and where the gradient vanishes (M,)."""
    M, S = states.shape
    drive = np.tile(inputs, (M, 1)).astype(kind)
    slopes = np.array(net.jacobian(states.astype(kind), drive), dtype=np.float64)
    if slopes.shape != (M, S, S):
        raise ValueError(f"net.jacobian returned shape {slopes.shape}, expected {(M, S, S)}")
    if not np.isfinite(slopes).all():
        raise ValueError("net.jacobian returned values that are not finite")
    slopes[:, np.arange(S), np.arange(S)] -= 1.0
    transposed = slopes.transpose(0, 2, 1)
    gradient = (transposed @ residuals[:, :, None])[:, :, 0]
    squares = transposed @ slopes
    size = np.einsum("mss->m", squares)
    least = _FLAT * np.sqrt(size) * np.linalg.norm(residuals, axis=1)
    level = np.asarray(np.linalg.norm(gradient, axis=1) <= least)
    # The identity has no slope at all: there every state stays, and any positive number will do.
    squares[:, np.arange(S), np.arange(S)] += (damping * np.where(size > 0, size, 1.0) / S)[:, None]
    steps = np.linalg.solve(squares, -gradient[:, :, None])[:, :, 0]
    return np.asarray(steps, dtype=np.float64), level
