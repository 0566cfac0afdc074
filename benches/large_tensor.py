"""A tensor of hundreds of megabytes made in place, so that the process never holds more than it and a few trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

AddSignal = Callable[[int, NDArray[np.float32]], None]
"""Adds the signal of a trial to its entries (n_neurons, n_steps)."""

SHAPE = (1000, 500, 300)
"""Trials, neurons, time steps: 600 MB in float32."""

QUICK_SHAPE = (100, 100, 100)
NOISE_SD = 0.5


def make(
    shape: tuple[int, int, int],
    ranks: int | tuple[int, int, int],
    *,
    clipped: bool = False,
    missing: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Plant components plus noise, trial by trial.

    Parameters
    ----------
    shape
        (n_trials, n_neurons, n_steps).
    ranks
        A number of outer products, or numbers of trial-, neuron- and time-slicing components.
    clipped
        Set what is negative to zero.
    missing
        Probability of an entry to be NaN.
    seed
        Seed of the generator.

    Returns
    -------
    ndarray
        ``shape``, float32.

    Examples
    --------
    >>> tensor = make((6, 5, 4), (1, 1, 1), clipped=True, missing=0.5)
    >>> tensor.shape, bool(np.nanmin(tensor) >= 0), bool(0 < np.isnan(tensor).sum() < tensor.size)
    ((6, 5, 4), True, True)
    """
    rng = np.random.default_rng(seed)
    add_signal = signal(rng, shape, ranks)
    tensor = np.empty(shape, np.float32)
    for trial, entries in enumerate(tensor):
        rng.standard_normal(dtype=np.float32, out=entries)
        entries *= NOISE_SD
        add_signal(trial, entries)
        if clipped:
            np.maximum(entries, 0, out=entries)
        if missing:
            entries[rng.random(entries.shape, dtype=np.float32) < missing] = np.nan
    return tensor


def signal(rng: np.random.Generator, shape: tuple[int, int, int], ranks: int | tuple[int, int, int]) -> AddSignal:
    """Plant components: what adds their signal to a trial."""
    return _outer_products(rng, shape, ranks) if isinstance(ranks, int) else _slices(rng, shape, ranks)


def _outer_products(rng: np.random.Generator, shape: tuple[int, int, int], rank: int) -> AddSignal:
    trials, neurons, steps = (_draw(rng, size, rank) for size in shape)

    def add(trial: int, entries: NDArray[np.float32]) -> None:
        entries += (neurons * trials[trial]) @ steps.T

    return add


def _slices(rng: np.random.Generator, shape: tuple[int, int, int], ranks: tuple[int, int, int]) -> AddSignal:
    n_trials, n_neurons, n_steps = shape
    r_trial, r_neuron, r_time = ranks
    trial_loadings, trial_slices = _draw(rng, n_trials, r_trial), _draw(rng, r_trial, n_neurons, n_steps)
    neuron_loadings, neuron_slices = _draw(rng, n_neurons, r_neuron), _draw(rng, n_trials, r_neuron, n_steps)
    time_loadings, time_slices = _draw(rng, r_time, n_steps), _draw(rng, n_trials, n_neurons, r_time)

    def add(trial: int, entries: NDArray[np.float32]) -> None:
        for loading, planted in zip(trial_loadings[trial], trial_slices, strict=True):
            entries += loading * planted
        entries += neuron_loadings @ neuron_slices[trial]
        entries += time_slices[trial] @ time_loadings

    return add


def _draw(rng: np.random.Generator, *size: int) -> NDArray[np.float32]:
    return rng.standard_normal(size, dtype=np.float32)
