"""How many dimensions activity fills: the variance along principal components, and one number for all of them.

With λ_i the eigenvalues of the covariance C of the units over samples,

    D = (Σ_i λ_i)² / Σ_i λ_i² = (tr C)² / tr C²

is 1 if all variance lies along one direction and N if it is the same along all N: the participation ratio (Abbott,
Rajan & Sompolinsky 2011; Gao et al., bioRxiv 214262, 2017).

From n samples D is too small, since tr C² of the sample covariance is too large: N independent units give about
N n / (N + n). With trials k that are independent draws, x_kt the sample at step t and m_k the mean of trial k,

    A_k = (1/T) Σ_t x_kt x_ktᵀ,   C = E[A_k − m_k m_lᵀ]   for any two different trials k ≠ l

so that products over *four different* trials have the right mean:

    tr C² = E tr[(A_1 − m_1 m_2ᵀ)(A_3 − m_3 m_4ᵀ)],   (tr C)² = E (tr A_1 − m_1 · m_2)(tr A_3 − m_3 · m_4)

Their averages over all choices of four trials are unbiased whatever the distribution, and follow from sums over one
and two trials by inclusion and exclusion (below, Σ' runs over different indices). For T = 1 they are the estimators of
Chen, Zhang & Zhong (JASA 105:810, 2010), and the first is the unbiased HSIC of Song et al. (JMLR 13:1393, 2012) of the
data with themselves. Trials of several steps are our extension. The ratio of the two is nearly unbiased, not exactly.

| symbol | name      | shape  |                                     |
| ------ | --------- | ------ | ----------------------------------- |
| x      | x         | (K, T, N) | trials, steps, units             |
| m      | means     | (K, N) | mean of each trial                  |
| M      | products  | (K, K) | m_k · m_l, zero on the diagonal     |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.population import Population, centred, population_of

__all__ = ["VarianceSpectrum", "participation_ratio", "variance_spectrum"]

Axis = Literal["unit", "trial", "time"]


@dataclass(frozen=True, eq=False)
class VarianceSpectrum:
    """Variances along the principal components.

    Attributes
    ----------
    variances : ndarray, shape (n_components,)
        Eigenvalues of the covariance (denominator n − 1), in squares of the data's unit, the largest first.
    shares : ndarray, shape (n_components,)
        Share of the total variance of each component.
    n_samples : int
        From how many samples.
    """

    variances: NDArray[np.float64]
    shares: NDArray[np.float64]
    n_samples: int

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Share of the total variance of the first 1, 2, … components."""
        return np.cumsum(self.shares)

    @property
    def participation_ratio(self) -> float:
        """(Σλ)² / Σλ²."""
        return float(1.0 / np.sum(self.shares**2))

    def n_components(self, share: float) -> int:
        """The smallest number of components that hold this share of the variance.

        Raises
        ------
        ValueError
            If the share is not above 0 and at most 1.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share is {share}, expected a number above 0 and at most 1")
        # A sum of shares that is one up to rounding is one.
        return int(np.searchsorted(self.cumulative, share * (1 - 1e-12)) + 1)


def variance_spectrum(x: Any, *, axis: Axis = "unit", standardize: bool = False) -> VarianceSpectrum:
    """Variance along each principal component of a recording or of a network's activity.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (samples, units). Samples without any
        unit (NaN) are left out.
    axis : {"unit", "trial", "time"}
        Whose covariance: by default that of the units, over trials and steps. ``"trial"`` is that of the trials over
        steps and units, ``"time"`` that of the steps.
    standardize : bool
        Divide each variable by its standard deviation first, so that active units count no more than others.

    Returns
    -------
    VarianceSpectrum

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If `x` does not vary, has fewer than two samples, or is not what it should be; if `axis` is none of the three;
        or if `axis` is not ``"unit"`` and samples are missing.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> spectrum = fg.analysis.variance_spectrum(np.random.default_rng(0).normal(size=(50, 8, 20)))
    >>> spectrum.n_components(0.5)
    4
    """
    population = population_of(x)
    rows = centred(_rows(population, axis))
    if len(rows) < 2:
        raise ValueError(f"x has {len(rows)} sample, expected two or more")
    scale = population.scale
    if standardize:
        spread = np.linalg.norm(rows, axis=0) / np.sqrt(len(rows) - 1)
        rows = rows / np.where(spread > 0, spread, 1.0)
        scale = 1.0
    values = np.linalg.svd(rows, compute_uv=False)
    if values[0] == 0:
        raise ValueError("x does not vary: it fills no dimension")
    relative = (values / values[0]) ** 2
    # Shares do not come from the variances: those of 1e-200 are too small for a number.
    with np.errstate(over="ignore", under="ignore"):
        variances = (values / np.sqrt(len(rows) - 1) * scale) ** 2
    return VarianceSpectrum(variances, relative / relative.sum(), len(rows))


def participation_ratio(
    x: Any, *, axis: Axis = "unit", standardize: bool = False, correction: Literal["trials"] | None = None
) -> float:
    r"""Effective number of dimensions that activity fills.

    .. math:: D = \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}

    with :math:`\lambda_i` the eigenvalues of the covariance: 1 if everything moves along one direction, the number of
    units if they vary equally and independently.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (samples, units). Samples without any
        unit (NaN) are left out.
    axis : {"unit", "trial", "time"}
        Whose covariance: that of the units over trials and steps, that of the trials, or that of the steps.
    standardize : bool
        Divide each variable by its standard deviation first.
    correction : {None, "trials"}
        From few trials the ratio comes out too small: independent units give about :math:`N n / (N + n)` of N.
        ``"trials"`` replaces both traces by unbiased estimates from products over different trials (ours, after Chen,
        Zhang & Zhong 2010). Trials must be independent draws of one distribution, of one length, four or more; steps
        within a trial may be as correlated as they are. It corrects for the number of trials, not for that of neurons,
        and does not take noise away: variability of single trials is part of the covariance.

    Returns
    -------
    float
        Corrected, it scatters around the truth and can exceed the number of units; NaN where so few trials say nothing
        (the estimate of the denominator is not positive).

    Raises
    ------
    TypeError, ValueError
        As in `variance_spectrum`; or if the correction is asked for along another axis than units, with `standardize`,
        of fewer than four trials, or where samples are missing.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> noise = np.random.default_rng(0).normal(size=(30, 40))  # samples x units
    >>> round(fg.analysis.participation_ratio(noise), 1)
    15.6
    >>> round(fg.analysis.participation_ratio(noise, correction="trials"), 1)
    35.6
    """
    if correction is None:
        return variance_spectrum(x, axis=axis, standardize=standardize).participation_ratio
    if correction != "trials":
        raise ValueError(f'correction is {correction!r}, expected None or "trials"')
    if axis != "unit" or standardize:
        raise ValueError('correction="trials" is for axis="unit" and standardize=False')
    population = population_of(x)
    if population.n_trials < 4:
        raise ValueError(f'correction="trials" needs four trials or more; x has {population.n_trials}')
    if not population.seen.all():
        raise ValueError('correction="trials" needs trials of one length, but samples are missing')
    rows = centred(population.values.reshape(-1, population.n_units))
    if not rows.any():
        raise ValueError("x does not vary: it fills no dimension")
    squared_trace, trace_of_square = _unbiased_traces(rows.reshape(population.values.shape))
    return squared_trace / trace_of_square if trace_of_square > 0 else float("nan")


def _rows(population: Population, axis: Axis) -> NDArray[np.float64]:
    """Samples (n, d) of the variables along an axis."""
    if axis == "unit":
        return population.samples()
    if axis not in ("trial", "time"):
        raise ValueError(f'axis is {axis!r}, expected "unit", "trial" or "time"')
    if not population.seen.all():
        raise ValueError(f"axis={axis!r} needs all samples, but {(~population.seen).sum()} are missing")
    moved = np.moveaxis(population.values, ("trial", "time").index(axis), -1)
    return moved.reshape(-1, moved.shape[-1])


def _unbiased_traces(x: NDArray[np.float64]) -> tuple[float, float]:
    """Averages over four different trials: estimates of (tr C)² and tr C²."""
    K, T, _ = x.shape
    means = x.mean(axis=1)
    total = means.sum(axis=0)
    # Products with ΣA_k and with each A_k are products with x: no matrix of units by units is formed for each trial.
    whole = np.einsum("ktn,ktm->nm", x, x, optimize=True) / T
    traces = np.sum(x * x, axis=(1, 2)) / T
    own_squares = np.array([np.sum((trial @ trial.T) ** 2) for trial in x]) / T**2
    along_own = np.einsum("ktn,kn->kt", x, means)
    along_total = x @ total
    own_forms = np.sum(along_own**2, axis=1) / T
    mixed_forms = np.sum(along_own * along_total, axis=1) / T
    products = means @ means.T
    np.fill_diagonal(products, 0.0)
    sums = products.sum(axis=1)

    two = K * (K - 1)
    three, four = two * (K - 2), two * (K - 2) * (K - 3)
    pairs = (products.sum() ** 2 - 4 * np.sum(sums**2) + 2 * np.sum(products**2)) / four
    # Σ'_{k,l} tr A_k A_l and Σ'_{k,l,j} m_kᵀ A_l m_j
    squares = (np.sum(whole**2) - own_squares.sum()) / two
    forms = total @ whole @ total - np.einsum("kn,nm,km->", means, whole, means, optimize=True)
    forms = (forms - 2 * mixed_forms.sum() + 2 * own_forms.sum()) / three
    # Σ'_{k,l} tr A_k tr A_l and Σ'_{k,l,j} tr A_k m_l · m_j
    trace_pairs = (traces.sum() ** 2 - np.sum(traces**2)) / two
    trace_forms = (traces.sum() * products.sum() - 2 * np.sum(traces * sums)) / three
    return float(trace_pairs - 2 * trace_forms + pairs), float(squares - 2 * forms + pairs)
