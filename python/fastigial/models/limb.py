r"""What two regions move: a mass by forces, or an arm by torques; and the commands that carry a hand along a path.

::

    command along a path    mass: μ a* + c v*;    arm: τ = M(q*) q̈* + C(q*, q̇*) + d q̇*
    force of a command      mass: itself;         arm: J(q*)⁻ᵀ τ
    mass that the hand has  mass: μ;              arm: 2 / tr(J M⁻¹ Jᵀ) in the start
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.models.reaching import DelayedReach
from fastigial.plants import PointMass, TwoLinkArm

__all__ = ["Limb"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limb:
    """A plant and where it starts.

    Parameters
    ----------
    plant : PointMass or TwoLinkArm
    angles : (float, float)
        Of shoulder and elbow in the start, degrees. A mass starts in the origin.
    """

    plant: PointMass | TwoLinkArm
    angles: tuple[float, float] = (60.0, 90.0)

    def __post_init__(self) -> None:
        if not isinstance(self.plant, PointMass | TwoLinkArm):
            raise TypeError(f"plant is {self.plant!r}, expected a PointMass or a TwoLinkArm")
        if np.shape(self.angles) != (2,) or not np.isfinite(self.angles).all():
            raise ValueError(f"start is {self.angles!r}, expected two angles in degrees")

    @property
    def start(self) -> Array:
        """State in which movements begin, (4,)."""
        angles = np.radians(self.angles) if isinstance(self.plant, TwoLinkArm) else np.zeros(2)
        return np.concatenate([angles, np.zeros(2)])

    @property
    def origin(self) -> Array:
        """Where the hand is then, metres, (2,)."""
        return np.asarray(self.plant.hand(self.start)[0])

    @property
    def mass(self) -> float:
        """Mass that a force on the hand meets in the start, mean over directions, kg."""
        if isinstance(self.plant, PointMass):
            return float(self.plant.mass)
        inertia = self.plant.inverse_dynamics(np.tile(self.start, (2, 1)), np.eye(2))
        jacobian = self._jacobian(self.start)
        return float(2 / np.trace(jacobian @ np.linalg.solve(inertia, jacobian.T)))

    def _jacobian(self, states: ArrayLike) -> Array:
        """How the hand moves with the joints, (..., 2, 2)."""
        assert isinstance(self.plant, TwoLinkArm)
        angles, (upper, lower) = np.asarray(states, dtype=np.float64)[..., :2], self.plant.numbers.lengths
        shoulder, both = angles[..., 0], angles[..., 0] + angles[..., 1]
        x, y = lower * np.cos(both), lower * np.sin(both)
        rows = [[-(upper * np.sin(shoulder) + y), -y], [upper * np.cos(shoulder) + x, x]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    def _states(self, reach: DelayedReach, directions: Array) -> Array:
        """Of the plant on the path, (n_trials, n_steps, 4)."""
        path = reach.plan(directions)
        assert isinstance(self.plant, TwoLinkArm)
        return np.asarray(self.plant.joints(self.origin + path[..., :2], path[..., 2:]))

    def commands(self, reach: DelayedReach, directions: Array) -> Array:
        """What carries the hand along the path, newtons or newton metres, (n_trials, n_steps, 2)."""
        if isinstance(self.plant, PointMass):
            forces = reach.forces(directions, self.plant.mass)
            return np.asarray(forces + self.plant.damping * reach.plan(directions)[..., 2:])
        states = self._states(reach, directions)
        # Of velocities that the next step has.
        accelerations = np.diff(states[..., 2:], axis=1, append=states[:, -1:, 2:]) / reach.dt
        return np.asarray(self.plant.inverse_dynamics(states, accelerations))

    def forces(self, commands: ArrayLike, reach: DelayedReach, directions: Array) -> Array:
        """Forces on the hand, on the path, that commands amount to, newtons, (n_trials, n_steps, 2)."""
        given = np.asarray(commands, dtype=np.float64)
        if isinstance(self.plant, PointMass):
            return given
        jacobians = self._jacobian(self._states(reach, directions))
        return np.asarray(np.linalg.solve(np.swapaxes(jacobians, -1, -2), given[..., None])[..., 0], dtype=np.float64)
