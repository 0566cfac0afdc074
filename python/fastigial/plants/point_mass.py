"""A mass in a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.plants.base import Plant
from fastigial.plants.fields import LinearField
from fastigial.tensor.checks import as_number

__all__ = ["PointMass"]


@dataclass(frozen=True)
class PointMass(Plant):
    r"""A mass without extent or weight, driven by a force.

    .. math:: m \dot v = u + F - c v, \qquad \dot x = v

    The state is (x, y, v_x, v_y), in m and m/s; F is the force of the field and of loads.

    Parameters
    ----------
    mass : float
        m, in kg.
    damping : float
        c, in N s/m.
    method : "semi_implicit_euler" or "rk4"
        How time passes; see `Plant`.
    n_substeps : int
        Parts of a step.

    Raises
    ------
    TypeError, ValueError
        If the mass is not above 0, the damping is below 0, or the method is not known.

    Examples
    --------
    >>> import fastigial as fg
    >>> mass = fg.plants.PointMass(mass=2.0)
    >>> mass.step([0.0, 0.0, 1.0, 0.0], force=[4.0, 0.0], dt=0.1)
    array([0.12, 0.  , 1.2 , 0.  ])
    """

    mass: float = 1.0
    damping: float = 0.0
    method: str = "semi_implicit_euler"
    n_substeps: int = 1
    _control_name: ClassVar[str] = "force"

    def __post_init__(self) -> None:
        self._check_stepping()
        _ = self._body

    @property
    def _body(self) -> _core.Body:
        return _core.Body.point_mass(as_number("mass", self.mass), as_number("damping", self.damping))

    def step(
        self,
        state: ArrayLike,
        force: ArrayLike,
        dt: float,
        *,
        field: LinearField | None = None,
        load: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """One step.

        Parameters
        ----------
        state : array_like of shape (n_trials, 4) or (4,)
            x, y, v_x, v_y in m and m/s.
        force : array_like of shape (n_trials, 2) or (2,)
            In N, held over the step.
        dt : float
            Seconds.
        field : LinearField, optional
            One for all trials, or one for each.
        load : array_like of shape (n_trials, 2) or (2,), optional
            Another force, N, held over the step.

        Returns
        -------
        ndarray, of the shape of `state`
        """
        return self._step(state, force, dt, field, load)
