"""Who is measured, and what a package has to offer to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A network that is ready to be trained, data and weights in the package's own form."""

    variants: Mapping[str, Callable[[int], float]]
    """Ways to do the same step, of which the fastest counts: do so many, and return the loss before the last.

    The first is what the first call is measured with; all work on one and the same network or on copies.
    """
    forward: Callable[[], object]
    """The forward pass alone, finished when it returns."""
    warm: Callable[[], object]
    """Make everything that stays (optimiser's moments, compiled code, threads) without doing a step of full size."""
    raw: Callable[[], Callable[[int], float]] | None = None
    """Makes the step without the package's public loop around it, where it has one."""


@dataclass(frozen=True)
class Contender:
    """One package on one cell."""

    name: str
    module: str
    """Where ``load(kind, problem)`` is."""
    package: str
    """What is imported, and whose version belongs in the record."""
    kind: str
    """Cell, or another name that ``load`` knows."""
    cell: str


OURS = {
    cell: Contender("fastigial", "in_fastigial", "fastigial", cell, cell) for cell in ("leaky", "elman", "lstm", "gru")
}
JAX = Contender("JAX", "in_jax", "jax", "leaky", "leaky")
PEERS = {
    "leaky": (JAX, Contender("PyTorch loop", "in_torch", "torch", "leaky", "leaky")),
    "elman": (Contender("nn.RNN", "in_torch", "torch", "elman", "elman"),),
    "lstm": (Contender("nn.LSTM", "in_torch", "torch", "lstm", "lstm"),),
    "gru": (Contender("nn.GRU", "in_torch", "torch", "gru", "gru"),),
}


def peers(workload: str, cell: str) -> tuple[Contender, ...]:
    """Who is measured on a cell of a workload; only JAX has a way to train many networks at once."""
    if workload == "sixteen":
        return (JAX,) if cell == "leaky" else ()
    return PEERS[cell]


def find(workload: str, cell: str, name: str) -> Contender:
    """Return the contender called ``name``; KeyError if there is none."""
    return {entry.name: entry for entry in (OURS[cell], *peers(workload, cell))}[name]
