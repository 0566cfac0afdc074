"""A measure of target averages in two conditions, with equal numbers of trials, many draws, and units drawn anew.

An average of few trials is noisier than one of many, and noise changes dimensionality and generalisation. So for each
unit u and target k, n_uk = min over conditions of the number of trials; each draw takes n_uk trials of each condition
without replacement (Israely et al. 2025: 1000 draws, units with at least 40 trials in each condition and one for every
target). What varies over draws is which trials stand for the larger condition. It says nothing of other units: for
that, units are drawn with replacement, with one draw of trials each. The null hypothesis, that a unit's two conditions
are exchangeable, is tested by exchanging them in each unit with probability one half, draw by draw.
Both are designs of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.generalization import cross_condition_generalization, dimension_of
from fastigial.analysis.pooling import Part, labels_of_parts, parts_of, whole_labels
from fastigial.tensor.checks import as_count, as_number, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["MatchedComparison", "compare_matched"]

Measure = Literal["dimensionality", "generalization"]


@dataclass(frozen=True, eq=False, repr=False)
class MatchedComparison:
    """One number for each of two conditions, and how sure it is.

    Attributes
    ----------
    conditions : (label, label)
    draws : ndarray, shape (n_draws, 2)
        The measure of each draw of trials, all units.
    units : ndarray, shape (n_resamples, 2)
        The same of units drawn with replacement. Units that come twice look like fewer units: what is meant are
        differences between conditions, and the width.
    exchanged : ndarray, shape (n_exchanges,)
        Differences, the second less the first condition, with conditions exchanged at random in each unit.
    level : float
    n_units : int
    n_trials : ndarray of int, shape (n_units,)
        Trials of each unit in each condition, after matching.
    measure : str
    """

    conditions: tuple[Any, Any]
    draws: NDArray[np.float64] = field(repr=False)
    units: NDArray[np.float64] = field(repr=False)
    exchanged: NDArray[np.float64] = field(repr=False)
    level: float
    n_units: int
    n_trials: NDArray[np.intp] = field(repr=False)
    measure: str

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the draws in each condition, (2,)."""
        return np.asarray(self.draws.mean(axis=0))

    @property
    def difference(self) -> float:
        """Mean of the second condition less that of the first."""
        return float(self.mean[1] - self.mean[0])

    def interval(self, over: Literal["draws", "units"] = "units") -> NDArray[np.float64]:
        """Percentile interval of each condition and of the difference, (3, 2); over draws of trials, or of units.

        Intervals over units are moved so that their centre, the mean of the resamples, is the mean of the draws; they
        may so leave the range of the measure.
        """
        values = self.draws if over == "draws" else self.units
        if over not in ("draws", "units"):
            raise ValueError(f'over is {over!r}, expected "draws" or "units"')
        if not len(values):
            return np.full((3, 2), np.nan)
        columns = np.column_stack([values, values[:, 1] - values[:, 0]])
        centre = np.append(self.mean, self.difference)
        ends = np.quantile(columns, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0).T
        return np.asarray(ends + (centre - columns.mean(axis=0))[:, None])

    @property
    def p(self) -> float:
        """Two-sided, of no difference: share of exchanges with a difference as large, (1 + #) / (1 + n)."""
        as_large = np.sum(np.abs(self.exchanged) >= abs(self.difference) - 1e-12)
        return float((1 + as_large) / (1 + len(self.exchanged)))

    def __repr__(self) -> str:
        low, high = self.interval()[2]
        return (
            f"<{self.measure} of {self.conditions[0]!r} {self.mean[0]:.3f}, of {self.conditions[1]!r} "
            f"{self.mean[1]:.3f}, difference {self.difference:+.3f} ({self.level:.0%} over units {low:+.3f} to "
            f"{high:+.3f}, p {self.p:.3f}), {self.n_units} units>"
        )

    def to_pandas(self) -> pd.DataFrame:
        """A row for each condition and the difference: mean, and ends of the intervals over draws and units.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        columns = {"mean": np.append(self.mean, self.difference)}
        for over in ("draws", "units"):
            ends = self.interval("draws" if over == "draws" else "units")
            columns |= {f"{over} low": ends[:, 0], f"{over} high": ends[:, 1]}
        return pd.DataFrame(columns, index=[*map(str, self.conditions), "difference"])

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.matched`, which takes the options."""
        from fastigial.plot.matched import matched

        return matched(self, **options)


def compare_matched(
    x: Any,
    measure: Measure | Callable[[NDArray[np.float64]], float] = "dimensionality",
    *,
    target: str | ArrayLike | Sequence[ArrayLike] = "target",
    condition: str | ArrayLike | Sequence[ArrayLike] = "condition",
    conditions: tuple[Any, Any] | None = None,
    n_draws: int = 1000,
    n_resamples: int = 1000,
    n_exchanges: int = 1000,
    min_trials: int = 40,
    level: float = 0.95,
    seed: int | None = 0,
) -> MatchedComparison:
    """A measure of the targets' averages in two conditions, with equal numbers of trials.

    Parameters
    ----------
    x : Recording, trajectory, xarray.DataArray or array_like (n_trials, n_neurons, n_steps), or list of recordings
        In the window of interest, of which the mean over time counts. Units of a list are pooled; NaN where a unit
        misses a trial.
    measure : {"dimensionality", "generalization"} or callable
        `task_dimensionality`; `cross_condition_generalization` of one sample per target, with targets cut into groups
        in order of their labels; or a function of averages (n_targets, n_units).
    target, condition : str, array_like, or list of array_like
        Of each trial: name of a coordinate, values, or one array per recording.
    conditions : (label, label), optional
        Which two; by default the two that there are, in reverse order of the alphabet if one is called "control", which
        then comes first.
    n_draws, n_resamples, n_exchanges : int
        Draws of trials, of units, and exchanges.
    min_trials : int
        Units with fewer trials in one of the conditions, or without a trial of some target, are left out.
    level : float
    seed : int, optional

    Returns
    -------
    MatchedComparison
        With ``.mean``, ``.difference``, ``.interval("draws")``, ``.interval("units")``, ``.p`` and ``.plot()``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If there are other than two conditions, labels do not fit, or fewer than three units remain.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> rng = np.random.default_rng(0)
    >>> target, blocked = np.tile(np.arange(8), 30), np.repeat([0, 1], 120)
    >>> own = rng.normal(size=(8, 60))
    >>> circle = np.column_stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)])
    >>> mean = np.where(blocked[:, None], own[target], (circle @ rng.normal(size=(2, 60)))[target])
    >>> found = fg.analysis.compare_matched(
    ...     (mean + rng.normal(size=mean.shape))[:, :, None], target=target, condition=blocked, n_draws=50
    ... )
    >>> found.difference > 1, found.p < 0.01
    (True, True)
    """
    n_draws, n_resamples = as_count("n_draws", n_draws), as_count("n_resamples", n_resamples)
    n_exchanges, min_trials = as_count("n_exchanges", n_exchanges), as_count("min_trials", min_trials)
    level, rng = as_number("level", level), np.random.default_rng(as_seed(seed))
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    if n_draws < 1:
        raise ValueError(f"n_draws is {n_draws}, expected at least 1")
    value, name = _measure(measure)
    parts = parts_of(x)
    targets = labels_of_parts(parts, target, "target")
    groups = labels_of_parts(parts, condition, "condition")
    levels = whole_labels(targets)
    pair = _pair(whole_labels(groups), conditions)
    cells = _cells(parts, targets, groups, levels, pair, min_trials)
    if len(cells) < 3:
        raise ValueError(
            f"{len(cells)} units have {min_trials} trials in each condition and one of every target, expected three "
            "or more"
        )

    n_total = max(n_draws, n_resamples)
    drawn = np.stack([_averages(unit, n_total, rng) for unit in cells], axis=-1)
    draws = np.array([[value(one) for one in both] for both in drawn[:n_draws]])
    units = np.empty((n_resamples, 2))
    for number in range(n_resamples):
        places = rng.integers(len(cells), size=len(cells))
        units[number] = [value(one[:, places]) for one in drawn[number]]
    exchanged = np.empty(n_exchanges)
    for number in range(n_exchanges):
        flip = rng.random(len(cells)) < 0.5
        first, second = drawn[number % n_total]
        exchanged[number] = value(np.where(flip, first, second)) - value(np.where(flip, second, first))
    counts = np.array([sum(min(len(a), len(b)) for a, b in zip(*unit, strict=True)) for unit in cells])
    return MatchedComparison(pair, draws, units, exchanged, level, len(cells), counts.astype(np.intp), name)


def _measure(measure: Any) -> tuple[Callable[[NDArray[np.float64]], float], str]:
    if callable(measure):
        return measure, getattr(measure, "__name__", "measure")
    if measure == "dimensionality":
        return dimension_of, measure
    if measure == "generalization":
        return _generalization, measure
    raise ValueError(f'measure is {measure!r}, expected "dimensionality", "generalization" or a function')


def _generalization(patterns: NDArray[np.float64]) -> float:
    return cross_condition_generalization(patterns, np.arange(len(patterns))).accuracy


def _pair(known: list[Any], conditions: tuple[Any, Any] | None) -> tuple[Any, Any]:
    if conditions is None:
        if len(known) != 2:
            raise ValueError(f"condition has the labels {known}; name two of them with conditions=(first, second)")
        return (known[1], known[0]) if known[1] == "control" else (known[0], known[1])
    if len(conditions) != 2 or any(one not in known for one in conditions):
        raise ValueError(f"conditions is {conditions!r}, expected two of {known}")
    return conditions[0], conditions[1]


Cells = tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]


def _cells(
    parts: list[Part],
    targets: list[NDArray[Any]],
    groups: list[NDArray[Any]],
    levels: list[Any],
    pair: tuple[Any, Any],
    min_trials: int,
) -> list[Cells]:
    """Of every unit that has enough: its rates on the trials of each target, in the first and the second condition."""
    found = []
    for part, target, group in zip(parts, targets, groups, strict=True):
        rates = part.values.mean(axis=1)
        for unit in range(rates.shape[1]):
            seen = part.seen[:, unit] > 0
            first, second = (
                [rates[seen & (group == label) & (target == level), unit] for level in levels] for label in pair
            )
            enough = min(sum(map(len, first)), sum(map(len, second))) >= min_trials
            if enough and all(map(len, first)) and all(map(len, second)):
                found.append((first, second))
    return found


def _averages(unit: Cells, n_draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Averages over as many trials in either condition, (n_draws, 2, n_targets)."""
    found = np.empty((n_draws, 2, len(unit[0])))
    for target, both in enumerate(zip(*unit, strict=True)):
        n = min(map(len, both))
        for condition, trials in enumerate(both):
            if len(trials) == n:
                found[:, condition, target] = trials.mean()
            else:
                order = rng.random((n_draws, len(trials))).argpartition(n - 1, axis=1)[:, :n]
                found[:, condition, target] = trials[order].mean(axis=1)
    return found
