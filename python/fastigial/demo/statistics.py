"""Do trial factors follow a label or a quantity? Effect sizes, with permutation tests and their correction.

All tests permute the trials' labels, so that they assume one thing only: that without an effect the trials
could have come in any order. ``p = (1 + #{permuted ≥ observed}) / (1 + n_permutations)``, which is never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.association import group_rows, p_values, products, ranked, standardised
from fastigial.analysis.orders import random_orders

__all__ = [
    "Decoding",
    "decode",
    "eta_squared",
    "permuted_eta_squared",
    "permuted_spearman",
    "spearman",
]

N_PERMUTATIONS = 4999
N_DECODINGS = 499
N_FOLDS = 5

CHUNK = 250


@dataclass(frozen=True)
class Decoding:
    """How well a cross-validated classifier tells the conditions of trials from their factors.

    Attributes
    ----------
    accuracy, chance : float
        Balanced accuracy (mean over classes of the share of their trials decoded correctly), and 1 /
        n_classes.
    null : ndarray, shape (n_permutations,)
        Accuracy with permuted labels, through the same cross-validation.
    p : float
    n_trials, n_classes, n_folds, n_features : int
    """

    accuracy: float
    chance: float
    null: NDArray[np.float64]
    p: float
    n_trials: int
    n_classes: int
    n_folds: int
    n_features: int


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Rank correlation; NaN if one of them does not vary.

    Parameters
    ----------
    x, y : array_like, shape (n,)

    Returns
    -------
    float

    Examples
    --------
    >>> from fastigial.demo.statistics import spearman
    >>> round(spearman([1, 2, 3, 4], [1, 4, 9, 16]), 6)
    1.0
    """
    return float(_standard_ranks(x) @ _standard_ranks(y))


def _standard_ranks(values: ArrayLike) -> NDArray[np.float64]:
    return standardised(ranked(np.asarray(values)[:, None]))[:, 0]


def permuted_spearman(
    x: ArrayLike, y: ArrayLike, rng: np.random.Generator, n_permutations: int = N_PERMUTATIONS
) -> tuple[float, float]:
    """Rank correlation and its two-sided permutation p-value.

    Parameters
    ----------
    x, y : array_like, shape (n,)
    rng : numpy.random.Generator
    n_permutations : int

    Returns
    -------
    rho, p : float
        Both NaN if one of x and y does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.demo.statistics import permuted_spearman
    >>> rho, p = permuted_spearman(np.arange(20), np.arange(20), np.random.default_rng(0), 99)
    >>> round(rho, 6), p
    (1.0, 0.01)
    """
    ranks_x, ranks_y = _standard_ranks(x), _standard_ranks(y)
    observed = float(ranks_x @ ranks_y)
    if np.isnan(observed):
        return observed, observed
    rows, columns = ranks_x[None], ranks_y[:, None]
    null = [products(rows, columns, orders)[:, 0, 0] for orders in _orders(len(ranks_x), rng, n_permutations)]
    return observed, _p_value(np.abs(np.concatenate(null)), abs(observed))


def _orders(n_trials: int, rng: np.random.Generator, n_permutations: int) -> Iterator[NDArray[np.intp]]:
    # A few hundred permutations at a time make one matrix product, and stay small.
    return random_orders(np.zeros(n_trials, dtype=np.intp), "shuffle", n_permutations, rng, CHUNK)


def eta_squared(rows: ArrayLike, labels: ArrayLike) -> float:
    """Share of the variance of rows that lies between groups: Σ_g n_g ‖m_g − m‖² / Σ_k ‖x_k − m‖².

    Parameters
    ----------
    rows : array_like, shape (n_trials,) or (n_trials, d)
    labels : array_like, shape (n_trials,)

    Returns
    -------
    float
        From 0 to 1. Chance gives about (n_groups − 1) / (n_trials − 1), not 0. NaN if nothing varies.

    Examples
    --------
    >>> from fastigial.demo.statistics import eta_squared
    >>> round(eta_squared([1.0, 1.0, 3.0, 3.0], ["a", "a", "b", "b"]), 6)
    1.0
    """
    centred, groups = _centred(rows), group_rows(labels)
    total = float(np.sum(centred**2))
    return _between(centred, groups) / total if total > 0 else float("nan")


def _centred(rows: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(rows, dtype=np.float64)
    values = values.reshape(len(values), -1)
    return np.asarray(values - values.mean(axis=0), dtype=np.float64)


def _between(centred: NDArray[np.float64], groups: NDArray[np.float64]) -> float:
    return float(np.sum((groups @ centred) ** 2))


def permuted_eta_squared(
    rows: ArrayLike, labels: ArrayLike, rng: np.random.Generator, n_permutations: int = N_PERMUTATIONS
) -> tuple[float, float]:
    """η² and its permutation p-value.

    Parameters
    ----------
    rows : array_like, shape (n_trials,) or (n_trials, d)
    labels : array_like, shape (n_trials,)
    rng : numpy.random.Generator
    n_permutations : int

    Returns
    -------
    eta_squared, p : float
        Both NaN if nothing varies.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.demo.statistics import permuted_eta_squared
    >>> labels = np.repeat([0, 1], 10)
    >>> size, p = permuted_eta_squared(labels, labels, np.random.default_rng(1), 99)
    >>> round(size, 6), p
    (1.0, 0.01)
    """
    centred, groups = _centred(rows), group_rows(labels)
    total = float(np.sum(centred**2))
    if not total > 0:
        return float("nan"), float("nan")
    observed = _between(centred, groups) / total
    null = [
        np.sum(products(groups, centred, orders) ** 2, axis=(1, 2)) / total
        for orders in _orders(len(centred), rng, n_permutations)
    ]
    return observed, _p_value(np.concatenate(null), observed)


def _p_value(null: NDArray[np.float64], observed: float) -> float:
    return float(p_values(null[:, None], [observed])[0])


def decode(
    features: ArrayLike,
    labels: ArrayLike,
    rng: np.random.Generator,
    *,
    n_permutations: int = N_DECODINGS,
    n_folds: int = N_FOLDS,
) -> Decoding | None:
    """Decode labels by linear discriminant analysis with equal priors, stratified and cross-validated.

    Parameters
    ----------
    features : array_like, shape (n_trials, n_features)
    labels : array_like, shape (n_trials,)
    rng : numpy.random.Generator
    n_permutations, n_folds : int

    Returns
    -------
    Decoding or None
        None if a class has fewer trials than there are folds.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.demo.statistics import decode
    >>> labels = np.repeat([0, 1], 20)
    >>> features = labels[:, None] + 0.01 * np.random.default_rng(0).standard_normal((40, 2))
    >>> decode(features, labels, np.random.default_rng(1), n_permutations=19).accuracy
    1.0
    """
    x = np.asarray(features, dtype=np.float64)
    _, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if len(counts) < 2 or counts.min() < n_folds or x.shape[1] == 0:
        return None
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    accuracy = _cross_validated(x, codes, n_folds, rng)
    null = np.array([_cross_validated(x, rng.permutation(codes), n_folds, rng) for _ in range(n_permutations)])
    return Decoding(accuracy, 1 / len(counts), null, _p_value(null, accuracy), len(x), len(counts), n_folds, x.shape[1])


def _cross_validated(x: NDArray[np.float64], codes: NDArray[np.intp], n_folds: int, rng: np.random.Generator) -> float:
    n_classes = int(codes.max()) + 1
    fold = np.empty(len(codes), dtype=np.intp)
    for code in range(n_classes):
        members = rng.permutation(np.flatnonzero(codes == code))
        fold[members] = np.arange(len(members)) % n_folds
    correct = np.zeros(len(codes))
    for test in range(n_folds):
        train, held = fold != test, fold == test
        groups = codes[train] == np.arange(n_classes)[:, None]
        means = groups @ x[train] / groups.sum(axis=1, keepdims=True)
        within = x[train] - means[codes[train]]
        covariance = within.T @ within / max(len(within) - n_classes, 1)
        # A little of the identity (features have unit spread) keeps collinear features from blowing up.
        axes = np.linalg.solve(covariance + 1e-3 * np.eye(x.shape[1]), means.T)
        scores = x[held] @ axes - 0.5 * np.sum(means.T * axes, axis=0)
        correct[held] = scores.argmax(axis=1) == codes[held]
    return float(np.mean([correct[codes == code].mean() for code in range(n_classes)]))
