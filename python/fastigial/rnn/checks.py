"""Arguments of networks that are words, flags or numbers, and arrays in a network's precision; errors name them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.checks import as_number

__all__ = ["as_flag", "as_positive", "as_precision", "as_real", "one_of"]


def one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}, expected one of {', '.join(map(repr, known))}")
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(map(repr, known))}")
    return value


def as_flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}, expected True or False")
    return bool(value)


def as_positive(name: str, value: Any, *, zero: bool = False) -> float:
    """A finite number above 0, or not below it."""
    number = as_number(name, value)
    if not (np.isfinite(number) and (number > 0 or (zero and number == 0))):
        raise ValueError(f"{name} is {value!r}, expected a finite number {'not below' if zero else 'above'} 0")
    return number


def as_precision(dtype: Any) -> np.dtype[Any]:
    """Single or double."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(f'dtype is {dtype!r}, expected "float32" or "float64"') from None
    if dtype is None or found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f'dtype is {found}, expected "float32" or "float64"')
    return found


def as_real(name: str, value: Any, dtype: np.dtype[Any], *, finite: bool = True) -> NDArray[Any]:
    """An array of real numbers in a network's precision; xarray and anything else that NumPy can read.

    Raises
    ------
    TypeError
        If it does not hold numbers.
    ValueError
        If it holds NaN or infinities (`finite`), or overflows the precision.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of dtype {array.dtype}, expected real numbers")
    with np.errstate(over="ignore"):
        converted = np.asarray(array, dtype=dtype, order="C")
    if finite and not np.isfinite(converted).all():
        where = "holds NaN or infinities" if not np.isfinite(array).all() else f"holds numbers too large for {dtype}"
        raise ValueError(f"{name} {where}, expected finite numbers")
    return converted
