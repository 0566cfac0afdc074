"""A recurrent cortex whose units receive a bias from a feed-forward cerebellum at every step."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.models.cerebellar_bias_weights import BiasSizes, initial_masks, initial_weights
from fastigial.parameters import Parameterized
from fastigial.rnn.checks import as_positive, as_precision, as_real, one_of
from fastigial.rnn.seeds import as_seed, derived
from fastigial.tasks.base import Sampler
from fastigial.tasks.trials import Trials
from fastigial.tensor.checks import as_count, as_number, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["BiasRun", "CerebellarBiasRNN"]

GROUPS = ("core", "readout", "cerebellum")
_LOSSES = ("cross_entropy", "mse")
# Streams of the seed that weights are not drawn from.
_TRAINING = 10

Lesion = bool | ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class BiasRun:
    """What a network did.

    Attributes
    ----------
    states, bias : ndarray, shape (n_trials, n_steps, n_units)
        h after each step, and what the cerebellum added to the pre-activation in it.
    outputs : ndarray, shape (n_trials, n_steps, n_outputs)
    """

    states: NDArray[Any]
    bias: NDArray[Any]
    outputs: NDArray[Any]

    def __repr__(self) -> str:
        n_trials, n_steps, n_units = self.states.shape
        return f"<BiasRun: {n_trials} trials x {n_steps} steps, {n_units} units>"


class CerebellarBiasRNN(Parameterized):
    r"""A recurrent cortex whose units receive a bias from a feed-forward cerebellum at every step (CB-RNN).

    .. math::
        s_t = W_x x_t + W_h h_{t-1} + b, \quad
        c_t = W_{dcn} [W_{pc} [W_{gc} [h_{t-1}; x_t] + b_{gc}]_+ + b_{pc}]_+ + b_{dcn}

        \beta_t = c_t \min(1, \kappa \|s_t\| / \|c_t\|), \quad
        h_t = (1 - 1/\tau) h_{t-1} + f(s_t + \beta_t) / \tau, \quad y_t = W_{out} h_t + b_{out}

    f is the leaky rectifier. Granule cells expand the cortical state, Purkinje cells and nuclei bring it back to the
    cortex, where it adds to what each unit receives, at most κ times as strong as the rest in each trial. The gradient
    is exact, through time and through the cerebellum; core, readout and cerebellum can each be left out of learning.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Channels.
    n_units : int
        Cortical units.
    n_granule, n_purkinje : int
        Granule cells and Purkinje cells. ``n_granule=0``: no cerebellum, a plain recurrent network.
    tau : float
        τ in steps, at least 1.
    leak : float
        Slope of f below zero.
    bound : float
        κ.
    fan_in : int, optional
        Mossy fibres that each granule cell hears, drawn by the seed; all by default.
    sending, receiving : float
        Shares of the cortical units that have mossy fibres, and that hear the nuclei; above 0, up to 1.
    learning_rate, clip : float
        Of Adam, and the largest norm of the gradient of all that learns.
    batch_size : int
        Trials per update.
    loss : {"cross_entropy", "mse"}
    seed : int
        Of weights, connections and the trials of `fit`.
    dtype : {"float32", "float64"}
    n_threads : int, optional
        The package setting by default. The same seed gives the same numbers on any number of threads.

    Attributes
    ----------
    losses_ : ndarray, shape (n_updates,)
        Of each batch before the update that it taught, over all calls of `fit`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Notes
    -----
    From the paper: τ, leaky rectifier, layer sizes, the bound, the spread of the cerebellum's weights, gradient clip
    and batch. Departures: Adam, with a learning rate below the paper's 0.01 to 0.05; core and readout start uniform
    within ±1/√n_units; the gradient goes through both norms of the bound; absent connections (`fan_in`, `sending`,
    `receiving`) are a design of this package. `clone` and pickling keep the weights, not Adam's memory.

    References
    ----------
    Voce, Giannakakis & Clopath, arXiv 2605.10356, 2026.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.SequenceMemory(n_back=2)
    >>> model = fg.models.CerebellarBiasRNN(1, 2, n_units=32, n_granule=64, n_purkinje=16)
    >>> model.fit(task, n_epochs=2).accuracy(task.sample(200, seed=1)) > 0.9
    True
    >>> model.run(task.sample(3, seed=2).inputs, lesion=True).bias.any()
    np.False_
    """

    losses_: NDArray[np.float64]

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        n_units: int = 64,
        n_granule: int = 256,
        n_purkinje: int = 64,
        tau: float = 1.5,
        leak: float = 0.01,
        bound: float = 1.0,
        fan_in: int | None = None,
        sending: float = 1.0,
        receiving: float = 1.0,
        learning_rate: float = 1e-3,
        clip: float = 7.5,
        batch_size: int = 64,
        loss: str = "cross_entropy",
        seed: int = 0,
        dtype: str = "float32",
        n_threads: int | None = None,
    ) -> None:
        self.n_inputs = n_inputs
        self.n_outputs = n_outputs
        self.n_units = n_units
        self.n_granule = n_granule
        self.n_purkinje = n_purkinje
        self.tau = tau
        self.leak = leak
        self.bound = bound
        self.fan_in = fan_in
        self.sending = sending
        self.receiving = receiving
        self.learning_rate = learning_rate
        self.clip = clip
        self.batch_size = batch_size
        self.loss = loss
        self.seed = seed
        self.dtype = dtype
        self.n_threads = n_threads
        self._precision = as_precision(dtype)
        counts = [("n_inputs", n_inputs), ("n_units", n_units), ("n_outputs", n_outputs)]
        counts += [("n_purkinje", n_purkinje), ("batch_size", batch_size)]
        for name, value in counts:
            if as_count(name, value) == 0:
                raise ValueError(f"{name} is 0, expected at least 1")
        for name, share in (("sending", sending), ("receiving", receiving)):
            if not 0 < as_number(name, share) <= 1:
                raise ValueError(f"{name} is {share!r}, expected a number above 0, up to 1")
        if fan_in is not None and as_count("fan_in", fan_in) == 0:
            raise ValueError("fan_in is 0, expected at least 1, or None for all")
        one_of("loss", loss, _LOSSES)
        as_positive("learning_rate", learning_rate, zero=True)
        as_positive("clip", clip)
        as_threads(n_threads)
        sizes = BiasSizes(n_inputs, n_units, n_outputs, as_count("n_granule", n_granule), n_purkinje)
        seed = as_seed("seed", seed)
        self._masks = initial_masks(sizes, seed, fan_in, float(sending), float(receiving), self._precision)
        self._epochs_done = 0
        self.losses_ = np.empty(0)
        self._core = self._built(initial_weights(sizes, seed, self._precision))

    def _built(self, weights: dict[str, NDArray[Any]]) -> _core.CerebellarBias:
        return _core.CerebellarBias(
            weights,
            self._masks,
            tau=as_number("tau", self.tau),
            leak=as_number("leak", self.leak),
            bound=as_number("bound", self.bound),
            single=self._precision == np.float32,
        )

    @property
    def parameters(self) -> dict[str, NDArray[Any]]:
        """Weights by name: W_x, W_h, b; W_out, b_out; W_gc, b_gc, W_pc, b_pc, W_dcn, b_dcn. Copies."""
        return self._core.parameters()

    @property
    def n_parameters(self) -> int:
        """Number of weights that exist."""
        sizes = {name: values.size for name, values in self.parameters.items()}
        sizes |= {name: int(mask.sum()) for name, mask in self._masks.items()}
        return sum(sizes.values())

    def set_parameters(self, parameters: dict[str, ArrayLike]) -> Self:
        """Set some of the weights by name, of the same shapes; Adam begins anew.

        Raises
        ------
        TypeError, ValueError
            If a name is unknown, a shape another, or a number not finite.
        """
        weights = self.parameters
        for name, values in parameters.items():
            if name not in weights:
                raise ValueError(f"parameters holds {name!r}, expected one of {', '.join(weights)}")
            array = as_real(f"parameters[{name!r}]", values, self._precision)
            if array.shape != weights[name].shape:
                raise ValueError(f"parameters[{name!r}] has the shape {array.shape}, expected {weights[name].shape}")
            weights[name] = array
        self._core = self._built(weights)
        return self

    def run(self, inputs: ArrayLike, *, lesion: Lesion = False) -> BiasRun:
        """Run trials from rest.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs)
        lesion : bool, or array_like of bool, shape (n_steps,)
            Steps at which the cerebellum is silent (β = 0).

        Returns
        -------
        BiasRun

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        """
        x = self._inputs(inputs)
        found = self._core.run(x, lesion=_flags(lesion, x.shape[1]), n_threads=as_threads(self.n_threads))
        return BiasRun(**found)

    def gradient(
        self, inputs: ArrayLike, targets: ArrayLike, *, mask: ArrayLike | None = None, lesion: Lesion = False
    ) -> tuple[float, dict[str, NDArray[Any]]]:
        """The loss and its exact gradient.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs)
        targets : array_like, shape (n_trials, n_steps, n_outputs)
            Probabilities with "cross_entropy"; NaN is not observed.
        mask : array_like, shape (n_trials, n_steps), optional
            Weight of each step.
        lesion : bool, or array_like of bool, shape (n_steps,)

        Returns
        -------
        loss : float
            Mean over all that counts.
        gradient : dict of str to ndarray
            Zero for connections that do not exist.
        """
        x = self._inputs(inputs)
        y, weights = self._lesson(x, targets, mask)
        silent = _flags(lesion, x.shape[1])
        return self._core.gradient(x, y, weights, loss=self.loss, lesion=silent, n_threads=as_threads(self.n_threads))

    def fit(
        self,
        task: Sampler,
        n_epochs: int = 1,
        *,
        updates: int = 100,
        learns: Iterable[str] = GROUPS,
        lesion: Lesion = False,
        progress: bool | Callback = False,
    ) -> Self:
        """Go on learning: `n_epochs` times `updates` batches of fresh trials.

        Parameters
        ----------
        task : object with ``sample(n_trials, seed)``
        n_epochs, updates : int
            Epochs, and batches in each.
        learns : iterable of {"core", "readout", "cerebellum"}
            What changes; the rest is frozen.
        lesion : bool, or array_like of bool, shape (n_steps,)
            Steps at which the cerebellum is silent while learning.
        progress : bool or callable
            Called as ``progress(done, total, loss)``, within each epoch.

        Returns
        -------
        CerebellarBiasRNN
            This object.

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        FloatingPointError
            If the loss or its gradient leaves the finite numbers.
        KeyboardInterrupt
            After Ctrl-C; what was learned so far is kept.
        """
        names = [one_of("learns", name, GROUPS) for name in ([learns] if isinstance(learns, str) else learns)]
        n_trials = as_count("updates", updates) * self.batch_size
        with Report(progress, type(self).__name__, "update") as report:
            for _ in range(as_count("n_epochs", n_epochs)):
                trials = task.sample(n_trials, derived(self.seed, _TRAINING, self._epochs_done))
                x = self._inputs(trials.inputs)
                y, weights = self._lesson(x, trials.targets, np.asarray(trials.weights).max(axis=2))
                losses, exception = self._core.train(
                    x,
                    y,
                    weights,
                    loss=self.loss,
                    lesion=_flags(lesion, x.shape[1]),
                    batch_size=self.batch_size,
                    learning_rate=float(self.learning_rate),
                    clip=float(self.clip),
                    learns=[group in names for group in GROUPS],
                    n_threads=as_threads(self.n_threads),
                    progress=report.callback,
                )
                self._epochs_done += 1
                self.losses_ = np.concatenate([self.losses_, losses])
                if exception is not None:
                    raise exception
        return self

    def accuracy(self, trials: Trials, *, lesion: Lesion = False) -> float:
        """Share of the counted steps, over all trials, at which the largest output is the class of the target."""
        counted = np.asarray(trials.weights).max(axis=2) > 0
        outputs = self.run(trials.inputs, lesion=lesion).outputs
        return float((outputs.argmax(axis=2) == np.asarray(trials.targets).argmax(axis=2))[counted].mean())

    def clone(self) -> Self:
        """A copy of weights and settings that goes its own way, Adam beginning anew."""
        return deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_core"}
        return {**state, "_weights": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("_weights")
        self.__dict__.update(state)
        self._core = self._built(weights)

    def _inputs(self, inputs: ArrayLike) -> NDArray[Any]:
        x = as_real("inputs", inputs, self._precision)
        if x.ndim != 3 or x.shape[2] != self.n_inputs or 0 in x.shape:
            raise ValueError(f"inputs has the shape {x.shape}, expected (n_trials, n_steps, {self.n_inputs})")
        return x

    def _lesson(self, x: NDArray[Any], targets: ArrayLike, mask: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any]]:
        y = as_real("targets", targets, self._precision, finite=False)
        shape = (*x.shape[:2], self.n_outputs)
        if y.shape != shape:
            raise ValueError(f"targets has the shape {y.shape}, expected {shape}")
        if np.isinf(y).any():
            raise ValueError("targets holds infinities, expected numbers, or NaN where nothing was observed")
        weights = np.ones(shape[:2], self._precision) if mask is None else as_real("mask", mask, self._precision)
        if weights.shape != shape[:2]:
            raise ValueError(f"mask has the shape {weights.shape}, expected {shape[:2]}")
        return y, weights


def _flags(lesion: Lesion, n_steps: int) -> list[bool]:
    """A flag for each step, or none at all."""
    flags = np.asarray(lesion)
    if flags.dtype != np.bool_:
        raise TypeError(f"lesion is {lesion!r}, expected True, False, or one of these for each step")
    if flags.ndim == 0:
        return [True] * n_steps if flags else []
    if flags.shape != (n_steps,):
        raise ValueError(f"lesion has the shape {flags.shape}, expected ({n_steps},)")
    return [bool(flag) for flag in flags]
