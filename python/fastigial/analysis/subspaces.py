"""Subspaces that activity lives in, and how far those of two conditions, epochs or systems coincide.

With X_a, X_b centred samples (n, N) of the same N units, C = Xᵀ X / (n − 1), and D_a (N, n_components) the leading
principal components of a:

* principal angles    cos θ_i = singular values of Q_aᵀ Q_b, for orthonormal bases Q (Björck & Golub, Math Comp 27:579,
  1973; small angles from their sines, as SciPy does)
* alignment index     A = tr(D_aᵀ C_b D_a) / Σ_{i ≤ n_components} λ_i(C_b): the variance of b that the components of a
  hold, next to what as many components can hold at most (Elsayed et al., Nat Commun 7:13239, 2016)

The control for A are subspaces that know nothing of a or b but where the data as a whole lie: orthonormal bases of
normal vectors with the pooled covariance, as in Elsayed et al. We pool C_a / tr C_a and C_b / tr C_b, so that the
control does not depend on the units of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.population import centred, population_of
from fastigial.tensor.checks import as_count, as_seed

__all__ = ["AlignmentIndex", "PrincipalComponents", "alignment_index", "principal_angles", "principal_components"]


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Directions of the largest variance.

    Attributes
    ----------
    axes : ndarray, shape (n_units, n_components)
        Orthonormal columns, the largest variance first; the largest entry of each is positive.
    variances : ndarray, shape (n_components,)
        Along each, in squares of the data's unit.
    shares : ndarray, shape (n_components,)
        Of the total variance.
    mean : ndarray, shape (n_units,)
        What was subtracted.
    """

    axes: NDArray[np.float64]
    variances: NDArray[np.float64]
    shares: NDArray[np.float64]
    mean: NDArray[np.float64]

    def project(self, x: Any) -> NDArray[np.float64]:
        """Activity along the components, (n_trials, n_steps, n_components); NaN where not observed.

        Parameters
        ----------
        x : trajectory, Recording, xarray.DataArray or array_like
            Of the same units; of a matrix (samples, units), each sample counts as a trial.

        Raises
        ------
        TypeError, ValueError
            As in `principal_components`; or if `x` has another number of units.
        """
        population = population_of(x)
        if population.n_units != len(self.mean):
            raise ValueError(f"x has {population.n_units} units, expected {len(self.mean)}")
        found = (population.values * population.scale - self.mean) @ self.axes
        found[~population.seen] = np.nan
        return np.asarray(found)


def principal_components(x: Any, n: int | None = None) -> PrincipalComponents:
    """The directions along which units vary the most, over trials and steps.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (samples, units). Samples without any
        unit (NaN) are left out.
    n : int, optional
        How many; by default as many as there can be, the smaller of the number of units and that of samples less one.

    Returns
    -------
    PrincipalComponents
        With ``.axes``, ``.variances``, ``.shares`` and ``.project(x)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or `n` is not a whole number.
    ValueError
        If `x` does not vary or is not what it should be, or `n` is 0 or larger than that.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> rng = np.random.default_rng(0)
    >>> line = np.outer(rng.normal(size=100), [0.6, 0.8, 0.0]) + 0.01 * rng.normal(size=(100, 3))
    >>> fg.analysis.principal_components(line, 1).axes.ravel()[:2].round(2).tolist()
    [0.6, 0.8]
    """
    return _components(x, n, "x")


def _components(x: Any, n: int | None, name: str) -> PrincipalComponents:
    population = population_of(x, name)
    samples = population.samples()
    rows = centred(samples)
    most = min(len(rows) - 1, population.n_units)
    n = most if n is None else as_count("n", n)
    if not 1 <= n <= most:
        raise ValueError(
            f"n is {n}, expected 1 to {most}: {name} has {len(rows)} samples of {population.n_units} units"
        )
    _, values, rotation = np.linalg.svd(rows, full_matrices=False)
    if values[0] == 0:
        raise ValueError(f"{name} does not vary: it has no principal component")
    axes = rotation[:n].T
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(n)])
    relative = (values / values[0]) ** 2
    with np.errstate(over="ignore", under="ignore"):
        variances = (values[:n] / np.sqrt(len(rows) - 1) * population.scale) ** 2
    mean = (samples[0] + (samples - samples[0]).mean(axis=0)) * population.scale
    return PrincipalComponents(axes, variances, relative[:n] / relative.sum(), mean)


def principal_angles(a: Any, b: Any, n: int | None = None) -> NDArray[np.float64]:
    """Angles between two subspaces, the smallest first.

    Parameters
    ----------
    a, b : array_like of shape (n_units, n_dimensions), or PrincipalComponents
        Bases; their columns need not be orthonormal, and may differ in number. With `n`, activity instead: whatever
        `principal_components` takes.
    n : int, optional
        Compare the subspaces of the first `n` principal components of `a` and `b`.

    Returns
    -------
    ndarray, shape (min(n_a, n_b),)
        In degrees, 0 to 90, where n_a and n_b are the dimensions of the subspaces.

    Raises
    ------
    TypeError, ValueError
        As in `principal_components`; or if the bases are no matrices of finite numbers with equally many rows, or one
        is zero.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> plane, line = np.eye(3)[:, :2], np.array([[1.0], [0.0], [1.0]])
    >>> fg.analysis.principal_angles(plane, line).round(6).tolist()
    [45.0]
    """
    from scipy.linalg import subspace_angles

    bases = []
    for name, given in (("a", a), ("b", b)):
        if n is not None:
            given = _components(given, n, name)
        basis = np.asarray(given.axes if isinstance(given, PrincipalComponents) else given)
        if basis.dtype.kind not in "iufb":
            raise TypeError(f"{name} has dtype {basis.dtype}, expected real numbers")
        if basis.ndim != 2 or 0 in basis.shape:
            raise ValueError(
                f"{name} has shape {basis.shape}, expected a basis (n_units, n_dimensions); to compare activity, give "
                "n, the number of its principal components"
            )
        basis = basis.astype(np.float64)
        if not np.isfinite(basis).all():
            raise ValueError(f"{name} holds values that are not finite")
        if not basis.any():
            raise ValueError(f"{name} is zero: it spans nothing")
        bases.append(basis / np.abs(basis).max())
    if len(bases[0]) != len(bases[1]):
        raise ValueError(f"a has {len(bases[0])} units and b has {len(bases[1])}, expected the same units")
    return np.degrees(np.sort(np.asarray(subspace_angles(*bases), dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class AlignmentIndex:
    """How far the activity of b lies in the subspace of a.

    Attributes
    ----------
    index : float
        0 to 1.
    random : ndarray, shape (n_random,)
        The same of random subspaces in place of that of a.
    n : int
        Dimensions of the subspaces.
    """

    index: float
    random: NDArray[np.float64]
    n: int

    @property
    def expected(self) -> float:
        """Mean over the random subspaces; NaN if there are none."""
        return float(self.random.mean()) if self.random.size else float("nan")

    @property
    def p_below(self) -> float:
        """Chance that a random subspace is aligned as little as this, (1 + #) / (1 + n_random)."""
        return float((1 + np.sum(self.random <= self.index + 1e-10)) / (1 + self.random.size))

    @property
    def p_above(self) -> float:
        """Chance that a random subspace is aligned as much as this, (1 + #) / (1 + n_random)."""
        return float((1 + np.sum(self.random >= self.index - 1e-10)) / (1 + self.random.size))


def alignment_index(
    a: Any,
    b: Any,
    n: int,
    *,
    n_random: int = 1000,
    control: Literal["covariance", "uniform"] = "covariance",
    seed: int | None = 0,
) -> AlignmentIndex:
    r"""How much of the variance of b lies in the leading principal components of a.

    .. math:: A = \frac{\operatorname{tr}(D_a^\top C_b D_a)}{\sum_{i \le n} \lambda_i(C_b)}

    1 if the first n components of a hold as much of b as any n directions can, 0 if b does not vary in them (Elsayed et
    al. 2016, for preparation and movement). It is not symmetric.

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        Activity of the same units in two conditions or epochs; trials and steps may differ.
    n : int
        Dimensions of the subspaces; in the paper 10.
    n_random : int
        Random subspaces to compare with.
    control : {"covariance", "uniform"}
        Where random subspaces come from: from normal vectors with the pooled covariance of a and b, each at unit total
        variance (as in the paper: directions in which the neurons hardly vary hardly count), or uniformly from all.
    seed : int, optional

    Returns
    -------
    AlignmentIndex
        With ``.index``, ``.random``, ``.expected``, ``.p_below`` and ``.p_above``.

    Raises
    ------
    TypeError, ValueError
        As in `principal_components`; or if a and b have different units, or `control` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> rng = np.random.default_rng(0)
    >>> preparation = rng.normal(size=(200, 40)) * (np.arange(40) < 20)
    >>> movement = rng.normal(size=(200, 40)) * (np.arange(40) >= 20)
    >>> found = fg.analysis.alignment_index(preparation, movement, 5)
    >>> found.index, found.p_below < 0.01
    (0.0, True)
    """
    n_random, seed = as_count("n_random", n_random), as_seed(seed)
    if control not in ("covariance", "uniform"):
        raise ValueError(f'control is {control!r}, expected "covariance" or "uniform"')
    own = _components(a, n, "a")
    rows = [centred(population_of(given, name).samples()) for given, name in ((a, "a"), (b, "b"))]
    n_units = rows[1].shape[1]
    if len(own.mean) != n_units:
        raise ValueError(f"a has {len(own.mean)} units and b has {n_units}, expected the same units")
    if not rows[1].any():
        raise ValueError("b does not vary: it has no principal component")
    other = rows[1] / np.linalg.norm(rows[1])
    _, values, rotation = np.linalg.svd(other, full_matrices=False)
    most = float(np.sum(values[:n] ** 2))
    index = float(np.sum((other @ own.axes) ** 2)) / most

    mixing = np.eye(n_units)
    if control == "covariance":
        _, spread, directions = np.linalg.svd(
            np.concatenate([rows[0] / np.linalg.norm(rows[0]), other]), full_matrices=False
        )
        mixing = directions.T * spread
    rng = np.random.default_rng(seed)
    random = np.empty(n_random)
    for draw in range(n_random):
        basis, _ = np.linalg.qr(mixing @ rng.normal(size=(mixing.shape[1], n)))
        random[draw] = np.sum((values[:, None] * (rotation @ basis)) ** 2) / most
    return AlignmentIndex(min(index, 1.0), random, n)
