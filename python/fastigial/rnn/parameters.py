"""Parameters of a new network: drawn by the cell's default initialisers, or by those the user gave.

::

    cell              W            W_in, W_fb     W_out          b, b_out
    rate, lif, alif   N(0, 1/k)    N(0, 1/k)      N(0, 1/k)      0             k: in-degree of the row
    lstm, gru         U(±1/√N)     U(±1/√N)       U(±1/√N)       U(±1/√N)      as PyTorch's

With these W has a spectral radius of about 1 (rate), and 1/√3 per gate (lstm, gru). PyTorch adds two biases in each
gate where we hold their sum: b is the sum of two draws. Factors U and V of a low-rank W are normal, their SD such that
the largest eigenvalue of U Vᵀ, those of the R × R matrix Vᵀ U, is as above.
Every parameter has its own stream of the seed: that a network has one more changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.cells import core_names
from fastigial.rnn.dale import apply_signs, check_signs
from fastigial.rnn.initialisers import Constant, Gaussian, Initialiser, TwoUniforms, Uniform, as_initialiser
from fastigial.rnn.seeds import as_seed, stream
from fastigial.rnn.structure import Structure

__all__ = ["as_array", "as_parameters", "draw_parameters", "states_by_name"]

Parameters = dict[str, NDArray[Any]]

_ORDER = ("W", "U", "V", "W_in", "W_fb", "b", "b_n", "W_out", "b_out", "h0", "c0", "alpha")
_WITH_GATES = ("W", "U", "W_in", "W_fb", "b")


def draw_parameters(structure: Structure, initial: Any, initial_state: Any, seed: Any) -> Parameters:
    """Initial values of all parameters, in the network's precision.

    Parameters
    ----------
    structure : Structure
        Whose parameters.
    initial : None, str, Initialiser, array_like, or mapping of str to those
        For W, or by parameter.
    initial_state : None, array_like of shape (N,), or mapping of str to array_like
        Where the first state variable starts, or each.
    seed : int
        Same seed, same numbers.
    """
    seed = as_seed("seed", seed)
    given = _given(structure, initial)
    starts = _starts(structure, initial_state)
    found: Parameters = {}
    for name, shape in structure.shapes.items():
        rng = stream(seed, _ORDER.index(name))
        value = given.get(name)
        if name in starts:
            array = starts[name]
        elif name == "alpha":
            array = np.asarray(structure.alpha)
        elif value is not None and not isinstance(value, str) and not callable(value):
            array = as_array(f"initial[{name!r}]", value, shape)
            if name == "W" and structure.signs is not None:
                check_signs("initial['W']", array, structure.signs)
        else:
            array = _drawn(structure, name, value, rng)
        mask = structure.masks.get(name)
        found[name] = np.where(True if mask is None else mask, array, 0.0).astype(structure.dtype)
    return found


def _given(structure: Structure, initial: Any) -> dict[str, Any]:
    if initial is None:
        return {}
    if not isinstance(initial, Mapping):
        if structure.rank is not None:
            raise ValueError(f"initial is {initial!r}, but a network of low rank has U and V: give {{'U': …, 'V': …}}")
        return {"W": initial}
    for name in initial:
        if name not in structure.shapes or name in ("h0", "c0", "alpha"):
            known = ", ".join(name for name in structure.shapes if name not in ("h0", "c0", "alpha"))
            raise ValueError(f"initial names {name!r}, expected one of {known}")
    return dict(initial)


def _starts(structure: Structure, initial_state: Any) -> Parameters:
    """Initial states that are parameters, (N,); zeros where nothing was given."""
    if not structure.starts:
        return {}
    given = states_by_name(structure, initial_state)
    shape = (structure.n_units,)
    found: Parameters = {}
    for variable, start in zip(structure.kind.state, structure.starts, strict=False):
        value = given.pop(variable, np.zeros(shape))
        found[start] = as_array("initial_state", np.broadcast_to(value, shape) if value.ndim == 0 else value, shape)
    if given:
        raise ValueError(
            f"initial_state of the network holds {min(given)!r}, expected {structure.kind.state[0]!r} alone"
        )
    return found


def states_by_name(structure: Structure, initial_state: Any) -> Parameters:
    """An initial state by the letters of its variables, from an array (the first) or from names with or without a 0."""
    if initial_state is None:
        return {}
    state = structure.kind.state
    if not isinstance(initial_state, Mapping):
        return {state[0]: np.asarray(initial_state)}
    # h0 is the parameter's name, whatever the letter of the variable; and what a run records has whole names.
    recorded = core_names(structure.cell, structure.leak).items()
    letters = {name: letter for letter, name in recorded} | {f"{letter}0": letter for letter in state}
    letters |= {"h0": state[0]} | {letter: letter for letter in state}
    for name in initial_state:
        if name not in letters:
            raise ValueError(f"initial_state names {name!r}; the state variables are {', '.join(state)}")
    return {letters[name]: np.asarray(value) for name, value in initial_state.items()}


def _drawn(structure: Structure, name: str, value: Any, rng: np.random.Generator) -> NDArray[np.float64]:
    """One block per gate; vectors are drawn as a column."""
    shape = structure.shapes[name]
    n_blocks = structure.kind.n_gates if name in _WITH_GATES else 1
    block = (shape[0] // n_blocks, shape[1] if len(shape) == 2 else 1)
    mask = structure.masks.get(name)
    masks = np.ones((n_blocks, *block), dtype=np.bool_) if mask is None else mask.reshape(n_blocks, *block)
    blocks = []
    for gate in range(n_blocks):
        initialiser = _default(structure, name, gate) if value is None else as_initialiser(f"initial[{name!r}]", value)
        drawn = as_array(f"what initial[{name!r}] returned", initialiser(block, rng, masks[gate]), block)
        if name == "W" and structure.signs is not None:
            drawn = apply_signs(drawn, structure.signs, masks[gate])
        blocks.append(drawn)
    return np.concatenate(blocks).reshape(shape)


def _default(structure: Structure, name: str, gate: int) -> Initialiser:
    n, gated = structure.n_units, structure.cell in ("gru", "lstm")
    if name in ("U", "V"):
        gain = 1.0 / np.sqrt(3.0) if gated else 1.0
        return Gaussian(sd=float((gain**2 / (n * (structure.rank or 1))) ** 0.25))
    if not gated:
        return Constant(0.0) if name in ("b", "b_out") else Gaussian()
    bound = 1.0 / np.sqrt(n)
    if name == "b" and not (structure.cell == "gru" and gate == 2):
        return TwoUniforms(bound)
    return Uniform(bound)


def as_parameters(structure: Structure, given: Any) -> Parameters:
    """Values for some of the parameters, checked and in the network's precision.

    Raises
    ------
    ValueError
        If there is no such parameter, or a shape, a sign or a number is wrong.
    TypeError
        If they are not numbers by name.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"parameters are {type(given).__name__}, expected names with arrays")
    found: Parameters = {}
    for name, value in given.items():
        if name not in structure.shown:
            raise ValueError(f"there is no parameter {name!r}; the network has {', '.join(structure.shown)}")
        array = as_array(f"parameter {name!r}", value, structure.shapes[name])
        mask = structure.masks.get(name)
        if mask is not None and array[~mask].any():
            raise ValueError(f"parameter {name!r} has weights other than 0 where its mask says there is no connection")
        if name == "W" and structure.signs is not None:
            check_signs("parameter 'W'", array, structure.signs)
        if name == "alpha" and not ((array > 0) & (array <= 1)).all():
            raise ValueError("parameter 'alpha' holds values outside 0 to 1")
        found[name] = array.astype(structure.dtype)
    return found


def as_array(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Finite numbers of this shape, in double precision."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} is of dtype {array.dtype}, expected numbers")
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinities")
    return array.astype(np.float64)
