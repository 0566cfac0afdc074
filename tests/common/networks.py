"""Structures of networks, made from the arguments of `fastigial.RNN` without a core."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.rnn.parameters import draw_parameters
from fastigial.rnn.structure import Structure, structure_of


def arguments(**given: Any) -> dict[str, Any]:
    """All arguments of `RNN`: two inputs, ten units, three outputs, double precision, the others by default."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(fg.RNN).parameters.items()}
    return {**defaults, "n_inputs": 2, "n_units": 10, "n_outputs": 3, "dtype": "float64", **given}


def structure(**given: Any) -> Structure:
    return structure_of(arguments(**given))


def parameters(**given: Any) -> dict[str, np.ndarray]:
    all_of_them = arguments(**given)
    return draw_parameters(
        structure_of(all_of_them), all_of_them["initial"], all_of_them["initial_state"], all_of_them["seed"]
    )
