"""How the variance of condition averages is shared by time, stimulus, decision and what they do together.

Averages m_c(t) over the trials of each combination of conditions, a cell c = (c_1, …, c_F), are split into orthogonal
parts, as in the marginalisation of demixed PCA (Kobak et al., eLife 5:e10989, 2016) and in an analysis of
variance. With P_f the mean over the levels of factor f, and a set φ of factors,

    m_φ = Π_{f ∈ φ} (1 − P_f) Π_{f ∉ φ} P_f m

and time goes with each part (stimulus means stimulus and stimulus × time); the empty φ, less its mean over time, is
"time". The parts are orthogonal: Σ_φ ‖m_φ‖² = ‖m − mean‖², and shares of it sum to one. All cells count the same,
whatever their number of trials.

Averages of K_c trials hold noise as well, which adds to every part. Of ε_c, the error of cell c alone, part φ takes

    ‖P_φ ε_c‖² = w_φ ‖ε_c‖²,   w_φ = Π_{f ∈ φ} (1 − 1/L_f) Π_{f ∉ φ} 1/L_f,   L_f levels of f

(for time, of ε_c less its mean over time), and E‖ε_c‖² is estimated without bias by Σ_k ‖x_k − m_c‖² / (K_c (K_c − 1)).
Shares of the signal are those of ‖m_φ‖² less w_φ Σ_c of that. The correction is ours; Kobak et al. subtract an estimate
from shuffled trials. It is exact where all trials are whole; where steps are missing, that for "time" is approximate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.population import Population, levels_of, population_of
from fastigial.analysis.trial_labels import missing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["DemixedComparison", "DemixedVariance", "demixed_comparison", "demixed_variance"]

Conditions = Mapping[str, str | ArrayLike] | Sequence[str]


@dataclass(frozen=True, eq=False)
class DemixedVariance:
    """Shares of the variance of condition averages.

    Attributes
    ----------
    parts : list of str
        "time", each condition, and their interactions, such as "stimulus × decision".
    shares : ndarray, shape (n_parts,)
        Of the variance of the averages, as they are; they sum to 1.
    signal_shares : ndarray, shape (n_parts,)
        Of the same without the noise of single trials; they sum to 1, and a part that is not there comes out about 0,
        on either side. NaN if some cell has one trial only, or nothing but noise is left.
    levels : dict of str to list
        Levels of each condition.
    n_trials : ndarray of int, shape (n_levels_1, …, n_levels_F)
        Trials of each combination.
    """

    parts: list[str]
    shares: NDArray[np.float64]
    signal_shares: NDArray[np.float64]
    levels: dict[str, list[Any]]
    n_trials: NDArray[np.intp]

    def to_pandas(self) -> pd.DataFrame:
        """One row per part, columns share and signal_share.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        columns = {"share": self.shares, "signal_share": self.signal_shares}
        return pd.DataFrame(columns, index=pd.Index(self.parts, name="part"))

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.demixed`, which takes the options."""
        from fastigial.plot.demixed import demixed

        return demixed(self, **options)


@dataclass(frozen=True, eq=False)
class DemixedComparison:
    """Shares of two systems, side by side.

    Attributes
    ----------
    a, b : DemixedVariance
    names : (str, str)
    """

    a: DemixedVariance
    b: DemixedVariance
    names: tuple[str, str]

    @property
    def distance(self) -> float:
        """½ Σ abs(share of a − share of b): what would have to move from one part to another, 0 to 1.

        Of the signal's shares where both are known, which noise leaves alone, else of the averages'.
        """
        pair = [one.signal_shares for one in (self.a, self.b)]
        if np.isnan(pair).any():
            pair = [one.shares for one in (self.a, self.b)]
        return float(np.sum(np.abs(pair[0] - pair[1])) / 2)

    def to_pandas(self) -> pd.DataFrame:
        """One row per part; columns (system, share) and (system, signal_share).

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.concat([self.a.to_pandas(), self.b.to_pandas()], axis=1, keys=self.names, names=["system", None])

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.demixed`, which takes the options."""
        from fastigial.plot.demixed import demixed

        return demixed(self, **options)


def demixed_variance(x: Any, conditions: Conditions) -> DemixedVariance:
    """How much of the variance of condition averages goes with time, with each condition, and with their interactions.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (trials, units). Averages are over the
        trials that were observed (not NaN) at each step. Units count by their variance: normalise those of a recording
        first (`fastigial.preprocess.normalize`) if the most active ones are not to decide.
    conditions : dict of str to (n_trials,) labels, or sequence of str
        ``{"stimulus": ..., "decision": ...}``, one label for each trial, or the name of a coordinate of the trials; in
        a sequence, each name is that of a coordinate. Trials without a label (NaN, None) are left out. Every
        combination of labels needs a trial.

    Returns
    -------
    DemixedVariance
        With ``.parts``, ``.shares``, ``.signal_shares``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or `conditions` is neither a dict nor a sequence of names.
    ValueError
        If labels do not fit the trials, a condition has one level only, a combination has no trial (at some step), or
        the averages do not vary.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> stimulus, decision = np.tile([0, 0, 1, 1], 10), np.tile([0, 1, 0, 1], 10)
    >>> time = np.linspace(0, 1, 20)
    >>> x = np.stack([np.outer(stimulus, time), np.outer(decision, np.ones(20))], axis=1)  # trials, neurons, time
    >>> found = fg.analysis.demixed_variance(x, {"stimulus": stimulus, "decision": decision})
    >>> found.to_pandas()["share"].abs().round(2).to_dict()
    {'time': 0.06, 'stimulus': 0.24, 'decision': 0.7, 'stimulus × decision': 0.0}
    """
    return _demixed(x, conditions, "x", "conditions")


def demixed_comparison(
    a: Any,
    b: Any,
    conditions: Conditions,
    conditions_b: Conditions | None = None,
    *,
    names: tuple[str, str] = ("network", "recording"),
) -> DemixedComparison:
    """How the variance of condition averages is shared in two systems, such as a network and a recording.

    Units, trials and steps of the two may differ; the conditions must be the same.

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        As in `demixed_variance`.
    conditions, conditions_b : dict of str to (n_trials,) labels, or sequence of str
        Those of a, and those of b, by the same names and in the same order; left out, those of a stand for both.
    names : (str, str)
        What to call the two.

    Returns
    -------
    DemixedComparison
        With ``.a``, ``.b``, ``.distance``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError, ValueError
        As in `demixed_variance`; or if the conditions have different names, or there are not two names.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> side = np.repeat([0, 1], 5)
    >>> a = side[:, None, None] * np.ones((10, 3, 4))
    >>> found = fg.analysis.demixed_comparison(a, 3 * a[:, :2], {"side": side})
    >>> found.distance
    0.0
    """
    if isinstance(names, str) or len(names) != 2:
        raise ValueError(f"names is {names!r}, expected two names")
    first = _demixed(a, conditions, "a", "conditions")
    second = _demixed(b, conditions if conditions_b is None else conditions_b, "b", "conditions_b")
    if first.parts != second.parts:
        raise ValueError(
            f"a has the parts {first.parts} and b has {second.parts}, expected the same conditions and order"
        )
    return DemixedComparison(first, second, (str(names[0]), str(names[1])))


def _demixed(x: Any, conditions: Conditions, name: str, argument: str) -> DemixedVariance:
    population = population_of(x, name)
    factors, codes = _factors(population, conditions, argument)
    shape = tuple(len(levels) for levels in factors.values())
    means, noise, n_trials = _cell_means(population, factors, codes, shape, name)
    parts: list[str] = []
    energies: list[float] = []
    weights: list[float] = []
    if population.n_steps > 1:
        parts.append("time")
        over_all = means.mean(axis=tuple(range(len(shape))))
        energies.append(float(np.sum((over_all - over_all.mean(axis=0)) ** 2) * np.prod(shape)))
        weights.append(noise[1] / float(np.prod(shape)))
    for size in range(1, len(shape) + 1):
        for chosen in combinations(range(len(shape)), size):
            part, weight = means, 1.0
            for factor, n_levels in enumerate(shape):
                mean = part.mean(axis=factor, keepdims=True)
                part = part - mean if factor in chosen else mean
                weight *= 1 - 1 / n_levels if factor in chosen else 1 / n_levels
            parts.append(" × ".join(list(factors)[factor] for factor in chosen))
            # A mean stands for all levels that it was taken over.
            energies.append(float(np.sum(part**2)) * (means.size // part.size))
            weights.append(noise[0] * weight)
    energy = np.array(energies, dtype=np.float64)
    # Rounding of a large constant is no variance.
    if energy.sum() <= means.size * (8 * np.finfo(np.float64).eps) ** 2:
        raise ValueError(f"the condition averages of {name} do not vary: there is nothing to share")
    signal = energy - np.array(weights, dtype=np.float64)
    total = float(signal.sum())
    shares = signal / total if total > 0 else np.full(len(parts), np.nan)
    return DemixedVariance(parts, energy / energy.sum(), shares, factors, n_trials)


def _factors(
    population: Population, conditions: Conditions, argument: str
) -> tuple[dict[str, list[Any]], NDArray[np.intp]]:
    """Levels of each condition, and codes (n_trials, n_factors), −1 where a trial has no label."""
    if not isinstance(conditions, Mapping):
        if isinstance(conditions, str) or not all(isinstance(key, str) for key in conditions):
            raise TypeError(f"{argument} is {conditions!r}, expected a dict of labels, or names of coordinates")
        conditions = {key: key for key in conditions}
    if not conditions:
        raise ValueError(f"{argument} is empty, expected at least one condition")
    factors: dict[str, list[Any]] = {}
    codes = np.full((population.n_trials, len(conditions)), -1, dtype=np.intp)
    for column, (key, labels) in enumerate(conditions.items()):
        values, _ = population.trial_values(labels, f"{argument}[{key!r}]")
        there = ~missing(values)
        levels, codes[there, column] = levels_of(values[there])
        if len(levels) < 2:
            raise ValueError(f"{argument}[{key!r}] has {len(levels)} level, expected two or more")
        factors[str(key)] = levels
    return factors, codes


def _cell_means(
    population: Population,
    factors: Mapping[str, list[Any]],
    codes: NDArray[np.intp],
    shape: tuple[int, ...],
    name: str,
) -> tuple[NDArray[np.float64], tuple[float, float], NDArray[np.intp]]:
    """Averages (*shape, n_steps, n_units); their noise, whole and about its mean over time; trials of each cell."""
    means = np.empty((*shape, population.n_steps, population.n_units))
    n_trials = np.zeros(shape, dtype=np.intp)
    whole = varying = 0.0
    for cell in product(*(range(n_levels) for n_levels in shape)):
        members = np.flatnonzero((codes == cell).all(axis=1))
        values, seen = population.values[members], population.seen[members]
        counts = seen.sum(axis=0)
        if not members.size or not counts.all():
            labels = {key: levels[code] for (key, levels), code in zip(factors.items(), cell, strict=True)}
            where = f" at step {int(counts.argmin())}" if members.size else ""
            raise ValueError(f"{name} has no trial with {labels}{where}: every combination of conditions needs one")
        n_trials[cell] = len(members)
        means[cell] = values.sum(axis=0) / counts[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = (values - means[cell]) * seen[:, :, None] / np.sqrt(counts * (counts - 1.0))[:, None]
        whole += float(np.sum(errors**2))
        varying += float(np.sum((errors - errors.mean(axis=1, keepdims=True)) ** 2))
    return means, (whole, varying), n_trials
