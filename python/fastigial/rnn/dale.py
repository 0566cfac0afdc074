"""Dale's law: every unit excites, or every unit inhibits, all that it projects to.

::

    sign(W_ij) = d_j for all i,  d_j = ±1
    balance:     Σ_{j: d_j=+1} W_ij = −Σ_{j: d_j=−1} W_ij  for every row i with connections of both kinds

Signs alone would give every row the mean of its few strong inputs, and W an eigenvalue far outside the disc of the
others. Balanced rows have W·1 = 0: that eigenvalue is gone, and the scale of the rest is set by the spectral radius of
the weights that were drawn, before they got signs.

Rajan & Abbott, Phys Rev Lett 97:188104, 2006; Song, Yang & Wang, PLoS Comput Biol 12:e1004792, 2016.
Units should send nothing negative for the law to mean what it says: relu, softplus, sigmoid, rectified_tanh, spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.areas import Areas
from fastigial.rnn.initialisers import spectral_radius

__all__ = ["apply_signs", "check_signs", "readout_from_excitatory", "signs_of"]

Signs = NDArray[np.int8]


def signs_of(dale: Any, areas: Areas) -> Signs | None:
    """Sign of each unit from ``dale``.

    Parameters
    ----------
    dale : None, float, array_like of shape (N,), or mapping
        Fraction of excitatory units, strictly between 0 and 1: the first of each area are excitatory, rounded to whole
        units. Or +1 and −1, one per unit. A mapping holds either as ``"excitatory"`` and, beside it,
        ``"readout"``: ``"all"`` or ``"excitatory"``.
    areas : Areas
        Whose units they are.

    Returns
    -------
    ndarray of int8, shape (N,), or None

    Examples
    --------
    >>> from fastigial.rnn.areas import Areas
    >>> from fastigial.rnn.dale import signs_of
    >>> signs_of(0.75, Areas.of(None, 4)).tolist()
    [1, 1, 1, -1]
    """
    if isinstance(dale, Mapping):
        unknown = set(dale) - {"excitatory", "readout"}
        if unknown or "excitatory" not in dale:
            raise ValueError(f'dale has the keys {sorted(dale)}, expected "excitatory" and, if need be, "readout"')
        dale = dale["excitatory"]
    if dale is None:
        return None
    values = np.asarray(dale)
    if values.dtype.kind not in "iuf":
        raise TypeError(f"dale is {dale!r}, expected a fraction, or +1 and −1 for each unit")
    if values.ndim == 0:
        fraction = float(values)
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"dale is {dale!r}, expected a fraction of excitatory units between 0 and 1")
        signs = np.full(areas.n_units, -1, dtype=np.int8)
        for units in areas.slices.values():
            size = units.stop - units.start
            signs[units.start : units.start + int(np.floor(fraction * size + 0.5))] = 1
        return signs
    if values.shape != (areas.n_units,):
        raise ValueError(f"dale has the shape {values.shape}, expected one sign for each of {areas.n_units} units")
    if not np.isin(values, (-1, 1)).all():
        raise ValueError("dale holds values other than +1 and −1")
    return values.astype(np.int8)


def readout_from_excitatory(dale: Any) -> bool:
    """Whether only excitatory units reach the output."""
    readout = dale.get("readout", "all") if isinstance(dale, Mapping) else "all"
    if readout not in ("all", "excitatory"):
        raise ValueError(f'dale["readout"] is {readout!r}, expected "all" or "excitatory"')
    return bool(readout == "excitatory")


def apply_signs(weights: NDArray[np.float64], signs: Signs, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of the same spectral radius with the units' signs, every row balanced.

    Parameters
    ----------
    weights : ndarray, shape (N, N)
        As drawn; only sizes count.
    signs : ndarray, shape (N,)
        Of the columns.
    mask : ndarray of bool, shape (N, N)
        Which connections exist.

    Returns
    -------
    ndarray, shape (N, N)
        In each row that has both kinds, inhibition is scaled to the sum of excitation. The whole is scaled to the
        spectral radius of `weights`, unless all eigenvalues are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.rnn.dale import apply_signs
    >>> drawn = np.random.default_rng(0).standard_normal((6, 6))
    >>> signed = apply_signs(drawn, np.array([1, 1, 1, 1, -1, -1]), np.ones((6, 6), bool))
    >>> bool(abs(signed.sum(axis=1)).max() < 1e-12)
    True
    """
    sizes = np.where(mask, np.abs(weights), 0.0)
    excitation = np.where(signs > 0, sizes, 0.0).sum(axis=1, keepdims=True)
    inhibition = np.where(signs < 0, sizes, 0.0).sum(axis=1, keepdims=True)
    both = (excitation > 0) & (inhibition > 0)
    ratio = np.divide(excitation, inhibition, out=np.ones_like(excitation), where=both)
    signed = sizes * np.where(signs > 0, 1.0, -ratio)
    radius = spectral_radius(signed)
    # What rounding leaves of eigenvalues that are 0 is no scale.
    if radius <= 1e-6 * float(np.abs(signed).max(initial=0.0)):
        return signed
    return signed * (spectral_radius(np.where(mask, weights, 0.0)) / radius)


def check_signs(name: str, weights: NDArray[Any], signs: Signs) -> None:
    """Refuse weights that break the law.

    Parameters
    ----------
    name : str
        What they are called, for the message.
    weights : ndarray, shape (n_gates · N, N)
        Columns belong to units.
    signs : ndarray, shape (N,)
        Of the columns.
    """
    wrong = int((weights * signs < 0).sum())
    if wrong:
        raise ValueError(f"{name} has {wrong} weights whose sign is not their unit's (dale), expected none")
