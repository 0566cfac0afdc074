"""Time scales of learning: one exponential or two in the errors of a block of trials.

With e_n the error on trial n = 0, 1, …, and s its sign at the start:

    one     e_n = c + s a exp(−n/τ)                               3 parameters
    two     e_n = c + s (a_f exp(−n/τ_f) + a_s exp(−n/τ_s))       5 parameters,  τ_f ≤ τ_s,  all a ≥ 0

by least squares, from many starts, within bounds: amplitudes of one sign, and τ between half a trial and twice the
number of trials (a slower course is a straight line and cannot be told from another). With RSS the sum of squared
residuals over N observations and k parameters, the residual variance among them,

    AIC = N log(RSS / N) + 2k,        weight of two = 1 / (1 + exp((AIC_two − AIC_one) / 2))

(Akaike 1974; Burnham & Anderson 2002). The two-state model of Smith, Ghazizadeh & Shadmehr (2006) has errors of this
form while the perturbation lasts. AIC takes residuals as independent and normal of one variance; errors of single
trials are not quite.

| symbol    | name                 |
| --------- | -------------------- |
| c         | asymptote            |
| a, a_f, a_s | amplitudes         |
| τ         | time_constants, in trials |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.checks import as_count, as_number, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ExponentialFit", "LearningTimescales", "learning_timescales"]

SHORTEST = 0.5
LONGEST = 2.0
"""Bounds of τ: trials, and multiples of the number of trials."""


@dataclass(frozen=True, eq=False)
class ExponentialFit:
    """A sum of exponentials with an asymptote.

    Attributes
    ----------
    asymptote : float
    amplitudes, time_constants : ndarray, shape (n_exponentials,)
        The fastest first; time constants in trials. Amplitudes bear the sign of the error at the start.
    rss : float
        Sum of squared residuals.
    aic, bic : float
    """

    asymptote: float
    amplitudes: NDArray[np.float64]
    time_constants: NDArray[np.float64]
    rss: float
    aic: float
    bic: float

    def predict(self, trials: ArrayLike) -> NDArray[np.float64]:
        """The curve at these trials, counted from 0."""
        n = np.asarray(trials, dtype=np.float64)[..., None]
        return np.asarray(self.asymptote + np.sum(self.amplitudes * np.exp(-n / self.time_constants), axis=-1))


@dataclass(frozen=True, eq=False, repr=False)
class LearningTimescales:
    """One exponential and two, fitted to the same errors.

    Attributes
    ----------
    one, two : ExponentialFit
    errors : ndarray, shape (n_curves, n_trials)
    resamples_one : ndarray, shape (n_resamples, 3)
        Asymptote, amplitude, time constant of each resample.
    resamples_two : ndarray, shape (n_resamples, 5)
        Asymptote, amplitudes (fast, slow), time constants (fast, slow).
    resampled_preference : ndarray, shape (n_resamples,)
        AIC of one less AIC of two in each resample.
    level : float
    """

    one: ExponentialFit
    two: ExponentialFit
    errors: NDArray[np.float64] = field(repr=False)
    resamples_one: NDArray[np.float64] = field(repr=False)
    resamples_two: NDArray[np.float64] = field(repr=False)
    resampled_preference: NDArray[np.float64] = field(repr=False)
    level: float

    @property
    def preference(self) -> float:
        """AIC of one exponential less that of two: positive if two are preferred."""
        return self.one.aic - self.two.aic

    @property
    def weight_of_two(self) -> float:
        """Akaike weight of two exponentials, 0 to 1."""
        return float(1 / (1 + np.exp(np.clip(-self.preference / 2, -700, 700))))

    @property
    def n_exponentials(self) -> int:
        """What AIC prefers, 1 or 2."""
        return 2 if self.preference > 0 else 1

    @property
    def best(self) -> ExponentialFit:
        """The fit that AIC prefers."""
        return self.two if self.n_exponentials == 2 else self.one

    def __repr__(self) -> str:
        scales = " and ".join(f"{tau:.3g}" for tau in self.best.time_constants)
        return (
            f"<LearningTimescales: {self.n_exponentials} exponential(s), {scales} trials; AIC of one less AIC of two "
            f"{self.preference:+.1f}, {self.errors.shape[0]} curve(s) of {self.errors.shape[1]} trials>"
        )

    def to_pandas(self) -> pd.DataFrame:
        """Parameters of both fits with the ends of their percentile intervals.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        rows = []
        for name, fit, resamples in (("one", self.one, self.resamples_one), ("two", self.two, self.resamples_two)):
            values = np.concatenate([[fit.asymptote], fit.amplitudes, fit.time_constants])
            labels = ["asymptote", "amplitude", "time constant"]
            if len(values) == 5:
                labels = ["asymptote", "fast amplitude", "slow amplitude", "fast time constant", "slow time constant"]
            ends = np.full((2, len(values)), np.nan)
            if len(resamples):
                ends = np.quantile(resamples, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
            rows += list(zip([name] * len(values), labels, values, *ends, strict=True))
        table = pd.DataFrame(rows, columns=["exponentials", "parameter", "estimate", "low", "high"])
        return table.set_index(["exponentials", "parameter"])

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.timescales`, which takes the options."""
        from fastigial.plot.timescales import timescales

        return timescales(self, **options)


def learning_timescales(
    errors: ArrayLike,
    *,
    n_resamples: int = 500,
    level: float = 0.95,
    seed: int | None = 0,
) -> LearningTimescales:
    """Fit one exponential and two to the errors of a block of trials, and compare them.

    Parameters
    ----------
    errors : array_like, shape (n_trials,) or (n_curves, n_trials)
        Trial by trial, from the first trial of the block; several sessions, people or networks in rows are fitted
        together, with one curve for all. NaN where a trial is missing (a clamp, a shorter session).
    n_resamples : int
        Several curves: curves drawn with replacement. A single one: residuals of the fit with two exponentials drawn
        with replacement.
    level : float
        Of the intervals.
    seed : int, optional

    Returns
    -------
    LearningTimescales
        With ``.one``, ``.two``, ``.preference`` (in AIC), ``.best``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    ValueError
        If errors are not a vector or matrix of finite numbers and NaN, or fewer than 8 trials were observed.

    Notes
    -----
    Time constants of two exponentials trade off against one another and against the asymptote: look at their intervals
    before you use them. Curves averaged over people mix their time constants, and a mixture of one exponential each is
    a sum of several.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> n = np.arange(100)
    >>> noise = np.random.default_rng(0).normal(size=100)
    >>> errors = 2 + 20 * np.exp(-n / 3) + 15 * np.exp(-n / 40) + noise
    >>> found = fg.analysis.learning_timescales(errors, n_resamples=20)
    >>> found.n_exponentials
    2
    """
    n_resamples, level = as_count("n_resamples", n_resamples), as_number("level", level)
    rng = np.random.default_rng(as_seed(seed))
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    curves = np.atleast_2d(np.asarray(errors, dtype=np.float64))
    if curves.ndim != 2 or np.isinf(curves).any():
        raise ValueError(f"errors has shape {np.shape(errors)}, expected (n_trials,) or (n_curves, n_trials), finite")
    n_seen = int(np.isfinite(curves).any(axis=0).sum())
    if n_seen < 8:
        raise ValueError(f"errors holds {n_seen} trials that were observed, expected 8 or more")
    one, two = _both(curves, None)
    ones, twos, preferences = [], [], []
    for _ in range(n_resamples):
        if len(curves) > 1:
            drawn = curves[rng.integers(len(curves), size=len(curves))]
        else:
            expected = two.predict(np.arange(curves.shape[1]))
            residuals = (curves - expected)[np.isfinite(curves)]
            drawn = np.where(np.isfinite(curves), expected + rng.choice(residuals, size=curves.shape), np.nan)
        if np.isfinite(drawn).any(axis=0).sum() < 8:
            continue
        first, second = _both(drawn, (one, two))
        ones.append([first.asymptote, *first.amplitudes, *first.time_constants])
        twos.append([second.asymptote, *second.amplitudes, *second.time_constants])
        preferences.append(first.aic - second.aic)
    return LearningTimescales(
        one,
        two,
        curves,
        np.array(ones).reshape(-1, 3),
        np.array(twos).reshape(-1, 5),
        np.array(preferences, dtype=np.float64),
        level,
    )


def _both(
    curves: NDArray[np.float64], near: tuple[ExponentialFit, ExponentialFit] | None
) -> tuple[ExponentialFit, ExponentialFit]:
    """Fit one exponential and two, from a grid of starts, or also from a fit that is near."""
    seen = np.isfinite(curves)
    weight = seen.sum(axis=0).astype(np.float64)
    trials = np.flatnonzero(weight)
    weight = weight[trials]
    mean = np.where(seen, curves, 0.0).sum(axis=0)[trials] / weight
    # Around each trial's mean, no curve over trials can reduce the scatter of the sessions.
    within = float(np.sum(np.where(seen, curves, 0.0)[:, trials] ** 2) - np.sum(weight * mean**2))
    data = _Data(trials.astype(np.float64), mean, weight, max(within, 0.0), curves.shape[1])
    one = _fit(data, 1, [] if near is None else [near[0].time_constants], near is None)
    starts = [one.time_constants.repeat(2)] + ([] if near is None else [near[1].time_constants])
    return one, _fit(data, 2, starts, near is None)


@dataclass(frozen=True, eq=False)
class _Data:
    """Mean error at the trials that were observed, its weight, and the scatter about it."""

    trials: NDArray[np.float64]
    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    within: float
    n_trials: int


def _fit(data: _Data, n_exponentials: int, starts: list[NDArray[np.float64]], thorough: bool) -> ExponentialFit:
    from scipy.optimize import minimize

    bounds = (np.log(SHORTEST), np.log(LONGEST * data.n_trials))
    grid = np.linspace(*bounds, 14 if thorough else 6)
    tried = [np.log(np.clip(start, np.exp(bounds[0]), np.exp(bounds[1]))) for start in starts]
    if n_exponentials == 1:
        tried += [np.array([one]) for one in grid]
    else:
        tried += [np.array([grid[i], grid[j]]) for i in range(len(grid)) for j in range(i + 1, len(grid))]
    # Squares relative to those about the mean: where the search stops does not depend on the unit of the errors.
    about_mean = float(np.sum(data.weight * (data.mean - np.average(data.mean, weights=data.weight)) ** 2)) or 1.0

    def objective(logs: NDArray[np.float64]) -> float:
        return _linear(data, np.exp(logs))[0] / about_mean

    values = [objective(logs) for logs in tried]
    best = (np.inf, tried[0])
    # The linear part is solved exactly for each pair of time constants; the best few starts are refined.
    for place in np.argsort(values)[: 3 if thorough else 2]:
        found = minimize(
            objective,
            tried[int(place)].tolist(),
            method="Nelder-Mead",
            bounds=[(float(bounds[0]), float(bounds[1]))] * n_exponentials,
            tol=1e-7 if thorough else 1e-4,
        )
        if found.fun < best[0]:
            best = (float(found.fun), found.x)
    constants = np.sort(np.exp(best[1]))
    _, asymptote, amplitudes = _linear(data, constants)
    # Once more from the residuals: the difference of squares above loses digits where the fit is close.
    curve = asymptote + np.exp(-data.trials[:, None] / constants) @ amplitudes
    rss = float(np.sum(data.weight * (data.mean - curve) ** 2)) + data.within
    n = float(data.weight.sum())
    k = 2 * n_exponentials + 2
    # Residuals of exactly zero would make the criterion minus infinity.
    log = n * np.log(max(rss / n, np.finfo(float).tiny))
    return ExponentialFit(asymptote, amplitudes, constants, rss, float(log + 2 * k), float(log + np.log(n) * k))


def _linear(data: _Data, constants: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Best asymptote and amplitudes of one sign for given time constants, and the weighted squares left."""
    shapes = np.exp(-data.trials[:, None] / constants)
    share = data.weight / data.weight.sum()
    shape_mean, mean = share @ shapes, share @ data.mean
    moved, response = shapes - shape_mean, data.mean - mean
    weighted = moved.T * data.weight
    gram, product = weighted @ moved, weighted @ response
    squares = float(np.sum(data.weight * response**2))
    # Normal equations of one or two columns, by hand: this is called some hundred times for each fit.
    amplitudes, gain = np.zeros(len(constants)), 0.0
    for k in range(len(constants)):
        if gram[k, k] > 0 and product[k] ** 2 / gram[k, k] > gain:
            gain = float(product[k] ** 2 / gram[k, k])
            amplitudes = np.where(np.arange(len(constants)) == k, product[k] / gram[k, k], 0.0)
    if len(constants) == 2:
        determinant = gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2
        # Two equal time constants are one exponential.
        if determinant > 1e-10 * gram[0, 0] * gram[1, 1]:
            first = (gram[1, 1] * product[0] - gram[0, 1] * product[1]) / determinant
            second = (gram[0, 0] * product[1] - gram[0, 1] * product[0]) / determinant
            both = float(first * product[0] + second * product[1])
            if first * second >= 0 and both > gain:
                gain, amplitudes = both, np.array([first, second])
    return max(squares - gain, 0.0), float(mean - shape_mean @ amplitudes), amplitudes
