"""What a task is: something that draws trials from a seed.

Whatever has a method ``sample(n_trials, seed)`` that returns :class:`Trials` can be trained on (:class:`Sampler`).
:class:`Task` is the base of the package's tasks and of yours: it turns the seed into a random number generator, checks
what was drawn, and scores outputs; a subclass writes :meth:`Task.draw`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.timing import choice, number, whole
from fastigial.tasks.trials import Trials

__all__ = ["Sampler", "Task"]

Loss = Literal["mse", "cross_entropy"]


@runtime_checkable
class Sampler(Protocol):
    """Anything that draws trials: the same seed, the same trials."""

    def sample(self, n_trials: int, seed: int) -> Trials:
        """Draw `n_trials` trials."""


class Task(ABC):
    """Base of all tasks: write ``draw(n_trials, rng)``, and the rest follows.

    Attributes
    ----------
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}
        Of inputs and targets.
    loss : {"mse", "cross_entropy"}
        What the task is usually trained with. With "cross_entropy" the outputs are logits: a softmax turns them into
        the probabilities that the targets hold.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> class Echo(fg.tasks.Task):
    ...     "Repeat the input one step later."
    ...
    ...     def draw(self, n_trials, rng):
    ...         inputs = rng.standard_normal((n_trials, 20, 1))
    ...         return self.trials(inputs, np.roll(inputs, 1, axis=1), mask=np.tile(np.arange(20) > 0, (n_trials, 1)))
    >>> Echo()
    <Echo(): 1 input, 1 output, 20 steps of 10 ms, loss "mse">
    >>> Echo().sample(3, seed=0)
    <Trials of Echo: 3 trials x 20 steps of 10 ms, 1 input, 1 output, float64, 95% counted>
    """

    dt: float = 0.01
    dtype: str = "float64"
    loss: Loss = "mse"

    def __post_init__(self) -> None:
        """Check what all tasks share; the package's tasks, which are dataclasses, check their own arguments too."""
        number("dt", self.dt, low=0.0, above=True)
        choice("dtype", self.dtype, ("float64", "float32"))

    @abstractmethod
    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; all that is random comes from `rng`. :meth:`trials` builds the result.

        Parameters
        ----------
        n_trials : int
        rng : numpy.random.Generator

        Returns
        -------
        Trials
        """

    def sample(self, n_trials: int, seed: int) -> Trials:
        """Draw `n_trials` trials from `seed`: the same seed gives the same trials, with one version of NumPy.

        Neighbouring seeds are as unrelated as any others; for training and for validation, take different ones.

        Parameters
        ----------
        n_trials : int
        seed : int or numpy.random.SeedSequence
            Not negative.

        Returns
        -------
        Trials

        Raises
        ------
        TypeError, ValueError
            If `n_trials` is not a whole number above 0, or `seed` none that is not negative.
        """
        n_trials = whole("n_trials", n_trials, 1)
        if not isinstance(seed, np.random.SeedSequence):
            seed = whole("seed", seed, 0, None)
        trials = self.draw(n_trials, np.random.default_rng(seed))
        if not isinstance(trials, Trials):
            raise TypeError(f"{type(self).__name__}.draw must return Trials, got {type(trials).__name__}")
        if trials.n_trials != n_trials:
            raise ValueError(f"{type(self).__name__}.draw must return {n_trials} trials, got {trials.n_trials}")
        return trials.astype(self.dtype)

    def trials(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        info: Mapping[str, ArrayLike] | None = None,
        events: Mapping[str, ArrayLike] | None = None,
    ) -> Trials:
        """Build trials with this task's dt, and its names of channels where it has some."""
        # The names of the base ask for a trial; asking from within one would never end.
        names = {
            kind: getattr(self, kind)
            for kind in ("input_names", "output_names")
            if getattr(type(self), kind) is not getattr(Task, kind)
        }
        # Trials turns what is array-like into arrays.
        parts: dict[str, Any] = {"mask": mask, "info": info or {}, "events": events or {}, **names}
        return Trials(inputs, targets, dt=self.dt, name=type(self).__name__, **parts)  # type: ignore[arg-type]

    @property
    def input_names(self) -> tuple[str, ...]:
        """One name per input channel."""
        return self.sample(1, 0).input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """One name per output channel."""
        return self.sample(1, 0).output_names

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return len(self.input_names)

    @property
    def n_outputs(self) -> int:
        """Number of output channels."""
        return len(self.output_names)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.sample(1, 0).n_steps

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Score each trial: 1 is perfect.

        Here, for a task with classes, the share of the counted steps at which the largest output is the class of
        the largest target; else 1 - Σ w (y - y*)² / Σ w y*² over the counted steps and outputs, which is 0 for
        outputs of zero and negative for worse ones (NaN where all targets are 0). Several tasks score otherwise
        and say so.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, n_outputs)
            Of a network, for these trials. A trial with an output of NaN is wrong (or scores NaN).
        trials : Trials

        Returns
        -------
        ndarray, shape (n_trials,)

        Raises
        ------
        ValueError
            If the shape is not that of the targets.
        """
        y = self._outputs(outputs, trials)
        weights = np.asarray(trials.weights, dtype=np.float64)
        targets = np.nan_to_num(trials.targets)
        if self.loss == "cross_entropy":
            counted = weights.max(axis=2) > 0
            right = (y.argmax(axis=2) == targets.argmax(axis=2)) & np.isfinite(y).all(axis=2)
            return share(right, counted)
        # A step that does not count has no say, not even with an output of NaN.
        squares = np.where(weights > 0, weights * (y - targets) ** 2, 0.0).sum(axis=(1, 2))
        scale = (weights * targets**2).sum(axis=(1, 2))
        shares: NDArray[np.float64] = np.divide(squares, scale, out=np.full(len(scale), np.nan), where=scale > 0)
        return 1 - shares

    def _outputs(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        y = np.asarray(outputs, dtype=np.float64)
        if y.shape != trials.targets.shape:
            raise ValueError(f"outputs must have the shape of the targets, {trials.targets.shape}; got {y.shape}")
        return y

    def __repr__(self) -> str:
        given, itself = "", cast("Any", self)
        if is_dataclass(itself):
            values = {entry.name: (_shown(getattr(self, entry.name)), _default(entry)) for entry in fields(itself)}
            given = ", ".join(f"{name}={value}" for name, (value, default) in values.items() if value != repr(default))
        sizes = [(self.n_inputs, "input"), (self.n_outputs, "output"), (self.n_steps, "step")]
        words = [f"{number} {noun}" if number == 1 else f"{number} {noun}s" for number, noun in sizes]
        return f'<{type(self).__name__}({given}): {", ".join(words)} of {1e3 * self.dt:g} ms, loss "{self.loss}">'


def _default(entry: Field[Any]) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def _shown(value: Any) -> str:
    """Return what to print of an argument: of an array, no more than its shape."""
    return f"array of {value.shape}" if isinstance(value, np.ndarray) else repr(value)


def share(right: NDArray[np.bool_], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return which share of what counted was right, along all axes but the first; NaN where nothing counted."""
    axes = tuple(range(1, right.ndim))
    total = counted.sum(axis=axes)
    hits = (right & counted).sum(axis=axes)
    shares: NDArray[np.float64] = np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)
    return shares
