"""Sequential digits: read a handwritten digit row by row, or pixel by pixel, and name it.

The images are scikit-learn's digits: 1797 of 8 × 8 pixels, 0 to 16 (Alpaydin & Kaynak, UCI Machine Learning Repository,
1998), here divided by 16. The small sister of sequential MNIST, which needs no download.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.classes import chosen_right, one_hot
from fastigial.tasks.timing import choice, number
from fastigial.tasks.trials import Trials

__all__ = ["SequentialDigits"]

# Which images are for testing must never depend on the seed of a sample.
_SPLIT_SEED = 20000


@cache
def _images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return images (1797, 8, 8) from 0 to 1, and digits (1797,)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("SequentialDigits reads scikit-learn's digits: pip install scikit-learn") from error
    found = load_digits()
    return found.images / 16.0, found.target.astype(np.int64)


@dataclass(kw_only=True, repr=False)
class SequentialDigits(Task):
    """Read a handwritten digit of 8 × 8 pixels in a sequence, and name it.

    Inputs: the eight pixels of a row at each of eight steps, or one pixel at each of sixty-four, from 0 to 1, from the
    top left on. Classes: the digits, counted at the last step or at all. Needs scikit-learn.

    Parameters
    ----------
    by : {"row", "pixel"}
    label_at : {"last", "all"}
        The steps at which the answer counts.
    split : {"train", "test", "all"}
        Which images to draw from. The split is the same for every seed: no test image is ever among those to train on.
    test_fraction : float
        Share of each digit's images that is for testing.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.
    ImportError
        When images are needed and scikit-learn is not installed.

    Examples
    --------
    >>> import fastigial as fg
    >>> train, test = fg.tasks.SequentialDigits(), fg.tasks.SequentialDigits(split="test")
    >>> train.n_images, test.n_images
    (1438, 359)
    >>> everything = test.sample(test.n_images, seed=0)
    >>> len(set(everything.info["image"]))
    359
    """

    loss = "cross_entropy"

    by: str = "row"
    label_at: str = "last"
    split: str = "train"
    test_fraction: float = 0.2
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("by", self.by, ("row", "pixel"))
        choice("label_at", self.label_at, ("last", "all"))
        choice("split", self.split, ("train", "test", "all"))
        number("test_fraction", self.test_fraction, low=0.05, high=0.95)

    def _chosen(self) -> NDArray[np.intp]:
        """Return the positions of the images of the split."""
        digits = _images()[1]
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(digits))
        is_test = np.zeros(len(digits), dtype=bool)
        for digit in range(10):
            members = order[digits[order] == digit]
            is_test[members[: round(self.test_fraction * len(members))]] = True
        return np.flatnonzero({"train": ~is_test, "test": is_test, "all": np.ones_like(is_test)}[self.split])

    @property
    def n_images(self) -> int:
        """Number of images to draw from."""
        return len(self._chosen())

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return 8 if self.by == "row" else 64

    @property
    def input_names(self) -> tuple[str, ...]:
        """The pixels of a row, or the pixel."""
        return tuple(f"column {column}" for column in range(8)) if self.by == "row" else ("pixel",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The digits."""
        return tuple(str(digit) for digit in range(10))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: digit, image (its position among all), label.

        Without replacement: an image comes again only when all have come.
        """
        images, digits = _images()
        chosen = self._chosen()
        n_rounds = -(-n_trials // len(chosen))
        drawn = np.concatenate([rng.permutation(chosen) for _ in range(n_rounds)])[:n_trials]
        counted = (
            np.ones(self.n_steps, dtype=bool) if self.label_at == "all" else np.arange(self.n_steps) == self.n_steps - 1
        )
        labels = np.where(counted, digits[drawn][:, None], -1)
        return self.trials(
            images[drawn].reshape(n_trials, self.n_steps, -1),
            one_hot(labels, 10),
            mask=labels >= 0,
            info={"digit": digits[drawn], "image": drawn, "label": labels},
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
