"""Ready, set, go: measure the interval between two pulses and produce it again.

    y*(t) = min(1, (t - t_set) / (g t_s))        from the set pulse on; 0 before it

t_s: interval drawn from the prior; g: gain. "Go" is when the output reaches 1. With weber > 0 the pulses are t_m apart,

    t_m = t_s (1 + w ξ),   ξ standard normal, cut at ±3

while the target stays that of t_s: the best answer to t_m is then its posterior mean under the prior, which regresses
towards the middle of the prior (Jazayeri & Shadlen, Nature Neuroscience 13:1020, 2010; networks: Sohn, Narain,
Meirhaeghe & Jazayeri, Neuron 103:934, 2019). Departure: a linear ramp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.timing import Seconds, number, step_range, steps, whole, within
from fastigial.tasks.trials import Trials

__all__ = ["ReadySetGo"]

_CUT = 3.0


@dataclass(kw_only=True, repr=False)
class ReadySetGo(Task):
    """Ready, set, go: measure the interval between two pulses and produce it again.

    Inputs "ready" and "set": 1 during a pulse. Output "ramp": 0 until the set pulse, then up along a line that
    reaches 1 when the interval (times `gain`) has passed, and 1 for `hold` seconds. What comes later does not count.

    Parameters
    ----------
    interval : (float, float)
        Prior: the shortest and the longest interval in seconds, uniform between them.
    n_intervals : int, optional
        How many different intervals there are, evenly spaced. Default: any number of whole steps in the range.
    gain : float
        Interval to produce over interval to measure; at most 100.
    weber : float
        Standard deviation of the interval that is shown, as a share of the true one. Above 0, the prior helps.
    ready : float or (float, float)
        When the first pulse comes, in seconds: fixed, or the earliest and latest.
    pulse_duration : float
        In seconds, shorter than the shortest interval shown.
    hold : float
        How long the output is to stay at 1, in seconds.
    tolerance : float
        :meth:`accuracy` counts an interval as right if it is off by at most this share.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> task = fg.tasks.ReadySetGo(interval=(0.48, 0.8), n_intervals=5)
    >>> trials = task.sample(20, seed=0)
    >>> bool(np.allclose(task.produced_interval(trials.targets, trials), trials.info["interval"]))
    True
    """

    interval: tuple[float, float] = (0.48, 0.8)
    n_intervals: int | None = None
    gain: float = 1.0
    weber: float = 0.0
    ready: Seconds = (0.1, 0.3)
    pulse_duration: float = 0.05
    hold: float = 0.1
    tolerance: float = 0.2
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = step_range("interval", self.interval, self.dt)
        if self.n_intervals is not None and high - low + 1 < whole("n_intervals", self.n_intervals, 1):
            raise ValueError(
                f"n_intervals must be at most {high - low + 1}, the whole steps in the range; got {self.n_intervals}"
            )
        number("gain", self.gain, low=0.0, high=100.0, above=True)
        number("tolerance", self.tolerance, low=0.0)
        number("weber", self.weber, low=0.0, high=0.3)
        step_range("ready", self.ready, self.dt, least=0)
        steps("hold", self.hold, self.dt, least=0)
        shortest = round(low * (1 - _CUT * self.weber))
        if steps("pulse_duration", self.pulse_duration, self.dt) >= shortest:
            raise ValueError(
                f"pulse_duration must be shorter than the shortest interval shown, {shortest * self.dt:g} s; "
                f"got {self.pulse_duration:g} s"
            )

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that which takes longest."""
        longest = step_range("interval", self.interval, self.dt)[1]
        shown = round(longest * (1 + _CUT * self.weber))
        start = step_range("ready", self.ready, self.dt, least=0)[1]
        return start + shown + round(self.gain * longest) + steps("hold", self.hold, self.dt, least=0) + 1

    @property
    def input_names(self) -> tuple[str, ...]:
        """The two pulses."""
        return ("ready", "set")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The ramp."""
        return ("ramp",)

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: interval (true) and shown, in seconds."""
        low, high = step_range("interval", self.interval, self.dt)
        if self.n_intervals is None:
            interval = rng.integers(low, high, n_trials, endpoint=True)
        else:
            levels = np.rint(np.linspace(low, high, self.n_intervals)).astype(np.intp)
            interval = levels[rng.integers(self.n_intervals, size=n_trials)]
        error = self.weber * np.clip(rng.standard_normal(n_trials), -_CUT, _CUT)
        shown = np.rint(interval * (1 + error)).astype(np.intp)
        first, last = step_range("ready", self.ready, self.dt, least=0)
        ready = rng.integers(first, last, n_trials, dtype=np.intp, endpoint=True)
        set_ = ready + shown
        # In steps, and not rounded: a ramp may reach 1 between two steps.
        produced = self.gain * interval
        go = set_ + produced
        pulse = steps("pulse_duration", self.pulse_duration, self.dt)
        n_steps = self.n_steps
        inputs = np.stack([within(n_steps, start, start + pulse) for start in (ready, set_)], axis=2)
        since = np.arange(n_steps) - set_[:, None]
        ramp = np.clip(since / produced[:, None], 0.0, 1.0)
        hold = steps("hold", self.hold, self.dt, least=0)
        return self.trials(
            inputs,
            ramp[:, :, None],
            mask=np.arange(n_steps) <= (go + hold)[:, None],
            info={"interval": interval * self.dt, "shown": shown * self.dt},
            events={"ready": ready * self.dt, "set": set_ * self.dt, "go": go * self.dt},
        )

    def produced_interval(self, outputs: ArrayLike, trials: Trials, threshold: float = 1.0) -> NDArray[np.float64]:
        """Return the interval from the set pulse to "go": when the output reaches `threshold`, maybe between steps.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 1)
        trials : Trials
            Of this task.
        threshold : float
            A network's ramp may end a little below 1; 0.9 is common.

        Returns
        -------
        ndarray, shape (n_trials,)
            In seconds, divided by `threshold`, since a straight ramp reaches that height after that share of the
            interval; NaN where the output never does after the set pulse.

        Raises
        ------
        ValueError
            If the shape is not that of the targets.
        """
        y = self._outputs(outputs, trials)[:, :, 0]
        set_ = np.rint(trials.events["set"] / trials.dt).astype(np.intp)
        # Rounding must not move the crossing of an output that is the target itself.
        above = (y >= threshold - 1e-6) & (np.arange(trials.n_steps) > set_[:, None])
        found = above.any(axis=1)
        step = above.argmax(axis=1)
        rows = np.arange(len(y))
        before, after = y[rows, step - 1], y[rows, step]
        rise = np.where(after > before, after - before, 1.0)
        part = np.clip((threshold - before) / rise, 0.0, 1.0)
        return np.where(found, (step - 1 + part - set_) * trials.dt / threshold, np.nan)

    def accuracy(self, outputs: ArrayLike, trials: Trials, threshold: float = 0.9) -> NDArray[np.float64]:
        """Return 1 for each trial on which the interval produced is within the tolerance of the right one, else 0.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 1)
        trials : Trials
            Of this task.
        threshold : float
            Height at which the output means "go"; as in :meth:`produced_interval`.

        Returns
        -------
        ndarray, shape (n_trials,)

        Raises
        ------
        ValueError
            If the shape is not that of the targets.
        """
        right = self.gain * trials.info["interval"]
        produced = self.produced_interval(outputs, trials, threshold)
        return (np.abs(produced - right) <= self.tolerance * right).astype(np.float64)
