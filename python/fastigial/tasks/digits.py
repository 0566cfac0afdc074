"""Sequential digits: read a handwritten digit row by row, or pixel by pixel, and name it.

By default the images are scikit-learn's digits of 8 × 8 pixels, from 0 to 1: the small sister of sequential MNIST,
which needs no download. With images of 28 × 28 pixels it is the online visual discrimination of Boven, Pemberton,
Chadderton, Apps & Costa (Nature Communications 14:51, 2023): 28 rows, and the class at the last step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.classes import chosen_right, one_hot
from fastigial.tasks.images import N_DIGITS, ImageTask
from fastigial.tasks.timing import choice
from fastigial.tasks.trials import Trials

__all__ = ["SequentialDigits"]


@dataclass(kw_only=True, repr=False, eq=False)
class SequentialDigits(ImageTask):
    """Read a handwritten digit in a sequence, and name it.

    Inputs: the pixels of a row at each step, or one pixel at each, from the top left on; by default of 8 × 8 pixels
    from 0 to 1. Classes: the digits, counted at the last step or at all.

    Parameters
    ----------
    by : {"row", "pixel"}
    label_at : {"last", "all"}
        The steps at which the answer counts.
    images : {"digits", "pendigits"} or array_like, shape (n_images, size, size)
        scikit-learn's digits of 8 × 8 pixels; `fastigial.datasets.load_pendigits` drawn with 28 × 28 pixels; or your
        own, such as MNIST: 8-bit numbers are divided by 255, others are taken as they are.
    labels : array_like of int, shape (n_images,), optional
        The digits of your own images.
    n_rows : int
        Rows and columns of the images that are read; others are brought to this size by linear interpolation.
    split : {"train", "test", "all"}
        Which images to draw from. The split is the same for every seed: no test image is ever among those to train on.
        That of the pendigits is the data's own, by writers.
    test_fraction : float
        Share of each digit's images that is for testing, of images that come without a split.
    dt : float
        Duration of a step, in seconds.
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
    >>> train, test = fg.tasks.SequentialDigits(), fg.tasks.SequentialDigits(split="test")
    >>> train.n_images, test.n_images
    (1438, 359)
    >>> everything = test.sample(test.n_images, seed=0)
    >>> len(set(everything.info["image"]))
    359
    >>> fg.tasks.SequentialDigits(n_rows=28).sample(50, seed=0).inputs.shape
    (50, 28, 28)
    """

    loss = "cross_entropy"

    by: str = "row"
    label_at: str = "last"
    n_rows: int = 8
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("by", self.by, ("row", "pixel"))
        choice("label_at", self.label_at, ("last", "all"))

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.n_rows if self.by == "row" else self.n_rows**2

    @property
    def input_names(self) -> tuple[str, ...]:
        """The pixels of a row, or the pixel."""
        return tuple(f"column {column}" for column in range(self.n_rows)) if self.by == "row" else ("pixel",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The digits."""
        return tuple(str(digit) for digit in range(N_DIGITS))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: digit, image (its position among all), label.

        Without replacement: an image comes again only when all have come.
        """
        images, info = self._draw_images(n_trials, rng)
        counted = (np.arange(self.n_steps) == self.n_steps - 1) | (self.label_at == "all")
        labels = np.where(counted, info["digit"][:, None], -1)
        return self.trials(
            images.reshape(n_trials, self.n_steps, -1),
            one_hot(labels, N_DIGITS),
            mask=labels >= 0,
            info={**info, "label": labels},
        )

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
