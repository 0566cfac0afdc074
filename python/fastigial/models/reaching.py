"""Centre-out reaches with a delay: what is shown, what the hand should do, and blocks of trials.

::

    p*(t) = L (10 s³ − 15 s⁴ + 6 s⁵) (cos θ, sin θ),   s = (t − go) / duration        minimum jerk

Flash & Hogan, J Neurosci 5:1688, 1985.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_flag, as_positive, one_of
from fastigial.tensor.checks import as_count, as_number

__all__ = ["Block", "DelayedReach"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DelayedReach:
    """When things happen in a trial, and how far the hand goes.

    Parameters
    ----------
    n_steps : int
        Steps of a trial.
    dt : float
        Seconds per step.
    cue, go, duration : float
        When the target is shown and when the hand may leave, and how long it takes, in seconds.
    extent : float
        L, metres.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> plan = fg.models.DelayedReach().plan(np.array([0.0]))
    >>> plan.shape, plan[0, -1, :2].round(3)
    ((1, 100, 4), array([0.1, 0. ]))
    """

    n_steps: int = 100
    dt: float = 0.01
    cue: float = 0.1
    go: float = 0.4
    duration: float = 0.5
    extent: float = 0.1

    def __post_init__(self) -> None:
        if as_count("n_steps", self.n_steps) == 0:
            raise ValueError("n_steps is 0, expected at least 1")
        for name in ("dt", "duration", "extent"):
            as_positive(name, getattr(self, name))
        for name in ("cue", "go"):
            as_positive(name, getattr(self, name), zero=True)
        if self.go + self.duration > self.n_steps * self.dt * (1 + 1e-9):
            raise ValueError(f"go + duration is {self.go + self.duration:g} s, expected within {self.seconds:g} s")

    @property
    def seconds(self) -> float:
        """Length of a trial."""
        return self.n_steps * self.dt

    @property
    def time(self) -> Array:
        """Of each step, in seconds."""
        return self.dt * np.arange(self.n_steps, dtype=np.float64)

    def step_at(self, seconds: float) -> int:
        """First step at a time or after it; times that are steps but for rounding are these steps."""
        return max(0, int(np.ceil(seconds / self.dt - 1e-6)))

    def since(self, seconds: float) -> NDArray[np.bool_]:
        """Steps at a time and after it."""
        return np.arange(self.n_steps) >= self.step_at(seconds)

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Steps from the go signal to the end of the movement."""
        return self.since(self.go) & ~self.since(self.go + self.duration)

    @property
    def preparing(self) -> NDArray[np.bool_]:
        """Steps from the cue to the go signal."""
        return self.since(self.cue) & ~self.since(self.go)

    @property
    def middle(self) -> int:
        """Step in the middle of the movement, at which its direction is read."""
        return self.step_at(self.go + self.duration / 2)

    def inputs(self, directions: Array) -> Array:
        """Cue, (cos θ, sin θ) from its onset on, and a signal to hold still until the go: (n_trials, n_steps, 3)."""
        shown = np.stack([np.cos(directions), np.sin(directions)], axis=1)
        found = np.zeros((len(directions), self.n_steps, 3))
        found[:, self.since(self.cue), :2] = shown[:, None]
        found[:, ~self.since(self.go), 2] = 1.0
        return found

    def profile(self) -> Array:
        """Distance, speed and acceleration along the line to the target, (3, n_steps)."""
        s = np.clip((self.time - self.go) / self.duration, 0.0, 1.0)
        inside = (s > 0) & (s < 1)
        position = 10 * s**3 - 15 * s**4 + 6 * s**5
        speed = (30 * s**2 - 60 * s**3 + 30 * s**4) * inside / self.duration
        acceleration = (60 * s - 180 * s**2 + 120 * s**3) * inside / self.duration**2
        return self.extent * np.stack([position, speed, acceleration])

    def plan(self, directions: Array) -> Array:
        """Position and velocity that the hand should have, (n_trials, n_steps, 4)."""
        shown = np.stack([np.cos(directions), np.sin(directions)], axis=1)
        position, speed, _ = self.profile()
        return np.concatenate([part[None, :, None] * shown[:, None] for part in (position, speed)], axis=2)

    def forces(self, directions: Array, mass: float) -> Array:
        """What moves a mass along the plan, in newtons, (n_trials, n_steps, 2)."""
        shown = np.stack([np.cos(directions), np.sin(directions)], axis=1)
        return np.asarray(mass * self.profile()[2][None, :, None] * shown[:, None])


@dataclass(frozen=True)
class Block:
    """Trials of one kind.

    Parameters
    ----------
    n_trials : int
    field : float
        Curl of a viscous field, N s/m: F = b [[0, 1], [−1, 0]] v.
    rotation : float
        Degrees by which the seen hand is turned, counter-clockwise.
    channel : bool
        Stiff walls hold the hand on the line to the target: there is no error across it, and none of direction (an
        error clamp).
    blocked : {None, "all", "preparation", "movement"}
        When the output of the cerebellum is blocked: always, before the go signal, or from then on.
    fast, slow : bool
        Whether the cerebellum, and the cortex, learn (and forget). A blocked cerebellum may learn.
    aims : bool
        Whether the aim follows the error of direction: a strategy.
    directions : sequence of float, optional
        Degrees; eight evenly spaced ones by default, in random order.

    Examples
    --------
    >>> import fastigial as fg
    >>> learn, test = fg.models.Block(160, field=5.0), fg.models.Block(40, channel=True)
    >>> learn.field, test.channel
    (5.0, True)
    """

    n_trials: int
    field: float = 0.0
    rotation: float = 0.0
    channel: bool = False
    blocked: str | None = None
    fast: bool = True
    slow: bool = True
    aims: bool = False
    directions: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if as_count("n_trials", self.n_trials) == 0:
            raise ValueError("n_trials is 0, expected at least 1")
        for name in ("field", "rotation"):
            if not np.isfinite(as_number(name, getattr(self, name))):
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number")
        for name in ("channel", "fast", "slow", "aims"):
            as_flag(name, getattr(self, name))
        if self.blocked is not None:
            one_of("blocked", self.blocked, ("all", "preparation", "movement"))
        if self.directions is not None and len(self.directions) == 0:
            raise ValueError("directions is empty, expected at least one")

    def drawn(self, rng: np.random.Generator) -> Array:
        """Directions of its trials in radians: each in turn, shuffled within rounds."""
        choices = np.radians(self.directions) if self.directions is not None else np.arange(8) * np.pi / 4
        rounds = [rng.permutation(choices) for _ in range(-(-self.n_trials // len(choices)))]
        return np.concatenate(rounds)[: self.n_trials]

    def is_blocked(self, reach: DelayedReach) -> NDArray[np.bool_]:
        """Steps at which the cerebellum is blocked."""
        none = np.zeros(reach.n_steps, dtype=bool)
        moved = reach.since(reach.go)
        return {None: none, "all": ~none, "preparation": ~moved, "movement": moved}[self.blocked]
