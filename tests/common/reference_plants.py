"""The arm again, slowly: equations of motion from its Lagrangian, steps in loops, nothing shared with the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class ReferenceArm:
    """Two links as their two centres of mass, which move and turn."""

    masses: tuple[float, float]
    lengths: tuple[float, float]
    centres: tuple[float, float]
    inertias: tuple[float, float]

    def centre_jacobians(self, q: Array) -> list[Array]:
        """How the centres of mass move with the angles."""
        (l1, _), (g1, g2) = self.lengths, self.centres
        s1, c1, s12, c12 = np.sin(q[0]), np.cos(q[0]), np.sin(q[0] + q[1]), np.cos(q[0] + q[1])
        return [
            np.array([[-g1 * s1, 0.0], [g1 * c1, 0.0]]),
            np.array([[-l1 * s1 - g2 * s12, -g2 * s12], [l1 * c1 + g2 * c12, g2 * c12]]),
        ]

    def mass_matrix(self, q: Array) -> Array:
        first, second = self.centre_jacobians(q)
        spin = [np.array([[1.0, 0.0], [0.0, 0.0]]), np.ones((2, 2))]
        m, inertia = self.masses, self.inertias
        return m[0] * first.T @ first + m[1] * second.T @ second + inertia[0] * spin[0] + inertia[1] * spin[1]

    def hand_jacobian(self, q: Array) -> Array:
        (l1, l2) = self.lengths
        s1, c1, s12, c12 = np.sin(q[0]), np.cos(q[0]), np.sin(q[0] + q[1]), np.cos(q[0] + q[1])
        return np.array([[-l1 * s1 - l2 * s12, -l2 * s12], [l1 * c1 + l2 * c12, l2 * c12]])

    def hand(self, q: Array) -> Array:
        (l1, l2) = self.lengths
        return np.array([l1 * np.cos(q[0]) + l2 * np.cos(q[0] + q[1]), l1 * np.sin(q[0]) + l2 * np.sin(q[0] + q[1])])

    def coriolis(self, q: Array, v: Array) -> Array:
        """By Christoffel symbols, from finite differences of the mass matrix."""
        h = 1e-5
        slopes = [(self.mass_matrix(q + h * e) - self.mass_matrix(q - h * e)) / (2 * h) for e in np.eye(2)]
        out = np.zeros(2)
        for i in range(2):
            for j in range(2):
                for k in range(2):
                    symbol = 0.5 * (slopes[k][i, j] + slopes[j][i, k] - slopes[i][j, k])
                    out[i] += symbol * v[j] * v[k]
        return out

    def acceleration(self, q: Array, v: Array, torque: Array, force: Array) -> Array:
        pushed = torque + self.hand_jacobian(q).T @ force - self.coriolis(q, v)
        return np.linalg.solve(self.mass_matrix(q), pushed)

    def run(self, state: Array, torques: Array, dt: float, force: Callable[[Array, Array], Array]) -> Array:
        """Semi-implicit Euler, (n_steps + 1, 4)."""
        q, v = state[:2].copy(), state[2:].copy()
        states = [state]
        for torque in torques:
            pushed = force(self.hand_jacobian(q) @ v, self.hand(q))
            v = v + dt * self.acceleration(q, v, torque, pushed)
            q = q + dt * v
            states.append(np.concatenate([q, v]))
        return np.array(states)
