r"""What dimension and errors of an expanded representation are expected to be, without a simulation.

M mossy fibres, normal with correlation ρ, reach N cells by K random ones of them with equal weights w, and Golgi cells
subtract κ times the mean of all fibres. Two cells that share m fibres are driven by normal sums with the correlation

    r_m = ((1 − ρ) a_m + ρ s²) / ((1 − ρ) a_K + ρ s²),    a_m = w² m − 2 w κ K / M + κ² / M,    s = w K − κ

m is hypergeometric: K of M, of which K are the other cell's. With z the threshold in SDs, Φ(−z) = f, and φ₂ the
density of two normal variables of correlation s at (z, z), the covariance of two cells is (Price's theorem)

    binary     c(r) = ∫₀^r φ₂(s) ds
    rectified  c(r) = f² r + ∫₀^r (r − s) φ₂(s) ds,        φ₂(s) = exp(−z² / (1 + s)) / (2π √(1 − s²))

and the dimension and the error of a Hebbian readout of P patterns, met again at a correlation a with what they were,
are

    D = N c(1)² / (c(1)² + (N − 1) E c(r_m)²),       error = Φ(−(c(a) / c(1)) √(D / (P − 1)))

D is the ratio of expectations over wirings. The error takes the crosstalk of other patterns for normal and all patterns
for alike: at small M they differ in how many cells they activate, most of all without inhibition, and errors are more
frequent. The form of D, cells over one plus the mean squared correlation, is that of Litwin-Kumar, Harris, Axel,
Sompolinsky & Abbott (Neuron 93:1153, 2017); that the error depends on D in this way is theirs too. The integrals over
shared inputs are derived here.

    symbol  name            symbol  name
    M       n_mossy         f       coding_level
    N       n_granule       κ       golgi_gain
    K       n_inputs        ρ       correlation
    P       n_patterns      a       √(1 − noise²)
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive, one_of
from fastigial.tensor.checks import as_count, as_number

__all__ = ["covariance_of_cells", "expected_classification_error", "expected_dimension"]

# Of the integral over s = sin t, whose integrand is smooth.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)


def covariance_of_cells(
    r: NDArray[np.float64] | float, coding_level: float, activation: str = "binary"
) -> NDArray[np.float64]:
    """Covariance of two cells whose sums are standard normal with correlation `r`: c(r) at the head of this file.

    Parameters
    ----------
    r : array_like
        Correlations, −1 to 1.
    coding_level : float
        f, between 0 and 1.
    activation : {"binary", "relu"}
        What cells do.

    Returns
    -------
    ndarray
        In the shape of `r`.

    Examples
    --------
    >>> from fastigial.cerebellum.expansion import covariance_of_cells
    >>> round(float(covariance_of_cells(1.0, 0.1)), 4)  # f (1 − f)
    0.09
    """
    r = np.clip(np.asarray(r, dtype=np.float64), -1.0, 1.0)
    z = NormalDist().inv_cdf(1 - coding_level)
    end = np.arcsin(r)[..., None]
    s = np.sin(0.5 * end * (1 + _NODES))
    density = np.exp(-(z**2) / np.maximum(1 + s, 1e-300)) / (2 * np.pi)
    reach = 0.5 * end * _WEIGHTS
    if activation == "binary":
        return np.asarray(np.sum(reach * density, axis=-1))
    return np.asarray(coding_level**2 * r + np.sum(reach * (r[..., None] - s) * density, axis=-1))


def expected_dimension(
    n_mossy: int,
    n_granule: int,
    n_inputs: int,
    coding_level: float = 0.1,
    *,
    activation: str = "binary",
    golgi_gain: float = 0.0,
    correlation: float = 0.0,
) -> float:
    """Dimension of the granule cells' activity that is expected for normal mossy activity.

    Equal weights 1/√K, thresholds for the coding level, and Golgi cells that are feed-forward and subtract.

    Parameters
    ----------
    n_mossy, n_granule, n_inputs : int
        M, N and K.
    coding_level : float
        f, between 0 and 1.
    activation : {"binary", "relu"}
        What cells do.
    golgi_gain : float
        κ.
    correlation : float
        ρ of any two fibres, 0 to below 1.

    Returns
    -------
    float
        (tr C)² / tr C², with the expectation of each over wirings.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Examples
    --------
    >>> from fastigial.cerebellum import expansion
    >>> round(expansion.expected_dimension(100, 10**9, 100, 0.5))  # all cells see everything, and are the same
    1
    >>> [round(expansion.expected_dimension(7000, 836_000 // k, k, 0.1)) for k in (1, 2, 4, 8, 16)]
    [6942, 26434, 33983, 33154, 26069]
    """
    n_mossy, n_granule, n_inputs = (
        as_count(name, value)
        for name, value in (("n_mossy", n_mossy), ("n_granule", n_granule), ("n_inputs", n_inputs))
    )
    if n_granule == 0 or not 1 <= n_inputs <= n_mossy:
        raise ValueError(f"n_granule is {n_granule} and n_inputs {n_inputs}, expected 1 or more, and 1 to {n_mossy}")
    f = as_number("coding_level", coding_level)
    if not 0 < f < 1:
        raise ValueError(f"coding_level is {f}, expected a number between 0 and 1")
    one_of("activation", activation, ("binary", "relu"))
    kappa = as_positive("golgi_gain", golgi_gain, zero=True)
    rho = as_number("correlation", correlation)
    if not 0 <= rho < 1:
        raise ValueError(f"correlation is {rho}, expected 0 to below 1")

    from scipy.stats import hypergeom

    shared = np.arange(n_inputs + 1)
    chances = hypergeom(n_mossy, n_inputs, n_inputs).pmf(shared)
    w = 1 / np.sqrt(n_inputs)
    products = w**2 * shared - 2 * w * kappa * n_inputs / n_mossy + kappa**2 / n_mossy
    drives = (1 - rho) * products + rho * (w * n_inputs - kappa) ** 2
    if drives[-1] <= 1e-12:
        raise ValueError("inhibition takes away all that drives the cells: nothing varies")
    alike = covariance_of_cells(drives / drives[-1], f, activation)
    own = float(alike[-1])
    return n_granule * own**2 / (own**2 + (n_granule - 1) * float(chances @ alike**2))


def expected_classification_error(
    n_mossy: int,
    n_granule: int,
    n_inputs: int,
    coding_level: float = 0.1,
    *,
    n_patterns: int,
    noise: float,
    activation: str = "binary",
    golgi_gain: float = 0.0,
) -> float:
    """Share of patterns that a Hebbian readout is expected to label wrongly; see `classification_error`.

    Parameters
    ----------
    n_mossy, n_granule, n_inputs, coding_level, activation, golgi_gain
        As for `expected_dimension`; mossy fibres are independent.
    n_patterns : int
        P, two or more.
    noise : float
        0 to 1: patterns come back with the correlation √(1 − noise²).

    Returns
    -------
    float
        0 to 0.5.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Examples
    --------
    >>> from fastigial.cerebellum import expansion
    >>> f"{expansion.expected_classification_error(100, 1000, 4, n_patterns=100, noise=0.5):.3f}"
    '0.136'
    """
    n_patterns, noise = as_count("n_patterns", n_patterns), as_number("noise", noise)
    if n_patterns < 2 or not 0 <= noise <= 1:
        raise ValueError(f"n_patterns is {n_patterns} and noise {noise}, expected 2 or more, and 0 to 1")
    dimension = expected_dimension(
        n_mossy, n_granule, n_inputs, coding_level, activation=activation, golgi_gain=golgi_gain
    )
    again, own = covariance_of_cells(np.array([np.sqrt(1 - noise**2), 1.0]), coding_level, activation)
    return NormalDist().cdf(-float(again / own) * float(np.sqrt(dimension / (n_patterns - 1))))
