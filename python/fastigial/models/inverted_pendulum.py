"""A body that stands on its ankle: the plant of `CounterfactualPredictiveControl.inverted_pendulum`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastigial import _core
from fastigial.models.linear_systems import Discrete
from fastigial.rnn.checks import as_positive

__all__ = ["InvertedPendulum"]


@dataclass(frozen=True)
class InvertedPendulum:
    r"""A mass on a rod without weight, under a torque at its foot and a horizontal force at its top.

    .. math::

        \ddot\theta = \frac{g}{h} \sin\theta + \frac{u}{m h^2} + \frac{F}{m h} \cos\theta

    Parameters
    ----------
    mass : float
        m, in kg.
    height : float
        h, in m.

    Raises
    ------
    TypeError, ValueError
        If a size is not a number above 0.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.models.InvertedPendulum(mass=67.0, height=0.85)
    InvertedPendulum(mass=67.0, height=0.85)
    """

    mass: float = 67.0
    height: float = 0.85

    def __post_init__(self) -> None:
        as_positive("mass", self.mass)
        as_positive("height", self.height)

    def linearised(self, dt: float) -> Discrete:
        """The upright pendulum in small movements, from torque to angle, by explicit Euler as the core steps it."""
        inertia = self.mass * self.height**2
        a = np.array([[1.0, dt], [dt * _core.GRAVITY / self.height, 1.0]])
        return Discrete(a, np.array([0.0, dt / inertia]), np.array([1.0, 0.0]), 0.0)
