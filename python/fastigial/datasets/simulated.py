"""Simulated recordings with a known truth.

Every function returns a :class:`~fastigial.Recording` whose ``attrs["truth"]`` is a dict with what was
planted; its entry
``"signal"`` is the tensor without noise. The same seed gives the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastigial.preprocess import COUNTS, RATES, bin_centres
from fastigial.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    DType = Literal["float64", "float32"]

__all__ = ["make_learning_recording", "make_slicetca", "make_tca"]


def make_tca(
    shape: tuple[int, int, int] = (60, 40, 50),
    n_components: int = 3,
    *,
    noise: float = 0.1,
    nonnegative: bool = False,
    missing: float = 0.0,
    seed: int = 0,
    dtype: DType = "float64",
) -> Recording:
    """Simulate a sum of rank-one components and white noise.

    ``X[k, n, t] = Σ_r a[k, r] b[n, r] c[t, r] + noise · ε[k, n, t]``

    with all of a, b, c and ε independent standard normal; `nonnegative` takes absolute values of a, b and c
    (not of the noise). Each component has unit mean square per entry.

    Parameters
    ----------
    shape : (n_trials, n_neurons, n_steps)
    n_components : int
    noise : float
        Standard deviation of the noise, in the units of the data.
    nonnegative : bool
    missing : float
        Share of entries that are NaN, drawn independently; in [0, 1).
    seed : int
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording
        ``attrs["truth"]``: factors (list of three arrays (d, n_components)), signal.

    Raises
    ------
    ValueError
        If a size or `noise` is negative or `missing` not in [0, 1).

    Examples
    --------
    >>> from fastigial.datasets import make_tca
    >>> recording = make_tca((6, 5, 4), n_components=2, seed=1)
    >>> [factor.shape for factor in recording.attrs["truth"]["factors"]]
    [(6, 2), (5, 2), (4, 2)]
    """
    _check(shape, noise, missing)
    if n_components < 1:
        raise ValueError(f"n_components must be at least 1, got {n_components}")
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((length, n_components)) for length in shape]
    if nonnegative:
        factors = [np.abs(factor) for factor in factors]
    signal = np.einsum("kr,nr,tr->knt", *factors, optimize=True)
    data = signal + noise * rng.standard_normal(shape)
    data[rng.random(shape) < missing] = np.nan
    truth = {"factors": [factor.astype(dtype) for factor in factors], "signal": signal.astype(dtype)}
    return Recording(data.astype(dtype), name="simulated TCA", attrs={"truth": truth})


def make_slicetca(
    shape: tuple[int, int, int] = (60, 50, 40),
    n_components: tuple[int, int, int] = (2, 1, 2),
    *,
    noise: float = 0.1,
    missing: float = 0.0,
    seed: int = 0,
    dtype: DType = "float64",
) -> Recording:
    """Simulate a sum of components of the three slice types and white noise.

    ``X[k, n, t] = Σ_r u[r, k] A[r, n, t] + Σ_r v[r, n] B[r, k, t] + Σ_r w[r, t] C[r, k, n] + noise · ε[k, n,
    t]``

    Loadings u, v, w and ε are independent standard normal, slices A, B, C normal with variance ``1 /
    sum(n_components)``: each component has that variance per entry, and their sum unit variance.

    Parameters
    ----------
    shape : (n_trials, n_neurons, n_steps)
    n_components : (r_trial, r_neuron, r_time)
        Number of components with trial, neuron and time loadings; not all zero.
    noise : float
        Standard deviation of the noise; 1 is as large as the signal.
    missing : float
        Share of entries that are NaN, drawn independently; in [0, 1).
    seed : int
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording
        ``attrs["truth"]``: loadings (list of three arrays (r_i, d_i)), slices (list of three arrays (r_i,
        d_j, d_k) with j < k), signal.

    Raises
    ------
    ValueError
        If a size or `noise` is negative, all ranks are zero or `missing` is not in [0, 1).

    Examples
    --------
    >>> from fastigial.datasets import make_slicetca
    >>> recording = make_slicetca((6, 5, 4), n_components=(2, 0, 1), seed=1)
    >>> [slices.shape for slices in recording.attrs["truth"]["slices"]]
    [(2, 5, 4), (0, 6, 4), (1, 6, 5)]
    """
    _check(shape, noise, missing)
    if len(n_components) != 3 or min(n_components) < 0 or sum(n_components) == 0:
        raise ValueError(f"n_components must be three ranks >= 0, not all zero, got {n_components}")
    rng = np.random.default_rng(seed)
    loadings, slices = [], []
    signal = np.zeros(shape)
    for axis, rank in enumerate(n_components):
        others = [length for other, length in enumerate(shape) if other != axis]
        loadings.append(rng.standard_normal((rank, shape[axis])))
        slices.append(rng.standard_normal((rank, *others)) / np.sqrt(sum(n_components)))
        signal += np.moveaxis(np.tensordot(loadings[-1].T, slices[-1], axes=1), 0, axis)
    data = signal + noise * rng.standard_normal(shape)
    data[rng.random(shape) < missing] = np.nan
    truth = {
        "loadings": [loading.astype(dtype) for loading in loadings],
        "slices": [part.astype(dtype) for part in slices],
        "signal": signal.astype(dtype),
    }
    return Recording(data.astype(dtype), name="simulated SliceTCA", attrs={"truth": truth})


def make_learning_recording(
    n_trials: int = 120,
    n_neurons: int = 50,
    *,
    n_conditions: int = 4,
    duration: float = 1.2,
    bin_width: float = 0.02,
    jitter: float = 0.06,
    missing: float = 0.0,
    kind: Literal["counts", "rates"] = "counts",
    seed: int = 0,
    dtype: DType = "float64",
) -> Recording:
    """Simulate a session of learning: three things going on, one of which is no TCA component.

    Rates in spikes/s of neuron n at time t of trial k::

        rate[k, n, t] = baseline[n] + learning[k] b₁[n] c₁[t] + tuning[condition[k]] b₂[n] c₂[t] + b₃[n] B[k,
        t]

    * ``learning`` rises from 0 to 1 along a sigmoid that is half way at the middle trial (one TCA component);
    * ``tuning = (1 + cos(2π · condition / n_conditions)) / 2`` follows condition (one TCA component);
    * ``B`` is a bump in time that comes earlier as the session goes on (by a fifth of the trial) and jitters
      from trial to trial (SD `jitter`): one SliceTCA component with neuron loadings b₃, many TCA components.

    The neuron patterns b are sparse, non-negative and up to some 30 spikes/s. Conditions are balanced and
    shuffled.

    Parameters
    ----------
    n_trials, n_neurons, n_conditions : int
    duration, bin_width : float
        In seconds; the duration must hold a whole number of bins.
    jitter : float
        SD of the bump's time, in seconds.
    missing : float
        Average share of trials that a neuron misses, in [0, 0.5]: each is absent for a run of trials at the
        start or the end of the session, as when a unit is lost. NaN there.
    kind : {"counts", "rates"}
        Poisson spike counts per bin, or the rates themselves.
    seed : int
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording, shape (n_trials, n_neurons, n_steps)
        Coordinates: trial_number, condition, learning (trial); unit (neuron); time. ``attrs["truth"]``:
        learning and tuning (n_trials,), neurons (3, n_neurons), courses (2, n_steps), bumps (n_trials,
        n_steps), bump_times (n_trials,), baseline (n_neurons,), signal (expected counts, or rates).

    Raises
    ------
    ValueError
        If a size is not positive, `jitter` negative, `missing` not in [0, 0.5] or `kind` unknown.

    Examples
    --------
    >>> from fastigial.datasets import make_learning_recording
    >>> make_learning_recording(n_trials=40, n_neurons=10, seed=3)
    <Recording 'simulated learning': 40 trials x 10 neurons x 60 steps, float64, 100% observed, coords: ...>
    """
    if min(n_trials, n_neurons, n_conditions) < 1 or jitter < 0:
        raise ValueError(
            "n_trials, n_neurons and n_conditions must be at least 1 and jitter >= 0, "
            f"got {n_trials}, {n_neurons}, {n_conditions} and {jitter}"
        )
    if kind not in ("counts", "rates"):
        raise ValueError(f"kind must be 'counts' or 'rates', got {kind!r}")
    if not 0 <= missing <= 0.5:
        raise ValueError(f"missing must be in [0, 0.5], got {missing}")
    rng = np.random.default_rng(seed)
    time = bin_centres((0.0, duration), bin_width)
    progress = (np.arange(n_trials) - (n_trials - 1) / 2) / n_trials
    learning = 1 / (1 + np.exp(-12 * progress))
    condition = rng.permutation(np.arange(n_trials) % n_conditions)
    tuning = (1 + np.cos(2 * np.pi * condition / n_conditions)) / 2
    baseline = rng.gamma(3.0, 2.0, n_neurons)
    neurons = rng.gamma(2.0, 6.0, (3, n_neurons)) * (rng.random((3, n_neurons)) < 0.5)
    courses = np.stack([_bump(time, 0.7 * duration, 0.15 * duration), _bump(time, 0.35 * duration, 0.1 * duration)])
    bump_times = duration * (0.5 - 0.2 * progress) + jitter * rng.standard_normal(n_trials)
    bumps = _bump(time, bump_times[:, None], 0.05 * duration)
    rates = (
        baseline[:, None]
        + learning[:, None, None] * neurons[0][:, None] * courses[0]
        + tuning[:, None, None] * neurons[1][:, None] * courses[1]
        + neurons[2][:, None] * bumps[:, None, :]
    )
    signal = rates * bin_width if kind == "counts" else rates
    data = rng.poisson(signal).astype(dtype) if kind == "counts" else signal.astype(dtype)
    _lose_units(data, missing, rng)
    truth: dict[str, Any] = {
        "learning": learning,
        "tuning": tuning,
        "neurons": neurons,
        "courses": courses,
        "bumps": bumps,
        "bump_times": bump_times,
        "baseline": baseline,
        "signal": signal.astype(dtype),
    }
    return Recording(
        data,
        coords={
            "trial_number": ("trial", np.arange(n_trials)),
            "condition": ("trial", condition),
            "learning": ("trial", learning),
            "unit": ("neuron", np.arange(n_neurons)),
            "time": ("time", time),
        },
        name="simulated learning",
        attrs={"truth": truth, "units": COUNTS if kind == "counts" else RATES},
    )


def _bump(time: NDArray[np.float64], centre: float | NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Draw a Gaussian bump of height 1."""
    bump: NDArray[np.float64] = np.exp(-0.5 * ((time - centre) / width) ** 2)
    return bump


def _lose_units(data: NDArray[Any], missing: float, rng: np.random.Generator) -> None:
    """Set a run of trials at the start or end of the session to NaN for each neuron; some miss none."""
    n_trials, n_neurons = data.shape[:2]
    lengths = np.rint(rng.uniform(0, 2 * missing * n_trials, n_neurons)).astype(int)
    at_end: NDArray[Any] = rng.integers(2, size=(n_neurons,))
    for neuron, length in enumerate(lengths):
        lost = slice(n_trials - length, None) if at_end[neuron] else slice(0, length)
        data[lost, neuron] = np.nan


def _check(shape: tuple[int, ...], noise: float, missing: float) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three positive sizes, got {shape}")
    if not noise >= 0:
        raise ValueError(f"noise must be >= 0, got {noise}")
    if not 0 <= missing < 1:
        raise ValueError(f"missing must be in [0, 1), got {missing}")
