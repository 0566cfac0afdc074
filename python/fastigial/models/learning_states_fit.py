"""States fitted to people: each by themselves, the mean of all, and how sure that is.

::

    S = Σ (y − x)² over the N trials that were measured        σ² = S / N
    log L = −N/2 (log 2πσ² + 1)      k parameters and σ:  AIC = 2(k + 1) − 2 log L,   BIC = (k + 1) log N − 2 log L
    AICc = AIC + 2 (k + 1)(k + 2) / (N − k − 2)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.observed import observed_mean
from fastigial.rnn.seeds import as_seed, stream
from fastigial.tensor.checks import as_count, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["StateFits", "fit_states"]

Array = NDArray[np.float64]

_STARTS, _BOOTSTRAPS = range(2)
# Where starts are drawn: A_f, B_f, A_s, B_s.
_LOW, _HIGH = np.array([0.1, 0.02, 0.9, 0.002]), np.array([0.95, 0.5, 1.0, 0.2])
_BOUNDS = [[0.0] * 4, [1.0] * 4]
# Condition of the scaled normal matrix from which on a direction in parameter space is nearly free.
_FLAT = 1e4
_STARTS_OF_BOOTSTRAPS = 4


@dataclass(frozen=True)
class StateFits:
    """What fitting people came to; k parameters.

    Attributes
    ----------
    names : tuple of str
        Of the parameters.
    people : ndarray, shape (n_people, k)
        Parameters of each.
    group : ndarray, shape (k,)
        Of the mean of all people.
    squares, n_observed : ndarray, shape (n_people + 1,)
        Residual sum of squares, and trials that were measured; the mean of all comes last.
    condition : ndarray, shape (n_people + 1,)
        Of the normal equations with columns of one length: above 10⁴ the data hardly tell parameters apart.
    at_bound : ndarray of bool, shape (n_people + 1, k)
        Parameters at 0 or 1, and a fast retention that is as high as the slow one.
    converged : ndarray of bool, shape (n_people + 1,)
    bootstraps : ndarray, shape (n_bootstraps, k)
        Parameters of the mean of all, fitted again.
    residual_correlation : ndarray, shape (n_people + 1,)
        Of the residuals of neighbouring trials. The criteria take residuals for independent: where this is well above
        0 they exaggerate differences between models.
    """

    names: tuple[str, ...]
    people: Array
    group: Array
    squares: Array
    n_observed: NDArray[np.intp]
    condition: Array
    at_bound: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    bootstraps: Array
    residual_correlation: Array

    @property
    def log_likelihood(self) -> Array:
        """Of Gaussian residuals of one variance, (n_people + 1,); infinite where the fit is exact."""
        n = self.n_observed
        with np.errstate(divide="ignore"):
            return np.asarray(-n / 2 * (np.log(2 * np.pi * self.squares / n) + 1))

    @property
    def residual_sd(self) -> Array:
        """SD of the residuals, (n_people + 1,)."""
        return np.sqrt(self.squares / self.n_observed)

    @property
    def aic(self) -> Array:
        """Akaike's criterion, (n_people + 1,), the mean of all last."""
        return 2 * (len(self.names) + 1) - 2 * self.log_likelihood

    @property
    def aicc(self) -> Array:
        """AIC for few trials, (n_people + 1,), the mean of all last; infinite where there are too few."""
        k = len(self.names) + 1
        spare = self.n_observed - k - 1
        return np.where(spare > 0, self.aic + 2 * k * (k + 1) / np.maximum(spare, 1), np.inf)

    @property
    def bic(self) -> Array:
        """Schwarz's criterion, (n_people + 1,), the mean of all last."""
        return (len(self.names) + 1) * np.log(self.n_observed) - 2 * self.log_likelihood

    def interval(self, level: float = 0.95) -> Array:
        """Percentile interval of the mean's parameters, (2, k).

        Raises
        ------
        ValueError
            Without bootstraps.
        """
        if not len(self.bootstraps):
            raise ValueError("there are no bootstraps: fit with n_bootstraps, 1000 for instance")
        if not 0.0 < level < 1.0:
            raise ValueError(f"level is {level}, expected between 0 and 1")
        tails = 50 * (1 - level), 100 - 50 * (1 - level)
        return np.asarray(np.percentile(self.bootstraps, tails, axis=0))

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={value:.3g}" for name, value in zip(self.names, self.group, strict=True))
        return f"<StateFits of {len(self.people)}: {found}>"


def fit_states(
    kind: str,
    names: list[str],
    rates: list[float],
    data: Any,
    perturbation: Array,
    pauses: Array,
    *,
    n_starts: int,
    n_bootstraps: int,
    seed: int,
    n_threads: int | None,
    progress: bool | Callback,
) -> StateFits:
    """`TwoStateModel.fit`."""
    y = _as_people(data, len(perturbation))
    n_starts, n_bootstraps = as_count("n_starts", n_starts), as_count("n_bootstraps", n_bootstraps)
    if n_starts == 0:
        raise ValueError("n_starts is 0, expected at least 1")
    drawn = stream(as_seed("seed", seed), _STARTS).uniform(_LOW, _HIGH, (n_starts - 1, 4))
    starts = [rates, *drawn.tolist()]

    def fitted(rows: Array, begin: list[list[float]], watch: Any = None) -> dict[str, Any]:
        found = _core.fit_states(
            kind,
            np.ascontiguousarray(rows),
            perturbation,
            pauses,
            begin,
            _BOUNDS,
            n_threads=as_threads(n_threads),
            progress=watch,
        )
        found["rates"], found["normal"] = _in_order(kind, found["rates"], found["normal"])
        return dict(found)

    def course(rates: Array) -> Array:
        states = _core.simulate_states(kind, rates.tolist(), perturbation, pauses)
        return np.asarray(states["fast"] + states["slow"])

    everybody = np.vstack([y, observed_mean(y)])
    found = fitted(everybody, starts)
    own = slice(4 - len(names), 4)
    parameters = found["rates"][:, own]
    again = np.empty((0, len(names)))
    if n_bootstraps:
        begin = [found["rates"][-1].tolist(), *starts[1:_STARTS_OF_BOOTSTRAPS]]
        rows = _resampled(y, course(found["rates"][-1]), n_bootstraps, seed)
        with Report(progress, "bootstrap", "sample") as report:
            again = fitted(rows, begin, report.callback)["rates"][:, own]
    fits = StateFits(
        tuple(names),
        parameters[:-1],
        parameters[-1],
        found["squares"],
        np.isfinite(everybody).sum(axis=1),
        np.array([_condition(normal[own, own]) for normal in found["normal"]]),
        _at_bound(parameters),
        np.array(found["converged"], dtype=bool),
        again,
        np.array([_correlation(row, course(rates)) for row, rates in zip(everybody, found["rates"], strict=True)]),
    )
    _warn(fits)
    return fits


def _as_people(data: Any, n_trials: int) -> Array:
    y = np.atleast_2d(np.asarray(data, dtype=np.float64))
    if y.ndim != 2 or y.shape[1] != n_trials or not len(y):
        raise ValueError(f"data have the shape {np.shape(data)}, expected ({n_trials},) or (n_people, {n_trials})")
    if np.isinf(y).any():
        raise ValueError("data are infinite in places, expected finite numbers, or NaN where nothing was measured")
    few = np.isfinite(y).sum(axis=1) < 6
    if few.any():
        raise ValueError(f"data of person {int(few.argmax())} hold fewer than six trials that were measured")
    return y


def _in_order(kind: str, rates: Array, normal: Array) -> tuple[Array, Array]:
    """Of states side by side, the one that retains more is the slow one."""
    if kind != "two":
        return rates, normal
    swapped = rates[:, 0] > rates[:, 2]
    order = np.where(swapped[:, None], [2, 3, 0, 1], [0, 1, 2, 3])
    rows = np.arange(len(rates))[:, None]
    return rates[rows, order], normal[rows[:, :, None], order[:, :, None], order[:, None, :]]


def _resampled(y: Array, fit: Array, n: int, seed: int) -> Array:
    """Means of people who were drawn again; of a single person the fit with residuals that were."""
    rng = stream(seed, _BOOTSTRAPS)
    if len(y) > 1:
        return np.array([observed_mean(y[rng.integers(len(y), size=len(y))]) for _ in range(n)])
    observed = np.isfinite(y[0])
    residuals = y[0][observed] - fit[observed]
    rows = np.full((n, len(fit)), np.nan)
    rows[:, observed] = fit[observed] + rng.choice(residuals - residuals.mean(), (n, observed.sum()))
    return rows


def _correlation(y: Array, fit: Array) -> float:
    """Of residuals of neighbouring trials, both of which were measured; NaN of an exact fit."""
    residuals = y - fit
    pairs = np.isfinite(residuals[1:] * residuals[:-1])
    before, after = residuals[:-1][pairs], residuals[1:][pairs]
    size = float(np.sqrt((before**2).sum() * (after**2).sum()))
    return float((before * after).sum()) / size if size > 0 else float("nan")


def _at_bound(parameters: Array) -> NDArray[np.bool_]:
    held = (parameters < 1e-9) | (parameters > 1 - 1e-9)
    if parameters.shape[1] == 4:
        held[:, 0] |= parameters[:, 0] > parameters[:, 2] - 1e-9
    return held


def _condition(normal: Array) -> float:
    """Of normal equations with columns of one length."""
    size = np.sqrt(np.diag(normal))
    if (size <= 0).any():
        return float("inf")
    values = np.linalg.eigvalsh(normal / np.outer(size, size))
    return float(values[-1] / values[0]) if values[0] > 0 else float("inf")


def _warn(fits: StateFits) -> None:
    """Say where the mean's parameters are not to be trusted."""
    held = [name for name, at in zip(fits.names, fits.at_bound[-1], strict=True) if at]
    if held:
        warnings.warn(
            f"{', '.join(held)} of the mean stands at a bound: 0, 1, or the other retention", UserWarning, stacklevel=4
        )
    if fits.condition[-1] > _FLAT:
        warnings.warn(
            f"the data hardly tell the parameters apart (condition {fits.condition[-1]:.0e}): "
            "do not interpret them one by one; n_bootstraps shows how far they can go",
            UserWarning,
            stacklevel=4,
        )
