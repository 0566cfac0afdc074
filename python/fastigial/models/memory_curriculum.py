"""A curriculum of memory: once n bits are mastered, n + 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.models.cerebellar_bias import GROUPS, CerebellarBiasRNN, Lesion
from fastigial.rnn.seeds import derived
from fastigial.tasks.base import Sampler
from fastigial.tasks.sequence_memory import SequenceMemory
from fastigial.tensor.checks import as_count, as_number
from fastigial.tensor.progress import Callback, Report

__all__ = ["MemoryCurriculum", "grow_memory"]

# A stream of the model's seed that nothing is trained on.
_TEST = 11


@dataclass(frozen=True, eq=False, repr=False)
class MemoryCurriculum:
    """What was learned, epoch by epoch.

    Attributes
    ----------
    n_back : ndarray, shape (n_epochs,)
        The n that was trained in each epoch.
    accuracy : ndarray, shape (n_epochs,)
        Of fresh trials of that n, after the epoch.
    criterion : float
        From this accuracy on an n is mastered.
    updates : int
        In each epoch.
    """

    n_back: NDArray[np.intp]
    accuracy: NDArray[np.float64]
    criterion: float
    updates: int

    @property
    def highest(self) -> int:
        """The largest n that was mastered; one less than the first where none was."""
        mastered = self.n_back[self.accuracy >= self.criterion]
        return int(mastered.max()) if len(mastered) else int(self.n_back[0]) - 1

    def updates_to(self, n_back: int) -> float:
        """Updates until `n_back` was mastered; infinity where it was not."""
        reached = np.flatnonzero((self.n_back >= n_back) & (self.accuracy >= self.criterion))
        return float((reached[0] + 1) * self.updates) if len(reached) else float("inf")

    def __repr__(self) -> str:
        return f"<MemoryCurriculum: {len(self.n_back)} epochs of {self.updates} updates, mastered up to {self.highest}>"


def grow_memory(
    model: CerebellarBiasRNN,
    family: Callable[[int], Sampler] | None = None,
    *,
    n_epochs: int = 40,
    updates: int = 100,
    first: int = 2,
    criterion: float = 0.98,
    n_test_trials: int = 500,
    learns: Iterable[str] = GROUPS,
    lesion: Lesion = False,
    progress: bool | Callback = False,
) -> MemoryCurriculum:
    """Train a network on tasks of growing memory, the next as soon as one is mastered.

    Parameters
    ----------
    model : CerebellarBiasRNN
        Changed in place.
    family : callable, optional
        From n to a task; `fastigial.tasks.SequenceMemory` by default, which asks for a match.
    n_epochs, updates : int
        The whole budget: epochs, and batches in each.
    first : int
        The n to begin with.
    criterion : float
        Accuracy from which the next n comes, above 0, up to 1.
    n_test_trials : int
        Trials that it is measured on.
    learns, lesion
        As in `CerebellarBiasRNN.fit`. A flag for each step cannot fit tasks of several lengths: True or False.
    progress : bool or callable
        Called after each epoch as ``progress(done, total, accuracy)``.

    Returns
    -------
    MemoryCurriculum

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    References
    ----------
    Voce, Giannakakis & Clopath, arXiv 2605.10356, 2026: first 2, criterion 0.98.

    Examples
    --------
    >>> import fastigial as fg
    >>> model = fg.models.CerebellarBiasRNN(1, 2, n_units=32, n_granule=64, n_purkinje=16)
    >>> found = fg.models.grow_memory(model, n_epochs=4)
    >>> found.highest >= 2 and found.updates_to(2) <= 400
    True
    """
    make = (lambda n: SequenceMemory(n_back=n)) if family is None else family
    if not 0 < as_number("criterion", criterion) <= 1:
        raise ValueError(f"criterion is {criterion}, expected a number above 0, up to 1")
    if as_count("n_epochs", n_epochs) == 0:
        raise ValueError("n_epochs is 0, expected at least 1")
    groups = tuple(learns)
    n = as_count("first", first)
    steps, scores = [], []
    with Report(progress, "memory", "epoch") as report:
        for epoch in range(n_epochs):
            task = make(n)
            model.fit(task, updates=updates, learns=groups, lesion=lesion)
            score = model.accuracy(task.sample(n_test_trials, derived(model.seed, _TEST, epoch)), lesion=lesion)
            steps.append(n)
            scores.append(score)
            n += score >= criterion
            if report.callback is not None:
                report.callback(epoch + 1, n_epochs, score)
    return MemoryCurriculum(np.array(steps, dtype=np.intp), np.array(scores), criterion, updates)
