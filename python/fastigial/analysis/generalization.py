"""Whether a distinction that was learned on some targets holds for others: cross-condition generalisation.

Targets around the circle are cut into four groups of neighbours, q₀ … q₃. A linear classifier learns to tell two groups
apart, and is tested on the two others, each next to one that it learned:

    trained on   tested on
    q₀ | q₃      q₁ | q₂
    q₁ | q₂      q₀ | q₃
    q₀ | q₁      q₃ | q₂
    q₃ | q₂      q₀ | q₁

The mean accuracy over the four divisions is the measure (after Bernardi et al., Cell 183:954, 2020, with the divisions
of Israely et al. 2025): 1 for targets on a flat circle, .5 where every target has a dimension of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.population import levels_of, population_of
from fastigial.tensor.checks import as_number

__all__ = ["Generalization", "cross_condition_generalization", "task_dimensionality"]

DIVISIONS = (((0, 3), (1, 2)), ((1, 2), (0, 3)), ((0, 1), (3, 2)), ((3, 2), (0, 1)))


@dataclass(frozen=True, eq=False)
class Generalization:
    """How well distinctions carry over to targets that were not part of them.

    Attributes
    ----------
    accuracy : float
        Mean over divisions; chance is .5.
    by_division : ndarray, shape (n_divisions,)
    divisions : tuple of ((int, int), (int, int))
        Groups that were learned and that were tested: the first of the one goes with the first of the other.
    groups : list of list
        Labels of each group.
    """

    accuracy: float
    by_division: NDArray[np.float64]
    divisions: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    groups: list[list[Any]]


def cross_condition_generalization(
    x: Any,
    labels: str | ArrayLike,
    *,
    groups: Sequence[Sequence[Any]] | None = None,
    divisions: Sequence[tuple[tuple[int, int], tuple[int, int]]] = DIVISIONS,
    standardize: bool = True,
    regularization: float = 1.0,
) -> Generalization:
    """How well a linear distinction between some targets holds for others.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        (trials, neurons, time), of which the mean over time counts, or (samples, units). A sample may be a trial or the
        average of many: in Israely et al. (2025) there is one sample per target.
    labels : str or array_like, shape (n_samples,)
        Target of each sample, or the name of a coordinate of the trials.
    groups : sequence of sequences of labels, optional
        Four groups of neighbours around the circle; by default the labels in order, cut into four.
    divisions : sequence of ((int, int), (int, int))
        Which two groups are learned and which two are tested.
    standardize : bool
        Bring each unit to mean 0 and SD 1 over all samples first.
    regularization : float
        C of the support vector machine (hinge loss, linear).

    Returns
    -------
    Generalization
        With ``.accuracy`` and ``.by_division``.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If labels do not fit, cannot be cut into four groups of one size, or groups hold labels that do not occur.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> theta = np.arange(8) * np.pi / 4
    >>> plane = np.random.default_rng(0).normal(size=(2, 50))
    >>> circle = np.column_stack([np.cos(theta), np.sin(theta)]) @ plane
    >>> fg.analysis.cross_condition_generalization(circle, np.arange(1, 9)).accuracy
    1.0
    """
    try:
        from sklearn import config_context
        from sklearn.svm import SVC
    except ImportError as error:
        raise ImportError("cross-condition generalisation needs scikit-learn: pip install scikit-learn") from error
    regularization = as_number("regularization", regularization)
    if not 0 < regularization < np.inf:
        raise ValueError(f"regularization is {regularization}, expected a positive number")
    rows, targets, levels = _samples(x, labels)
    if standardize:
        rows = standardized(rows)
    named = _groups(levels, groups)
    members = [np.flatnonzero(np.isin(targets, group)) for group in named]
    scores = []
    for learned, tested in divisions:
        train = np.concatenate([members[learned[0]], members[learned[1]]])
        sides = np.repeat([0, 1], [len(members[learned[0]]), len(members[learned[1]])])
        test = np.concatenate([members[tested[0]], members[tested[1]]])
        truth = np.repeat([0, 1], [len(members[tested[0]]), len(members[tested[1]])])
        # Entries were checked when they came in; checking them again takes longer than the fit.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            found = SVC(kernel="linear", C=regularization).fit(rows[train], sides).predict(rows[test])
        scores.append(float(np.mean(found == truth)))
    return Generalization(float(np.mean(scores)), np.array(scores), tuple(divisions), named)


def task_dimensionality(x: Any, labels: str | ArrayLike) -> float:
    r"""Effective number of dimensions that the averages of targets fill.

    .. math:: D = \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}

    of the averages of each target, every unit brought to mean 0 and SD 1 over targets (Israely et al. 2025): 2 for
    tuning to the cosine of the target alone, and at most the number of targets less one. Noise fills all dimensions
    alike, so D of averages of few trials is larger than D of their means: compare equal numbers of trials
    (`compare_matched`).

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        (trials, neurons, time), of which the mean over time counts, or (samples, units).
    labels : str or array_like, shape (n_samples,)
        Target of each sample, or the name of a coordinate of the trials.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If labels do not fit, name fewer than two targets, or no unit differs between targets.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> theta = np.arange(8) * np.pi / 4
    >>> preferred = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> round(fg.analysis.task_dimensionality(np.cos(theta[:, None] - preferred), theta), 6)
    2.0
    """
    rows, targets, levels = _samples(x, labels)
    if len(levels) < 2:
        raise ValueError(f"labels name {len(levels)} target, expected two or more")
    return dimension_of(np.stack([rows[targets == level].mean(axis=0) for level in levels]))


def dimension_of(patterns: NDArray[np.float64]) -> float:
    """Participation ratio of patterns (n_targets, n_units), each unit standardised over targets."""
    z = standardized(patterns)
    gram = z @ z.T
    total = np.trace(gram)
    if total == 0:
        raise ValueError("no unit differs between targets")
    return float(total**2 / np.sum(gram**2))


def standardized(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of mean 0 and SD 1; zero where they do not vary."""
    moved = rows - rows.mean(axis=0)
    spread = moved.std(axis=0)
    flat = spread <= 1e-12 * np.abs(rows).max(axis=0)
    return np.asarray(np.where(flat, 0.0, moved / np.where(flat, 1.0, spread)))


def _samples(x: Any, labels: str | ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any], list[Any]]:
    """Mean over the steps of each trial, its target, and all targets in order."""
    population = population_of(x)
    values, _ = population.trial_values(labels, "labels")
    seen = population.seen.any(axis=1)
    steps = np.maximum(population.seen.sum(axis=1), 1)
    rows = (population.values.sum(axis=1) / steps[:, None])[seen]
    levels, _ = levels_of(values[seen])
    return rows, values[seen], levels


def _groups(levels: list[Any], groups: Sequence[Sequence[Any]] | None) -> list[list[Any]]:
    if groups is None:
        if len(levels) % 4 or not levels:
            raise ValueError(f"labels name {len(levels)} targets, which cannot be cut into four groups: give groups")
        size = len(levels) // 4
        return [levels[start : start + size] for start in range(0, len(levels), size)]
    found = [list(group) for group in groups]
    strange = [label for group in found for label in group if label not in levels]
    if len(found) != 4 or strange or not all(found):
        raise ValueError(f"groups must be four, of labels that occur; got {len(found)}, and not known {strange}")
    return found
