"""Flip-flop: remember the sign of the last pulse on each of several channels.

    y*_c(t) = sign of the last pulse on channel c that began at or before t

After Sussillo & Barak (Neural Computation 25:626, 2013). Nothing is asked before a channel's first pulse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task, share
from fastigial.tasks.timing import number, steps, whole
from fastigial.tasks.trials import Trials

__all__ = ["FlipFlop"]


@dataclass(kw_only=True, repr=False)
class FlipFlop(Task):
    """Remember the sign of the last pulse on each of `n_bits` channels.

    Input "pulse c": +1 or -1 during a pulse, else 0. Output "bit c": the sign of that channel's last pulse, from its
    first step on. Before the first pulse of a channel, and for `grace` after each flip, its output does not count.

    Parameters
    ----------
    n_bits : int
    pulse_rate : float
        Pulses per second and channel, in Hz. A pulse that has begun is not interrupted by another.
    pulse_duration : float
        In seconds.
    grace : float
        Time after a flip during which the output of that channel does not count, in seconds.
    duration : float
        Of a trial, in seconds.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense, or pulses would begin more than once a step.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.FlipFlop(n_bits=3)
    >>> task
    <FlipFlop(): 3 inputs, 3 outputs, 200 steps of 10 ms, loss "mse">
    >>> trials = task.sample(16, seed=0)
    >>> bool((task.accuracy(trials.targets, trials) == 1).all())
    True
    """

    n_bits: int = 3
    pulse_rate: float = 3.0
    pulse_duration: float = 0.05
    grace: float = 0.0
    duration: float = 2.0
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_bits", self.n_bits, 1)
        number("pulse_rate", self.pulse_rate, low=0.0, high=1 / self.dt)
        steps("pulse_duration", self.pulse_duration, self.dt)
        steps("grace", self.grace, self.dt, least=0)
        steps("duration", self.duration, self.dt)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return steps("duration", self.duration, self.dt)

    @property
    def input_names(self) -> tuple[str, ...]:
        """One pulse train per bit."""
        return tuple(f"pulse {bit}" for bit in range(self.n_bits))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The bits."""
        return tuple(f"bit {bit}" for bit in range(self.n_bits))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials."""
        length = steps("pulse_duration", self.pulse_duration, self.dt)
        grace = steps("grace", self.grace, self.dt, least=0)
        shape = (n_trials, self.n_steps, self.n_bits)
        wanted = rng.random(shape) < self.pulse_rate * self.dt
        signs = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
        inputs, targets = np.zeros(shape), np.zeros(shape)
        mask = np.zeros(shape, dtype=bool)
        bit, flipped, begun = np.zeros(shape[::2]), np.full(shape[::2], -grace), np.full(shape[::2], -length)
        for t in range(self.n_steps):
            begins = wanted[:, t] & (t - begun >= length)
            begun = np.where(begins, t, begun)
            flipped = np.where(begins & (signs[:, t] != bit), t, flipped)
            bit = np.where(begins, signs[:, t], bit)
            inputs[:, t] = np.where(t - begun < length, bit, 0.0)
            targets[:, t] = bit
            mask[:, t] = (bit != 0) & (t - flipped >= grace)
        return self.trials(inputs, targets, mask=mask)

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return the share of each trial's counted outputs that have the right sign; NaN if none counts.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, n_bits)
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
        y = self._outputs(outputs, trials)
        return share(np.sign(y) == trials.targets, trials.weights > 0)
