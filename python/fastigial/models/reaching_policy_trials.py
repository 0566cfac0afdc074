"""Reaches as a policy meets them: where from, where to, when, and what counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plants import LinearField, MuscleArm, PointMass, VisualGain, VisuomotorRotation
from fastigial.plants.arrays import shaped
from fastigial.plants.base import Plant, as_field
from fastigial.plants.cursors import cursor_numbers
from fastigial.rnn.checks import as_positive

__all__ = ["Cursors", "Goals", "Timing", "as_goals", "as_timing", "draw_goals", "rest_at", "steps_between"]

Double = NDArray[np.float64]
Cursors = VisuomotorRotation | VisualGain | Sequence[VisuomotorRotation | VisualGain | None] | None
_DOUBLE = np.dtype(np.float64)
_NEVER = -1


@dataclass(frozen=True)
class Timing:
    """How long a trial is, and what counts when, in steps."""

    n_steps: int
    movement: int


@dataclass(frozen=True)
class Goals:
    """Trials: starts and targets (n, 2) in m, and the step of each at which it may go, −1 for never."""

    start: Double
    target: Double
    go: NDArray[np.int64]

    def for_core(
        self,
        plant: Plant,
        home: Double,
        timing: Timing,
        weights: tuple[float, float],
        dtype: np.dtype[Any],
        surroundings: tuple[LinearField | None, Cursors, ArrayLike | None],
        seed: int | None,
    ) -> dict[str, Any]:
        """Everything that the core's loop wants to know of them.

        Until it may go a hand should stay where it is; then the target counts more and more over the movement time,
        and rest counts once that is over.
        """
        field, cursor, load = surroundings
        n, t = len(self.go), timing.n_steps
        step = np.arange(t)
        never = self.go[:, None] == _NEVER
        since = np.where(never, -1, step - self.go[:, None])
        goes = since >= 0
        share = np.clip((since + 1) / timing.movement, 0.0, 1.0)
        over = goes & (since >= timing.movement)
        task = np.empty((n, t, 3), dtype)
        task[..., :2] = ((self.target - home) / 0.1)[:, None]
        task[..., 2] = goes
        position, velocity = weights
        return {
            "state": rest_at(plant, self.start),
            "task": task,
            "targets": np.ascontiguousarray(np.where(goes[..., None], self.target[:, None], self.start[:, None])),
            "position_weights": position * np.where(goes, share, 1.0),
            "velocity_weights": velocity * np.where(goes, over, 1.0),
            "fields": as_field(field, n)._numbers(),
            "cursors": cursor_numbers(cursor, n),
            "loads": None if load is None else shaped("load", load, (n, t, 2), _DOUBLE),
            "seed": seed,
        }


def draw_goals(
    rng: np.random.Generator, n_trials: int, home: Double, extent: float, catch: float, go: tuple[int, int]
) -> Goals:
    """Random reaches within a square about home; some may never go."""
    places = home + rng.uniform(-extent, extent, (2, n_trials, 2))
    steps = rng.integers(go[0], go[1], n_trials, endpoint=True)
    steps[rng.random(n_trials) < catch] = _NEVER
    return Goals(places[0], places[1], steps.astype(np.int64))


def rest_at(plant: Plant, places: ArrayLike) -> Double:
    """States (n, n_states) at rest with the hand at places (n, 2)."""
    if isinstance(plant, PointMass):
        positions = np.asarray(places, dtype=np.float64)
        return np.concatenate([positions, np.zeros_like(positions)], axis=-1)
    if isinstance(plant, MuscleArm):
        return np.asarray(plant.relaxed(np.asarray(places, dtype=np.float64)))
    return np.asarray(plant.joints(np.asarray(places, dtype=np.float64)))  # type: ignore[attr-defined]


def as_goals(targets: ArrayLike, start: ArrayLike, go: Any, dt: float) -> Goals:
    """Goals that were asked for; `go` in seconds, NaN for never."""
    ends = np.asarray(targets, dtype=np.float64)
    if ends.ndim != 2 or ends.shape[1] != 2 or len(ends) == 0 or not np.isfinite(ends).all():
        raise ValueError(f"targets has the shape {ends.shape}, expected (n_trials, 2), finite")
    begins = shaped("start", start, ends.shape, _DOUBLE)
    try:
        seconds = np.broadcast_to(np.asarray(go, dtype=np.float64), (len(ends),))
    except ValueError:
        raise ValueError(f"go has the shape {np.shape(go)}, expected a number or ({len(ends)},)") from None
    if np.isinf(seconds).any() or (seconds < 0).any():
        raise ValueError(f"go is {go!r}, expected seconds of 0 or more, or NaN for never")
    steps = np.where(np.isnan(seconds), _NEVER, np.round(np.nan_to_num(seconds) / dt)).astype(np.int64)
    return Goals(begins, ends, steps)


def as_timing(duration: Any, movement_time: Any, dt: float) -> Timing:
    """A duration in steps, and the movement time in it."""
    n_steps = round(as_positive("duration", duration) / dt)
    movement = round(as_positive("movement_time", movement_time) / dt)
    if n_steps < 1 or movement < 1:
        raise ValueError(f"duration is {duration} and movement_time {movement_time}, expected {dt} s or more")
    return Timing(n_steps, movement)


def steps_between(go: Any, dt: float) -> tuple[int, int]:
    """The earliest and the latest time in steps."""
    if not isinstance(go, tuple | list) or len(go) != 2:
        raise ValueError(f"go is {go!r}, expected the earliest and the latest time")
    first, last = (as_positive("go", value, zero=True) for value in go)
    if first > last:
        raise ValueError(f"go is {go!r}, expected the earliest time first")
    return round(first / dt), round(last / dt)
