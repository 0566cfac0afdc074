"""What a network is, whatever it computes: its arguments, what they came to, parameters, copies and files."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.rnn import files, running
from fastigial.rnn.checks import as_precision
from fastigial.rnn.parameters import as_parameters
from fastigial.rnn.stepper import Stepper
from fastigial.rnn.structure import Structure

if TYPE_CHECKING:
    from fastigial.rnn.history import History

__all__ = ["Network"]

Arrays = dict[str, NDArray[Any]]


class Network:
    """Base of `RNN`: arguments are stored untouched under their names; parameters live in the core."""

    n_inputs: int
    n_units: int
    n_outputs: int
    cell: str
    activation: str
    leak: str
    dt: float
    tau: Any
    bias: bool
    noise: float
    input_noise: float
    seed: int
    areas: Mapping[str, int] | None
    feedback: bool
    rank: int | None

    # Of the last training, also if it was interrupted; none yet.
    history: History | None = None

    def _become(self, arguments: Mapping[str, Any], structure: Structure, parameters: Arrays) -> None:
        """Everything that makes a network: what it was asked to be, what that came to, and its parameters."""
        vars(self).update(arguments)
        self._arguments = dict(arguments)
        self._structure = structure
        self._core = _core.Network(structure.as_core(), parameters)

    def __repr__(self) -> str:
        return files.as_text(self)

    @property
    def parameters(self) -> Arrays:
        """All parameters by name, as copies: change them with `set_parameters`.

        "W" (or "U" and "V"), "W_in", "W_fb", "b", "b_n", "W_out", "b_out", "h0", "c0", "alpha", as far as there are.
        """
        held = self._core.parameters()
        return {name: held[name] for name in self._structure.shown}

    @property
    def n_parameters(self) -> int:
        """Numbers that training may change."""
        fixed = {**self._structure.masks}
        for name, flags in self._structure.trainable.items():
            fixed[name] = flags & fixed.get(name, np.bool_(True))
        shapes = self._structure.shapes
        return sum(int(fixed[name].sum()) if name in fixed else int(np.prod(shapes[name])) for name in shapes)

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> Self:
        """Set some or all parameters, and return the network.

        Parameters
        ----------
        parameters : mapping of str to array_like
            By name; others stay as they are.

        Raises
        ------
        ValueError
            If there is no such parameter, a shape is wrong, a number is not finite, a weight stands where no connection
            is, or has not its unit's sign. Nothing is set then.
        """
        self._core.set_parameters(as_parameters(self._structure, parameters))
        return self

    def stepper(self, n_trials: int = 1, seed: int | None = None) -> Stepper:
        """The network one step at a time, for closed loops; see `Stepper`."""
        return Stepper(self, n_trials, seed)

    def jacobian(self, states: ArrayLike, inputs: ArrayLike) -> NDArray[Any]:
        """Derivative of the next state by the present one, of the network without noise.

        Parameters
        ----------
        states : array_like, shape (M, S)
            State variables side by side, as in `Trajectory.full_states`: S is N times their number.
        inputs : array_like, shape (M, n_inputs) or (n_inputs,)
            x.

        Returns
        -------
        ndarray, shape (M, S, S)
            ∂s_t / ∂s_{t−1}. Conduction delays are left out of the derivative: all that is sent arrives with the next
            step.
        """
        return self._core.jacobian(*running.as_points(self, states, inputs))

    def step_function(self, states: ArrayLike, inputs: ArrayLike) -> NDArray[Any]:
        """The next states, (M, S), of the network without noise; arguments as for `jacobian`."""
        return self._core.advance(*running.as_points(self, states, inputs))

    def clone(self) -> Self:
        """A network of its own with the same structure and the same parameters."""
        return copy.deepcopy(self)

    def astype(self, dtype: Any) -> Self:
        """A network of its own, the same in another precision.

        Parameters
        ----------
        dtype : {"float32", "float64"}
            The new one; to single precision, parameters are rounded.

        Examples
        --------
        >>> import fastigial as fg
        >>> fg.RNN(2, 5, 1).astype("float64").parameters["W"].dtype
        dtype('float64')
        """
        precision = as_precision(dtype)
        other = type(self).__new__(type(self))
        other._become(
            {**self._arguments, "dtype": precision.name},
            dataclasses.replace(self._structure, dtype=precision),
            {name: value.astype(precision) for name, value in self._core.parameters().items()},
        )
        return other

    def to_dict(self) -> dict[str, Any]:
        """Arguments, what they came to (as the core is told), and parameters, as plain dictionaries."""
        return {
            "arguments": dict(self._arguments),
            "structure": self._structure.as_core(),
            "parameters": self.parameters,
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to a file (safetensors), which `fastigial.load` reads.

        The file is written beside and renamed, so an interrupted save leaves the old file as it was.

        Parameters
        ----------
        path : str or path
            The file, conventionally ``*.safetensors``.
        """
        files.save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": self._arguments, "structure": self._structure, "parameters": self._core.parameters()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._become(state["arguments"], state["structure"], state["parameters"])
