"""Where the trials of a batch come from.

A task is sampled: every batch holds fresh trials, drawn with a seed of its own. A fixed set is shuffled anew in every
epoch and gone through once; its last batch may be smaller. Either way what a batch holds follows from the seed, the
epoch and the number of the batch alone, so training can stop and go on, and two networks with one seed see the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.losses import Prepared, prepare
from fastigial.rnn.running import as_inputs, check_dt, unpacked
from fastigial.rnn.seeds import derived, stream
from fastigial.rnn.structure import Structure

__all__ = ["NOISE", "Batch", "Batches", "as_data", "prepared"]

# Streams of the training's seed.
_TRIALS, _ORDER, NOISE, _VALIDATION = range(4)

# Inputs, targets, mask, and the trials' seconds per step where they say.
Data = tuple[Any, Any, Any, float | None]


@dataclass(frozen=True)
class Batch:
    """Trials as a network takes them."""

    inputs: NDArray[Any]
    loss: Prepared

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.inputs)

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.inputs.shape[1])

    def steps(self, start: int, stop: int) -> Batch:
        """The same trials from one step to before another."""
        return Batch(np.ascontiguousarray(self.inputs[:, start:stop]), self.loss.steps(start, stop))


class Batches:
    """The batches of a training.

    Parameters
    ----------
    task : object with ``sample(n_trials, seed)``, Trials, or (inputs, targets[, mask])
        Where trials come from.
    batch_size : int
        Trials per batch.
    n_batches : int
        Batches in an epoch, of a task that is sampled.
    """

    def __init__(self, task: Any, batch_size: int, n_batches: int) -> None:
        self._task = task if hasattr(task, "sample") else None
        self._data = None if hasattr(task, "sample") else as_data("task", task)
        self._batch_size = batch_size
        self.n_batches = n_batches
        self.is_sampled = self._task is not None
        if self._data is not None:
            n_trials = len(self._data[0])
            if n_trials == 0:
                raise ValueError("task holds no trials")
            if batch_size > n_trials:
                raise ValueError(f"batch_size is {batch_size}, expected at most the {n_trials} trials of task")
            self.n_batches = -(-n_trials // batch_size)

    def draw(self, seed: int, epoch: int, batch: int) -> Data:
        """Inputs, targets and mask of one batch."""
        if self._task is not None:
            return as_data("task", self._task.sample(self._batch_size, derived(seed, _TRIALS, epoch, batch)))
        assert self._data is not None
        order = stream(seed, _ORDER, epoch).permutation(len(self._data[0]))
        chosen = order[batch * self._batch_size : (batch + 1) * self._batch_size]
        inputs, targets, mask = (None if part is None else part[chosen] for part in self._data[:3])
        return inputs, targets, mask, self._data[3]

    def validation(self, given: Any, seed: int) -> Data | None:
        """Trials to validate with: those given, or as many fresh ones of the task, which no batch ever holds."""
        if given is None:
            return None
        if isinstance(given, int | np.integer) and not isinstance(given, bool):
            if self._task is None:
                raise ValueError(f"validation is {given}, but only a task can be sampled: give (inputs, targets)")
            return as_data("validation", self._task.sample(int(given), derived(seed, _VALIDATION)))
        if hasattr(given, "sample"):
            return as_data("validation", given.sample(self._batch_size, derived(seed, _VALIDATION)))
        return as_data("validation", given)


def as_data(name: str, given: Any) -> Data:
    """Inputs, targets and mask as arrays, from Trials or a tuple.

    Raises
    ------
    TypeError
        If it is neither; `name` is the argument's.
    ValueError
        If they are not of the same trials.
    """
    if isinstance(given, tuple | list):
        if len(given) not in (2, 3):
            raise ValueError(f"{name} holds {len(given)} arrays, expected (inputs, targets[, mask])")
        parts = (*given, None)[:3]
    else:
        parts = unpacked(given, None, None)
        if parts[0] is given:
            expected = "a task with sample(n_trials, seed), Trials, or a tuple (inputs, targets[, mask])"
            raise TypeError(f"{name} is {type(given).__name__}, expected {expected}")
    inputs, targets, mask = ((None if part is None else np.asarray(part)) for part in parts)
    if inputs is None or inputs.ndim != 3:
        shape = None if inputs is None else inputs.shape
        raise ValueError(f"{name} has inputs of shape {shape}, expected (trials, time, inputs)")
    for what, part in (("targets", targets), ("mask", mask)):
        if part is not None and part.shape[:1] != inputs.shape[:1]:
            raise ValueError(f"{name} has {what} of shape {part.shape}, expected {len(inputs)} trials")
    return inputs, targets, mask, getattr(given, "dt", None)


def prepared(data: Data, loss: Any, structure: Structure) -> Batch:
    """A batch for a network with this structure."""
    inputs, targets, mask, dt = data
    check_dt(structure, dt)
    x = as_inputs(structure, inputs)
    shape = (x.shape[0], x.shape[1], structure.n_outputs)
    return Batch(x, prepare(loss, targets, mask, shape, structure.dtype))
