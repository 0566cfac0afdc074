"""Line drawing: one of seven cues at the first step says which line to draw from the centre.

    x_0 = p / 10,  x_t = σ ξ_t for t > 0        p in {-3, …, 3}
    y*_t = t/(T - 1) · r (sin θ_p, cos θ_p)     t = 0 … T - 1

p = -3, -2, -1, 1, 2, 3 take the angles θ = 2πk/6 for k = 5, 4, 3, 2, 1, 0; p = 0 stays in the centre. The teacher shows
the target every second step. The simple line drawing of Pemberton, Boven, Apps & Costa (NeurIPS 2021) and of Boven,
Pemberton, Chadderton, Apps & Costa (Nature Communications 14:51, 2023): T = 10, r = 10, σ = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.timing import number, whole
from fastigial.tasks.trials import Trials

__all__ = ["LineDrawing"]

CUES = np.array([-3, -2, -1, 0, 1, 2, 3])


@dataclass(kw_only=True, repr=False)
class LineDrawing(Task):
    """Draw one of six lines from the centre, or stay there, as the cue at the first step says.

    Input "cue": p / 10 at the first step, for p from -3 to 3, then 0. Outputs "x" and "y": along a straight line from
    the centre, reached at the first step, to a circle, reached at the last. The target is known at every step; what
    counts in the loss are the steps at which the teacher shows it.

    Parameters
    ----------
    n_points : int
        Steps of a trial, at least 2.
    teacher_every : int
        The teacher shows the target at steps 0, teacher_every, 2 teacher_every, …
    radius : float
        Of the circle, in the units of the outputs.
    noise : float
        Standard deviation of the input at each step after the first.
    dt : float
        Duration of a step, in seconds. The original has none.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> task = fg.tasks.LineDrawing()
    >>> trials = task.sample(100, seed=0)
    >>> np.flatnonzero(trials.mask[0]).tolist()
    [0, 2, 4, 6, 8]
    >>> task.end_points.round(2).tolist()[-1]
    [0.0, 10.0]
    """

    n_points: int = 10
    teacher_every: int = 2
    radius: float = 10.0
    noise: float = 0.0
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_points", self.n_points, 2)
        whole("teacher_every", self.teacher_every, 1)
        number("radius", self.radius, low=0.0, above=True)
        number("noise", self.noise, low=0.0)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.n_points

    @property
    def input_names(self) -> tuple[str, ...]:
        """The cue."""
        return ("cue",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The pen."""
        return ("x", "y")

    @property
    def end_points(self) -> NDArray[np.float64]:
        """Where the lines of the cues p = -3 … 3 end, (7, 2)."""
        angles = 2 * np.pi * np.array([5, 4, 3, 0, 2, 1, 0]) / 6
        ends = self.radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
        ends[CUES == 0] = 0.0
        return ends

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info["cue"]``: p, from -3 to 3."""
        line = rng.integers(len(CUES), size=n_trials)
        inputs = np.zeros((n_trials, self.n_steps, 1))
        if self.noise > 0:
            inputs += self.noise * rng.standard_normal(inputs.shape)
        inputs[:, 0, 0] = CUES[line] / 10
        targets = np.linspace(0.0, 1.0, self.n_steps)[:, None] * self.end_points[line][:, None]
        shown = np.tile(np.arange(self.n_steps) % self.teacher_every == 0, (n_trials, 1))
        return self.trials(inputs, targets, mask=shown, info={"cue": CUES[line]})

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each trial whose last output is nearest to the end of its own line, else 0.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 2)
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
        last = self._outputs(outputs, trials)[:, -1]
        distance = np.linalg.norm(last[:, None] - self.end_points, axis=2)
        right = (CUES[distance.argmin(axis=1)] == trials.info["cue"]) & np.isfinite(last).all(axis=1)
        return np.asarray(right, dtype=np.float64)
