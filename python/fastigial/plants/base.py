"""What plants have in common: steps, whole movements, the hand, energy, and what it takes to move so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.plants.arrays import as_reals, precision_of, rows, shaped
from fastigial.plants.fields import LinearField, NullField
from fastigial.plants.movement import Movement
from fastigial.rnn.checks import as_positive, one_of
from fastigial.tensor.checks import as_count, as_threads

__all__ = ["METHODS", "Plant", "as_field"]

MAX_SUBSTEPS = 10_000
METHODS = ("semi_implicit_euler", "rk4")

Array = NDArray[Any]


class Plant(ABC):
    """A body with a hand that moves in a plane; not made by itself.

    Attributes
    ----------
    n_states, n_controls : int
        Numbers of a state and of what drives the plant.
    method : str
        "semi_implicit_euler" (order 1): velocities first, then coordinates with the new velocities; "rk4": the
        classical Runge-Kutta method (order 4).
    n_substeps : int
        Parts that each step is taken in; controls and loads are held over the step.
    """

    n_states: ClassVar[int] = 4
    n_controls: ClassVar[int] = 2
    _control_name: ClassVar[str] = "torque"
    method: str
    n_substeps: int

    @property
    @abstractmethod
    def _body(self) -> _core.Body:
        """The plant in the core."""

    def _check_stepping(self) -> None:
        one_of("method", self.method, METHODS)
        if not 1 <= as_count("n_substeps", self.n_substeps) <= MAX_SUBSTEPS:
            raise ValueError(f"n_substeps is {self.n_substeps}, expected 1 to {MAX_SUBSTEPS}")

    def run(
        self,
        state: ArrayLike,
        controls: ArrayLike,
        dt: float,
        *,
        field: LinearField | None = None,
        load: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> Movement:
        """Whole movements: all trials side by side.

        Parameters
        ----------
        state : array_like of shape (n_trials, n_states) or (n_states,)
            Where they begin.
        controls : array_like of shape (n_trials, n_steps, n_controls)
            What drives the plant, held over each step: forces in N, torques in N m, or excitations of 0 to 1.
        dt : float
            Seconds per step.
        field : LinearField, optional
            For all trials, or with one field for each.
        load : array_like of shape (n_trials, n_steps, 2), or what can be repeated to it, optional
            Other forces on the hand, in N, held over each step.
        n_threads : int, optional
            None: the package's setting. It does not change the numbers.

        Returns
        -------
        Movement
            Single precision if all arrays are; the arithmetic of a step is double either way.

        Raises
        ------
        TypeError, ValueError
            If arrays are not finite numbers of these shapes.
        FloatingPointError
            If a state grows beyond the finite numbers; the message says where.
        """
        dtype = precision_of(state=state, controls=controls, load=load)
        driven = as_reals("controls", controls, dtype)
        if driven.ndim != 3 or driven.shape[2] != self.n_controls or 0 in driven.shape:
            expected = f"(n_trials, n_steps, {self.n_controls}), with at least one trial and one step"
            raise ValueError(f"controls has the shape {driven.shape}, expected {expected}")
        n_trials, n_steps, _ = driven.shape
        start = shaped("state", state, (n_trials, self.n_states), dtype)
        pushed = None if load is None else shaped("load", load, (n_trials, n_steps, 2), dtype)
        within = as_field(field, n_trials)
        step, threads = as_positive("dt", dt), as_threads(n_threads)
        driven = np.ascontiguousarray(driven)
        states = self._body.run(start, self._drive(driven, pushed, within, step, threads))
        return Movement(states, driven, pushed, step, self, within, threads)

    def _step(
        self, state: ArrayLike, control: ArrayLike, dt: float, field: LinearField | None, load: ArrayLike | None
    ) -> Array:
        dtype = precision_of(**{"state": state, self._control_name: control, "load": load})
        start = as_reals("state", state, dtype)
        if start.ndim not in (1, 2) or start.shape[-1] != self.n_states or 0 in start.shape:
            shapes = f"({self.n_states},) or (n_trials, {self.n_states})"
            raise ValueError(f"state has the shape {start.shape}, expected {shapes}")
        many = np.ascontiguousarray(np.atleast_2d(start))
        n_trials = len(many)
        driven = shaped(self._control_name, control, (n_trials, self.n_controls), dtype)[:, None]
        pushed = None if load is None else shaped("load", load, (n_trials, 2), dtype)[:, None]
        within = as_field(field, n_trials)
        states = self._body.run(many, self._drive(driven, pushed, within, as_positive("dt", dt), 1))
        return np.asarray(states[0, 1] if start.ndim == 1 else states[:, 1])

    def _drive(
        self, controls: Array, load: Array | None, field: LinearField, dt: float, n_threads: int | None
    ) -> dict[str, Any]:
        return {
            "controls": controls,
            "loads": load,
            "fields": field._numbers(),
            "dt": dt,
            "method": self.method,
            "n_substeps": int(self.n_substeps),
            "n_threads": n_threads,
        }

    def hand(self, state: ArrayLike) -> tuple[Array, Array]:
        """Position and velocity of the hand.

        Parameters
        ----------
        state : array_like of shape (..., n_states)

        Returns
        -------
        position, velocity : ndarray, shape (..., 2)
            In m and m/s.
        """
        many, before = rows("state", state, self.n_states, precision_of(state=state))
        hands = self._body.hand(many).reshape(*before, 4)
        return hands[..., :2], hands[..., 2:]

    def energy(self, state: ArrayLike) -> Array:
        """Kinetic energy in J, (...), of states (..., n_states). Nothing moves up or down: there is no other."""
        many, before = rows("state", state, self.n_states, precision_of(state=state))
        return self._body.energy(many).reshape(before)

    def acceleration(self, state: ArrayLike, control: ArrayLike, *, load: ArrayLike = (0, 0)) -> Array:
        """Accelerations of the coordinates: m/s² of a mass, rad/s² of joints.

        Parameters
        ----------
        state : array_like of shape (..., n_states)
        control : array_like of shape (..., n_controls)
            What drives the plant. Muscles pull by the activations in the state, not by what excites them.
        load : array_like of shape (..., 2)
            Force on the hand, N.

        Returns
        -------
        ndarray, shape (..., 2)
        """
        dtype = precision_of(state=state, control=control)
        many, before = rows("state", state, self.n_states, dtype)
        driven = shaped("control", control, (*before, self.n_controls), dtype).reshape(-1, self.n_controls)
        pushed = shaped("load", load, (*before, 2), dtype).reshape(-1, 2)
        return self._body.acceleration(many, driven, pushed).reshape(*before, 2)

    def inverse_dynamics(self, state: ArrayLike, acceleration: ArrayLike, *, load: ArrayLike = (0, 0)) -> Array:
        """What it takes to be accelerated so: a force in N for a mass, torques in N m for an arm.

        Parameters
        ----------
        state : array_like of shape (..., n_states)
        acceleration : array_like of shape (..., 2)
            Of the coordinates.
        load : array_like of shape (..., 2)
            Force on the hand, N, that must be borne.

        Returns
        -------
        ndarray, shape (..., 2)
        """
        dtype = precision_of(state=state, acceleration=acceleration)
        many, before = rows("state", state, self.n_states, dtype)
        wanted = shaped("acceleration", acceleration, (*before, 2), dtype).reshape(-1, 2)
        pushed = shaped("load", load, (*before, 2), dtype).reshape(-1, 2)
        return self._body.inverse_dynamics(many, wanted, pushed).reshape(*before, 2)


def as_field(field: LinearField | None, n_trials: int) -> LinearField:
    """A field for so many trials; None is no force."""
    if field is None:
        return NullField()
    if not isinstance(field, LinearField):
        raise TypeError(f"field is {field!r}, expected a field of fastigial.plants or None")
    if field.n_fields not in (1, n_trials):
        raise ValueError(f"field is of {field.n_fields} trials, expected one field or one for each of {n_trials}")
    return field
