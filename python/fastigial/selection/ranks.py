"""What ``ranks=`` may be, and how ranks relate: which is smaller than which, and how large a model is.

The rank of a `TCA` is a number, that of a `SliceTCA` three numbers. A grid of ranks is climbed level by level, a level
being all ranks with the same total number of components.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastigial.tensor import SliceTCA
from fastigial.tensor.checks import as_count

__all__ = ["Rank", "as_ranks", "check_ranks", "key_of", "levels", "n_components", "n_parameters", "one_fewer"]

Rank = int | tuple[int, int, int]


def as_ranks(ranks: Any, estimator: Any, shape: Sequence[int]) -> list[Rank]:
    """Accept ranks to try, without repeats, the fewest components first.

    Parameters
    ----------
    ranks : int, iterable of int, or for SliceTCA a tuple of three or a list of triples
        For one number of components: those to try, or the largest, to try 1 to it. For `SliceTCA` a tuple holds what to
        try for each slice type, the largest (from 0) or an iterable, and the grid is their product without (0, 0, 0);
        any other iterable holds the triples themselves.
    estimator : decomposition
        Whose ranks they are.
    shape : sequence of int
        Shape of the data to fit.

    Returns
    -------
    list of int or of (int, int, int)

    Raises
    ------
    TypeError
        If something is not a whole number.
    ValueError
        If there is no rank, or one that cannot be fitted to data of this shape.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.selection.ranks import as_ranks
    >>> as_ranks(3, fg.TCA(1), (10, 8, 9))
    [1, 2, 3]
    >>> as_ranks((1, range(1, 2), 1), fg.SliceTCA((1, 1, 1)), (10, 8, 9))
    [(0, 1, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1)]
    """
    found: Iterable[Rank] = _triples(ranks) if isinstance(estimator, SliceTCA) else _numbers(ranks)
    distinct = sorted(set(found), key=lambda rank: (n_components(rank), rank))
    if not distinct:
        raise ValueError(f"ranks is {ranks!r}: there is nothing to try")
    check_ranks(distinct, shape)
    return distinct


def check_ranks(ranks: Iterable[Rank], shape: Sequence[int], where: str = "the data") -> None:
    """Refuse ranks that cannot be fitted to data of this shape."""
    for rank in ranks:
        if n_components(rank) == 0:
            raise ValueError(f"ranks hold {rank}, expected at least one component")
        if isinstance(rank, int):
            continue
        if len(shape) != 3:
            raise ValueError(f"ranks hold {rank}, but X has {len(shape)} axes, expected three")
        if any(own > size for own, size in zip(rank, shape, strict=True)):
            raise ValueError(
                f"ranks hold {rank}, but no slice rank can be above the length of its axis, and {where} to fit have "
                f"the shape {tuple(shape)}"
            )


def _numbers(ranks: Any) -> list[int]:
    if isinstance(ranks, Iterable) and not isinstance(ranks, str):
        return [as_count("ranks", rank) for rank in ranks]
    return list(range(1, as_count("ranks", ranks) + 1))


def _triples(ranks: Any) -> Iterator[tuple[int, int, int]]:
    if not isinstance(ranks, Iterable) or isinstance(ranks, str):
        raise TypeError(
            f"ranks is {ranks!r}; for SliceTCA expected a tuple of three (for each slice type the largest rank, or the "
            "ranks to try), or a list of (r_trial, r_neuron, r_time)"
        )
    entries = list(ranks)
    if not isinstance(ranks, tuple):
        yield from (_triple(rank) for rank in entries)
        return
    if len(entries) != 3:
        raise ValueError(f"ranks has {len(entries)} entries, expected one for each of three slice types")
    tried = [
        [as_count("ranks", rank) for rank in entry]
        if isinstance(entry, Iterable) and not isinstance(entry, str)
        else range(as_count("ranks", entry) + 1)
        for entry in entries
    ]
    first, second, third = tried
    yield from (rank for rank in itertools.product(first, second, third) if any(rank))


def _triple(rank: Any) -> tuple[int, int, int]:
    if not isinstance(rank, Iterable) or isinstance(rank, str) or len(parts := list(rank)) != 3:
        raise ValueError(
            f"ranks hold {rank!r}, expected (r_trial, r_neuron, r_time); a grid is a tuple of three, as ranks=(2, 2, 2)"
        )
    first, second, third = (as_count("ranks", part) for part in parts)
    return first, second, third


# Relations


def n_components(rank: Rank) -> int:
    """Number of components, of all slice types together."""
    return rank if isinstance(rank, int) else sum(rank)


def n_parameters(rank: Rank, shape: Sequence[int]) -> int:
    """Numbers that a model of this rank holds: vectors, and for slice ranks also slices."""
    if isinstance(rank, int):
        return rank * sum(shape)
    return sum(own * (size + math.prod(shape) // size) for own, size in zip(rank, shape, strict=True))


def one_fewer(rank: Rank) -> list[Rank]:
    """The ranks with one component fewer that it can be grown from."""
    if isinstance(rank, int):
        return [rank - 1] if rank > 1 else []
    first, second, third = rank
    smaller = [(first - 1, second, third), (first, second - 1, third), (first, second, third - 1)]
    return [lower for lower in smaller if min(lower) >= 0 and any(lower)]


def levels(ranks: Iterable[Rank]) -> list[list[Rank]]:
    """Sorted ranks in groups of the same number of components."""
    return [list(level) for _, level in itertools.groupby(ranks, key=n_components)]


def key_of(rank: Rank) -> tuple[int, ...]:
    """The rank as a tuple, for seeds and keys."""
    return (rank,) if isinstance(rank, int) else rank
