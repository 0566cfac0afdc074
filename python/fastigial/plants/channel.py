"""Walls that hold the hand on a line: an error clamp in position."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plants.arrays import as_reals
from fastigial.plants.fields import LinearField
from fastigial.rnn.checks import as_positive

__all__ = ["Channel"]

Array = NDArray[np.float64]
_DOUBLE = np.dtype(np.float64)


class Channel(LinearField):
    r"""An error clamp: stiff walls hold the hand on the line from start to target; along the line it is free.

    .. math:: F = -k\, n n^\top (x - x_{start}) - d\, n n^\top v

    with the unit vector n to the left of the line. What presses on the walls tells what the controller expects.

    Parameters
    ----------
    start, target : array_like of shape (2,) or (n_trials, 2)
        In m.
    stiffness, damping : float
        k and d, in N/m and N s/m. The defaults are this package's own: they hold a hand of half a kilogram or more in
        steps of 10 ms. Stiffer walls need shorter steps (``n_substeps`` of the plant).

    Raises
    ------
    ValueError
        If a target is where its start is.

    Examples
    --------
    >>> import fastigial as fg
    >>> channel = fg.plants.Channel([0, 0.3], [0, 0.4])
    >>> channel([0.0, 0.5], position=[0.01, 0.35])
    array([-20.,   0.])
    """

    def __init__(
        self, start: ArrayLike, target: ArrayLike, *, stiffness: float = 2000.0, damping: float = 50.0
    ) -> None:
        k, d = as_positive("stiffness", stiffness), as_positive("damping", damping, zero=True)
        begin, end = as_reals("start", start, _DOUBLE), as_reals("target", target, _DOUBLE)
        for name, array in (("start", begin), ("target", end)):
            if array.ndim not in (1, 2) or array.shape[-1] != 2:
                raise ValueError(f"{name} has the shape {array.shape}, expected (2,) or (n_trials, 2)")
        if begin.ndim == end.ndim == 2 and len(begin) != len(end):
            raise ValueError(f"start and target are of {len(begin)} and {len(end)} trials")
        way = end - begin
        length = np.hypot(way[..., 0], way[..., 1])
        if not length.all():
            raise ValueError("target is where start is, expected a line between two places")
        normal = np.stack([-way[..., 1], way[..., 0]], axis=-1) / length[..., None]
        across = normal[..., :, None] * normal[..., None, :]
        super().__init__(-d * across, k * across, np.broadcast_to(begin, way.shape))
        self.normal = np.broadcast_to(normal, (self.n_fields, 2))

    def lateral(self, vectors: ArrayLike) -> Array:
        """The part of forces, velocities or displacements that points to the left of the line.

        Parameters
        ----------
        vectors : array_like of shape (n_trials, ..., 2), or (..., 2) if the channel is one for all

        Returns
        -------
        ndarray, shape (n_trials, ...)

        Examples
        --------
        >>> import fastigial as fg
        >>> channel = fg.plants.Channel([0, 0.3], [0, 0.4])
        >>> float(channel.lateral([-2.0, 7.0]))
        2.0
        """
        array = as_reals("vectors", vectors, _DOUBLE)
        own = self.n_fields > 1
        if array.ndim == 0 or array.shape[-1] != 2 or (own and (array.ndim < 2 or len(array) != self.n_fields)):
            expected = f"({self.n_fields}, ..., 2)" if own else "(..., 2)"
            raise ValueError(f"vectors has the shape {array.shape}, expected {expected}")
        return np.einsum("nj,n...j->n...", self.normal, array) if own else np.asarray(array @ self.normal[0])
