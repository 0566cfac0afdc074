"""A granule layer, one cell and one sample at a time.

    u_i = Σ_{k<K} w_ik ξ_{s(i,k)}                        drive of cell i by its K mossy inputs
    subtractive      a_i = u_i − θ_i − κ m
    divisive         a_i = u_i / (1 + κ [m]₊) − θ_i
    g_i = [a_i]₊, or binary: 1 if a_i > 0 and else 0

m, the activity of the Golgi cells, is 0 without them, the mean of ξ over mossy fibres (feed-forward), or the mean of g
over granule cells (feedback) of the same sample: m = mean g(m), which falls as m grows, so that there is one solution.
The activity of binary cells has steps, and may step over m: m is then the largest number with mean g(m) ≥ m, where one
cell sits exactly at its threshold; it is counted as active (m is taken a billionth smaller).

| symbol | name       | shape                  |
| ------ | ---------- | ---------------------- |
| ξ      | mossy      | (n_samples, n_mossy)   |
| s      | sources    | (n_granule, K)         |
| w      | weights    | (n_granule, K)         |
| θ      | thresholds | (n_granule,)           |
| κ      | gain       | 0 or more              |

Litwin-Kumar et al., Neuron 2017; Cayco-Gajic, Clopath & Silver, Nat Commun 2017.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def drive(sources: Any, weights: Any, mossy: Any) -> FloatArray:
    """Return u, (n_samples, n_granule)."""
    u = np.zeros((len(mossy), len(sources)))
    for sample, i in np.ndindex(u.shape):
        for source, weight in zip(sources[i], weights[i], strict=True):
            u[sample, i] += weight * mossy[sample, source]
    return u


def responses(u: FloatArray, thresholds: Any, activation: str, inhibition: str, gain: float, m: float) -> FloatArray:
    """Return g of one sample, (n_granule,), under the inhibition of m."""
    g = np.zeros(len(u))
    for i in range(len(u)):
        a = u[i] / (1 + gain * max(m, 0)) if inhibition == "divisive" else u[i] - gain * m
        a -= thresholds[i]
        g[i] = max(a, 0.0) if activation == "relu" else float(a > 0)
    return g


def balanced(u: FloatArray, thresholds: Any, activation: str, inhibition: str, gain: float) -> float:
    """Return m of the feedback of one sample.

    Examples
    --------
    >>> round(balanced(np.full(3, 2.0), np.zeros(3), "relu", "subtractive", 1.0), 12)
    1.0
    """

    def mean(m: float) -> float:
        return float(responses(u, thresholds, activation, inhibition, gain, m).mean())

    low, high = 0.0, mean(0.0)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) >= middle else (low, middle)
    return low * (1.0 - 1e-9) if activation == "binary" else low


def run(
    sources: Any,
    weights: Any,
    thresholds: Any,
    mossy: Any,
    *,
    activation: str = "relu",
    golgi: str | None = None,
    inhibition: str = "subtractive",
    gain: float = 0.0,
) -> FloatArray:
    """Return g, (n_samples, n_granule)."""
    mossy = np.asarray(mossy, dtype=np.float64)
    found = []
    for xi, u in zip(mossy, drive(sources, weights, mossy), strict=True):
        m = 0.0
        if golgi == "feedforward":
            m = float(xi.mean())
        elif golgi == "feedback":
            m = balanced(u, thresholds, activation, inhibition, gain)
        found.append(responses(u, thresholds, activation, inhibition, gain, m))
    return np.array(found)


def chance(threshold: float, deviation: float) -> float:
    """Return the probability that a normal drive with this deviation exceeds the threshold."""
    return erfc(threshold / deviation / sqrt(2)) / 2


def deviations(sources: Any, weights: Any, n_mossy: int, kappa: float = 0.0) -> FloatArray:
    """Return the standard deviation of u_i − κ mean(ξ) under independent standard normal mossy inputs, (n_granule,)."""
    found = []
    for row, values in zip(sources, weights, strict=True):
        dense = np.full(n_mossy, -kappa / n_mossy)
        for source, weight in zip(row, values, strict=True):
            dense[source] += weight
        found.append(np.sqrt((dense**2).sum()))
    return np.array(found)


def normal_thresholds(spread: FloatArray, coding_level: float, each: str = "cell") -> FloatArray:
    """Return thresholds which normal drives of these deviations exceed so often, by halving an interval.

    One of its own for each cell, or (each = "layer") one for all, exceeded so often on the mean over cells.

    Examples
    --------
    >>> normal_thresholds(np.array([1.0, 2.0]), 0.5 - 0.34134474606854, "cell").round(9)
    array([1., 2.])
    """

    def solve(group: FloatArray) -> float:
        low, high = -40.0 * float(group.max()), 40.0 * float(group.max())
        for _ in range(200):
            middle = (low + high) / 2
            if np.mean([chance(middle, deviation) for deviation in group]) > coding_level:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    if each == "layer":
        return np.full(len(spread), solve(spread))
    return np.array([solve(spread[i : i + 1]) for i in range(len(spread))])


# Filters in time


def through_basis(granule: FloatArray, kernels: Any) -> FloatArray:
    """Return features Σ_k κ_bk g_{t−k}, (n_trials, n_steps, n_functions · n_granule), one function after the other.

    From g (n_trials, n_steps, n_granule) and kernels (n_functions, n_lags); g is 0 before a trial.
    """
    n_trials, n_steps, n_granule = granule.shape
    features = np.zeros((n_trials, n_steps, len(kernels) * n_granule))
    for b, kernel in enumerate(kernels):
        for t in range(n_steps):
            for k, kappa in enumerate(kernel[: t + 1]):
                features[:, t, b * n_granule : (b + 1) * n_granule] += kappa * granule[:, t - k]
    return features
