"""Forces on the hand that depend on where it is and how fast it moves.

::

    F = V v − K (x − x₀)

One field for all trials, or one for each: arrays with a leading axis of trials. A trial whose V and K are zero is in a
null field, which among others is a catch trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plants.arrays import as_reals, precision_of

__all__ = ["CurlField", "LinearField", "NullField", "StiffnessField", "ViscousField", "schedule"]

Array = NDArray[np.float64]
_DOUBLE = np.dtype(np.float64)


class LinearField:
    r"""Any field that is linear in the position and the velocity of the hand.

    .. math:: F = V v - K (x - x_0)

    Parameters
    ----------
    viscosity : array_like of shape (2, 2) or (n_trials, 2, 2)
        V, in N s/m.
    stiffness : array_like of shape (2, 2) or (n_trials, 2, 2)
        K, in N/m.
    origin : array_like of shape (2,) or (n_trials, 2)
        x₀, in m.

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers of these shapes.

    Examples
    --------
    >>> import fastigial as fg
    >>> field = fg.plants.LinearField([[-10, 0], [0, -10]], [[100, 0], [0, 0]])
    >>> field([0.1, 0.2], position=[0.05, 0.3])
    array([-6., -2.])
    """

    def __init__(
        self,
        viscosity: ArrayLike = ((0, 0), (0, 0)),
        stiffness: ArrayLike = ((0, 0), (0, 0)),
        origin: ArrayLike = (0, 0),
    ) -> None:
        parts = []
        for name, value, tail in (
            ("viscosity", viscosity, (2, 2)),
            ("stiffness", stiffness, (2, 2)),
            ("origin", origin, (2,)),
        ):
            array = as_reals(name, value, _DOUBLE)
            if array.shape[-len(tail) :] != tail or array.ndim > len(tail) + 1 or 0 in array.shape:
                shapes = f"{tail} or (n_trials, {', '.join(map(str, tail))})"
                raise ValueError(f"{name} has the shape {array.shape}, expected {shapes}")
            parts.append(array.reshape(-1, *tail))
        n_fields = max(len(part) for part in parts)
        if any(len(part) not in (1, n_fields) for part in parts):
            counts = ", ".join(str(len(part)) for part in parts)
            raise ValueError(f"viscosity, stiffness and origin are of {counts} trials, expected one number of trials")
        self.viscosity, self.stiffness, self.origin = (np.repeat(p, n_fields // len(p), axis=0) for p in parts)

    @property
    def n_fields(self) -> int:
        """1, or the number of trials that each have their own."""
        return len(self.origin)

    def __call__(self, velocity: ArrayLike, position: ArrayLike | None = None) -> NDArray[Any]:
        """Force on the hand.

        Parameters
        ----------
        velocity : array_like of shape (..., 2)
            In m/s; with one field per trial, (n_trials, ..., 2).
        position : array_like of the same shape, optional
            In m. Needed by a field that has stiffness.

        Returns
        -------
        ndarray, shape (..., 2)
            In N, in the precision of `velocity`.

        Raises
        ------
        ValueError
            If shapes do not fit, numbers are not finite, or a position is missing.
        """
        dtype = precision_of(velocity=velocity, position=position)
        v = as_reals("velocity", velocity, _DOUBLE)
        own = self.n_fields > 1
        if v.ndim == 0 or v.shape[-1] != 2 or (own and (v.ndim < 2 or len(v) != self.n_fields)):
            expected = f"({self.n_fields}, ..., 2)" if own else "(..., 2)"
            raise ValueError(f"velocity has the shape {v.shape}, expected {expected}")
        force = _product(self.viscosity, v)
        if position is not None:
            x = as_reals("position", position, _DOUBLE)
            if x.shape != v.shape:
                raise ValueError(f"position has the shape {x.shape}, expected that of velocity, {v.shape}")
            origin = self.origin.reshape(-1, *(1,) * (v.ndim - 2), 2) if own else self.origin[0]
            force = force - _product(self.stiffness, x - origin)
        elif self.stiffness.any():
            raise ValueError("position is None, expected positions: this field has stiffness")
        return np.asarray(force, dtype=dtype)

    def on(self, trials: ArrayLike) -> LinearField:
        """The same field in some trials, and none in the others: catch trials.

        Parameters
        ----------
        trials : array_like of bool, shape (n_trials,)
            True where there is a field.

        Examples
        --------
        >>> import fastigial as fg
        >>> fg.plants.CurlField(13).on([True, False])([[0, 1], [0, 1]])
        array([[13.,  0.],
               [ 0.,  0.]])
        """
        flags = np.asarray(trials)
        if flags.dtype != np.bool_:
            raise TypeError(f"trials is of dtype {flags.dtype}, expected True and False")
        if flags.ndim != 1 or not flags.size or self.n_fields not in (1, flags.size):
            expected = "(n_trials,)" if self.n_fields == 1 else f"({self.n_fields},)"
            raise ValueError(f"trials has the shape {flags.shape}, expected {expected}")
        shown = flags[:, None, None]
        origin = np.broadcast_to(self.origin, (flags.size, 2))
        return LinearField(self.viscosity * shown, self.stiffness * shown, origin)

    def _numbers(self) -> Array:
        """As the core reads them, (n_fields, 10)."""
        parts = (self.viscosity.reshape(-1, 4), self.stiffness.reshape(-1, 4), self.origin)
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def __repr__(self) -> str:
        trials = f" of {self.n_fields} trials" if self.n_fields > 1 else ""
        return f"<{type(self).__name__}{trials}>"


def _product(matrices: Array, vectors: Array) -> Array:
    if len(matrices) == 1:
        return np.asarray(vectors @ matrices[0].T)
    return np.asarray(np.einsum("nij,n...j->n...i", matrices, vectors))


class NullField(LinearField):
    """No force.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.NullField()([0.1, 0.2])
    array([0., 0.])
    """

    def __init__(self) -> None:
        super().__init__()


class ViscousField(LinearField):
    """F = V v, with any matrix: resistive, assistive, saddles.

    Parameters
    ----------
    viscosity : array_like of shape (2, 2) or (n_trials, 2, 2)
        V, in N s/m.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.ViscousField([[-5, 0], [0, -5]])([0.1, 0.2])
    array([-0.5, -1. ])
    """

    def __init__(self, viscosity: ArrayLike) -> None:
        super().__init__(viscosity=viscosity)


class CurlField(LinearField):
    r"""The viscous curl field: a force across the velocity, which does no work.

    .. math:: F = b \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix} v

    Parameters
    ----------
    b : float or array_like of shape (n_trials,)
        In N s/m. Above 0 it pushes to the right of the movement (clockwise), below 0 to the left; 13 and 15 are common.

    References
    ----------
    Shadmehr and Mussa-Ivaldi 1994, J Neurosci 14:3208, introduced viscous fields of the hand.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.CurlField(13)([0.0, 0.3])
    array([3.9, 0. ])
    """

    def __init__(self, b: ArrayLike) -> None:
        strength = as_reals("b", b, _DOUBLE)
        if strength.ndim > 1:
            raise ValueError(f"b has the shape {strength.shape}, expected a number or (n_trials,)")
        self.b = strength
        super().__init__(viscosity=strength[..., None, None] * np.array([[0.0, 1.0], [-1.0, 0.0]]))


class StiffnessField(LinearField):
    """F = −K (x − x₀): depends on where the hand is. A positive K pulls to x₀, a negative one pushes away.

    Parameters
    ----------
    stiffness : array_like of shape (2, 2) or (n_trials, 2, 2)
        K, in N/m; it need not be symmetric.
    origin : array_like of shape (2,) or (n_trials, 2)
        x₀, in m.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.StiffnessField([[50, 0], [0, 0]], origin=[0.1, 0.4])([0, 0], position=[0.2, 0.5])
    array([-5.,  0.])
    """

    def __init__(self, stiffness: ArrayLike, origin: ArrayLike = (0, 0)) -> None:
        super().__init__(stiffness=stiffness, origin=origin)


def schedule(fields: Sequence[LinearField]) -> LinearField:
    """One field for each trial, in this order: null fields, force fields and channels as an experiment mixes them.

    Parameters
    ----------
    fields : sequence of LinearField
        Each of one trial, or of several that follow one another.

    Returns
    -------
    LinearField
        Of all these trials.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a field, or there is none.

    Examples
    --------
    >>> import fastigial as fg
    >>> curl, catch = fg.plants.CurlField(13), fg.plants.NullField()
    >>> fg.plants.schedule([curl, curl, catch, curl])
    <LinearField of 4 trials>
    """
    fields = list(fields)
    if not fields:
        raise ValueError("fields is empty, expected a field for each trial")
    for field in fields:
        if not isinstance(field, LinearField):
            raise TypeError(f"fields holds {field!r}, expected fields")
    parts = zip(*((field.viscosity, field.stiffness, field.origin) for field in fields), strict=True)
    return LinearField(*(np.concatenate(part) for part in parts))
