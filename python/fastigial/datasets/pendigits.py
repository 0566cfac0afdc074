"""Digits written with a pen on a tablet by 44 people (Alpaydin & Alimoglu 1998, UCI Machine Learning Repository)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.files import fetch_file, find_file
from fastigial.datasets.pen_rendering import render
from fastigial.datasets.pen_resampling import resample
from fastigial.datasets.registry import PENDIGITS
from fastigial.datasets.unipen import Strokes, parse_unipen

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PenDigits", "fetch_pendigits", "load_pendigits"]

FILES = {"train": "pendigits-orig.tra", "test": "pendigits-orig.tes"}
N_TRAINING_WRITERS = 30
MOST_POINTS = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class PenDigits:
    """Handwritten digits as the pen drew them.

    Attributes
    ----------
    strokes : tuple of tuple of ndarray, each of shape (n_points, 2)
        Of each digit its strokes, from putting the pen down to lifting it: x and y in tablet units (0 to about 500),
        y upwards, at the times of the tablet.
    labels : ndarray of int, shape (n_digits,)
        Which digit, 0 to 9.
    writers : ndarray of int, shape (n_digits,)
        Who wrote it: 1 to 30 in the training set, 31 to 44 in the test set, in which other people wrote.
    attrs : dict of str to str
        Where the digits are from, their licence and whom to cite.
    """

    strokes: tuple[Strokes, ...]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    attrs: dict[str, str] = field(default_factory=dict)

    @property
    def is_test(self) -> NDArray[np.bool_]:
        """Which digits are those of the test set, (n_digits,)."""
        return np.asarray(self.writers > N_TRAINING_WRITERS)

    def to_images(self) -> NDArray[np.float32]:
        """Draw the digits as MNIST shows its own, (n_digits, 28, 28), ink from 0 to 1, the top row first.

        Scaled to fill a box of 20 × 20 pixels and centred on the centre of mass of the line; a line is about two pixels
        wide and anti-aliased.

        Examples
        --------
        >>> from fastigial.datasets import load_pendigits
        >>> load_pendigits("test").to_images().shape  # doctest: +SKIP
        (3498, 28, 28)
        """
        return render(self.strokes)

    def resampled(self, n_points: int = 28, *, by: str = "length") -> NDArray[np.float64]:
        """Take each digit at `n_points` places, evenly spaced from its first point to its last.

        Parameters
        ----------
        n_points : int
            From 2 to 10 000.
        by : {"length", "time"}
            Spaced along the path, or in time. From one stroke to the next the path is straight and takes one interval
            of the tablet: for how long the pen was up, the file does not say.

        Returns
        -------
        ndarray, shape (n_digits, n_points, 3)
            x and y, each digit centred and scaled so that its longer side reaches from -1 to 1; and 1 if the pen was on
            paper on its way to this point, else 0.

        Raises
        ------
        ValueError
            If `n_points` or `by` is none of these.
        """
        if not 2 <= n_points <= MOST_POINTS:
            raise ValueError(f"n_points is {n_points}, expected 2 to {MOST_POINTS}")
        if by not in ("length", "time"):
            raise ValueError(f"by is {by!r}, expected 'length' or 'time'")
        return np.stack([resample(strokes, n_points, by == "length") for strokes in self.strokes])

    def __len__(self) -> int:
        return len(self.strokes)

    def __repr__(self) -> str:
        return f"<PenDigits: {len(self)} digits by {len(np.unique(self.writers))} writers>"


def fetch_pendigits() -> list[Path]:
    """Download the two files (5.3 MB) into the cache, once.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    OSError
        If a download fails.
    ValueError
        If what arrives is not the pinned version.

    Examples
    --------
    >>> from fastigial.datasets import fetch_pendigits
    >>> fetch_pendigits()  # doctest: +SKIP
    [PosixPath('.../pendigits-orig.tra'), PosixPath('.../pendigits-orig.tes')]
    """
    return [fetch_file(PENDIGITS, file) for file in FILES.values()]


def load_pendigits(split: str = "train") -> PenDigits:
    """Load digits written with a pen: 7494 by 30 writers to train on, 3498 by 14 others to test with.

    Parameters
    ----------
    split : {"train", "test", "all"}
        The authors' own; "all" has the training set first.

    Returns
    -------
    PenDigits

    Raises
    ------
    FileNotFoundError
        If a file is neither below FASTIGIAL_DATA nor in the cache.
    ValueError
        If `split` is none of these, or a file is damaged.

    Examples
    --------
    >>> from fastigial.datasets import load_pendigits
    >>> load_pendigits("test")  # doctest: +SKIP
    <PenDigits: 3498 digits by 14 writers>
    """
    if split not in ("train", "test", "all"):
        raise ValueError(f"split is {split!r}, expected 'train', 'test' or 'all'")
    strokes: list[Strokes] = []
    labels, writers = [], []
    for part in ("train", "test") if split == "all" else (split,):
        path = find_file(PENDIGITS, FILES[part], "fetch_pendigits")
        found, digits, people = parse_unipen(path.read_text(encoding="ascii"), path.name)
        strokes.extend(found)
        labels.append(digits)
        # Both files count their writers from 1, but they are other people.
        writers.append(people + (N_TRAINING_WRITERS if part == "test" else 0))
    return PenDigits(tuple(strokes), np.concatenate(labels), np.concatenate(writers), PENDIGITS.attrs())
