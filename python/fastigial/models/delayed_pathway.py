"""Two areas with a conduction delay between them, and a forward interface beside it.

::

    sensory area     h_s(t) = φ(W_s h_s(t−1) + W_in x(t) + b_s)
    motor area       h_m(t) = φ(W_m h_m(t−1) + W_ms h_s(t−1−D) + b_m)
    without          y(t) = W_out h_m(t) + b_out
    with interface   y(t) = W_out ĥ_m(t) + b_out,   ĥ_m(t) = C_F(h_s(t)) = V max(0, U h_s(t) + a) + c

    interface lowers ‖C_F(h_s(t−1−D)) − h_m(t)‖²                 h held
    cortex lowers    ‖W_out h_m(t) + b_out − y*(t−1−D)‖²         with the interface
                     ‖W_out h_m(t) + b_out − y*(t)‖²             without

    symbol   name                    shape
    x, y     inputs, outputs         (trials, time, n_inputs), (trials, time, n_outputs)
    h_s      states[..., :n_sensory] (trials, time, n_sensory)
    h_m      states[..., n_sensory:] (trials, time, n_motor)
    ĥ_m      predictions             (trials, time, n_motor)
    D        delay                   steps beyond the one that every connection takes
    1 + D    age                     of a message when it arrives, in steps
    U, V     interface               (n_granule, n_sensory), (n_motor, n_granule)

Forward interfaces: Jaderberg et al. (ICML 2017); as the cerebellum's inverse models: Pemberton, Boven, Apps & Costa
(NeurIPS 2021). That one should stand in for a delayed pathway, and the two losses above, are a design of this package.

Nothing looks into the future. At time t the motor area has just made h_m(t) of a message that was sent at t − 1 − D;
both are there to be compared, and so is the target of the moment at which the message was sent. What the interface has
learned from such pairs, it applies to the message that is being sent: ĥ_m(t) is what the motor area will come to at
t + 1 + D, and what it would have come to by now if there were no delay.
"""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastigial.models.pathway_results import PathwayHistory, PathwayRun
from fastigial.rnn import RNN, optim, train
from fastigial.rnn.checks import as_flag
from fastigial.rnn.running import check_dt
from fastigial.rnn.seeds import as_seed, derived
from fastigial.tasks.base import Sampler
from fastigial.tasks.trials import Trials
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback, Report

__all__ = ["DelayedPathway"]

Array = NDArray[Any]

# Longest gradient of the cortex. Without a limit a batch in a hundred throws it far off its course.
_CLIP = 1.0
# Streams of the seed.
_INTERFACE, _TRIALS = range(2)


class DelayedPathway:
    r"""A sensory and a motor area with a conduction delay between them, with or without a forward interface.

    .. math::
        y(t) = W_{out} h_m(t) + b_{out} \quad\text{or}\quad y(t) = W_{out} C_F(h_s(t)) + b_{out}

    The output must follow its target at the same time. Without the interface the motor area answers to messages of
    1 + D steps ago, and has to extrapolate. With it, the motor area learns to do with each message what should have
    been done when it was sent; a perceptron C_F, the cerebellum's place, learns to predict what the motor area will
    make of the present message, and the output is made of that. A design of this package; the equations, and why
    nothing looks into the future, are at the head of `fastigial.models.delayed_pathway`.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Of the task.
    delay : int
        D, in steps beyond the one that every connection takes.
    interface : bool
        Whether there is one.
    n_sensory, n_motor : int
        Units of the areas: tanh, without leak.
    n_granule : int
        Rectified units of C_F.
    motor_density : float
        Share of connections within the motor area that exist. C_F sees one message: a motor area with a memory of its
        own cannot be predicted exactly.
    dt : float
        Seconds per step.
    learning_rate, interface_learning_rate : float
        Of Adam, for the cortex and for the interface.
    batch_size : int
        Trials per update.
    seed : int
        Of weights and trials.

    Attributes
    ----------
    net : RNN
        The cortex, with the areas "sensory" and "motor".
    interface_net : RNN or None
        C_F as a network without recurrent weights, which has a perceptron's equations at every step.
    is_frozen : bool
        Whether the interface has ceased to learn; see `freeze`.
    history_ : PathwayHistory
        All epochs so far.

    References
    ----------
    Jaderberg et al., ICML 2017; Pemberton, Boven, Apps & Costa, NeurIPS 2021.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.Tracking()
    >>> trials = task.sample(50, seed=1)
    >>> model = fg.models.DelayedPathway(delay=10, n_sensory=20, n_motor=20, n_granule=60)
    >>> error = model.fit(task, n_epochs=5).error(trials)
    >>> error < task.least_error(model.age)  # of any answer from messages that have arrived
    True
    """

    history_: PathwayHistory

    def __init__(
        self,
        n_inputs: int = 2,
        n_outputs: int = 2,
        *,
        delay: int = 5,
        interface: bool = True,
        n_sensory: int = 40,
        n_motor: int = 40,
        n_granule: int = 200,
        motor_density: float = 0.0,
        dt: float = 0.01,
        learning_rate: float = 2e-3,
        interface_learning_rate: float = 3e-3,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        self.delay = as_count("delay", delay)
        self.n_sensory, self.n_motor = as_count("n_sensory", n_sensory), as_count("n_motor", n_motor)
        self.batch_size = as_count("batch_size", batch_size)
        self.seed = as_seed("seed", seed)
        self.net = RNN(
            n_inputs,
            self.n_sensory + self.n_motor,
            n_outputs,
            areas={"sensory": self.n_sensory, "motor": self.n_motor},
            connections={
                ("input", "sensory"): 1.0,
                ("sensory", "motor"): 1.0,
                ("motor", "motor"): motor_density,
                ("motor", "output"): 1.0,
            },
            delays={"recurrent": {("sensory", "motor"): self.delay}},
            dt=dt,
            tau=dt,
            seed=self.seed,
        )
        self.interface_net = None
        if as_flag("interface", interface):
            n_granule = as_count("n_granule", n_granule)
            seed = derived(self.seed, _INTERFACE)
            self.interface_net = _perceptron(self.n_sensory, n_granule, self.n_motor, dt, seed)
        self.is_frozen = False
        self._optimizers = optim.Adam(learning_rate, clip=_CLIP), optim.Adam(interface_learning_rate)
        self._n_batches = 0
        self.history_ = PathwayHistory(np.empty(0), np.empty(0))

    @property
    def age(self) -> int:
        """Age in steps of a message when it arrives: 1 + D."""
        return self.delay + 1

    def fit(self, task: Sampler, n_epochs: int, *, n_batches: int = 20, progress: bool | Callback = False) -> Self:
        """Train cortex and interface side by side, in place; a second call goes on.

        Parameters
        ----------
        task : object with ``sample(n_trials, seed)``
            `fastigial.tasks.Tracking`, for example. Targets count where its mask says so.
        n_epochs : int
        n_batches : int
            Batches per epoch, of fresh trials each.
        progress : bool or callable
            True shows a bar; a callable is called after each epoch as ``progress(done, total, loss)``.

        Returns
        -------
        DelayedPathway
            This object.

        Raises
        ------
        ValueError, TypeError
            If the task has other inputs, outputs or dt, or trials that are over before a message arrives.
        """
        if not isinstance(task, Sampler):
            raise TypeError(f"task is {task!r}, expected an object with sample(n_trials, seed)")
        n_epochs, n_batches = as_count("n_epochs", n_epochs), as_count("n_batches", n_batches)
        if n_batches == 0:
            raise ValueError("n_batches is 0, expected at least 1")
        with Report(progress, type(self).__name__, "epoch") as report:
            for epoch in range(n_epochs):
                losses = np.mean([self._learn(self._sample(task)) for _ in range(n_batches)], axis=0)
                self.history_ = PathwayHistory(
                    np.append(self.history_.loss, losses[0]), np.append(self.history_.interface_loss, losses[1])
                )
                if report.callback is not None:
                    report.callback(epoch + 1, n_epochs, float(losses[0]))
        return self

    def _sample(self, task: Sampler) -> Trials:
        """The next batch."""
        self._n_batches += 1
        return task.sample(self.batch_size, derived(self.seed, _TRIALS, self._n_batches))

    def _learn(self, trials: Trials) -> tuple[float, float]:
        """Losses of the cortex and of the interface on a batch, of which both learn."""
        check_dt(self.net._structure, trials.dt)
        age, n_trials = self.age, len(trials.inputs)
        targets, weights = np.nan_to_num(trials.targets), trials.weights
        if age >= trials.inputs.shape[1]:
            raise ValueError(
                f"trials last {trials.inputs.shape[1]} steps, expected more than the age of messages, {age}"
            )
        cortical, cerebellar = self._optimizers
        messages = activity = None
        if self.interface_net is not None:
            states = self.net.run(trials.inputs).states
            messages, activity = states[:, :-age, : self.n_sensory], states[:, age:, self.n_sensory :]
            targets, weights = later(targets, age), later(weights, age)
        batch = (trials.inputs, targets, weights)
        loss = train(self.net, batch, n_epochs=1, batch_size=n_trials, optimizer=cortical).loss[-1]
        if self.interface_net is None or self.is_frozen:
            return float(loss), float("nan")
        pairs = (messages, activity)
        history = train(self.interface_net, pairs, n_epochs=1, batch_size=n_trials, optimizer=cerebellar)
        return float(loss), float(history.loss[-1])

    def freeze(self) -> Self:
        """Let the interface learn no more, whatever the cortex does; returns this object."""
        if self.interface_net is None:
            raise ValueError("interface is False, expected a model with an interface to freeze")
        self.is_frozen = True
        return self

    def clone(self) -> Self:
        """A model of its own with the same weights; its optimisers begin anew."""
        return copy.deepcopy(self)

    def run(self, inputs: Any) -> PathwayRun:
        """Run both areas.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs), or Trials

        Returns
        -------
        PathwayRun
        """
        trajectory = self.net.run(inputs)
        if self.interface_net is None:
            return PathwayRun(trajectory.outputs, trajectory.outputs, trajectory.states, None)
        predictions = self.interface_net.run(trajectory.states[:, :, : self.n_sensory]).outputs
        parameters = self.net.parameters
        outputs = predictions @ parameters["W_out"][:, self.n_sensory :].T + parameters["b_out"]
        return PathwayRun(outputs, trajectory.outputs, trajectory.states, predictions)

    def error(self, trials: Trials) -> float:
        """Squared error of the outputs at the same time as their targets, as a share of the targets' squares.

        Parameters
        ----------
        trials : Trials

        Returns
        -------
        float
            Σ w (y − y*)² / Σ w y*²: 0 is perfect, 1 no better than silence.
        """
        weights, targets = trials.weights, np.nan_to_num(trials.targets)
        outputs = self.run(trials).outputs
        return float((weights * (outputs - targets) ** 2).sum() / (weights * targets**2).sum())

    def __repr__(self) -> str:
        beside = "no interface" if self.interface_net is None else f"interface of {self.interface_net.n_units} units"
        return (
            f"<DelayedPathway: {self.n_sensory} sensory and {self.n_motor} motor units, delay {self.delay} steps, "
            f"{beside}{', frozen' * self.is_frozen}>"
        )


def later(array: Array, age: int) -> Array:
    """The same, so many steps later; zeros before.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.models.delayed_pathway import later
    >>> later(np.array([[1, 2, 3]]), 1)
    array([[0, 1, 2]])
    """
    moved = np.zeros_like(array)
    moved[:, age:] = array[:, :-age]
    return moved


def _perceptron(n_inputs: int, n_hidden: int, n_outputs: int, dt: float, seed: int) -> RNN:
    """A network without memory: its recurrent weights, of rank one, are zero and stay so."""
    return RNN(
        n_inputs,
        n_hidden,
        n_outputs,
        activation="relu",
        dt=dt,
        tau=dt,
        rank=1,
        initial={name: np.zeros((n_hidden, 1)) for name in ("U", "V")},
        trainable={name: np.zeros((n_hidden, 1), dtype=bool) for name in ("U", "V")},
        seed=seed,
    )
