"""What a workload is made of: data, the peers that do the work, and fastigial doing the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    """A fit that is ready to run: everything imported, the data in the package's own form."""

    fit: Callable[[], Any]
    """The timed call."""
    reconstruct: Callable[[Any], NDArray[Any]]
    """From what ``fit`` returned to the model's tensor."""
    n_iter: Callable[[Any], int | None] = lambda _: None
    """Iterations that ``fit`` took, where the package tells."""


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


@dataclass(frozen=True)
class Workload:
    """The same piece of work for several packages."""

    title: str
    data: Callable[[bool], NDArray[np.float32]]
    """Takes ``quick``."""
    fastigial: Contender
    peers: tuple[Contender, ...]

    def contender(self, name: str) -> Contender:
        """Return the contender called ``name``; KeyError if there is none."""
        return {entry.name: entry for entry in (self.fastigial, *self.peers)}[name]
