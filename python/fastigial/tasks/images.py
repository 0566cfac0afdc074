"""Images of digits for the tasks that read them row by row: where they come from, and which of them are for testing.

| source      | images                                                                           | split              |
| ----------- | -------------------------------------------------------------------------------- | ------------------ |
| "digits"    | scikit-learn's: 1797 of 8 × 8 pixels (Alpaydin & Kaynak 1998, UCI)               | by `test_fraction` |
| "pendigits" | 10992 of 28 × 28, drawn from the path of a pen (Alpaydin & Alimoglu 1998, UCI)   | the data's own     |
| your own    | an array, such as MNIST                                                          | by `test_fraction` |

An image of m rows is brought to n rows, and likewise its columns, by linear interpolation between the centres of its
pixels; where it shrinks, by means with triangular weights as wide as the shrinking asks:

    J = R I Rᵀ,   R_rk ∝ max(0, 1 − abs((r + ½) m/n − k − ½) / max(1, m/n)),   Σ_k R_rk = 1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.timing import choice, number, whole

__all__ = ["ImageTask", "Images", "resized"]

N_DIGITS = 10
MOST_ROWS = 1024
# Which images are for testing must never depend on the seed of a sample.
_SPLIT_SEED = 20000


@dataclass(frozen=True, eq=False)
class Images:
    """Images of digits, and which are for testing.

    Attributes
    ----------
    values : ndarray, shape (n_images, size, size)
        Brightness, in units of 1 / scale.
    digits : ndarray of int, shape (n_images,)
    scale : float
        What values are divided by.
    is_test : ndarray of bool, shape (n_images,), optional
        The split that the images came with.
    """

    values: NDArray[Any]
    digits: NDArray[np.int64]
    scale: float = 1.0
    is_test: NDArray[np.bool_] | None = None
    _known: dict[tuple[str, float], NDArray[np.intp]] = field(default_factory=dict)

    def chosen(self, split: str, test_fraction: float) -> NDArray[np.intp]:
        """Return the positions of the images of a split; each digit has the same share of images for testing."""
        key = (split, test_fraction)
        if key not in self._known:
            is_test = self._drawn_for_testing(test_fraction) if self.is_test is None else self.is_test
            wanted = {"train": ~is_test, "test": is_test, "all": np.ones_like(is_test)}
            self._known[key] = np.flatnonzero(wanted[split])
        return self._known[key]

    def _drawn_for_testing(self, test_fraction: float) -> NDArray[np.bool_]:
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(self.digits))
        is_test = np.zeros(len(self.digits), dtype=bool)
        for digit in range(N_DIGITS):
            members = order[self.digits[order] == digit]
            is_test[members[: round(test_fraction * len(members))]] = True
        return is_test

    def read(self, which: NDArray[np.intp], n_rows: int) -> NDArray[np.float64]:
        """Return some of the images with n_rows × n_rows pixels."""
        return resized(self.values[which].astype(np.float64) / self.scale, n_rows)


def resized(images: NDArray[np.float64], n_rows: int) -> NDArray[np.float64]:
    """Bring square images (n_images, m, m) to (n_images, n_rows, n_rows); see the head of this file.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.tasks.images import resized
    >>> resized(np.array([[[0.0, 1.0], [0.0, 1.0]]]), 4)[0, 0].tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    size = images.shape[1]
    if size == n_rows:
        return images
    centres = (np.arange(n_rows) + 0.5) * size / n_rows
    weights = np.maximum(0.0, 1 - np.abs(centres[:, None] - np.arange(size) - 0.5) / max(1.0, size / n_rows))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ images @ weights.T)


@cache
def _sklearn_digits() -> Images:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('images="digits" are those of scikit-learn: pip install scikit-learn') from error
    found = load_digits()
    return Images(found.images, found.target.astype(np.int64), scale=16.0)


@cache
def _pendigits() -> Images:
    from fastigial.datasets import load_pendigits

    found = load_pendigits("all")
    return Images(found.to_images(), found.labels, is_test=found.is_test)


_SOURCES = {"digits": _sklearn_digits, "pendigits": _pendigits}


def _own(images: Any, labels: Any) -> Images:
    """Check images of the user's; whole numbers of 8 bits go from 0 to 255."""
    values, digits = np.asarray(images), np.asarray(labels)
    if values.dtype.kind not in "uif" or values.ndim != 3 or values.shape[1] != values.shape[2] or 0 in values.shape:
        raise ValueError(
            "images must be 'digits' or 'pendigits' or an array of numbers (n_images, size, size), "
            f"got {_shown(images)}"
        )
    if not np.isfinite(values).all() or values.shape[1] > MOST_ROWS:
        raise ValueError(f"images must be finite and of at most {MOST_ROWS} rows, got {_shown(values)}")
    if digits.dtype.kind not in "ui" or digits.shape != (len(values),):
        raise ValueError(
            f"labels must be a digit for each of the {len(values)} images, got "
            f"{'None' if labels is None else _shown(digits)}"
        )
    if digits.min() < 0 or digits.max() >= N_DIGITS:
        raise ValueError(f"labels must lie from 0 to 9, got {digits.min()} to {digits.max()}")
    return Images(values, digits.astype(np.int64), scale=255.0 if values.dtype == np.uint8 else 1.0)


def _shown(value: Any) -> str:
    return f"an array {value.shape} of {value.dtype}" if isinstance(value, np.ndarray) else repr(value)


@dataclass(kw_only=True, repr=False, eq=False)
class ImageTask(Task):
    """Base of the tasks that are shown images of digits. What it needs, its subclasses explain."""

    images: str | ArrayLike = "digits"
    labels: ArrayLike | None = None
    n_rows: int = 28
    split: str = "train"
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_rows", self.n_rows, 2, MOST_ROWS)
        choice("split", self.split, ("train", "test", "all"))
        number("test_fraction", self.test_fraction, low=0.05, high=0.95)
        if isinstance(self.images, str):
            choice("images", self.images, tuple(_SOURCES))
            if self.labels is not None:
                raise ValueError(f"labels must be None with images={self.images!r}, which has its own")
            self._given = None
        else:
            self._given = _own(self.images, self.labels)
            if not self.n_images:
                raise ValueError(
                    f"images must be enough for split={self.split!r}: of {len(self._given.digits)} images, "
                    f"test_fraction={self.test_fraction:g} leaves none"
                )

    def _images(self) -> Images:
        return self._given if self._given is not None else _SOURCES[str(self.images)]()

    @property
    def n_images(self) -> int:
        """Number of images to draw from."""
        return len(self._images().chosen(self.split, self.test_fraction))

    def _draw_images(
        self, n_trials: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.int64]]]:
        """Draw images (n_trials, n_rows, n_rows); which they are, and their digits.

        Without replacement: an image comes again only when all have come.
        """
        images = self._images()
        chosen = images.chosen(self.split, self.test_fraction)
        n_rounds = -(-n_trials // len(chosen))
        drawn = np.concatenate([rng.permutation(chosen) for _ in range(n_rounds)])[:n_trials]
        return images.read(drawn, self.n_rows), {"digit": images.digits[drawn], "image": drawn}
