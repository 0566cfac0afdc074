"""Tracking: follow a noisy signal, smoothed and turned, without falling behind.

    x_t = ρ x_{t−1} + √(1 − ρ²) ξ_t,   f_t = (1 − a) f_{t−1} + a x_t,   y*_t = R(θ) f_t

x, f: two inputs of unit variance and their running means; ρ = exp(−dt/τ_x), a = 1 − exp(−dt/τ_f); R(θ) turns the plane,
as a visuomotor rotation does. The target is a function of the inputs up to the same step: whoever answers late has to
extrapolate, and ξ cannot be. With g_k the response of f to a single ξ after k steps, an answer from inputs that are at
least n steps old has a mean squared error of at least

    Σ_{k<n} g_k² / Σ_k g_k²     of the target's variance.

A design of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.timing import number, steps, whole
from fastigial.tasks.trials import Trials

__all__ = ["Tracking"]

# After so many of the longer time constant nothing is left of the past: exp(−20) of it.
_FORGOTTEN = 20


@dataclass(kw_only=True, repr=False)
class Tracking(Task):
    """Follow a noisy signal in the plane, smoothed and turned by an angle.

    Inputs "x" and "y": two signals with exponential autocorrelation. Outputs "x" and "y": their running means, turned.
    The first steps of a trial do not count, since the running means began before it.

    Parameters
    ----------
    correlation_time : float
        τ_x of the inputs, in seconds.
    smoothing_time : float
        τ_f of the running means, in seconds; 0 is none.
    rotation : float
        θ in degrees, counter-clockwise.
    duration : float
        Of a trial, in seconds.
    warm_up : float
        From the start of the trial to the first step that counts, in seconds.
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
    >>> task = fg.tasks.Tracking(rotation=90)
    >>> task.sample(4, seed=0).targets.shape
    (4, 60, 2)
    >>> round(task.least_error(6), 3)
    0.28
    """

    correlation_time: float = 0.1
    smoothing_time: float = 0.05
    rotation: float = 0.0
    duration: float = 0.6
    warm_up: float = 0.15
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        number("correlation_time", self.correlation_time, low=0.0, above=True)
        number("smoothing_time", self.smoothing_time, low=0.0)
        number("rotation", self.rotation)
        n_steps = steps("duration", self.duration, self.dt)
        if steps("warm_up", self.warm_up, self.dt, least=0) >= n_steps:
            raise ValueError(f"warm_up must be shorter than the trial, {self.duration:g} s; got {self.warm_up:g} s")

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return steps("duration", self.duration, self.dt)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Two signals."""
        return ("x", "y")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The same two, to be followed."""
        return ("x", "y")

    def _decays(self) -> tuple[float, float]:
        """What is left after one step of the inputs, and of the running means."""
        smoothing = float(np.exp(-self.dt / self.smoothing_time)) if self.smoothing_time > 0 else 0.0
        return float(np.exp(-self.dt / self.correlation_time)), smoothing

    def _n_forgotten(self) -> int:
        return int(np.ceil(_FORGOTTEN * max(self.correlation_time, self.smoothing_time) / self.dt))

    def least_error(self, age: int) -> float:
        """Share of the target's variance that is lost to whoever answers from inputs of some steps ago and before.

        No function of these inputs has a smaller mean squared error.

        Parameters
        ----------
        age : int
            Steps from an input to the answer; 0: the input of the same step is known.

        Returns
        -------
        float
            0 at age 0, close to 1 for inputs of long ago.
        """
        age = whole("age", age, 0)
        response = self._response(max(age, self._n_forgotten()))
        return float((response[:age] ** 2).sum() / (response**2).sum())

    def _response(self, n_steps: int) -> NDArray[np.float64]:
        """What a single ξ leaves in the running mean after 0, 1, … steps, up to a factor."""
        rho, kept = self._decays()
        return smoothed(rho ** np.arange(n_steps + 1.0)[None, :, None], kept)[0, :, 0]

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials."""
        rho, kept = self._decays()
        # The past of the trial, so that it begins as it goes on.
        n_before = self._n_forgotten()
        noise = rng.standard_normal((n_trials, n_before + self.n_steps, 2))
        noise[:, 1:] *= np.sqrt(1.0 - rho**2)
        signal = smoothed(noise, rho) / (1.0 - rho)
        angle = np.deg2rad(self.rotation)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        targets = smoothed(signal, kept) @ turn.T
        counted = np.arange(self.n_steps) >= steps("warm_up", self.warm_up, self.dt, least=0)
        return self.trials(signal[:, n_before:], targets[:, n_before:], mask=np.tile(counted, (n_trials, 1)))


def smoothed(signal: NDArray[np.float64], kept: float) -> NDArray[np.float64]:
    """Running means along the second axis of which the share `kept` is left after a step, from 0 on."""
    mean = np.zeros_like(signal)
    last = np.zeros_like(signal[:, 0])
    for step in range(signal.shape[1]):
        last = kept * last + (1.0 - kept) * signal[:, step]
        mean[:, step] = last
    return mean
