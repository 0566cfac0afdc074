"""Pen strokes: follow the pen that wrote a digit, and name the digit.

    x_t = (x, y, pen) at point t of the path, or (Δx, Δy, pen) on the way to it;   class: the digit, at the last step

The pen trajectories of Alpaydin & Alimoglu (1998, UCI Machine Learning Repository), resampled to a fixed number of
points: sequential pattern recognition with real input. How they are fed to a network is a design of this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.classes import chosen_right, one_hot
from fastigial.tasks.timing import choice, whole
from fastigial.tasks.trials import Trials

__all__ = ["PenStrokes"]

N_DIGITS = 10
MOST_POINTS = 10_000


@cache
def _points(split: str, n_points: int, by: str) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return points (n_digits, n_points, 3), digits and writers."""
    from fastigial.datasets import load_pendigits

    found = load_pendigits(split)
    return found.resampled(n_points, by=by), found.labels, found.writers


@dataclass(kw_only=True, repr=False)
class PenStrokes(Task):
    """Follow the path of a pen, and name the digit that it wrote.

    Inputs "x", "y", "pen": where the pen is, each digit centred and scaled so that its longer side reaches from -1 to
    1; and 1 if it was on paper on its way there, else 0. Or "dx", "dy", "pen": how far it went since the step before.
    Classes: the digits, counted at the last step. Needs the files of `fastigial.datasets.load_pendigits`.

    Parameters
    ----------
    n_points : int
        Steps of a trial, from 2 to 10 000.
    inputs : {"places", "steps"}
    by : {"length", "time"}
        Points evenly spaced along the path, or in time.
    split : {"train", "test", "all"}
        Digits of 30 writers to train on, of 14 others to test with: no test writer is ever among those to train on.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.
    FileNotFoundError
        When digits are needed and not on this computer.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.PenStrokes()
    >>> task
    <PenStrokes(): 3 inputs, 10 outputs, 28 steps of 10 ms, loss "cross_entropy">
    >>> task.sample(50, seed=0)  # doctest: +SKIP
    <Trials of PenStrokes: 50 trials x 28 steps of 10 ms, 3 inputs, 10 outputs, float64, 3.57% counted, ...>
    """

    loss = "cross_entropy"

    n_points: int = 28
    inputs: str = "places"
    by: str = "length"
    split: str = "train"
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_points", self.n_points, 2, MOST_POINTS)
        choice("inputs", self.inputs, ("places", "steps"))
        choice("by", self.by, ("length", "time"))
        choice("split", self.split, ("train", "test", "all"))

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.n_points

    @property
    def input_names(self) -> tuple[str, ...]:
        """Where the pen is, or how far it went; and whether it was on paper."""
        return ("x", "y", "pen") if self.inputs == "places" else ("dx", "dy", "pen")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The digits."""
        return tuple(str(digit) for digit in range(N_DIGITS))

    @property
    def n_digits(self) -> int:
        """Number of written digits to draw from."""
        return len(_points(self.split, self.n_points, self.by)[0])

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: digit, writer, example (its position in the split), label.

        Without replacement: an example comes again only when all have come.
        """
        points, digits, writers = _points(self.split, self.n_points, self.by)
        n_rounds = -(-n_trials // len(points))
        drawn = np.concatenate([rng.permutation(len(points)) for _ in range(n_rounds)])[:n_trials]
        x = points[drawn]
        if self.inputs == "steps":
            x[:, :, :2] = np.diff(x[:, :, :2], axis=1, prepend=x[:, :1, :2])
        labels = np.full((n_trials, self.n_steps), -1)
        labels[:, -1] = digits[drawn]
        info = {"digit": digits[drawn], "writer": writers[drawn], "example": drawn, "label": labels}
        return self.trials(x, one_hot(labels, N_DIGITS), mask=labels >= 0, info=info)

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each trial whose largest output at the last step is the digit, else 0.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 10)
            Logits.
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
        y = self._outputs(outputs, trials)
        return chosen_right(y[:, -1:], trials.info["label"][:, -1:], first=0)
