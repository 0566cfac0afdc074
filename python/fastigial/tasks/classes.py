"""Classes as targets: probabilities in `targets`, their numbers in ``info["label"]``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Loss, Task
from fastigial.tasks.timing import steps, whole, within
from fastigial.tasks.trials import Trials

__all__ = ["one_hot"]


def one_hot(labels: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Return 1 for the class of each label and 0 for the others.

    Parameters
    ----------
    labels : array_like of int, any shape
        From 0 to n_classes - 1; -1 where there is none, which gives a row of zeros.
    n_classes : int

    Returns
    -------
    ndarray, shape (…, n_classes)

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If one is out of range.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.tasks.one_hot([2, 0, -1], 3)
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """
    n_classes = whole("n_classes", n_classes, 1)
    classes = np.asarray(labels)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got dtype {classes.dtype}")
    wrong = classes[(classes < -1) | (classes >= n_classes)]
    if wrong.size:
        raise ValueError(f"labels must lie between -1 and {n_classes - 1}, got {wrong[0]}")
    hot: NDArray[np.float64] = (classes[..., None] == np.arange(n_classes)).astype(np.float64)
    return hot


class Decision(Task):
    """A task that ends with a choice: fixate until the go cue, then choose.

    The classes are ``"fixate"`` and the choices. The label is "fixate" before the go cue and the right choice after it;
    the first `grace` seconds after the cue, and what comes after the trial's end, do not count.
    """

    loss: Loss = "cross_entropy"
    choices: ClassVar[tuple[str, ...]]
    response: float
    grace: float

    def _answer_steps(self) -> tuple[int, int]:
        """Return how long there is for an answer, and how much of that does not count, in steps."""
        response = steps("response", self.response, self.dt)
        grace = steps("grace", self.grace, self.dt, least=0)
        if grace >= response:
            raise ValueError(f"grace must be shorter than response={self.response:g} s, got {self.grace:g} s")
        return response, grace

    @property
    def output_names(self) -> tuple[str, ...]:
        """Fixate, and the choices."""
        return ("fixate", *self.choices)

    def _labels(self, go: NDArray[np.intp], chosen: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the class (n_trials, n_steps) at each step, for go cues at these steps; -1 where none counts."""
        response, grace = self._answer_steps()
        fixate = within(self.n_steps, np.zeros_like(go), go)
        answer = within(self.n_steps, go + grace, go + response)
        labels: NDArray[np.intp] = np.where(fixate, 0, np.where(answer, 1 + chosen[:, None], -1))
        return labels

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each trial on which the right choice was made, else 0.

        The choice is the largest output, fixation among them, summed over the steps after the go cue that count.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, n_outputs)
            Logits. A trial with an output of NaN there is wrong.
        trials : Trials
            Of this task.

        Returns
        -------
        ndarray, shape (n_trials,)

        Raises
        ------
        ValueError
            If the shape is not that of the targets.
        """
        return chosen_right(self._outputs(outputs, trials), trials.info["label"], first=1)


def chosen_right(outputs: NDArray[np.float64], labels: NDArray[np.intp], first: int) -> NDArray[np.float64]:
    """Return 1 for each trial whose largest output, summed over steps with labels from `first` on, is the label."""
    response = labels >= first
    total = np.where(response[:, :, None], outputs, 0.0).sum(axis=1)
    right = (total.argmax(axis=1) == labels.max(axis=1)) & np.isfinite(total).all(axis=1)
    return np.asarray(right, dtype=np.float64)
