"""Online line drawing: while a digit is read row by row, draw the line that belongs to it.

    x_t = row t of the image,   y*_t = t/(T − 1) · r (sin θ_d, cos θ_d)     t = 0 … T − 1

The "ld-seqMNIST" task of Boven, Pemberton, Chadderton, Apps & Costa (Nature Communications 14:51, 2023): T = 28 rows of
28 pixels, ten straight lines from the origin to a circle of radius r = 10, a teacher every fourth step. Departures: the
images need not be MNIST's, and θ_d = 2πd/10, clockwise from straight up, is a design of this package: which digit takes
which of ten equally spaced lines is not stated there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.images import N_DIGITS, ImageTask
from fastigial.tasks.timing import number, whole
from fastigial.tasks.trials import Trials

__all__ = ["OnlineLineDrawing"]


@dataclass(kw_only=True, repr=False, eq=False)
class OnlineLineDrawing(ImageTask):
    """Draw one of ten lines from the centre while reading the digit that it stands for.

    Inputs: a row of the image at each step. Outputs "x" and "y": from the centre at the first step along a straight
    line to a circle at the last. Digit d goes the way 2πd/10, clockwise from straight up (a design of this package).
    The target is known at every step; what counts in the loss are the steps at which the teacher shows it.

    Parameters
    ----------
    images : {"digits", "pendigits"} or array_like, shape (n_images, size, size)
        scikit-learn's digits of 8 × 8 pixels; `fastigial.datasets.load_pendigits` drawn with 28 × 28 pixels; or your
        own, such as MNIST: 8-bit numbers are divided by 255, others are taken as they are.
    labels : array_like of int, shape (n_images,), optional
        The digits of your own images.
    n_rows : int
        Rows and columns of the images that are read, and steps of a trial; images of another size are brought to it by
        linear interpolation.
    split : {"train", "test", "all"}
        Which images to draw from. The split is the same for every seed; that of the pendigits is the data's own, by
        writers.
    test_fraction : float
        Share of each digit's images that is for testing, of images that come without a split.
    teacher_every : int
        The teacher shows the target at steps 0, teacher_every, 2 teacher_every, …
    radius : float
        Of the circle, in the units of the outputs.
    dt : float
        Duration of a step, in seconds. The original has none.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.
    ImportError
        When images are needed and scikit-learn is not installed.
    FileNotFoundError
        When the pendigits are needed and not on this computer.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> task = fg.tasks.OnlineLineDrawing()
    >>> trials = task.sample(50, seed=0)
    >>> trials.inputs.shape, np.flatnonzero(trials.mask[0]).tolist()
    ((50, 28, 28), [0, 4, 8, 12, 16, 20, 24])
    >>> task.end_points.round(2).tolist()[:2]
    [[0.0, 10.0], [5.88, 8.09]]
    """

    teacher_every: int = 4
    radius: float = 10.0
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("teacher_every", self.teacher_every, 1)
        number("radius", self.radius, low=0.0, above=True)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.n_rows

    @property
    def input_names(self) -> tuple[str, ...]:
        """The pixels of a row."""
        return tuple(f"column {column}" for column in range(self.n_rows))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The pen."""
        return ("x", "y")

    @property
    def end_points(self) -> NDArray[np.float64]:
        """Where the lines of the digits 0 … 9 end, (10, 2)."""
        angles = 2 * np.pi * np.arange(N_DIGITS) / N_DIGITS
        return self.radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: digit, image (its position among all)."""
        images, info = self._draw_images(n_trials, rng)
        targets = np.linspace(0.0, 1.0, self.n_steps)[:, None] * self.end_points[info["digit"]][:, None]
        shown = np.tile(np.arange(self.n_steps) % self.teacher_every == 0, (n_trials, 1))
        return self.trials(images, targets, mask=shown, info=info)

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
        right = (distance.argmin(axis=1) == trials.info["digit"]) & np.isfinite(last).all(axis=1)
        return np.asarray(right, dtype=np.float64)
