"""Recurrent networks as a user meets them; the equations are in the core and in the table of `cells`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastigial.rnn import pytorch, running
from fastigial.rnn.base import Network
from fastigial.rnn.initialisers import Initialiser
from fastigial.rnn.losses import MSE, CrossEntropy
from fastigial.rnn.parameters import draw_parameters
from fastigial.rnn.rules.base import Rule
from fastigial.rnn.rules.gradients import BPTT
from fastigial.rnn.structure import structure_of
from fastigial.rnn.trajectory import Trajectory
from fastigial.tensor.progress import Callback

__all__ = ["RNN"]

Arrays = dict[str, NDArray[Any]]
Initial = str | Initialiser | ArrayLike


class RNN(Network):
    r"""A recurrent network: units that send to one another, driven by inputs, and a linear readout.

    .. math:: h_t = (1 - \alpha) h_{t-1} + \alpha\, \phi(W h_{t-1} + W_{in} x_t + b), \qquad y_t = W_{out} h_t + b_{out}

    with α = dt/tau for rate cells; gated and spiking cells have the equations of :doc:`/topics/networks`.

    Parameters
    ----------
    n_inputs, n_units, n_outputs : int
        I, N and O.
    cell : {"rate", "gru", "lstm", "lif", "alif"}
        Leaky rate units, gated units (PyTorch's equations), spiking units without and with an adapting threshold.
    activation : {"tanh", "relu", "softplus", "sigmoid", "rectified_tanh", "linear"}
        φ of rate cells.
    leak : {"rate", "current"}
        Whether φ is inside the leaky integration (as above) or outside: v ← (1 − α) v + α z, r = φ(v).
    dt, tau : float
        Seconds per step, and time constant of rate and spiking units; of rate units also (N,), or by area. tau ≥ dt.
    bias : bool
        Whether units and readout have biases.
    noise, input_noise : float
        SD σ of the noise in the drive and in the inputs. In rate cells σ √(2/α) ξ, so that it does not depend on dt.
    density : float
        Share of recurrent connections that exist: each unit receives that share of them, chosen at random.
    dale : float, array_like of shape (N,), or mapping, optional
        Fraction of excitatory units, or the sign of each; see `fastigial.rnn.dale`.
    seed : int
        Of the connections and the initial parameters, and of the noise where a run has no seed of its own.
    dtype : {"float32", "float64"}
        Precision.
    rank : int, optional
        W = U Vᵀ with this many columns, kept as factors.
    areas : mapping of str to int, optional
        Names of groups of units, in order, and their sizes.
    connections : sequence of (from, to), mapping of (from, to) to density, or array_like, optional
        Which areas are connected, see `fastigial.rnn.areas`; "input" and "output" are names too.
    masks, trainable : mapping of str to array_like of bool, optional
        By parameter: which entries exist, and which are trained. In gated cells one gate's block stands for all.
    initial_state : array_like of shape (N,), or mapping of str to array_like, optional
        State before the first step; zeros by default.
    trainable_initial_state, trainable_tau : bool
        Whether that state, and α of rate cells, are parameters ("h0", "c0", "alpha").
    delays : mapping of str to int, optional
        Steps of conduction delay beyond those that the equations have: "recurrent" (a number, (N, N), or by pairs of
        areas), "input" and "feedback".
    feedback : bool
        Whether outputs are fed back into the units, W_fb y_{t−1}.
    initial : initialiser, str, array_like, or mapping of str to those, optional
        For W, or by parameter; see `fastigial.rnn.initialisers` and, for the defaults, `fastigial.rnn.parameters`.
    tau_out : float, optional
        Spiking cells: time constant in seconds of the filter before the readout; None is no filter.
    threshold : float
        Spiking cells: θ.
    tau_adaptation, adaptation : float
        alif: time constant in seconds and size β_a of the adaptation. By default β_a = 1.7 θ (1 − ρ_a) / (1 − β).
    dampening : float
        Spiking cells: γ, height of the surrogate derivative.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what it got and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> net = fg.RNN(2, 50, 1, activation="relu", dale=0.8, density=0.2, seed=1)
    >>> net
    RNN(2, 50, 1, cell='rate', activation='relu', density=0.2, dale=0.8, seed=1)
    >>> net.run(np.zeros((10, 100, 2))).outputs.shape
    (10, 100, 1)
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        n_outputs: int,
        *,
        cell: str = "rate",
        activation: str = "tanh",
        leak: str = "rate",
        dt: float = 0.01,
        tau: float | ArrayLike | Mapping[str, float] = 0.1,
        bias: bool = True,
        noise: float = 0.0,
        input_noise: float = 0.0,
        density: float = 1.0,
        dale: float | ArrayLike | Mapping[str, Any] | None = None,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        rank: int | None = None,
        areas: Mapping[str, int] | None = None,
        connections: Sequence[tuple[str, str]] | Mapping[tuple[str, str], float] | ArrayLike | None = None,
        masks: Mapping[str, ArrayLike] | None = None,
        trainable: Mapping[str, ArrayLike] | None = None,
        initial_state: ArrayLike | Mapping[str, ArrayLike] | None = None,
        trainable_initial_state: bool = False,
        trainable_tau: bool = False,
        delays: Mapping[str, Any] | None = None,
        feedback: bool = False,
        initial: Initial | Mapping[str, Initial] | None = None,
        tau_out: float | None = None,
        threshold: float = 1.0,
        tau_adaptation: float = 2.0,
        adaptation: float | None = None,
        dampening: float = 0.3,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name != "self"}
        structure = structure_of(arguments)
        self._become(arguments, structure, draw_parameters(structure, initial, initial_state, seed))

    def run(
        self,
        inputs: Any,
        *,
        targets: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        loss: str | MSE | CrossEntropy | None = None,
        initial_state: ArrayLike | Mapping[str, ArrayLike] | None = None,
        seed: int | None = None,
        noise: bool = True,
        inject: Any = None,
        silence: Any = None,
        lesion: Any = None,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> Trajectory:
        """Run the network.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs), or Trials
            x; converted to the network's precision. Trials bring their targets, mask and labels along.
        targets : array_like, shape (n_trials, n_steps, n_outputs), or classes of shape (n_trials, n_steps), optional
            Then the trajectory has the loss of each step: squared error, or cross-entropy of classes. NaN, and −1 among
            classes, is not observed.
        mask : array_like, shape (n_trials, n_steps) or that of targets, optional
            True, or a weight, where targets count.
        loss : {"mse", "cross_entropy"}, optional
            Of the trajectory's losses: by default the cross-entropy where targets are classes, else the squared error.
        initial_state : array_like, shape (n_units,) or (n_trials, n_units), or mapping of str to those, optional
            State before the first step, by the letters of its variables ("h", "c", "v", "s", "q", "a"); an array is the
            first of them. What is missing is as the network has it.
        seed : int, optional
            Of the noise; the network's by default. Each trial has its own stream.
        noise : bool
            False runs the network without its noise.
        inject, silence, lesion
            Perturbations, see `fastigial.rnn.perturbations`: a current, silent units, pathways that are gone; in
            seconds.
        n_threads : int, optional
            Threads to use; the package setting by default.
        progress : bool or callable
            True shows a bar; a callable is called as ``progress(done, total, loss)``.

        Returns
        -------
        Trajectory

        Examples
        --------
        >>> import numpy as np
        >>> import fastigial as fg
        >>> net = fg.RNN(1, 20, 1, areas={"PFC": 10, "M1": 10})
        >>> x = np.ones((3, 50, 1))
        >>> lesioned = net.run(x, silence={"units": "M1", "start": 0.2, "stop": 0.3})
        >>> bool((lesioned.states[:, 20:30, 10:] == 0).all())
        True
        """
        return running.run(
            self,
            inputs,
            targets=targets,
            mask=mask,
            loss=loss,
            initial_state=initial_state,
            seed=self.seed if seed is None else seed,
            noise=noise,
            inject=inject,
            silence=silence,
            lesion=lesion,
            n_threads=n_threads,
            progress=progress,
        )

    def gradient(
        self,
        inputs: Any,
        targets: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        rule: Rule | None = None,
        loss: str | MSE | CrossEntropy | Callable[..., Any] = "mse",
        seed: int | None = 0,
        initial_state: ArrayLike | Mapping[str, ArrayLike] | None = None,
        regularization: Mapping[str, Any] | None = None,
        n_threads: int | None = None,
    ) -> tuple[float, Arrays]:
        """Loss of a batch, and its gradient by a learning rule.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs), or Trials
            x. Trials bring their targets and mask along.
        targets, mask
            As for `run`.
        rule : Rule, optional
            `fastigial.rules.BPTT` by default, which is exact; others estimate it (see `fastigial.rules`).
        loss : {"mse", "cross_entropy"}, or callable
            See `fastigial.losses`. With "mse" the mean over trials, observed steps and outputs of the squared error.
        seed : int, optional
            Of the noise; None is without.
        initial_state, n_threads
            As for `run`.
        regularization : mapping of str to float, optional
            What is added to the loss, see `fastigial.rnn.regularization`.

        Returns
        -------
        loss : float
            With what `regularization` adds.
        gradient : dict of str to ndarray
            By parameter; 0 where a connection does not exist or is not trained.
        """
        return running.gradient(
            self,
            inputs,
            targets,
            mask=mask,
            rule=BPTT() if rule is None else rule,
            loss=loss,
            seed=seed,
            initial_state=initial_state,
            regularization=regularization,
            n_threads=n_threads,
        )

    @classmethod
    def from_torch(
        cls,
        state_dict: Mapping[str, Any],
        *,
        cell: str | None = None,
        readout: Mapping[str, Any] | Sequence[Any] | None = None,
        activation: str = "tanh",
        dt: float = 0.01,
    ) -> Self:
        """A network with the weights of one layer of PyTorch's ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``.

        Parameters
        ----------
        state_dict : mapping of str to tensor or array
            Of the layer, or of a module that holds it.
        cell : {"rate", "lstm", "gru"}, optional
            Told from the shapes by default.
        readout : (weight, bias) or mapping, optional
            Of a linear layer (n_outputs, n_units). By default the one linear layer of the state_dict that fits, or
            none: the outputs are then the units.
        activation : {"tanh", "relu"}
            Of ``nn.RNN``, whose state_dict does not say.
        dt : float
            Seconds per step; ``nn.RNN`` has no leak, which is tau = dt.

        Returns
        -------
        RNN
            In the weights' precision, with the same outputs.

        Raises
        ------
        ValueError
            If there are several layers, two directions or projections, or shapes do not fit.
        """
        arguments, parameters = pytorch.read(state_dict, cell=cell, readout=readout, activation=activation, dt=dt)
        return cls(**arguments).set_parameters(parameters)
