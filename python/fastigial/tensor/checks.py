"""Hyper-parameters as the core wants them, or an error that names the parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_count", "as_flags", "as_number", "as_seed", "as_threads", "check_loss", "pick"]


def as_count(name: str, value: Any) -> int:
    """A non-negative whole number."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}, expected a whole number")
    if value < 0:
        raise ValueError(f"{name} is {value}, expected a number that is not negative")
    if value > 2**31:
        raise ValueError(f"{name} is {value}, expected at most {2**31}")
    return int(value)


def as_number(name: str, value: Any) -> float:
    """A real number."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large for a floating-point number") from None


def as_threads(n_threads: Any) -> int | None:
    """A number of threads, or None for the package setting."""
    return None if n_threads is None else as_count("n_threads", n_threads)


def as_flags(name: str, value: Any, n: int) -> list[bool]:
    """One flag for all, or one each."""
    if isinstance(value, bool | np.bool_):
        return [bool(value)] * n
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise TypeError(f"{name} is {value!r}, expected True, False, or {n} of them")
    flags = list(value)
    if not all(isinstance(flag, bool | np.bool_) for flag in flags):
        raise TypeError(f"{name} is {value!r}, expected True, False, or {n} of them")
    if len(flags) != n:
        raise ValueError(f"{name} has {len(flags)} values, expected one, or one for each of {n} modes")
    return [bool(flag) for flag in flags]


def as_seed(random_state: Any) -> int:
    """A seed from None (a fresh one), a whole number, or a NumPy generator (which moves on)."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**63))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, bool | np.bool_) or not isinstance(random_state, int | np.integer):
        raise TypeError(f"random_state is {random_state!r}, expected None, a whole number or a NumPy generator")
    if not 0 <= random_state < 2**64:
        raise ValueError(f"random_state is {random_state}, expected 0 to 2**64 − 1")
    return int(random_state)


def check_loss(loss: Any) -> None:
    """Only least squares, so far."""
    if loss != "gaussian":
        raise ValueError(f'loss is {loss!r}, expected "gaussian" (the only one so far)')


def pick(numbers: NDArray[np.intp], component: Any) -> NDArray[np.intp]:
    """Some of the component numbers by NumPy's rules: negative ones count from the end, others are an IndexError."""
    try:
        return np.atleast_1d(numbers[component])
    except OverflowError:
        raise IndexError(f"component is {component}, expected one of {len(numbers)}") from None
