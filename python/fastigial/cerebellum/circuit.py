"""Weights that a module begins with: who projects where, in even blocks or through a bottleneck.

::

    output of Purkinje cell q       o(q) = ⌊q n_outputs / n_purkinje⌋,    m = n_purkinje / n_outputs cells for each
    microzone of it                 z(q) = ⌊q n_zones / n_purkinje⌋
    B                               1/m from the cells of an output to it; with a bottleneck as given, or
                                    random: normal of variance 1 / n_purkinje
    C                               mean over the cells of a zone of m Bᵀ, errors they cause; of Bᵀ with a bottleneck

A design of this package. With one microzone for each output, C is the identity. Where each Purkinje cell has its own, C
is Bᵀ up to the factor m, so that LMS is a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_real
from fastigial.rnn.seeds import stream

__all__ = ["draw_weights", "zones_of"]

Arrays = dict[str, NDArray[Any]]


def zones_of(n_purkinje: int, n_zones: int) -> NDArray[np.intp]:
    """Microzone of each Purkinje cell, (n_purkinje,).

    Examples
    --------
    >>> from fastigial.cerebellum.circuit import zones_of
    >>> zones_of(6, 3)
    array([0, 0, 1, 1, 2, 2])
    """
    return np.arange(n_purkinje) * n_zones // n_purkinje


def draw_weights(
    n_features: int,
    n_purkinje: int,
    n_outputs: int,
    n_zones: int,
    bottleneck: Any,
    weight: float,
    seed: int,
    dtype: np.dtype[Any],
) -> Arrays:
    """W_pf, b_p, B, b_n and C of a new module."""
    if bottleneck is None:
        output = zones_of(n_purkinje, n_outputs)
        per_output = n_purkinje // n_outputs
        mixing = (output == np.arange(n_outputs)[:, None]) / per_output
    elif isinstance(bottleneck, str):
        if bottleneck != "random":
            raise ValueError(f'bottleneck is {bottleneck!r}, expected None, "random" or an array')
        per_output = 1
        mixing = stream(seed, 0).normal(size=(n_outputs, n_purkinje)) / np.sqrt(n_purkinje)
    else:
        per_output = 1
        mixing = as_real("bottleneck", bottleneck, np.dtype(np.float64))
        if mixing.shape != (n_outputs, n_purkinje):
            expected = f"(n_outputs, n_purkinje) = {(n_outputs, n_purkinje)}"
            raise ValueError(f"bottleneck has the shape {mixing.shape}, expected {expected}")
    belongs = zones_of(n_purkinje, n_zones) == np.arange(n_zones)[:, None]
    share = belongs / belongs.sum(axis=1, keepdims=True)
    weights = {
        "W_pf": np.full((n_purkinje, n_features), weight),
        "b_p": np.zeros(n_purkinje),
        "B": mixing,
        "b_n": np.zeros(n_outputs),
        "C": share @ mixing.T * per_output,
    }
    return {name: value.astype(dtype) for name, value in weights.items()}
