"""Trials of reaching as the core takes them, and as a cortex learns them before it adapts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastigial.models.limb import Limb
from fastigial.models.reaching import Block, DelayedReach
from fastigial.tasks.trials import Trials

__all__ = ["Cue", "FreeReaches", "ReachingTrials", "lay_out"]

Array = NDArray[np.float64]
_CURL = np.array([0.0, 1.0, -1.0, 0.0])


@dataclass(frozen=True)
class ReachingTrials:
    """Conditions of trials, one row each.

    Attributes
    ----------
    directions : ndarray, shape (n_trials,)
        Of targets, radians.
    field, rotation : ndarray, shape (n_trials,)
        N s/m, and radians.
    block : ndarray of int, shape (n_trials,)
        Which of the blocks a trial belongs to.
    flags : ndarray of bool, shape (n_trials, 4)
        Channel; whether the cerebellum, the cortex and the aim learn.
    blocked : ndarray of bool, shape (n_trials, n_steps)
        When the cerebellum is.
    """

    reach: DelayedReach
    directions: Array
    field: Array
    rotation: Array
    block: NDArray[np.intp]
    flags: NDArray[np.bool_]
    blocked: NDArray[np.bool_]

    def first(self, n_trials: int) -> ReachingTrials:
        """The first of them."""
        names = ("directions", "field", "rotation", "block", "flags", "blocked")
        return replace(self, **{name: getattr(self, name)[:n_trials] for name in names})

    @property
    def channel(self) -> NDArray[np.bool_]:
        """Whether the hand is held on the line to the target."""
        return self.flags[:, 0]

    def for_core(self, dtype: DTypeLike) -> dict[str, NDArray[Any]]:
        """What `_core.run_reaching` asks for."""
        return {
            "inputs": self.reach.inputs(self.directions).astype(dtype),
            "target": self.reach.plan(self.directions),
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


@dataclass(frozen=True)
class Cue:
    r"""Cells that are tuned to the direction of a target.

    .. math:: k_j = |(x, y)|\, e^{\kappa (x \cos\theta_j + y \sin\theta_j - 1)}, \qquad \theta_j = 2\pi j / n

    Parameters
    ----------
    n_cells : int
    sharpness : float
        κ.
    """

    n_cells: int
    sharpness: float

    @property
    def directions(self) -> Array:
        """(cos θ_j, sin θ_j), (n_cells, 2)."""
        angles = 2 * np.pi * np.arange(self.n_cells) / self.n_cells
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def cells(self, shown: Array) -> Array:
        """Their activity, (..., n_cells), for what is shown, (x, y) in the last axis."""
        size = np.linalg.norm(shown, axis=-1, keepdims=True)
        return np.asarray(size * np.exp(self.sharpness * (shown @ self.directions.T - 1.0)))


class FreeReaches:
    """Reaches without any field as a task: the commands that make them, for `fastigial.train`.

    The cerebellum's plan is there in some of them, and then the movement is the one that is planned: it differs from
    the cue by a random angle. Forces of the cerebellum are zero.
    """

    loss = "mse"
    share, spread = 0.7, np.radians(20.0)

    def __init__(self, reach: DelayedReach, limb: Limb, cue: Cue, dtype: Any) -> None:
        self.reach, self.limb, self.cue, self.dtype, self.dt = reach, limb, cue, dtype, reach.dt

    def sample(self, n_trials: int, seed: int) -> Trials:
        """Reaches in directions that are drawn evenly from the circle."""
        rng = np.random.default_rng(seed)
        shown = rng.uniform(0.0, 2 * np.pi, n_trials)
        planned = rng.uniform(size=n_trials) < self.share
        moved = shown + np.where(planned, self.spread * rng.normal(size=n_trials), 0.0)
        cue, plan = self.reach.inputs(shown), self.reach.inputs(moved)[..., :2] * planned[:, None, None]
        parts = [self.cue.cells(cue[..., :2]), cue[..., 2:], np.zeros_like(plan), plan]
        return Trials(
            np.concatenate(parts, axis=2).astype(self.dtype),
            self.limb.commands(self.reach, moved).astype(self.dtype),
            dt=self.dt,
        )
