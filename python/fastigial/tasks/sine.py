"""Sine generation: turn a constant cue into a periodic output.

    y*(t) = Σ_k a_k sin(2π k f t)

f: frequency in Hz, drawn per trial; k, a_k: number and amplitude of each harmonic. With harmonics {1: 1, 2: 1/2, 4:
1/4} this is the target that Murray (eLife 8:e43299, 2019) compares learning rules with; with one harmonic and a range
of frequencies told by a static cue, it is the sine wave generator of Sussillo & Barak (Neural Computation 25:626,
2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fastigial.tasks.base import Task
from fastigial.tasks.timing import choice, number, steps, whole
from fastigial.tasks.trials import Trials

__all__ = ["Sine"]


@dataclass(kw_only=True, repr=False)
class Sine(Task):
    """Sine generation: a sum of harmonics, at a frequency that a static cue tells.

    ``y*(t) = Σ_k a_k sin(2π k f t)``

    Input "cue": 0.25 at the lowest frequency to 1 at the highest, in proportion to the frequency between them, all
    through the trial; 1 if there is one frequency only. Output "sine".

    Parameters
    ----------
    frequency : float or (float, float)
        Of the fundamental, in Hz: one, or the lowest and highest.
    n_frequencies : int, optional
        How many different frequencies there are, evenly spaced. Default: any in the range.
    harmonics : mapping of int to float
        Multiple of the frequency to amplitude.
    cue : {"static", "none"}
        "none": the input is 0 all through the trial (for one frequency).
    duration : float
        Of a trial, in seconds.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense, or the highest harmonic is above half the sampling rate.

    Examples
    --------
    The sum that learning rules are compared with, in one second of a hundred steps:

    >>> import fastigial as fg
    >>> task = fg.tasks.Sine(harmonics={1: 1, 2: 1 / 2, 4: 1 / 4})
    >>> trials = task.sample(8, seed=0)
    >>> trials.targets.shape
    (8, 100, 1)
    """

    frequency: float | tuple[float, float] = 1.0
    n_frequencies: int | None = None
    harmonics: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    cue: str = "static"
    duration: float = 1.0
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self._range()
        if low > high:
            raise ValueError(f"frequency must be (lowest, highest), got {self.frequency!r}")
        if self.n_frequencies is not None:
            whole("n_frequencies", self.n_frequencies, 1)
        choice("cue", self.cue, ("static", "none"))
        if self.cue == "none" and low < high:
            raise ValueError("cue='none' tells no frequency: frequency must be a single one")
        if not isinstance(self.harmonics, Mapping) or not self.harmonics:
            raise TypeError(f"harmonics must map multiples of the frequency to amplitudes, got {self.harmonics!r}")
        for multiple, amplitude in self.harmonics.items():
            whole("harmonics", multiple, 1)
            number(f"harmonics[{multiple}]", amplitude)
        fastest = high * max(self.harmonics)
        if fastest > 0.5 / self.dt:
            raise ValueError(f"dt={self.dt:g} s is too long for {fastest:g} Hz: it must be at most {0.5 / fastest:g} s")
        steps("duration", self.duration, self.dt)

    def _range(self) -> tuple[float, float]:
        ends = self.frequency if isinstance(self.frequency, tuple | list) else (self.frequency, self.frequency)
        if len(ends) != 2:
            raise TypeError(f"frequency must be in Hz, or (lowest, highest) in Hz, got {self.frequency!r}")
        low, high = (number("frequency", end, low=0.0, above=True) for end in ends)
        return low, high

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return steps("duration", self.duration, self.dt)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The cue."""
        return ("cue",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The sine."""
        return ("sine",)

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info["frequency"]`` in Hz."""
        low, high = self._range()
        if self.n_frequencies is None:
            frequency = rng.uniform(low, high, n_trials)
        else:
            frequency = np.linspace(low, high, self.n_frequencies)[rng.integers(self.n_frequencies, size=n_trials)]
        level = np.ones(n_trials) if low == high else 0.25 + 0.75 * (frequency - low) / (high - low)
        cue = np.zeros(n_trials) if self.cue == "none" else level
        phase = 2 * np.pi * frequency[:, None] * np.arange(self.n_steps) * self.dt
        sine = sum(amplitude * np.sin(multiple * phase) for multiple, amplitude in self.harmonics.items())
        inputs = np.tile(cue[:, None, None], (1, self.n_steps, 1))
        return self.trials(inputs, np.asarray(sine)[:, :, None], info={"frequency": frequency})
