"""One seed for everything, and streams from it that do not disturb one another.

A child stream is named by whole numbers, not by the order in which it is asked for: that one more parameter is drawn,
or one more batch, changes no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["as_seed", "derived", "stream"]


def as_seed(name: str, value: Any) -> int:
    """A seed for the core.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is not within 0 … 2⁶⁴ − 1.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}, expected a whole number")
    if not 0 <= value < 2**64:
        raise ValueError(f"{name} is {value}, expected 0 to 2**64 − 1")
    return int(value)


def derived(seed: int, *key: int) -> int:
    """Another seed, by the numbers in `key`; below 2⁶³, so that it fits a signed integer too.

    Examples
    --------
    >>> from fastigial.rnn.seeds import derived
    >>> derived(0, 1, 2) == derived(0, 1, 2), derived(0, 1, 2) == derived(0, 2, 1)
    (True, False)
    """
    (word,) = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return int(word) >> 1


def stream(seed: int, *key: int) -> np.random.Generator:
    """A generator of its own, by the numbers in `key`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
