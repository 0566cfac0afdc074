"""Planted tensors: a known low-rank signal plus noise, the same numbers in every process.

All draws are standard normal, so a component has unit variance and a signal of R components has variance R,
far above the noise (variance 0.25). The best fit leaves a mean squared error of about
``0.25 * (1 - degrees of freedom / entries)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHAPE = (200, 100, 150)
"""Trials, neurons, time steps of the full benchmark."""

QUICK_SHAPE = (60, 50, 40)
"""The same for ``--quick``."""

WARM_UP_SHAPE = (24, 20, 16)
"""The same for the fit that precedes the timed one."""

NOISE_SD = 0.5
SEED = 20240


def noisy(signal: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Add Gaussian noise of SD ``NOISE_SD`` and round to float32."""
    return (signal + NOISE_SD * rng.standard_normal(signal.shape)).astype(np.float32)


def slice_tensor(shape: tuple[int, int, int], ranks: tuple[int, int, int], seed: int = SEED) -> NDArray[np.float32]:
    """Plant a sum of trial, neuron and time slices.

    Parameters
    ----------
    shape
        (n_trials, n_neurons, n_steps).
    ranks
        Number of components of each slice type, in the same order.
    seed
        Seed of the generator.

    Returns
    -------
    ndarray
        (n_trials, n_neurons, n_steps) float32.

    Examples
    --------
    >>> slice_tensor((6, 5, 4), (1, 1, 1)).shape
    (6, 5, 4)
    """
    rng = np.random.default_rng(seed)
    n_trials, n_neurons, n_steps = shape
    signal = np.zeros(shape)
    for n_components, size, slice_shape, rule in (
        (ranks[0], n_trials, (n_neurons, n_steps), "rk,rnt->knt"),
        (ranks[1], n_neurons, (n_trials, n_steps), "rn,rkt->knt"),
        (ranks[2], n_steps, (n_trials, n_neurons), "rt,rkn->knt"),
    ):
        loadings = rng.standard_normal((n_components, size))
        slices = rng.standard_normal((n_components, *slice_shape))
        signal += np.einsum(rule, loadings, slices)
    return noisy(signal, rng)


def cp_tensor(shape: tuple[int, int, int], n_components: int, seed: int = SEED) -> NDArray[np.float32]:
    """Plant a sum of outer products (CP, the model of TCA).

    Parameters
    ----------
    shape
        (n_trials, n_neurons, n_steps).
    n_components
        Number of outer products.
    seed
        Seed of the generator.

    Returns
    -------
    ndarray
        (n_trials, n_neurons, n_steps) float32.

    Examples
    --------
    >>> cp_tensor((6, 5, 4), 2).dtype
    dtype('float32')
    """
    rng = np.random.default_rng(seed)
    trials, neurons, steps = (rng.standard_normal((size, n_components)) for size in shape)
    return noisy(np.einsum("kr,nr,tr->knt", trials, neurons, steps), rng)


def clipped(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Set what is negative to zero: about half of the entries, so that no nonnegative model fits to the noise.

    Examples
    --------
    >>> clipped(np.array([-1, 2], np.float32)).tolist()
    [0.0, 2.0]
    """
    return np.maximum(data, np.float32(0))


def with_missing(data: NDArray[np.float32], fraction: float, seed: int = SEED) -> NDArray[np.float32]:
    """Return a copy in which each entry is NaN with probability ``fraction``, independently of the others.

    Examples
    --------
    >>> int(np.isnan(with_missing(np.zeros(1000, np.float32), 0.3)).sum())
    310
    """
    data = data.copy()
    data[np.random.default_rng(seed).random(data.shape, dtype=np.float32) < fraction] = np.nan
    return data
