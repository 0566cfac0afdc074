"""How a population shares its activity: correlations, spread and sparseness.

    population correlation  ρ = N/(N−1) (max_i √λ_i / Σ_i √λ_i − 1/N)      λ: eigenvalues of the covariance
    mean correlation        mean |corr(x_i, x_j)| over pairs i ≠ j
    coding space            Σ_i λ_i = tr C
    population sparseness   mean over samples of (N − (Σ_i |x_i|)² / Σ_i x_i²) / (N − 1)
    cross-correlation       mean |corr(a_i, b_j)| over all pairs of two populations

The population correlation is 0 if all variance is alike in all directions and 1 if there is only one; with coding
space and sparseness it is what Cayco-Gajic, Clopath & Silver (Nat Commun 8:1116, 2017) describe populations of mossy
fibres and granule cells by, the sparseness going back to Treves & Rolls (1991) and Vinje & Gallant (Science 287:1273,
2000). It is 0 for a sample in which all units are equally active and 1 if a single one is.

    symbol  name       shape
    x       samples()  (n_samples, N), see `population_of`
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.population import centred, paired, population_of

__all__ = ["coding_space", "cross_correlation", "mean_correlation", "population_correlation", "population_sparseness"]


def population_correlation(x: Any) -> float:
    r"""How far the variance of a population lies along a single direction.

    .. math:: \rho = \frac{N}{N-1}\left(\frac{\max_i \sqrt{\lambda_i}}{\sum_i \sqrt{\lambda_i}} - \frac{1}{N}\right)

    with :math:`\lambda` the eigenvalues of the covariance of N units.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (samples, units). Samples without any
        unit (NaN) are left out.

    Returns
    -------
    float
        0 to 1. Fewer samples than units leave directions without variance, and make it larger.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If it has one unit, fewer than two samples, or does not vary.

    Notes
    -----
    Cayco-Gajic, Clopath & Silver (Nat Commun 8:1116, 2017).

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> common = np.random.default_rng(0).normal(size=(200, 1))
    >>> round(fg.analysis.population_correlation(np.repeat(common, 5, axis=1)), 6)
    1.0
    """
    rows, _ = _rows(x, at_least=2)
    n_units = rows.shape[1]
    values = np.linalg.svd(rows, compute_uv=False)
    if values[0] == 0:
        raise ValueError("x does not vary: there is nothing to correlate")
    return float(n_units / (n_units - 1) * (values[0] / values.sum() - 1 / n_units))


def mean_correlation(x: Any) -> float:
    r"""Mean absolute correlation of two units of a population.

    .. math:: \frac{1}{N (N-1)} \sum_{i \ne j} |r_{ij}|

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        As for `population_correlation`.

    Returns
    -------
    float
        0 to 1; units that do not vary are left out. Chance alone gives about :math:`\sqrt{2 / (\pi n)}` from n samples.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If fewer than two units vary.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> x = np.random.default_rng(0).normal(size=(100, 1))
    >>> round(fg.analysis.mean_correlation(np.hstack([x, -x, x])), 6)
    1.0
    """
    rows, _ = _rows(x, at_least=2)
    unit = _normalised(rows)
    n_units = unit.shape[1]
    if n_units < 2:
        raise ValueError(f"x has {n_units} units that vary, expected two or more")
    total = np.abs(np.clip(unit.T @ unit, -1.0, 1.0)).sum() - n_units
    return float(max(total, 0.0) / (n_units * (n_units - 1)))


def coding_space(x: Any) -> float:
    """Total variance of a population, the trace of its covariance.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        As for `population_correlation`.

    Returns
    -------
    float
        In squares of the data's unit (denominator n − 1); 0 if nothing varies.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If there are fewer than two samples.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.analysis.coding_space([[0.0, 1.0], [2.0, 1.0]])
    2.0
    """
    rows, scale = _rows(x, at_least=1)
    return float(np.sum(rows**2) / (len(rows) - 1) * scale * scale)


def population_sparseness(x: Any) -> float:
    r"""How few units carry the activity of a sample, averaged over samples.

    .. math:: S = \left\langle \frac{N - (\sum_i |x_i|)^2 / \sum_i x_i^2}{N - 1} \right\rangle

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        As for `population_correlation`.

    Returns
    -------
    float
        0 if all units are equally active, 1 if a single one is. Samples without activity are left out: they have none
        to share.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If it has one unit, or no activity.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> fg.analysis.population_sparseness(np.eye(4)), fg.analysis.population_sparseness(np.ones((3, 4)))
    (1.0, 0.0)
    """
    rows = np.abs(population_of(x).samples())
    n_units = rows.shape[1]
    if n_units < 2:
        raise ValueError("x has one unit, expected two or more")
    peaks = rows.max(axis=1, keepdims=True)
    # In units of the largest of its sample, so that squares of small numbers are numbers.
    rows = rows[peaks[:, 0] > 0] / peaks[peaks[:, 0] > 0]
    if len(rows) == 0:
        raise ValueError("x holds no activity: it is zero throughout")
    shares = rows.sum(axis=1) ** 2 / np.sum(rows**2, axis=1)
    return float(np.mean((n_units - shares) / (n_units - 1)))


def cross_correlation(a: Any, b: Any) -> float:
    r"""Mean absolute correlation of a unit of one population with a unit of another.

    .. math:: \frac{1}{N_a N_b} \sum_{i, j} |\operatorname{corr}(a_i, b_j)|

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        Two systems on the same trials and steps; units need not correspond. As for `population_correlation`.

    Returns
    -------
    float
        0 to 1; units that do not vary are left out. Chance alone gives about :math:`\sqrt{2 / (\pi n)}` from n samples.

    Raises
    ------
    TypeError
        If either does not hold real numbers.
    ValueError
        If samples do not correspond, or no unit of one of them varies.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> x = np.random.default_rng(0).normal(size=(100, 1))
    >>> round(fg.analysis.cross_correlation(x, np.hstack([3 * x, 1 - x])), 6)
    1.0
    """
    first, second, _, _ = paired(a, b)
    found = []
    for name, rows in (("a", first), ("b", second)):
        unit = _normalised(centred(rows))
        if unit.shape[1] == 0:
            raise ValueError(f"{name} does not vary: there is nothing to correlate")
        found.append(unit)
    return float(np.abs(np.clip(found[0].T @ found[1], -1.0, 1.0)).mean())


def _rows(x: Any, *, at_least: int) -> tuple[NDArray[np.float64], float]:
    """Samples without their mean, in units of the scale that comes with them."""
    population = population_of(x)
    rows = population.samples()
    if len(rows) < 2:
        raise ValueError(f"x has {len(rows)} sample, expected two or more")
    if rows.shape[1] < at_least:
        raise ValueError(f"x has {rows.shape[1]} unit, expected {at_least} or more")
    return centred(rows), population.scale


def _normalised(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of length one, without those that are zero."""
    peaks = np.abs(rows).max(axis=0)
    rows = rows[:, peaks > 0] / peaks[peaks > 0]
    return np.asarray(rows / np.linalg.norm(rows, axis=0))
