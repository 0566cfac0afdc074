"""What a workload is made of: data, the peers that do the work, and fastigial doing the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int, int]


def single(fitted: Any) -> Mapping[str, Iterable[Any]]:
    """Return the one group that a single fit makes."""
    return {"": [fitted]}


@dataclass(frozen=True)
class Job:
    """A fit that is ready to run: everything imported, the data in the package's own form."""

    fit: Callable[[], Any]
    """The timed call."""
    reconstruct: Callable[[Any], NDArray[Any]]
    """From a fitted model to its tensor."""
    n_iter: Callable[[Any], int | None] = lambda _: None
    """Iterations that a fitted model took, where the package tells."""
    groups: Callable[[Any], Mapping[str, Iterable[Any]]] = single
    """From what ``fit`` returned to fitted models, in groups whose best losses are compared one by one."""


@dataclass(frozen=True)
class Contender:
    """One package on one workload."""

    name: str
    load: Callable[[NDArray[np.float32], int], Job]
    """Takes the data and the repetition's number (a seed for random starts); imports happen in here."""
    packages: tuple[str, ...]
    """Distributions whose versions belong in the record."""
    slow: bool = False
    """Run once only, and not at all with ``--quick``."""
    aim: float | None = None
    """How many times faster fastigial is meant to be."""


@dataclass(frozen=True)
class Workload:
    """The same piece of work for several packages."""

    title: str
    data: Callable[[Shape], NDArray[np.float32]]
    """Makes the tensor; NaN is *not observed*."""
    fastigial: Contender
    peers: tuple[Contender, ...]

    def contender(self, name: str) -> Contender:
        """Return the contender called ``name``; KeyError if there is none."""
        return {entry.name: entry for entry in (self.fastigial, *self.peers)}[name]
