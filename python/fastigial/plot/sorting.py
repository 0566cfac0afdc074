"""The orders in which neurons and trials are drawn, and the words that state them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Order:
    """A permutation and the reason for it.

    Attributes
    ----------
    indices : ndarray of int, shape (size,)
        ``values[indices]`` puts values in drawing order.
    reason : str
        What the order follows, such as ``"peak time"``; empty for the recorded order.
    """

    indices: NDArray[np.intp]
    reason: str

    def label(self, name: str, separator: str = " ") -> str:
        """Return an axis label that states the order."""
        return f"{name}{separator}(sorted by {self.reason})" if self.reason else name


def resolve_order(sort: bool | ArrayLike, size: int, argument: str, automatic: Callable[[], Order]) -> Order:
    """Return the order that `sort` asks for: automatic (True), as recorded (False), or a permutation.

    Raises
    ------
    ValueError
        If an array is given that is not a permutation of ``0 … size - 1``.
    """
    if isinstance(sort, bool | np.bool_):
        return automatic() if sort else Order(np.arange(size), "")
    indices = np.asarray(sort)
    if indices.shape != (size,) or indices.dtype.kind not in "iu" or (np.sort(indices) != np.arange(size)).any():
        raise ValueError(
            f"{argument} must be True, False or a permutation of 0 … {size - 1}; got an array of shape "
            f"{indices.shape} and dtype {indices.dtype}"
        )
    return Order(indices.astype(np.intp), "given order")


def by_dominant_component(factor: NDArray[Any]) -> Order:
    """Group neurons by the component in which they are strongest, strongest first within a group.

    Parameters
    ----------
    factor : ndarray of shape (n_neurons, n_components)
        Neuron factors; columns of unit norm, so that components count equally.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.plot.sorting import by_dominant_component
    >>> by_dominant_component(np.array([[0.1, 0.9], [0.3, 0.2], [-0.9, 0.1]])).indices.tolist()
    [2, 1, 0]
    """
    size = np.nan_to_num(np.abs(factor))
    dominant = size.argmax(axis=1)
    strength = np.take_along_axis(size, dominant[:, None], axis=1)[:, 0]
    return Order(np.lexsort((-strength, dominant)), "strongest component")


def component_norms(loadings: NDArray[Any], slices: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Frobenius norm (r,) of each component ``loading ⊗ slice``, NaN left out."""
    norms = np.sqrt(np.nansum(loadings**2, axis=1) * np.nansum(slices**2, axis=(1, 2)))
    return np.asarray(norms, dtype=np.float64)


def by_slices(loadings: Sequence[NDArray[Any]], slices: Sequence[NDArray[Any]], dims: Sequence[str]) -> Order:
    """Order the neurons of a (trial, neuron, time) SliceTCA model.

    Neurons follow the time at which they peak in the strongest trial-slicing component. Without one, they
    follow their loading on the strongest neuron-slicing component, and with time-slicing components alone
    their mean size over trials.

    Parameters
    ----------
    loadings, slices : sequence of three ndarray
        Loadings (r_i, d_i) and slices (r_i, d_j, d_k), j < k.
    dims : sequence of str
        Names of the three axes.
    """
    kind = next(index for index in range(3) if len(loadings[index]))
    best = int(component_norms(loadings[kind], slices[kind]).argmax())
    component = f"{dims[kind]}-slicing {best}"
    if kind == 0:
        size = np.nan_to_num(np.abs(slices[0][best]))
        return Order(np.lexsort((-size.max(axis=1), size.argmax(axis=1))), f"peak time in {component}")
    if kind == 1:
        return Order(np.argsort(-loadings[1][best], kind="stable"), f"loading on {component}")
    return Order(np.argsort(-np.abs(slices[2][best]).mean(axis=0), kind="stable"), f"mean size in {component}")


def by_value(values: NDArray[Any], name: str) -> Order:
    """Sort trials by a value, keeping the recorded order among equals; missing values come last.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.plot.sorting import by_value
    >>> by_value(np.array(["right", "left", "right", "left"]), "choice").indices.tolist()
    [1, 3, 0, 2]
    """
    if values.dtype.kind == "O":
        missing = np.array([value is None or value != value for value in values], dtype=bool)
        ranks = np.zeros(values.size, dtype=np.intp)
        ranks[~missing] = np.unique(values[~missing].astype(str), return_inverse=True)[1]
        return Order(np.lexsort((ranks, missing)), name)
    return Order(np.argsort(values, kind="stable"), name)
