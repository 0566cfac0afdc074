"""A random network with low-dimensional feedback, written step by step from its equations, and its two measures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Closed(NamedTuple):
    """What the second run leaves: in the order in which targets were shown."""

    readout: Array
    unexplained: float
    rates: Array
    outputs: Array


def target(k: int) -> Array:
    return np.array([np.cos(2 * np.pi * k / 8), np.sin(2 * np.pi * k / 8)])


def simulate(
    J: Array,
    V: Array,
    U: Array,
    initial: tuple[Array, Array],
    orders: tuple[list[int], list[int]],
    *,
    alpha: float,
    beta: float,
    dt: float,
    n_steps: int,
    n_discarded: int,
) -> Closed:
    """Both runs; J (N, N), V (N, 8), U (N, 2)."""
    x = initial[0].copy()
    seen, taught = [], []
    for k in orders[0]:
        for step in range(n_steps):
            r = np.tanh(x)
            if step >= n_discarded:
                seen.append(r)
                taught.append(target(k))
            x = x + dt * (-x + J @ r + alpha * V[:, k] + beta * U @ target(k))
    M, Y = np.array(seen), np.array(taught)
    W = np.linalg.lstsq(M, Y, rcond=None)[0]
    unexplained = float(np.sum((Y - M @ W) ** 2) / np.sum(Y**2))

    x = initial[1].copy()
    rates, outputs = [], []
    for k in orders[1]:
        for step in range(n_steps):
            r = np.tanh(x)
            z = W.T @ r
            if step == n_steps - 2:
                rates.append(r)
                outputs.append(z)
            x = x + dt * (-x + J @ r + alpha * V[:, k] + beta * U @ z)
    return Closed(W, unexplained, np.array(rates), np.array(outputs))


def by_target(values: Array, order: list[int]) -> Array:
    """(n_repeats, 8, …) from what came in the order of presentation."""
    found = np.full((len(order) // 8, 8, *values.shape[1:]), np.nan)
    for place, k in enumerate(order):
        found[place // 8, k] = values[place]
    return found


def dimensionality(patterns: Array) -> float:
    """Participation ratio of the covariance of standardised units, (8, N)."""
    z = (patterns - patterns.mean(axis=0)) / patterns.std(axis=0)
    eigenvalues = np.linalg.eigvalsh(z.T @ z)
    return float(eigenvalues.sum() ** 2 / np.sum(eigenvalues**2))


def generalization(patterns: Array) -> float:
    """Linear classifiers of pairs of quadrants, trained by subgradient descent, tested on the other pairs."""
    z = (patterns - patterns.mean(axis=0)) / patterns.std(axis=0)
    quadrants = [z[0:2], z[2:4], z[4:6], z[6:8]]
    accuracies = []
    for (a, b), (c, d) in [((0, 3), (1, 2)), ((1, 2), (0, 3)), ((0, 1), (3, 2)), ((3, 2), (0, 1))]:
        w, offset = hinge_minimum(np.vstack([quadrants[a], quadrants[b]]), np.array([-1.0, -1, 1, 1]))
        guesses = np.vstack([quadrants[c], quadrants[d]]) @ w + offset > 0
        accuracies.append(np.mean(guesses == np.array([False, False, True, True])))
    return float(np.mean(accuracies))


def hinge_minimum(x: Array, y: Array, C: float = 1.0) -> tuple[Array, float]:
    """argmin ½‖w‖² + C Σ max(0, 1 − y (w·x + b)), from its dual, max Σ a − ½ ‖Σ a y x‖² with 0 ≤ a ≤ C and Σ a y = 0.

    Two numbers at a time, which keeps Σ a y: along their line the dual is a parabola.
    """
    a = np.zeros(len(y))
    K = x @ x.T
    for _ in range(100_000):
        before = a.copy()
        for i in range(len(y)):
            for j in range(i):
                # a_i moves by t y_i, a_j by −t y_j.
                slope = y[i] - y[j] - (K[i] - K[j]) @ (a * y)
                t = slope / (K[i, i] + K[j, j] - 2 * K[i, j])
                ends_i = sorted([-a[i] * y[i], (C - a[i]) * y[i]])
                ends_j = sorted([a[j] * y[j], (a[j] - C) * y[j]])
                t = min(max(t, ends_i[0], ends_j[0]), ends_i[1], ends_j[1])
                a[i] += t * y[i]
                a[j] -= t * y[j]
        if np.abs(a - before).max() < 1e-15:
            break
    w = (a * y) @ x
    free = (a > 1e-12) & (a < C - 1e-12)
    assert free.any(), "the offset is not determined"
    return w, float((y - x @ w)[free].mean())
