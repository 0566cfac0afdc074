"""What a plant did, and the way back from it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plants.arrays import shaped
from fastigial.plants.fields import LinearField

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.plants.base import Plant

__all__ = ["Gradients", "Movement"]

Array = NDArray[Any]


class Gradients(NamedTuple):
    """Gradients of a loss by everything that a movement follows from.

    Attributes
    ----------
    controls : ndarray, shape (n_trials, n_steps, n_controls)
    load : ndarray, shape (n_trials, n_steps, 2)
        By forces on the hand, whether there were any or not.
    state : ndarray, shape (n_trials, n_states)
        By the first state.
    """

    controls: Array
    load: Array
    state: Array


@dataclass(frozen=True, eq=False)
class Movement:
    """Movements of all trials, as `Plant.run` returns them.

    Attributes
    ----------
    states : ndarray, shape (n_trials, n_steps + 1, n_states)
        Coordinates, their velocities and, with muscles, their activations; the first is where the movement began.
    controls : ndarray, shape (n_trials, n_steps, n_controls)
        What drove the plant in each step.
    load : ndarray, shape (n_trials, n_steps, 2), or None
        Other forces on the hand, N.
    dt : float
        Seconds per step.
    plant : Plant
        What moved.
    field : LinearField
        The field that it moved in.
    """

    states: Array
    controls: Array
    load: Array | None
    dt: float
    plant: Plant
    field: LinearField
    n_threads: int | None = attribute(default=None, repr=False)

    @cached_property
    def _hand(self) -> Array:
        position, velocity = self.plant.hand(self.states)
        return np.concatenate([position, velocity], axis=-1)

    @property
    def time(self) -> NDArray[np.float64]:
        """Seconds since the beginning, (n_steps + 1,)."""
        return np.arange(self.states.shape[1], dtype=np.float64) * self.dt

    @property
    def hand_position(self) -> Array:
        """Where the hand was, (n_trials, n_steps + 1, 2), m."""
        return self._hand[..., :2]

    @property
    def hand_velocity(self) -> Array:
        """How fast it moved, (n_trials, n_steps + 1, 2), m/s."""
        return self._hand[..., 2:]

    @property
    def force(self) -> Array:
        """What the field did to the hand, (n_trials, n_steps + 1, 2), N; of a channel, what its walls did."""
        return self.field(self.hand_velocity, self.hand_position)

    def gradient(
        self,
        d_states: ArrayLike | None = None,
        *,
        d_hand_position: ArrayLike | None = None,
        d_hand_velocity: ArrayLike | None = None,
    ) -> Gradients:
        """Gradients of a loss, led back through the plant and its field, exactly.

        Parameters
        ----------
        d_states : array_like of shape (n_trials, n_steps + 1, n_states), optional
            The loss differentiated by each state as if states did not depend on one another.
        d_hand_position, d_hand_velocity : array_like of shape (n_trials, n_steps + 1, 2), optional
            The same by the hand. What is given is added up.

        Returns
        -------
        Gradients
            By the controls, by loads on the hand, and by the first state.

        Raises
        ------
        ValueError
            If shapes do not fit, or numbers are not finite.
        FloatingPointError
            If a gradient grows beyond the finite numbers.

        Notes
        -----
        Where a step has a kink, the gradient is that of the side which the movement took: nothing passes a joint at its
        limit, and excitations below the least activation have none.

        Examples
        --------
        A force that brings a mass nearer to a target:

        >>> import numpy as np
        >>> import fastigial as fg
        >>> mass, target = fg.plants.PointMass(), np.array([0.1, 0.0])
        >>> force = np.zeros((1, 50, 2))
        >>> move = mass.run(np.zeros(4), force, dt=0.01)
        >>> d_position = np.zeros((1, 51, 2))
        >>> d_position[:, -1] = 2 * (move.hand_position[:, -1] - target)
        >>> better = mass.run(np.zeros(4), force - 10 * move.gradient(d_hand_position=d_position).controls, dt=0.01)
        >>> bool(np.abs(better.hand_position[0, -1] - target).max() < 0.1)
        True
        """
        shape, dtype = self.states.shape, self.states.dtype
        outer = np.zeros(shape, dtype) if d_states is None else shaped("d_states", d_states, shape, dtype)
        if d_hand_position is not None or d_hand_velocity is not None:
            plane = (*shape[:2], 2)
            d_hand = np.zeros((*shape[:2], 4), dtype)
            if d_hand_position is not None:
                d_hand[..., :2] = shaped("d_hand_position", d_hand_position, plane, dtype)
            if d_hand_velocity is not None:
                d_hand[..., 2:] = shaped("d_hand_velocity", d_hand_velocity, plane, dtype)
            rows = self.states.reshape(-1, shape[2])
            pulled = self.plant._body.pull_hand_back(rows, d_hand.reshape(-1, 4))
            outer = outer + pulled.reshape(shape)
        drive = self.plant._drive(self.controls, self.load, self.field, self.dt, self.n_threads)
        return Gradients(*self.plant._body.pull_back(self.states, outer, drive))

    def plot(self, **options: Any) -> Figure:
        """Draw the paths of the hand; see `fastigial.plot.hand_paths`."""
        from fastigial.plot import hand_paths

        return hand_paths(self.hand_position, **options)

    def __repr__(self) -> str:
        n_trials, n_steps, _ = self.controls.shape
        return f"<Movement: {n_trials} trials of {n_steps} steps of {self.dt:g} s, {type(self.plant).__name__}>"
