"""What a training was at some of its epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.checks import as_count

__all__ = ["Snapshot", "as_epochs"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network and its rule after some epochs.

    Attributes
    ----------
    epoch : int
        Epochs that were finished; 0 is before the first.
    parameters : dict of str to ndarray
        Of the network, as `RNN.set_parameters` takes them.
    rule : dict of str to ndarray
        What the rule had learned, as its ``state`` gives it.
    """

    epoch: int
    parameters: Arrays
    rule: Arrays


def as_epochs(given: int | Iterable[int] | None) -> frozenset[int]:
    """The epochs to keep.

    Raises
    ------
    ValueError, TypeError
        If they are not whole numbers from 0 on.
    """
    if given is None:
        return frozenset()
    epochs = [given] if isinstance(given, int | np.integer) else list(given)
    return frozenset(as_count("snapshots", epoch) for epoch in epochs)
