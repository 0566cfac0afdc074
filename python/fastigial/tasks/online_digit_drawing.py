"""Online digit drawing: while a handwritten digit is read row by row, draw the template of that digit.

With the way-points w_0 … w_k of a template, y* is linear from each to the next, each as many steps as any other:

    x_t = row t of the image,   y*_t = w(k t/(T − 1)),   w(i) = w_i     t = 0 … T − 1

The task of Boven, Pemberton, Chadderton, Apps & Costa (Nature Communications 14:51, 2023): T = 28 rows of 28 pixels,
templates of straight segments between points of a 3 × 3 grid in the unit box, a teacher every fourth step. Departures:
the images need not be MNIST's, and the templates are a design of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.images import N_DIGITS, ImageTask
from fastigial.tasks.timing import whole
from fastigial.tasks.trials import Trials

__all__ = ["OnlineDigitDrawing"]

# Points of the grid, named as on a numeric keypad: 7 8 9 above 4 5 6 above 1 2 3.
_TEMPLATES = ("97139", "482", "79613", "79531", "74693", "974631", "841364", "792", "97319", "647962")


@dataclass(kw_only=True, repr=False, eq=False)
class OnlineDigitDrawing(ImageTask):
    """Draw a digit in straight segments while reading one of that name.

    Inputs: a row of the image at each step. Outputs "x" and "y": along the digit's template, in the unit box, from its
    first way-point at the first step to its last at the last; every segment takes as long. The templates are a design
    of this package: each is drawn in one go between points of a 3 × 3 grid. They begin in different places, where no
    network can be before it has seen the first rows. The target is known at every step; what counts in the loss are
    the steps at which the teacher shows it.

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
    >>> import fastigial as fg
    >>> task = fg.tasks.OnlineDigitDrawing()
    >>> task.way_points(7).tolist()
    [[0.0, 1.0], [1.0, 1.0], [0.5, 0.0]]
    >>> trials = task.sample(50, seed=0)
    >>> trials.targets.shape, int(trials.mask[0].sum())
    ((50, 28, 2), 7)
    """

    teacher_every: int = 4
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("teacher_every", self.teacher_every, 1)

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

    @staticmethod
    def way_points(digit: int) -> NDArray[np.float64]:
        """Where the template of a digit begins, turns and ends, (n_points, 2), in the unit box.

        Raises
        ------
        TypeError, ValueError
            If `digit` is not a whole number from 0 to 9.
        """
        keys = np.array([int(key) - 1 for key in _TEMPLATES[whole("digit", digit, 0, N_DIGITS - 1)]])
        return np.stack([keys % 3, keys // 3], axis=1) / 2

    @property
    def templates(self) -> NDArray[np.float64]:
        """The path of each digit, (10, n_steps, 2)."""
        paths = np.empty((N_DIGITS, self.n_steps, 2))
        for digit, path in enumerate(paths):
            points = self.way_points(digit)
            along = np.linspace(0, len(points) - 1, self.n_steps)
            path[:] = np.stack([np.interp(along, np.arange(len(points)), axis) for axis in points.T], axis=1)
        return paths

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: digit, image (its position among all)."""
        images, info = self._draw_images(n_trials, rng)
        shown = np.tile(np.arange(self.n_steps) % self.teacher_every == 0, (n_trials, 1))
        return self.trials(images, self.templates[info["digit"]], mask=shown, info=info)

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each trial whose outputs are nearer to its digit's template than to any other, else 0.

        By the squared distance, summed over the steps that count.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 2)
            A trial with an output of NaN at a step that counts is wrong.
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
        weights = np.asarray(trials.weights, dtype=np.float64)
        distance = np.stack(
            [np.where(weights > 0, weights * (y - path) ** 2, 0.0).sum(axis=(1, 2)) for path in self.templates], axis=1
        )
        right = (distance.argmin(axis=1) == trials.info["digit"]) & np.isfinite(distance).all(axis=1)
        return np.asarray(right, dtype=np.float64)
