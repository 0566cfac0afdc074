"""Tracking: follow a noisy signal, smoothed and turned, without falling behind.

    x_t = ρ x_{t−1} + √(1 − ρ²) ξ_t,   f_t = κ f_{t−1} + (1 − κ) x_t,   y*_t = R(θ) f_t

x, f: two inputs of unit variance and their running means; ρ = exp(−dt/τ_x), κ = exp(−dt/τ_f); R(θ) turns the plane, as
a visuomotor rotation does. Trials begin as they go on:

    cov(x, f) = c = (1 − κ) / (1 − κ ρ),   var(f) = v = ((1 − κ)² + 2 κ (1 − κ) ρ c) / (1 − κ²)

The target is a function of the inputs up to the same step: whoever answers late has to extrapolate, and ξ cannot be.
With g_k = (1 − κ) Σ_{j≤k} κ^{k−j} ρ^j, the response of f to a single ξ after k steps, an answer from inputs that are at
least n steps old has a mean squared error of at least

    (1 − ρ²) Σ_{k<n} g_k² / v     of the target's variance.

A design of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastigial.tasks.base import Task
from fastigial.tasks.timing import number, steps, whole
from fastigial.tasks.trials import Trials

__all__ = ["Tracking"]


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

    def _moments(self) -> tuple[float, float]:
        """Covariance of a running mean with its input, and its variance."""
        rho, kept = self._decays()
        covariance = (1.0 - kept) / (1.0 - kept * rho)
        variance = ((1.0 - kept) ** 2 + 2.0 * kept * (1.0 - kept) * rho * covariance) / (1.0 - kept**2)
        return covariance, variance

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
        rho, kept = self._decays()
        total, response, power = 0.0, 0.0, 1.0
        for _ in range(whole("age", age, 0)):
            response = kept * response + (1.0 - kept) * power
            total += response**2
            power *= rho
        return (1.0 - rho**2) * total / self._moments()[1]

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials."""
        rho, kept = self._decays()
        covariance, variance = self._moments()
        noise = rng.standard_normal((n_trials, self.n_steps, 2))
        signal, mean = noise.copy(), np.empty_like(noise)
        mean[:, 0] = covariance * signal[:, 0]
        mean[:, 0] += np.sqrt(max(variance - covariance**2, 0.0)) * rng.standard_normal((n_trials, 2))
        for step in range(1, self.n_steps):
            signal[:, step] = rho * signal[:, step - 1] + np.sqrt(1.0 - rho**2) * noise[:, step]
            mean[:, step] = kept * mean[:, step - 1] + (1.0 - kept) * signal[:, step]
        angle = np.deg2rad(self.rotation)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        counted = np.arange(self.n_steps) >= steps("warm_up", self.warm_up, self.dt, least=0)
        return self.trials(signal, mean @ turn.T, mask=np.tile(counted, (n_trials, 1)))
