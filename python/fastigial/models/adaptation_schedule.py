"""What is done to a person, block after block: perturbation and pauses of each trial, with labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.checks import as_count, as_number

__all__ = ["Phase", "Schedule"]


@dataclass(frozen=True)
class Phase:
    """Trials of one kind in a row.

    Attributes
    ----------
    label : str
    n_trials : int
    size : float
        The perturbation; NaN where there is no error to learn from.
    pause : float
        The trials' worth of forgetting before the first of them.
    """

    label: str
    n_trials: int
    size: float
    pause: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """A sequence of blocks, to be given to `simulate` and `fit` in the place of a perturbation.

    Each method returns a longer schedule and leaves the one it is called on as it was.

    Attributes
    ----------
    phases : tuple of Phase
    pending : float
        The pause before the trials that come next.

    Notes
    -----
    A trial without a reach, `missed`, is treated like one in an error clamp: nothing is learned and memory fades. That
    is a choice, not a finding; data that were merely not recorded are NaN in the data, and the trial is learned from.
    Pauses are a design of this package: each state fades as by its own retention in so many trials.

    Examples
    --------
    The paradigm of Smith, Ghazizadeh & Shadmehr (PLoS Biol 4:e179, 2006), with a pause within the learning:

    >>> import fastigial as fg
    >>> schedule = fg.models.Schedule().aligned(32).perturbed(60, 30.0).rest(5).perturbed(40, 30.0)
    >>> schedule = schedule.perturbed(12, -30.0, "reversed").clamped(20)
    >>> schedule
    <Schedule: 32 aligned, 60 perturbed, 40 perturbed after a pause of 5, 12 reversed, 20 clamped>
    >>> fg.models.TwoStateModel().simulate(schedule).total.shape
    (164,)
    """

    phases: tuple[Phase, ...] = ()
    pending: float = 0.0

    def perturbed(self, n_trials: int, size: float, label: str = "perturbed") -> Self:
        """Add trials with a rotation or a field of this size, in the units of the data."""
        value = float(as_number("size", size))
        if not np.isfinite(value):
            raise ValueError(f"size is {value}, expected a finite number; clamped() adds an error clamp")
        return self._with(label, n_trials, value)

    def aligned(self, n_trials: int, label: str = "aligned") -> Self:
        """Add trials without a perturbation: errors are those of the person."""
        return self._with(label, n_trials, 0.0)

    def clamped(self, n_trials: int, label: str = "clamped") -> Self:
        """Add trials in an error clamp: no error is seen."""
        return self._with(label, n_trials, np.nan)

    def missed(self, n_trials: int, label: str = "missed") -> Self:
        """Add trials without a reach: nothing is learned, memory fades."""
        return self._with(label, n_trials, np.nan)

    def rest(self, n_trials: float) -> Self:
        """Add a pause with the forgetting of so many trials, before the trials that are added next."""
        value = float(as_number("n_trials", n_trials))
        if not (np.isfinite(value) and value >= 0.0):
            raise ValueError(f"n_trials is {value}, expected a length of 0 or more, in trials")
        return replace(self, pending=self.pending + value)

    def _with(self, label: str, n_trials: Any, size: float) -> Self:
        count = as_count("n_trials", n_trials)
        if count == 0:
            raise ValueError("n_trials is 0, expected at least 1")
        return replace(self, phases=(*self.phases, Phase(label, count, size, self.pending)), pending=0.0)

    @property
    def perturbation(self) -> NDArray[np.float64]:
        """Of each trial, (n_trials,); NaN without an error."""
        return np.repeat([phase.size for phase in self.phases], self._lengths).astype(np.float64)

    @property
    def pauses(self) -> NDArray[np.float64]:
        """Before each trial, in trials, (n_trials,)."""
        pauses = np.zeros(len(self))
        for start, phase in zip(self.starts, self.phases, strict=True):
            pauses[start] = phase.pause
        return pauses

    @property
    def labels(self) -> tuple[str, ...]:
        """Of each trial."""
        return tuple(phase.label for phase in self.phases for _ in range(phase.n_trials))

    @property
    def starts(self) -> NDArray[np.intp]:
        """The first trial of each phase, counted from 0."""
        return np.cumsum([0, *self._lengths])[:-1].astype(np.intp)

    @property
    def _lengths(self) -> list[int]:
        return [phase.n_trials for phase in self.phases]

    def __len__(self) -> int:
        return sum(self._lengths)

    def __repr__(self) -> str:
        parts = [
            f"{phase.n_trials} {phase.label}" + (f" after a pause of {phase.pause:g}" if phase.pause else "")
            for phase in self.phases
        ]
        return f"<Schedule: {', '.join(parts) or 'no trials'}>"
