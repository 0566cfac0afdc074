"""Macaque premotor and motor cortex during delayed reaches, single trials.

Recorded by Yu et al. 2009, in the form that Cowley et al. 2013 gave out with DataHigh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastigial.datasets.files import fetch_file, find_file
from fastigial.datasets.registry import PMD_REACH
from fastigial.preprocess import COUNTS, bin_centres
from fastigial.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["fetch_pmd_reach", "load_pmd_reach"]

FILES = {"ex1": "ex1_spikecounts.mat", "ex2": "ex2_rawspiketrains.mat"}
SAMPLES_PER_SECOND = 1000
SHORTEST_TRIAL = {"ex1": 0.4, "ex2": 1.0}


def fetch_pmd_reach() -> tuple[Path, ...]:
    """Download both files (0.4 MB, GPL) into the cache, once.

    Returns
    -------
    tuple of pathlib.Path

    Raises
    ------
    OSError
        If the download fails.
    ValueError
        If what arrives is not the pinned version.

    Examples
    --------
    >>> from fastigial.datasets import fetch_pmd_reach
    >>> fetch_pmd_reach()  # doctest: +SKIP
    (PosixPath('.../ex1_spikecounts.mat'), PosixPath('.../ex2_rawspiketrains.mat'))
    """
    return tuple(fetch_file(PMD_REACH, file) for file in FILES.values())


def load_pmd_reach(
    which: Literal["ex2", "ex1"] = "ex2",
    *,
    bin_width: float = 0.02,
    duration: float | Literal["shared"] | None = "shared",
    dtype: Literal["float64", "float32"] = "float64",
) -> Recording:
    """Load spike counts of 61 units recorded together in macaque PMd/M1 during delayed reaches.

    ``"ex2"``: whole trials, 2 reaches × 56, 1.018–1.526 s. ``"ex1"``: the delay period, 7 reaches × 30, 0.4
    s. Trials come reach by reach as in the files, *not* in the order they were performed: a trial factor
    shows condition, not learning. Time runs from the start of the trial; event times are not part of the
    files.

    Parameters
    ----------
    which : {"ex2", "ex1"}
    bin_width : float
        In seconds, a whole number of milliseconds.
    duration : float, "shared" or None
        Length in seconds. ``"shared"`` takes what every trial has in whole tenths of a second (ex2: 1.0, ex1:
        0.4), so that all is observed. None keeps the longest trial: NaN after the last whole bin of the
        shorter ones.
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording, shape (n_trials, 61, n_steps)
        ex2 at the defaults: 112 × 61 × 50; ex1: 210 × 61 × 20. Coordinates: condition (trial), duration
        (trial, seconds), unit (neuron), time.

    Raises
    ------
    FileNotFoundError
        If the file is neither below FASTIGIAL_DATA nor in the cache.
    ValueError
        If `which` is unknown, `bin_width` is not a whole number of milliseconds, or `duration` not of bins.

    Examples
    --------
    >>> from fastigial.datasets import load_pmd_reach
    >>> load_pmd_reach("ex2").shape  # doctest: +SKIP
    (112, 61, 50)
    """
    from scipy.io import loadmat

    if which not in FILES:
        raise ValueError(f"which must be 'ex1' or 'ex2', got {which!r}")
    samples = samples_per_bin(bin_width)
    trials = loadmat(find_file(PMD_REACH, FILES[which], "fetch_pmd_reach"))["D"].ravel()
    trains = [np.asarray(trial["data"]) for trial in trials]
    lengths = np.array([train.shape[1] for train in trains])
    if duration is None:
        duration = int(lengths.max()) // samples * bin_width
    elif duration == "shared":
        duration = SHORTEST_TRIAL[which]
    centres = bin_centres((0.0, duration), bin_width)
    counts = np.full((len(trains), len(trains[0]), len(centres)), np.nan, dtype=dtype)
    for target, train in zip(counts, trains, strict=True):
        binned = count_samples(train, samples)[:, : len(centres)]
        target[:, : binned.shape[1]] = binned
    return Recording(
        counts,
        coords={
            "condition": ("trial", np.array([str(trial["condition"][0]) for trial in trials])),
            "duration": ("trial", lengths / SAMPLES_PER_SECOND),
            "unit": ("neuron", np.arange(counts.shape[1])),
            "time": ("time", centres),
        },
        name=f"PMd reach {which}",
        attrs={
            **PMD_REACH.attrs(),
            "units": COUNTS,
            "trial_order": "by condition, not by time: a trial factor is not learning",
        },
    )


def samples_per_bin(bin_width: float) -> int:
    """Count the 1-ms samples that make a bin.

    Parameters
    ----------
    bin_width : float
        In seconds.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If that is not a whole number.

    Examples
    --------
    >>> from fastigial.datasets.pmd_reach import samples_per_bin
    >>> samples_per_bin(0.02)
    20
    """
    samples = round(bin_width * SAMPLES_PER_SECOND)
    if samples < 1 or abs(samples - bin_width * SAMPLES_PER_SECOND) > 1e-6:
        raise ValueError(f"bin_width must be a whole number of milliseconds (the sampling), got {bin_width} s")
    return samples


def count_samples(train: NDArray[Any], samples: int) -> NDArray[np.int64]:
    """Sum samples along the last axis in whole bins; an incomplete last bin is left out.

    Parameters
    ----------
    train : ndarray, shape (..., n_samples)
    samples : int

    Returns
    -------
    ndarray of int64, shape (..., n_samples // samples)

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.datasets.pmd_reach import count_samples
    >>> count_samples(np.array([1, 0, 1, 1, 1]), 2)
    array([1, 2])
    """
    n_bins = train.shape[-1] // samples
    whole = train[..., : n_bins * samples]
    counts: NDArray[np.int64] = whole.reshape(*train.shape[:-1], n_bins, samples).sum(axis=-1, dtype=np.int64)
    return counts
