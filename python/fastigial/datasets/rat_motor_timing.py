"""Rat motor cortex during two timed lever presses (Dhawale and Olveczky, in Williams et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastigial.datasets.files import fetch_file, find_file
from fastigial.datasets.registry import RAT_MOTOR_TIMING
from fastigial.preprocess import bin_spikes
from fastigial.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fetch_rat_motor_timing", "load_rat_motor_timing"]

FILE = "motor_ctx_data.npz"
MILLISECONDS = 1e-3


def fetch_rat_motor_timing() -> Path:
    """Download the file (1.5 MB) into the cache, once.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OSError
        If the download fails.
    ValueError
        If what arrives is not the pinned version.

    Examples
    --------
    >>> from fastigial.datasets import fetch_rat_motor_timing
    >>> fetch_rat_motor_timing()  # doctest: +SKIP
    PosixPath('.../motor_ctx_data.npz')
    """
    return fetch_file(RAT_MOTOR_TIMING, FILE)


def load_rat_motor_timing(
    *,
    bin_width: float = 0.02,
    window: tuple[float, float] = (0.0, 2.0),
    dtype: Literal["float64", "float32"] = "float64",
) -> Recording:
    """Load spike counts of 30 units in 1266 trials of two lever presses; the first press is at 0.5 s.

    Trials are *sorted by the interval between the presses*, not in the order they were performed: a trial
    factor here is a function of the interval and never learning. Split trials at random, not by order.

    Parameters
    ----------
    bin_width : float
        In seconds.
    window : (start, stop)
        In seconds, within (0, 2): the part of the trial to bin.
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording, shape (1266, 30, n_steps)
        1266 × 30 × 100 at the defaults. Coordinates: first_press, second_press and interval (trial, seconds),
        unit (neuron), time.

    Raises
    ------
    FileNotFoundError
        If the file is neither below FASTIGIAL_DATA nor in the cache.
    ValueError
        If the window leaves the trial or does not hold a whole number of bins.

    Examples
    --------
    >>> from fastigial.datasets import load_rat_motor_timing
    >>> load_rat_motor_timing().shape  # doctest: +SKIP
    (1266, 30, 100)
    """
    path = find_file(RAT_MOTOR_TIMING, FILE, "fetch_rat_motor_timing")
    with np.load(path, allow_pickle=False) as file:
        start, stop = (float(file[key][0]) * MILLISECONDS for key in ("tmin", "tmax"))
        if window[0] < start or window[1] > stop:
            raise ValueError(f"window must lie within ({start}, {stop}) s, got {window}")
        first, second = file["tap1"] * MILLISECONDS, file["tap2"] * MILLISECONDS
        n_neurons = int(file["neuron_ids"].max()) + 1
        counts = bin_spikes(
            file["spiketimes"] * MILLISECONDS,
            file["trial_ids"],
            file["neuron_ids"],
            window=window,
            bin_width=bin_width,
            n_trials=len(first),
            n_neurons=n_neurons,
            dtype=dtype,
        )
    return Recording(
        counts.data,
        coords={
            "first_press": ("trial", first),
            "second_press": ("trial", second),
            "interval": ("trial", second - first),
            "unit": ("neuron", np.arange(n_neurons)),
            "time": counts.coords["time"],
        },
        name="rat motor timing",
        attrs={
            **RAT_MOTOR_TIMING.attrs(),
            **counts.attrs,
            "trial_order": "sorted by interval between presses, not by time: a trial factor is not learning",
        },
    )
