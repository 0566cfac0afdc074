"""Orders in which trials could have come: shuffles and circular shifts, within blocks; drawn, or all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scheme", "all_orders", "n_orders", "random_orders"]

Scheme = Literal["shuffle", "shift"]


def _members(blocks: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(blocks == block) for block in np.unique(blocks)]


def n_orders(blocks: NDArray[np.intp], scheme: Scheme) -> int:
    """Number of orders, that in which the trials came included.

    Examples
    --------
    >>> n_orders(np.array([0, 0, 0, 1, 1]), "shuffle"), n_orders(np.array([0, 0, 0, 1, 1]), "shift")
    (12, 6)
    """
    sizes = [len(block) for block in _members(blocks)]
    return math.prod(sizes if scheme == "shift" else map(math.factorial, sizes))


def all_orders(blocks: NDArray[np.intp], scheme: Scheme) -> NDArray[np.intp]:
    """Every order once, (n_orders, n_trials).

    Examples
    --------
    >>> all_orders(np.array([0, 0, 1, 1]), "shuffle").tolist()
    [[0, 1, 2, 3], [0, 1, 3, 2], [1, 0, 2, 3], [1, 0, 3, 2]]
    """
    members = _members(blocks)
    choices = [_shuffles(block) if scheme == "shuffle" else _shifts(block) for block in members]
    orders = np.empty((n_orders(blocks, scheme), len(blocks)), dtype=np.intp)
    for row, chosen in enumerate(product(*choices)):
        orders[row, np.concatenate(members)] = np.concatenate(chosen)
    return orders


def _shuffles(block: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [np.array(order) for order in permutations(block)]


def _shifts(block: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [np.roll(block, -by) for by in range(len(block))]


def random_orders(
    blocks: NDArray[np.intp], scheme: Scheme, count: int, rng: np.random.Generator, at_once: int
) -> Iterator[NDArray[np.intp]]:
    """`count` random orders (n, n_trials), at most `at_once` at a time.

    Parameters
    ----------
    blocks : ndarray of int, shape (n_trials,)
        Trials change places within their block only.
    scheme : {"shuffle", "shift"}
        Any order, or the order in which they came, started elsewhere (one shift for each block).
    """
    members = _members(blocks)
    for first in range(0, count, at_once):
        n = min(at_once, count - first)
        orders = np.empty((n, len(blocks)), dtype=np.intp)
        for block in members:
            if scheme == "shuffle":
                orders[:, block] = rng.permuted(np.tile(block, (n, 1)), axis=1)
            else:
                starts = rng.integers(len(block), size=(n, 1))
                orders[:, block] = block[(np.arange(len(block)) + starts) % len(block)]
        yield orders
