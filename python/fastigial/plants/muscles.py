"""Six muscles, and the arm that they pull."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.plants.arrays import as_reals, precision_of, rows, shaped
from fastigial.plants.base import Plant
from fastigial.plants.fields import LinearField
from fastigial.plants.two_link_arm import TwoLinkArm, _joints
from fastigial.tensor.checks import as_number

__all__ = ["MuscleArm", "Muscles"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Muscles:
    r"""Six muscles of shoulder and elbow: how long they are, how they pull, how fast they follow what excites them.

    .. math::

        l = l_0 + \sum_j (p_j + r_j q'_j) q'_j, \quad q' = q - (\pi/2, 0), \qquad
        \tau_j = -\sum F_{max}\, a\, \partial l / \partial q_j

        \dot a = (u - a) / T, \qquad T = T_1 (½ + \tfrac{3}{2} a) \text{ where } u > a,
        \text{ else } T_2 / (½ + \tfrac{3}{2} a)

    In the order of `names`: pectoralis, deltoid, brachioradialis, lateral triceps, biceps, long triceps. **The force is
    F_max times the activation: it does not depend on length or velocity, and nothing is passive.** So muscles do not
    damp movements: give the arm some damping.

    Parameters
    ----------
    max_forces : (float, ...), six
        F_max, N.
    rest_lengths : (float, ...), six
        l₀: muscle and tendon at q' = 0, m.
    linear, quadratic : ((float, float), ...), six
        p and r by shoulder and elbow, m/rad and m/rad².
    tendon_lengths, optimal_lengths : (float, ...), six
        m; of use for `normalised_lengths` alone.
    activation_time, deactivation_time : float
        T₁ and T₂, s.
    min_activation : float
        Activation does not fall below it; excitations below count as it.

    References
    ----------
    The numbers of MotorNet's arm with six muscles: Codol et al. 2024, eLife 12:RP88591, after Nijhof and Kouwenhoven
    2000.

    Examples
    --------
    >>> import fastigial as fg
    >>> muscles = fg.plants.Muscles()
    >>> lengths, moment_arms = muscles.geometry([1.57, 1.57])
    >>> lengths.shape, moment_arms.shape
    ((6,), (6, 2))
    """

    names: ClassVar[tuple[str, ...]] = (
        "pectoralis",
        "deltoid",
        "brachioradialis",
        "triceps_lateral",
        "biceps",
        "triceps_long",
    )

    max_forces: tuple[float, ...] = (838.0, 1207.0, 1422.0, 1549.0, 414.0, 603.0)
    rest_lengths: tuple[float, ...] = (0.151, 0.2322, 0.2859, 0.2355, 0.3329, 0.2989)
    linear: tuple[tuple[float, float], ...] = (
        (-0.03, 0.0),
        (0.03, 0.0),
        (0.0, -0.014),
        (0.0, 0.025),
        (-0.03, -0.016),
        (0.03, 0.03),
    )
    quadratic: tuple[tuple[float, float], ...] = (
        (0.0, 0.0),
        (0.0, 0.0),
        (0.0, -4e-3),
        (0.0, -2.2e-3),
        (0.0, -5.7e-3),
        (0.0, -3.2e-3),
    )
    tendon_lengths: tuple[float, ...] = (0.039, 0.066, 0.172, 0.187, 0.204, 0.217)
    optimal_lengths: tuple[float, ...] = (0.134, 0.140, 0.092, 0.093, 0.137, 0.127)
    activation_time: float = 0.015
    deactivation_time: float = 0.05
    min_activation: float = 0.001

    def __post_init__(self) -> None:
        for name, shape in (
            ("max_forces", (6,)),
            ("rest_lengths", (6,)),
            ("linear", (6, 2)),
            ("quadratic", (6, 2)),
            ("tendon_lengths", (6,)),
            ("optimal_lengths", (6,)),
        ):
            found = as_reals(name, getattr(self, name), np.dtype(np.float64))
            if found.shape != shape:
                raise ValueError(f"{name} has the shape {found.shape}, expected {shape}")
        _ = MuscleArm(self)

    def _of(self, body: _core.Body) -> _core.Body:
        linear, quadratic = (
            [(float(shoulder), float(elbow)) for shoulder, elbow in pairs] for pairs in (self.linear, self.quadratic)
        )
        return body.with_muscles(
            (
                [float(force) for force in self.max_forces],
                [float(length) for length in self.rest_lengths],
                linear,
                quadratic,
                as_number("activation_time", self.activation_time),
                as_number("deactivation_time", self.deactivation_time),
                as_number("min_activation", self.min_activation),
            )
        )

    def geometry(self, angles: ArrayLike) -> tuple[Array, Array]:
        """Lengths of muscles with their tendons, and how they change with the angles.

        Parameters
        ----------
        angles : array_like of shape (..., 2)
            Of shoulder and elbow, rad.

        Returns
        -------
        lengths : ndarray, shape (..., 6)
            m.
        moment_arms : ndarray, shape (..., 6, 2)
            ∂l/∂q, m: negative of a flexor, which is shortened as the angle grows and pulls it further.
        """
        many, before = rows("angles", angles, 2, precision_of(angles=angles))
        lengths, slopes = self._of(TwoLinkArm()._body).muscle_geometry(many)
        return lengths.reshape(*before, 6), slopes.reshape(*before, 6, 2)

    def normalised_lengths(self, angles: ArrayLike) -> Array:
        """(Length − tendon) / optimal length of each, (..., 6), of angles (..., 2): what spindles would tell."""
        lengths, _ = self.geometry(angles)
        return np.asarray((lengths - self.tendon_lengths) / np.asarray(self.optimal_lengths), dtype=lengths.dtype)

    def torques(self, angles: ArrayLike, activations: ArrayLike) -> NDArray[np.float64]:
        """Torques at shoulder and elbow, N m, (..., 2), of angles (..., 2) and activations (..., 6)."""
        _, moment_arms = self.geometry(angles)
        active = shaped("activations", activations, moment_arms.shape[:-1], np.dtype(np.float64))
        pull = active * np.asarray(self.max_forces)
        return np.asarray(-np.einsum("...m,...mj->...j", pull, moment_arms))


@dataclass(frozen=True)
class MuscleArm(Plant):
    """The two-link arm, driven by six muscles.

    The state is (q₁, q₂, q̇₁, q̇₂, a₁, …, a₆): the arm's four numbers and the activations; controls are excitations
    of 0 to 1. Under semi-implicit Euler activations move first, by a' = u + (a − u) exp(−h/T), which does not overshoot
    in steps longer than T.

    Parameters
    ----------
    muscles : Muscles
        What pulls.
    arm : TwoLinkArm
        What is pulled, and how time passes. The default has the measures of Nijhof and Kouwenhoven, as the muscles
        have, and a damping of 0.5 N m s/rad, this package's choice, in place of that of real muscles.

    Raises
    ------
    TypeError
        If they are something else.

    Examples
    --------
    The biceps bends the elbow:

    >>> import numpy as np
    >>> import fastigial as fg
    >>> arm = fg.plants.MuscleArm()
    >>> state = arm.relaxed([0.0, 0.4])
    >>> excitation = np.zeros((1, 20, 6))
    >>> excitation[..., fg.plants.Muscles.names.index("biceps")] = 0.2
    >>> move = arm.run(state, excitation, dt=0.01)
    >>> bool(move.states[0, -1, 1] > state[1])
    True
    """

    n_states: ClassVar[int] = 10
    n_controls: ClassVar[int] = 6
    _control_name: ClassVar[str] = "excitation"

    muscles: Muscles = field(default_factory=Muscles)
    arm: TwoLinkArm = field(default_factory=lambda: TwoLinkArm("nijhof_kouwenhoven", damping=0.5))

    def __post_init__(self) -> None:
        for name, kind in (("muscles", Muscles), ("arm", TwoLinkArm)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} is {getattr(self, name)!r}, expected {kind.__name__}")
        _ = self._body

    @property
    def method(self) -> str:  # type: ignore[override]  # the arm's
        """That of the arm."""
        return self.arm.method

    @property
    def n_substeps(self) -> int:  # type: ignore[override]  # the arm's
        """Those of the arm."""
        return self.arm.n_substeps

    @property
    def _body(self) -> _core.Body:
        return self.muscles._of(self.arm._body)

    def step(
        self,
        state: ArrayLike,
        excitation: ArrayLike,
        dt: float,
        *,
        field: LinearField | None = None,
        load: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """One step.

        Parameters
        ----------
        state : array_like of shape (n_trials, 10) or (10,)
            Angles and their velocities in rad and rad/s, activations of 0 to 1.
        excitation : array_like of shape (n_trials, 6) or (6,)
            0 to 1, held over the step.
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
        return self._step(state, excitation, dt, field, load)

    def joints(self, position: ArrayLike, velocity: ArrayLike = (0, 0)) -> Array:
        """Angles and their velocities, (..., 4), that put the hand there; see `TwoLinkArm.joints`."""
        return _joints(self._body, position, velocity)

    def relaxed(self, position: ArrayLike) -> Array:
        """The state, (..., 10), at rest with the hand at these places (..., 2) and all muscles at their least."""
        joints = self.joints(position)
        least = np.full((*joints.shape[:-1], 6), self.muscles.min_activation, dtype=joints.dtype)
        return np.concatenate([joints, least], axis=-1)
