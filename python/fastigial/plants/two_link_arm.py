"""A planar arm of two links, driven by torques, and its published measures."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.plants.arrays import precision_of, rows, shaped
from fastigial.plants.base import Plant
from fastigial.plants.fields import LinearField
from fastigial.rnn.checks import as_flag
from fastigial.tensor.checks import as_number

__all__ = ["ARMS", "ArmParameters", "TwoLinkArm"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class ArmParameters:
    """What an arm is made of; each pair is (upper arm, forearm).

    Parameters
    ----------
    masses : (float, float)
        kg.
    lengths : (float, float)
        m.
    centres : (float, float)
        From the joint to the centre of mass, m.
    inertias : (float, float)
        About the centre of mass, kg m².
    limits : ((float, float), (float, float))
        Least and greatest angle of shoulder and elbow, rad; the elbow bends between 0 and π.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.ARMS["nijhof_kouwenhoven"].lengths
    (0.309, 0.333)
    """

    masses: Pair
    lengths: Pair
    centres: Pair
    inertias: Pair
    limits: tuple[Pair, Pair] = ((0.0, 0.75 * pi), (0.0, 155 / 180 * pi))


#: Published arms, by name.
ARMS = {
    "motornet": ArmParameters(
        masses=(1.864572, 1.534315), lengths=(0.309, 0.26), centres=(0.180496, 0.181479), inertias=(0.013193, 0.020062)
    ),
    "nijhof_kouwenhoven": ArmParameters(
        masses=(1.82, 1.43), lengths=(0.309, 0.333), centres=(0.135, 0.165), inertias=(0.051, 0.057)
    ),
}


@dataclass(frozen=True)
class TwoLinkArm(Plant):
    r"""Shoulder and elbow in a horizontal plane, driven by torques.

    .. math::

        M(q) \ddot q + C(q, \dot q) + d \dot q = \tau + J(q)^\top F

    The state is (q₁, q₂, q̇₁, q̇₂): angles of shoulder and elbow, in rad and rad/s. The shoulder is the origin; at
    q = 0 the arm is stretched along x. F is the force on the hand, of the field and of loads. A joint that reaches its
    limit stops there, and the other goes on as it was: no impact of rigid bodies.

    Parameters
    ----------
    parameters : "motornet", "nijhof_kouwenhoven" or ArmParameters
        The default arm of MotorNet, the arm of Nijhof and Kouwenhoven (2000) that MotorNet uses with six muscles, or
        another.
    damping : float
        d, in N m s/rad, the same at both joints.
    limited : bool
        Whether joints have limits.
    method : "semi_implicit_euler" or "rk4"
        How time passes; see `Plant`. MotorNet steps angles with the velocities from before the step (explicit Euler).
    n_substeps : int
        Parts of a step.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range or a name is not known.

    References
    ----------
    Codol, Michaels, Kashefi, Pruszynski and Gribble 2024, eLife 12:RP88591 (MotorNet).

    Examples
    --------
    >>> import fastigial as fg
    >>> arm = fg.plants.TwoLinkArm("nijhof_kouwenhoven")
    >>> state = arm.joints(position=[0.0, 0.4])
    >>> position, velocity = arm.hand(arm.step(state, torque=[1.0, 0.0], dt=0.01))
    >>> position.round(3) + 0, velocity.round(4)
    (array([0. , 0.4]), array([-0.01  ,  0.0095]))
    """

    parameters: str | ArmParameters = "motornet"
    damping: float = 0.0
    limited: bool = True
    method: str = "semi_implicit_euler"
    n_substeps: int = 1

    def __post_init__(self) -> None:
        self._check_stepping()
        as_flag("limited", self.limited)
        _ = self._body

    @property
    def numbers(self) -> ArmParameters:
        """The parameters themselves, if they were named."""
        if isinstance(self.parameters, ArmParameters):
            return self.parameters
        names = ", ".join(map(repr, ARMS))
        if not isinstance(self.parameters, str):
            raise TypeError(f"parameters is {self.parameters!r}, expected {names} or ArmParameters")
        if self.parameters not in ARMS:
            raise ValueError(f"parameters is {self.parameters!r}, expected {names} or ArmParameters")
        return ARMS[self.parameters]

    @property
    def _body(self) -> _core.Body:
        numbers = self.numbers
        bones = [_pair(name, getattr(numbers, name)) for name in ("masses", "lengths", "centres", "inertias")]
        limits = None
        if self.limited:
            if len(numbers.limits) != 2:
                raise ValueError(f"limits is {numbers.limits!r}, expected a pair of angles for each of two joints")
            limits = [_pair("limits", joint) for joint in numbers.limits]
        return _core.Body.arm_of(bones, as_number("damping", self.damping), limits)

    def step(
        self,
        state: ArrayLike,
        torque: ArrayLike,
        dt: float,
        *,
        field: LinearField | None = None,
        load: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """One step.

        Parameters
        ----------
        state : array_like of shape (n_trials, 4) or (4,)
            Angles and their velocities in rad and rad/s.
        torque : array_like of shape (n_trials, 2) or (2,)
            At shoulder and elbow in N m, held over the step.
        dt : float
            Seconds.
        field : LinearField, optional
            One for all trials, or one for each.
        load : array_like of shape (n_trials, 2) or (2,), optional
            Another force on the hand, N, held over the step.

        Returns
        -------
        ndarray, of the shape of `state`
        """
        return self._step(state, torque, dt, field, load)

    def joints(self, position: ArrayLike, velocity: ArrayLike = (0, 0)) -> NDArray[Any]:
        """The state that puts the hand at a place: inverse kinematics, with the elbow bent to the positive side.

        The shoulder is between −π and π. Limits of joints are not looked at.

        Parameters
        ----------
        position : array_like of shape (..., 2)
            In m from the shoulder.
        velocity : array_like of shape (..., 2)
            In m/s.

        Returns
        -------
        ndarray, shape (..., 4)

        Raises
        ------
        ValueError
            If a place is out of reach, or a velocity cannot be had because the arm is stretched or folded there.

        Examples
        --------
        >>> import fastigial as fg
        >>> fg.plants.TwoLinkArm().joints([0.2, 0.4]).round(3)
        array([0.506, 1.339, 0.   , 0.   ])
        """
        return _joints(self._body, position, velocity)


def _joints(body: _core.Body, position: ArrayLike, velocity: ArrayLike) -> NDArray[Any]:
    dtype = precision_of(position=position)
    places, before = rows("position", position, 2, dtype)
    speeds = shaped("velocity", velocity, (*before, 2), dtype).reshape(-1, 2)
    states = body.joints(np.concatenate([places, speeds], axis=1))
    if not np.isfinite(states).all():
        raise ValueError("velocity is not 0 where the arm is stretched or folded, expected a hand at rest there")
    return states.reshape(*before, 4)


def _pair(name: str, value: Any) -> Pair:
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 2:
        raise ValueError(f"{name} is {value!r}, expected a pair of numbers")
    return as_number(name, value[0]), as_number(name, value[1])
