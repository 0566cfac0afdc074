"""Which rank to choose, given the held-out loss of each.

All rules look at the same numbers. Of the starts of one rank on one split, the one with the lowest *training* loss is
the model one would have kept, so its held-out loss is what counts: to take the lowest held-out loss would be to look at
the answer. That leaves one loss for each rank and split, ℓ(r, s); its mean over the splits is m(r), its standard error
e(r) = sd_s ℓ(r, s) / √n_splits, with n_splits − 1 in the variance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.selection.ranks import Rank, n_components, n_parameters

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULES", "best", "check_rule", "elbow", "one_se", "summarise"]

Losses = Mapping[Rank, NDArray[np.float64]]
"""Held-out loss on each split, by rank."""


def best(losses: Losses, shape: Sequence[int]) -> Rank:
    """The rank with the lowest mean held-out loss m(r); of equal ones the smallest.

    Parameters
    ----------
    losses : mapping of rank to ndarray, shape (n_splits,)
        Held-out loss of each rank on each split.
    shape : sequence of int
        Shape of the data, for the number of parameters.

    Returns
    -------
    int or (int, int, int)

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.selection.rules import best
    >>> best({1: np.array([4.0, 5.0]), 2: np.array([1.0, 1.5]), 3: np.array([0.9, 1.5])}, (10, 8, 9))
    3
    """
    return min(losses, key=lambda rank: (_mean(losses, rank), *_size(rank, shape)))


def one_se(losses: Losses, shape: Sequence[int]) -> Rank:
    """The smallest rank that is as good as the best within its standard error.

    Of the ranks r with m(r) ≤ m(b) + e(b), b the best rank, the one with the fewest components, then the fewest
    parameters, then the lowest m(r). (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 2nd ed.
    2009, §7.10: "the most parsimonious model whose error is no more than one standard error above the error of the best
    model".)

    Parameters
    ----------
    losses : mapping of rank to ndarray, shape (n_splits,)
        Held-out loss of each rank on each split; two splits at least.
    shape : sequence of int
        Shape of the data, for the number of parameters.

    Returns
    -------
    int or (int, int, int)

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.selection.rules import one_se
    >>> one_se({1: np.array([4.0, 5.0]), 2: np.array([1.0, 1.5]), 3: np.array([0.9, 1.5])}, (10, 8, 9))
    2
    """
    lowest = best(losses, shape)
    limit = _mean(losses, lowest) + standard_error(losses[lowest])
    good = [rank for rank in losses if _mean(losses, rank) <= limit]
    return min(good, key=lambda rank: (*_size(rank, shape), _mean(losses, rank)))


def elbow(losses: Losses, shape: Sequence[int]) -> Rank:
    """The rank at which more components stop to pay: the point farthest below the chord of the loss curve.

    With c the numbers of components that were tried and f(c) the lowest m(r) among the ranks with c components, both
    are brought to 0 … 1 and the chord joins the first point to the last. The number of components is where f lies
    farthest below the chord; of its ranks, the best is taken. Where f lies nowhere below, as with fewer than three
    numbers of components, there is no elbow and the best rank of all is taken. (After the "kneedle" of Satopää,
    Albrecht, Irwin & Raghavan, ICDCS Workshops 2011, without its smoothing and without its threshold: a search has few
    points.)

    Parameters
    ----------
    losses : mapping of rank to ndarray, shape (n_splits,)
        Held-out loss of each rank on each split.
    shape : sequence of int
        Shape of the data, for the number of parameters.

    Returns
    -------
    int or (int, int, int)

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.selection.rules import elbow
    >>> elbow({1: np.array([9.0]), 2: np.array([2.0]), 3: np.array([1.5]), 4: np.array([1.2])}, (10, 8, 9))
    2
    """
    numbers = sorted({n_components(rank) for rank in losses})
    winners = [
        best({rank: loss for rank, loss in losses.items() if n_components(rank) == number}, shape) for number in numbers
    ]
    curve = np.array([_mean(losses, rank) for rank in winners])
    height = np.ptp(curve)
    if len(numbers) < 3 or not height > 0:
        return best(losses, shape)
    x = (np.array(numbers) - numbers[0]) / (numbers[-1] - numbers[0])
    y = (curve - curve.min()) / height
    below = y[0] + (y[-1] - y[0]) * x - y
    # At the ends the distance is nought, up to rounding.
    place = 1 + int(np.argmax(below[1:-1]))
    return winners[place] if below[place] > 1e-9 else best(losses, shape)


RULES: Mapping[str, Callable[[Losses, Sequence[int]], Rank]] = {"best": best, "one_se": one_se, "elbow": elbow}


def check_rule(rule: Any, n_splits: int) -> None:
    """Refuse an unknown rule, and a standard error of a single split."""
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"rule is {rule!r}, expected one of {', '.join(map(repr, RULES))}")
    if rule == "one_se" and n_splits < 2:
        raise ValueError('rule="one_se" needs two splits or more: one split has no standard error. Use rule="best"')


def summarise(results: pd.DataFrame) -> tuple[dict[Rank, NDArray[np.float64]], dict[Rank, NDArray[np.float64]]]:
    """Training and held-out loss of each rank on each split, from the start with the lowest training loss.

    Parameters
    ----------
    results : pandas.DataFrame
        A row for each rank, split and start, as ``RankSearch.results_``.

    Returns
    -------
    train, test : dict of rank to ndarray, shape (n_splits,)
        Of the splits that the rank was tried on.
    """
    kept: dict[tuple[Rank, int], tuple[float, int, float]] = {}
    columns = (results[name] for name in ("rank", "split", "start", "train_loss", "test_loss"))
    for rank, split, start, train_loss, test_loss in zip(*columns, strict=True):
        row = (float(train_loss), int(start), float(test_loss))
        kept[rank, split] = min(kept.get((rank, split), row), row)
    ranks = dict.fromkeys(rank for rank, _ in kept)
    by_rank = {rank: [row for (other, _), row in kept.items() if other == rank] for rank in ranks}
    train = {rank: np.array([row[0] for row in rows]) for rank, rows in by_rank.items()}
    test = {rank: np.array([row[2] for row in rows]) for rank, rows in by_rank.items()}
    return train, test


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean; NaN for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _mean(losses: Losses, rank: Rank) -> float:
    return float(np.mean(losses[rank]))


def _size(rank: Rank, shape: Sequence[int]) -> tuple[int, int]:
    return n_components(rank), n_parameters(rank, shape)
