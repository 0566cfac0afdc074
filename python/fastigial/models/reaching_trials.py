"""Trials of reaching as the core takes them, and as a cortex learns them before it adapts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastigial.models.reaching import Block, DelayedReach
from fastigial.tasks.trials import Trials

__all__ = ["NullField", "ReachingTrials", "lay_out"]

Array = NDArray[np.float64]
_CURL = np.array([0.0, 1.0, -1.0, 0.0])


@dataclass(frozen=True)
class ReachingTrials:
    """Conditions of all trials, one row each; see `AdaptationSession`."""

    reach: DelayedReach
    directions: Array
    field: Array
    rotation: Array
    block: NDArray[np.intp]
    flags: NDArray[np.bool_]
    blocked: NDArray[np.bool_]

    @property
    def channel(self) -> NDArray[np.bool_]:
        """Whether the hand is held on the line to the target."""
        return self.flags[:, 0]

    def for_core(self, dtype: DTypeLike) -> dict[str, NDArray[Any]]:
        """What `_core.run_reaching` asks for."""
        return {
            "inputs": self.reach.inputs(self.directions).astype(dtype),
            "plan": self.reach.plan(self.directions),
            "blocked": self.blocked,
            "field": self.field[:, None] * _CURL,
            "rotation": self.rotation,
            "flags": self.flags,
        }


def lay_out(blocks: Iterable[Block], reach: DelayedReach, rng: np.random.Generator) -> ReachingTrials:
    """Trials of all blocks, one after the other.

    Raises
    ------
    TypeError
        If there is none, or one is not a Block.
    """
    blocks = list(blocks)
    if not blocks or not all(isinstance(block, Block) for block in blocks):
        raise TypeError(f"blocks is {blocks!r}, expected one or more fastigial.models.Block")
    number = np.repeat(np.arange(len(blocks)), [block.n_trials for block in blocks])
    return ReachingTrials(
        reach,
        np.concatenate([block.drawn(rng) for block in blocks]),
        np.array([float(block.field) for block in blocks])[number],
        np.radians([float(block.rotation) for block in blocks])[number],
        number,
        np.array([(block.channel, block.fast, block.slow, block.aims) for block in blocks])[number],
        np.array([block.is_blocked(reach) for block in blocks])[number],
    )


class NullField:
    """Reaches without any field as a task: the forces that make them, for `fastigial.train`."""

    loss = "mse"

    def __init__(self, reach: DelayedReach, mass: float, n_silent: int, dtype: Any) -> None:
        self.reach, self.mass, self.n_silent, self.dtype, self.dt = reach, mass, n_silent, dtype, reach.dt

    def sample(self, n_trials: int, seed: int) -> Trials:
        """Reaches in directions that are drawn evenly from the circle."""
        directions = np.random.default_rng(seed).uniform(0.0, 2 * np.pi, n_trials)
        inputs = self.reach.inputs(directions)
        silent = np.zeros((*inputs.shape[:2], self.n_silent))
        return Trials(
            np.concatenate([inputs, silent], axis=2).astype(self.dtype),
            self.reach.forces(directions, self.mass).astype(self.dtype),
            dt=self.dt,
        )
