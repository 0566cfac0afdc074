"""Delayed centre-out reach: see a target, wait, and move the hand to it along a minimum-jerk course.

    x(τ) = x_target (10 τ³ - 15 τ⁴ + 6 τ⁵)
    v(τ) = x_target (30 τ² - 60 τ³ + 30 τ⁴) / D        τ = (t - t_move) / D in [0, 1]

D: duration of the movement; t_move: go cue plus reaction time. Minimum jerk: Flash & Hogan (Journal of Neuroscience
5:1688, 1985). Integrated over the movement, v gives x_target; its peak is 1.875 |x_target| / D. On catch trials no go
cue comes, and the hand must stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.timing import Seconds, choice, draw_steps, number, step_range, steps, whole, within
from fastigial.tasks.trials import Trials

__all__ = ["DelayedReach"]


@dataclass(kw_only=True, repr=False)
class DelayedReach(Task):
    """Delayed centre-out reach: see a target, wait for the go cue, and move there along a minimum-jerk course.

    Inputs: "target x", "target y" are the target's place divided by `radius` while it is shown, else 0; "hold" is 1
    until the go cue, and throughout a catch trial. Outputs: the hand's velocity (m/s) or position (m) in x and y, 0
    before the movement; the hand starts in the centre.

    Parameters
    ----------
    n_targets : int, optional
        On a circle, the first to the right, counter-clockwise. None: anywhere on the circle.
    radius : float
        Distance of the targets, in metres.
    catch_fraction : float
        Probability that no go cue comes.
    output : {"velocity", "position"}
    target_onset : float or (float, float)
        When the target appears, in seconds: fixed, or the earliest and latest.
    target_duration : float, optional
        How long it is shown, in seconds. None: to the end of the trial.
    delay : float or (float, float)
        From the target's onset to the go cue, in seconds: fixed, or the shortest and longest.
    reaction_time, movement_duration, hold : float
        From the go cue to the movement, of the movement, and after it, in seconds.
    tolerance : float
        :meth:`accuracy` counts a reach as right if it ends within this distance of the target, in metres.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.DelayedReach(n_targets=8, catch_fraction=0.2)
    >>> trials = task.sample(50, seed=0)
    >>> bool((task.accuracy(trials.targets, trials) == 1).all())
    True
    >>> task.positions(trials.targets).shape
    (50, 220, 2)
    """

    n_targets: int | None = 8
    radius: float = 0.1
    catch_fraction: float = 0.1
    output: str = "velocity"
    target_onset: Seconds = (0.1, 0.3)
    target_duration: float | None = None
    delay: Seconds = (0.4, 1.0)
    reaction_time: float = 0.1
    movement_duration: float = 0.5
    hold: float = 0.3
    tolerance: float = 0.02
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_targets is not None:
            whole("n_targets", self.n_targets, 1)
        number("radius", self.radius, low=0.0, above=True)
        number("catch_fraction", self.catch_fraction, low=0.0, high=1.0)
        number("tolerance", self.tolerance, low=0.0)
        choice("output", self.output, ("velocity", "position"))
        if self.target_duration is not None:
            steps("target_duration", self.target_duration, self.dt)
        _ = self.n_steps

    def _after_go(self) -> tuple[int, int, int]:
        """Return reaction, movement and hold, in steps."""
        return (
            steps("reaction_time", self.reaction_time, self.dt, least=0),
            steps("movement_duration", self.movement_duration, self.dt, least=2),
            steps("hold", self.hold, self.dt, least=1),
        )

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that which takes longest."""
        onset = step_range("target_onset", self.target_onset, self.dt, least=0)[1]
        return onset + step_range("delay", self.delay, self.dt, least=0)[1] + sum(self._after_go())

    @property
    def input_names(self) -> tuple[str, ...]:
        """Where the target is, and whether to hold still."""
        return ("target x", "target y", "hold")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The hand."""
        return (f"{self.output} x", f"{self.output} y")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: angle (degrees, counter-clockwise from the right), target (n_trials, 2) (m), catch."""
        turn = (
            rng.random(n_trials)
            if self.n_targets is None
            else rng.integers(self.n_targets, size=n_trials) / self.n_targets
        )
        angle = 2 * np.pi * turn
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        target = self.radius * direction
        on = draw_steps("target_onset", self.target_onset, self.dt, n_trials, rng, least=0)
        go = on + draw_steps("delay", self.delay, self.dt, n_trials, rng, least=0)
        catch = rng.random(n_trials) < self.catch_fraction
        reaction, movement, hold = self._after_go()
        n_steps = self.n_steps
        never = np.full(n_trials, n_steps)
        shown = never if self.target_duration is None else on + steps("target_duration", self.target_duration, self.dt)
        target_input = direction[:, None] * within(n_steps, on, shown)[:, :, None]
        hold_input = within(n_steps, np.zeros_like(go), np.where(catch, never, go))[:, :, None]
        start = go + reaction
        phase = np.clip((np.arange(n_steps) - start[:, None]) / movement, 0.0, 1.0)
        if self.output == "position":
            course = phase**3 * (10 - 15 * phase + 6 * phase**2)
        else:
            course = 30 * (phase * (1 - phase)) ** 2 / (movement * self.dt)
        course[catch] = 0.0
        return self.trials(
            np.concatenate([target_input, hold_input], axis=2),
            course[:, :, None] * target[:, None],
            mask=np.arange(n_steps) < (start + movement + hold)[:, None],
            info={"angle": 360 * turn, "target": target, "catch": catch},
            events={
                "target": on * self.dt,
                "go": np.where(catch, np.nan, go * self.dt),
                "move": np.where(catch, np.nan, start * self.dt),
            },
        )

    def positions(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """Return where outputs take the hand: themselves, or for velocities x_t = Σ_{s ≤ t} v_s dt, in metres.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 2)

        Returns
        -------
        ndarray, shape (n_trials, n_steps, 2)
        """
        y = np.asarray(outputs, dtype=np.float64)
        return y if self.output == "position" else np.cumsum(y, axis=1) * self.dt

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each reach that ends within the tolerance of its target, else 0.

        On a catch trial the hand must not leave that distance from the centre.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 2)
        trials : Trials
            Of this task.

        Returns
        -------
        ndarray, shape (n_trials,)

        Raises
        ------
        ValueError
            If the shape is not that of the targets.
        """
        hand = self.positions(self._outputs(outputs, trials))
        counted = trials.weights.max(axis=2) > 0
        last = trials.n_steps - 1 - counted[:, ::-1].argmax(axis=1)
        missed = np.linalg.norm(hand[np.arange(len(hand)), last] - trials.info["target"], axis=1)
        strayed = np.where(counted, np.linalg.norm(hand, axis=2), 0.0).max(axis=1)
        return np.asarray(np.where(trials.info["catch"], strayed, missed) <= self.tolerance, dtype=np.float64)
