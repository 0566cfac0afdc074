"""What a reaching policy did, and how it came to do so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plants.movement import Movement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PolicyHistory", "Reaches"]

Array = NDArray[Any]
Double = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class PolicyHistory:
    """A training, update by update; each loss is of the batch that the update learned from, before it.

    Attributes
    ----------
    loss : ndarray, shape (n_updates,)
        The sum of the parts.
    position, velocity, effort, activity : ndarray, shape (n_updates,)
        The parts: weighted distance, weighted square of speed, cost of controls, cost of units.
    gradient_norm : ndarray, shape (n_updates,)
        Length of the gradient before clipping.
    outcome : {"finished", "interrupted", "diverged"}
    """

    position: Double
    velocity: Double
    effort: Double
    activity: Double
    gradient_norm: Double
    outcome: str

    @property
    def loss(self) -> Double:
        """The sum of the parts, (n_updates,)."""
        return self.position + self.velocity + self.effort + self.activity

    def __len__(self) -> int:
        return len(self.position)

    def __repr__(self) -> str:
        ended = f", loss {self.loss[-1]:.4g}" if len(self) else ""
        return f"<PolicyHistory: {len(self)} updates{ended}, {self.outcome}>"


@dataclass(frozen=True, eq=False, repr=False)
class Reaches:
    """Reaches of a policy, trial by trial.

    Attributes
    ----------
    movement : fastigial.plants.Movement
        What the plant did: ``states``, ``controls``, ``hand_position``, ``hand_velocity``, ``force``, ``time``.
    activity : ndarray, shape (n_trials, n_steps, n_units)
        What units sent on.
    inputs : ndarray, shape (n_trials, n_steps, n_inputs)
        What the network was told: target, go, vision, proprioception, with their delays and noise.
    cursor_position : ndarray, shape (n_trials, n_steps + 1, 2)
        What is seen of the hand, without delay and noise; the hand itself unless there was another cursor. m.
    start, target : ndarray, shape (n_trials, 2)
        m.
    go : ndarray, shape (n_trials,)
        When each might go, s; NaN: never.
    loss : float
        As training counts it.
    """

    movement: Movement
    activity: Array
    inputs: Array
    cursor_position: Double
    start: Double
    target: Double
    go: Double
    loss: float

    @property
    def hand_position(self) -> Array:
        """Where the hand was, (n_trials, n_steps + 1, 2), m."""
        return self.movement.hand_position

    @property
    def time(self) -> Double:
        """Seconds since the beginning, (n_steps + 1,)."""
        return self.movement.time

    @property
    def endpoint_error(self) -> Double:
        """Distance of the cursor from the target at the end of each trial, (n_trials,), m."""
        away = self.cursor_position[:, -1] - self.target
        return np.asarray(np.hypot(away[:, 0], away[:, 1]))

    @property
    def lateral_deviation(self) -> Double:
        """Farthest of the hand from the line of start and target, (n_trials,), m; to the left of it is positive.

        NaN where the target is the start.
        """
        way = self.target - self.start
        length = np.hypot(way[:, 0], way[:, 1])
        normal = np.stack([-way[:, 1], way[:, 0]], axis=-1) / np.where(length > 0, length, np.nan)[:, None]
        aside = np.einsum("ntj,nj->nt", self.hand_position - self.start[:, None], normal)
        farthest = np.abs(np.nan_to_num(aside)).argmax(axis=1)
        return np.asarray(aside[np.arange(len(aside)), farthest])

    def to_tensor(self) -> Array:
        """Activity as a recording, (n_trials, n_units, n_steps)."""
        return np.ascontiguousarray(self.activity.transpose(0, 2, 1))

    def plot(self, **options: Any) -> Figure:
        """Draw the paths of the hand and the targets; see `fastigial.plot.hand_paths`."""
        from fastigial.plot import hand_paths

        return hand_paths(self.hand_position, **{"targets": self.target, **options})

    def __repr__(self) -> str:
        n_trials, n_steps, n_units = self.activity.shape
        return f"<Reaches: {n_trials} trials of {n_steps} steps, {n_units} units>"
