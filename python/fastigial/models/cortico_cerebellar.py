r"""ccRNN: a recurrent cortex whose teaching signals from beyond the present are predicted by a cerebellum.

    cortex        s_t = f(s_{t-1}, x_t), y_t = W_o h_t + b_o          LSTM (s = [h; c]) or tanh units (s = h)
    cerebellum    C(s) = W_n g_n + b_n, g_1 = [W_0 s + b_0]_+, …      granule layers, then Purkinje cells and nuclei
    learning      `fastigial.rules.SyntheticGradient`: windows of K steps, γ C(s_{t+K}) in place of all later feedback

| anatomy | model |
| --- | --- |
| mossy fibres | the cortical state s |
| granule cells | rectified layers |
| Purkinje cells, nuclei | the linear layer |
| cerebellar feedback | the predicted gradient C(s) |
| inferior olive, climbing fibres | the error C(s) − δ |

Pemberton, Boven, Apps & Costa, NeurIPS 2021; Boven, Pemberton, Chadderton, Apps & Costa, Nature Communications 14:51,
2023. As in their code the loss is a mean within each window, the cerebellum's loss a sum over the trials of a batch,
and one gradient of all windows is clipped and followed by cortex and cerebellum together.

For captions their code updates after every window instead, with plain Adam: ``update_every_window``.

Departure: an LSTM has one bias where theirs has two, with the sum of the two as its start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastigial.models import cortico_cerebellar_files as files
from fastigial.models.cortico_cerebellar_training import fit_together
from fastigial.models.feedback_signals import FeedbackSignals
from fastigial.rnn.checks import as_flag, as_positive
from fastigial.rnn.history import History
from fastigial.rnn.initialisers import Initialiser, TwoUniforms, Uniform
from fastigial.rnn.losses import prepare
from fastigial.rnn.network import RNN
from fastigial.rnn.optim import Adam
from fastigial.rnn.rules import BPLambda, SyntheticGradient
from fastigial.rnn.running import as_inputs, unpacked
from fastigial.rnn.seeds import as_seed, derived
from fastigial.rnn.trajectory import Trajectory
from fastigial.tensor.checks import as_count, as_threads
from fastigial.tensor.progress import Callback

__all__ = ["CorticoCerebellarRNN"]

Layers = list[tuple[NDArray[Any], NDArray[Any]]]

# Streams of the model's seed.
_CORTEX, _CEREBELLUM = range(2)


class CorticoCerebellarRNN:
    r"""A recurrent cortex that learns in windows of a few steps, and a cerebellum that predicts what comes after them.

    .. math:: \delta_t = \sum_{\tau \in \text{window}} \frac{\partial L_\tau}{\partial s_t}
              + \gamma\, C(s_{t+K})^\top \frac{\partial s_{t+K}}{\partial s_t}, \qquad
              L_C = \lVert C(s_t) - \delta_t \rVert^2

    The cerebellum supplies nothing but learning signals: runs do not depend on it. Copies, pickles and files hold
    cortex, cerebellum and history, but no snapshots and not the means of Adam, which begins anew in them.

    Parameters
    ----------
    n_inputs, n_units, n_outputs : int
        Of the cortex.
    cell : {"lstm", "tanh"}
    window : int
        K, steps through which feedback travels back through the cortex itself (the horizon is K/T of a trial).
    cerebellum : bool
        False: a cortex alone, with feedback cut off at the borders of windows (cRNN).
    ablate_at : int, optional
        Epoch, counted from 0, from which on the cerebellum is gone: neither predictions nor learning.
    freeze_at : int, optional
        Epoch from which on the inferior olive is lesioned: predictions go on, the cerebellum no longer learns.
    granule_layers : sequence of int
        Units in each rectified layer.
    bootstrap : float
        γ, weight of cerebellar feedback.
    learning_rate, betas, clip : float, (float, float), float or None
        Of Adam, and the longest gradient of cortex, readout and cerebellum together.
    batch_size : int
        Trials of a batch.
    update_every_window : bool
        Cortex and cerebellum change after every window, not after every batch.
    n_mossy_inputs : int, optional
        Cortical inputs of each granule cell, drawn once; all of them by default.
    fixed : bool
        A cerebellum of random weights in all layers that never learns.
    learning : {"windows", "bp_lambda"}
        How the cerebellum learns: as above, or from step to step with eligibility traces, `fastigial.rules.BPLambda`,
        where there are no windows and `bootstrap` is the weight of predictions; for small networks.
    trace_decay, discount : float
        λ and γ of "bp_lambda", 0 to 1.
    dt : float
        Seconds per step.
    dtype : {"float32", "float64"}
    seed : int
        Of all first weights. Two models with one seed have the same cortex, with a cerebellum or without.

    Attributes
    ----------
    net : RNN
        The cortex.
    synthesiser : list of (ndarray, ndarray)
        Weights (n_out, n_in) and biases (n_out,) of the cerebellum's layers.
    n_fits : int
        Calls of `fit` so far.
    history_ : History
        Of the last `fit`, also if it was interrupted. ``validation_loss``, (n_epochs,): squared Euclidean error,
        averaged over all steps of all validation trials, also of steps without a teacher; for classes the
        cross-entropy in nats where the task counts. ``loss``: the same of the training trials where the teacher is,
        before each update.

    Raises
    ------
    ValueError, TypeError
        Naming the argument.

    Examples
    --------
    >>> import fastigial as fg
    >>> model = fg.models.CorticoCerebellarRNN(1, 20, 2, granule_layers=(40,), seed=1)
    >>> model.fit(fg.tasks.LineDrawing(), n_epochs=3).history_.validation_loss.shape
    (3,)
    >>> model.synthesiser[0][0].shape
    (40, 40)
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        n_outputs: int,
        *,
        cell: str = "lstm",
        window: int = 1,
        cerebellum: bool = True,
        ablate_at: int | None = None,
        freeze_at: int | None = None,
        granule_layers: Sequence[int] = (400, 400),
        bootstrap: float = 0.1,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.98),
        clip: float | None = 1.0,
        batch_size: int = 50,
        update_every_window: bool = False,
        n_mossy_inputs: int | None = None,
        fixed: bool = False,
        learning: str = "windows",
        trace_decay: float = 1.0,
        discount: float = 1.0,
        dt: float = 0.01,
        dtype: DTypeLike = "float32",
        seed: int = 0,
    ) -> None:
        self._arguments = {name: value for name, value in locals().items() if name != "self"}
        as_flag("cerebellum", cerebellum)
        as_flag("fixed", fixed)
        as_flag("update_every_window", update_every_window)
        as_seed("seed", seed)
        if as_count("batch_size", batch_size) == 0:
            raise ValueError("batch_size is 0, expected at least 1")
        if not isinstance(granule_layers, list | tuple):
            raise TypeError(f"granule_layers is {granule_layers!r}, expected a sequence: units of each layer")
        if not cerebellum:
            for name in ("ablate_at", "freeze_at", "n_mossy_inputs"):
                if self._arguments[name] is not None:
                    raise ValueError(f"{name} is {self._arguments[name]}, but there is no cerebellum")
        self.n_fits = 0
        self.net = self._cortex(n_inputs, n_units, n_outputs, dt, dtype)
        self._rule = self._made_rule()
        self._optimizer = Adam(as_positive("learning_rate", learning_rate), betas=betas, eps=1e-9, clip=clip)
        self.history_: History
        if self.cerebellum and isinstance(self._rule, SyntheticGradient):
            self._begin_cerebellum(self._rule)

    @property
    def cell(self) -> str:
        """Cells of the cortex."""
        return str(self._arguments["cell"])

    @property
    def cerebellum(self) -> bool:
        """Whether there is a cerebellum to begin with."""
        return bool(self._arguments["cerebellum"])

    @property
    def granule_layers(self) -> tuple[int, ...]:
        """Units of each rectified layer."""
        return tuple(self._arguments["granule_layers"])

    @property
    def batch_size(self) -> int:
        """Trials of a batch."""
        return int(self._arguments["batch_size"])

    @property
    def update_every(self) -> int | None:
        """Steps after which weights change, if not after whole trials; see `fastigial.train`."""
        return int(self._arguments["window"]) if self._arguments["update_every_window"] else None

    @property
    def seed(self) -> int:
        """Of all first weights."""
        return int(self._arguments["seed"])

    def _cortex(self, n_inputs: int, n_units: int, n_outputs: int, dt: float, dtype: DTypeLike) -> RNN:
        seed = derived(self.seed, _CORTEX)
        if self.cell == "lstm":
            return RNN(n_inputs, n_units, n_outputs, cell="lstm", dt=dt, dtype=dtype, seed=seed)
        if self.cell != "tanh":
            raise ValueError(f'cell is {self.cell!r}, expected "lstm" or "tanh"')
        bound = 1.0 / np.sqrt(max(n_units, 1))
        uniform = Uniform(bound)
        initial: dict[str, Initialiser] = {
            "W": uniform,
            "W_in": uniform,
            "b": TwoUniforms(bound),
            "W_out": uniform,
            "b_out": uniform,
        }
        return RNN(n_inputs, n_units, n_outputs, dt=dt, tau=dt, dtype=dtype, seed=seed, initial=initial)

    def _made_rule(self) -> SyntheticGradient | BPLambda:
        given = self._arguments
        seed = derived(self.seed, _CEREBELLUM)
        if given["learning"] == "bp_lambda":
            taken = ("ablate_at", "freeze_at", "n_mossy_inputs")
            if not self.cerebellum or given["fixed"] or any(given[name] is not None for name in taken):
                raise ValueError(
                    'learning is "bp_lambda", which takes a cerebellum that is whole and learns throughout'
                )
            if given["window"] != 1 or given["update_every_window"]:
                raise ValueError(
                    f"window is {given['window']} and update_every_window {given['update_every_window']}, "
                    'but learning is "bp_lambda", which knows no windows'
                )
            return BPLambda(
                decay=given["trace_decay"],
                discount=given["discount"],
                weight=given["bootstrap"],
                hidden=self.granule_layers,
                seed=seed,
            )
        if given["learning"] != "windows":
            raise ValueError(f'learning is {given["learning"]!r}, expected "windows" or "bp_lambda"')
        return SyntheticGradient(
            window=given["window"],
            bootstrap=given["bootstrap"] if self.cerebellum else 0.0,
            hidden=self.granule_layers,
            n_mossy_inputs=given["n_mossy_inputs"],
            frozen=given["fixed"] or not self.cerebellum,
            freeze_at=given["freeze_at"],
            ablate_at=given["ablate_at"],
            random_start=given["fixed"],
            equal_windows=True,
            seed=seed,
        )

    def _begin_cerebellum(self, rule: SyntheticGradient) -> None:
        """Give the rule its first weights, which the core would draw in the first lesson in which they are used."""
        whole = replace(rule, bootstrap=1.0, frozen=False, freeze_at=None, ablate_at=None).of(self.net)
        dtype = self.net._structure.dtype
        trial, target = np.zeros((1, 1, self.net.n_inputs), dtype), np.zeros((1, 1, self.net.n_outputs), dtype)
        self.net._core.signals(trial, ("mse", target, None), whole, seed=None, n_threads=1)
        rule.of(self.net).set_state(whole.state())

    # ---- learning -----------------------------------------------------------------------------------------------

    def fit(
        self,
        task: Any,
        n_epochs: int = 100,
        seed: int = 0,
        progress: bool | Callback = False,
        *,
        n_trials: int = 800,
        n_validation: int = 200,
        snapshots: int | Iterable[int] | None = None,
        n_threads: int | None = None,
    ) -> Self:
        """Train on fresh trials of a task.

        A second call goes on from where the first ended, with other trials, and counts epochs from 0 again.

        Parameters
        ----------
        task : object with ``sample(n_trials, seed)``, Trials, or (inputs, targets[, mask])
            See `fastigial.train`. A fixed set of trials is shuffled and gone through once in every epoch.
        n_epochs : int
        seed : int
            Of the trials.
        progress : bool or callable
        n_trials : int
            Trials of an epoch, in batches of `batch_size`.
        n_validation : int
            Trials of the task that the model is tested on after every epoch; never trained on.
        snapshots : int or iterable of int, optional
            Numbers of finished epochs at which to keep cortex and cerebellum, for `at`.
        n_threads : int, optional

        Returns
        -------
        CorticoCerebellarRNN
            Itself.
        """
        fit_together(
            [self],
            task,
            n_epochs,
            seed=seed,
            progress=progress,
            n_trials=n_trials,
            n_validation=n_validation,
            snapshots=snapshots,
            n_threads=n_threads,
        )
        return self

    def at(self, epoch: int) -> CorticoCerebellarRNN:
        """A copy of the model as it was after some epochs of the last `fit`.

        Raises
        ------
        ValueError
            If `fit` was not asked to keep a snapshot there.
        """
        kept = self.history_.snapshots if hasattr(self, "history_") else {}
        if epoch not in kept:
            raise ValueError(f"epoch is {epoch}, but fit kept snapshots at {sorted(kept)}: name it in snapshots=")
        copy = CorticoCerebellarRNN(**self._arguments)
        copy.net.set_parameters(kept[epoch].parameters)
        if kept[epoch].rule:
            copy._rule.of(copy.net).set_state(kept[epoch].rule)
        return copy

    # ---- activity -----------------------------------------------------------------------------------------------

    def run(self, inputs: Any, **options: Any) -> Trajectory:
        """Run the cortex; see `RNN.run`."""
        return self.net.run(inputs, **options)

    def predict(self, inputs: Any) -> NDArray[Any]:
        """Outputs, (n_trials, n_steps, n_outputs)."""
        return self.net.run(inputs).outputs

    @property
    def synthesiser(self) -> Layers:
        """Weights and biases of the cerebellum's layers, first to last.

        Empty without a cerebellum, and before the first lesson of one that learns by "bp_lambda".
        """
        held = self._rule.of(self.net).state()
        n_layers = sum(name.startswith("weight_") for name in held)
        return [(held[f"weight_{i}"], held[f"bias_{i}"]) for i in range(n_layers)]

    def set_synthesiser(self, layers: Sequence[tuple[ArrayLike, ArrayLike]]) -> Self:
        """Replace the cerebellum's weights and biases, as `synthesiser` gives them.

        Raises
        ------
        ValueError
            If they are of other shapes.
        """
        held = self._rule.of(self.net).state()
        known = self.synthesiser
        if len(layers) != len(known):
            raise ValueError(f"layers holds {len(layers)} layers, expected {len(known)}")
        for i, (layer, (weight, bias)) in enumerate(zip(layers, known, strict=True)):
            for name, value, like in zip((f"weight_{i}", f"bias_{i}"), layer, (weight, bias), strict=True):
                if np.shape(value) != like.shape:
                    raise ValueError(f"layers has {name} of shape {np.shape(value)}, expected {like.shape}")
                held[name] = np.ascontiguousarray(value, dtype=like.dtype)
        self._rule.of(self.net).set_state(held)
        return self

    def cerebellar_activity(self, states: ArrayLike) -> list[NDArray[Any]]:
        """Activity of each granule layer, and of the nuclei: what is sent back to the cortex.

        Parameters
        ----------
        states : array_like, shape (..., n_variables)
            Cortical states as `FeedbackSignals` has them: h of tanh units, h and then c of an LSTM.

        Returns
        -------
        list of ndarray, shape (..., n_units)
        """
        activity = np.asarray(states, dtype=self.net._structure.dtype)
        layers, found = self.synthesiser, []
        if not layers:
            raise ValueError("this model has no cerebellum")
        for i, (weight, bias) in enumerate(layers):
            activity = activity @ weight.T + bias
            if i + 1 < len(layers):
                activity = np.maximum(activity, 0.0)
            found.append(activity)
        return found

    def feedback_signals(self, trials: Any, *, n_threads: int | None = None) -> FeedbackSignals:
        """What the cerebellum predicts in some trials, what it would be taught by them, and the exact gradient.

        Parameters
        ----------
        trials : Trials or (inputs, targets[, mask])
        n_threads : int, optional

        Returns
        -------
        FeedbackSignals
        """
        if isinstance(self._rule, BPLambda):
            raise ValueError('learning is "bp_lambda", whose predictions are not taken apart')
        if not self.cerebellum:
            raise ValueError("this model has no cerebellum")
        inputs, targets, mask = (*trials, None)[:3] if isinstance(trials, tuple) else unpacked(trials, None, None)
        structure = self.net._structure
        x = as_inputs(structure, inputs)
        shape = (*x.shape[:2], structure.n_outputs)
        loss = prepare(getattr(trials, "loss", "mse"), targets, mask, shape, structure.dtype)
        found = self.net._core.signals(
            x, loss.for_core(), self._rule.of(self.net), seed=None, n_threads=as_threads(n_threads)
        )
        return FeedbackSignals(**{name: np.moveaxis(values, 0, 1) for name, values in found.items()})

    def save(self, path: str | PathLike[str]) -> None:
        """Write cortex, cerebellum and history to a file, for `fastigial.load`; no snapshots, nothing of Adam."""
        files.save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": self._arguments, "arrays": files.contents(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(files.restored(state["arguments"], state["arrays"])))

    def __repr__(self) -> str:
        given = self._arguments
        sizes = ", ".join(str(given[name]) for name in ("n_inputs", "n_units", "n_outputs"))
        return (
            f"CorticoCerebellarRNN({sizes}, cell={self.cell!r}, window={given['window']}, cerebellum={self.cerebellum})"
        )
