"""A network one step at a time: for closed loops, where the next input depends on the last output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.rnn.cells import core_names
from fastigial.rnn.checks import as_real
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_count

if TYPE_CHECKING:
    from fastigial.rnn.base import Network

__all__ = ["Stepper"]


class Stepper:
    """Runs a network step by step; made by `RNN.stepper`.

    Steps are those of `RNN.run` with the same seed: the same states, outputs and noise. Parameters that the network
    gets later are used from the next `reset` on.

    Parameters
    ----------
    net : RNN
        The network.
    n_trials : int
        Trials side by side.
    seed : int, optional
        Of the noise; the network's by default.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> stepper = fg.RNN(2, 10, 1).stepper()
    >>> outputs, states = stepper.step(np.zeros((1, 2)))
    >>> outputs.shape, states.shape
    ((1, 1), (1, 10))
    """

    def __init__(self, net: Network, n_trials: int = 1, seed: int | None = None) -> None:
        self.net = net
        self.n_trials = as_count("n_trials", n_trials)
        if self.n_trials == 0:
            raise ValueError("n_trials is 0, expected at least 1")
        self.seed = as_seed("seed", net.seed if seed is None else seed)
        self._names = core_names(net.cell, net.leak)
        self.reset()

    def reset(self) -> None:
        """Go back before the first step, with the network's parameters as they are now."""
        self._core = _core.Stepper(self.net._core, self.n_trials, self.seed)

    def step(self, inputs: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Advance all trials by one step.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_inputs)
            x.

        Returns
        -------
        outputs : ndarray, shape (n_trials, n_outputs)
            y.
        states : ndarray, shape (n_trials, n_units)
            r: what units send on.

        Raises
        ------
        ValueError
            If inputs have another shape or are not finite.
        """
        x = as_real("inputs", inputs, self.net._structure.dtype)
        expected = (self.n_trials, self.net.n_inputs)
        if x.shape != expected:
            raise ValueError(f"inputs have the shape {x.shape}, expected (n_trials, n_inputs) = {expected}")
        return self._core.step(x)

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next step depends on: state variables by their letters, and what is on its way along delays.

        A copy. Set it to go back to a moment, or to go on from a state of one's own: state variables alone, (n_units,)
        or (n_trials, n_units), and nothing is on its way but what they send.
        """
        letters = {name: letter for letter, name in self._names.items()}
        return {letters.get(name, name): value for name, value in self._core.state().items()}

    @state.setter
    def state(self, state: dict[str, ArrayLike]) -> None:
        dtype = self.net._structure.dtype
        given = {}
        for name, value in state.items():
            array = np.asarray(value)
            if name in self._names:
                array = as_real(f"state[{name!r}]", value, dtype)
                shape = (self.n_trials, self.net.n_units)
                if array.shape not in (shape, shape[1:]):
                    raise ValueError(f"state[{name!r}] has the shape {array.shape}, expected {shape}")
                array = np.ascontiguousarray(np.broadcast_to(array, shape))
            given[self._names.get(name, name)] = array
        self._core.set_state(given)

    def __repr__(self) -> str:
        return f"<Stepper of {self.n_trials} trials: {self.net!r}>"
