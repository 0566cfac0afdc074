"""What a training of counterfactual predictive control leaves: every trial of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ControlTrial", "LearningCourse"]


@dataclass(frozen=True)
class ControlTrial:
    """One trial of the loop; all arrays are (n_steps,).

    Attributes
    ----------
    time, reference, output : ndarray
        Seconds; where the output should be; where it was.
    feedforward : ndarray
        What the cerebellum injected, as an error or, in feedback error learning, as a command.
    command : ndarray
        What the feedback controller sent.
    """

    time: NDArray[np.float64]
    reference: NDArray[np.float64]
    output: NDArray[np.float64]
    feedforward: NDArray[np.float64]
    command: NDArray[np.float64]

    @property
    def error(self) -> NDArray[np.float64]:
        """Reference − output."""
        return self.reference - self.output

    @property
    def rms(self) -> float:
        """Root mean square of the error."""
        return float(np.sqrt(np.mean(self.error**2)))


@dataclass(frozen=True)
class LearningCourse:
    """All trials of a training, in order.

    Attributes
    ----------
    rule, trace_delay, learning_rate : str, float, float
        How it learned.
    online : bool
        Whether weights changed after each step, or after each trial.
    rms : ndarray, shape (n_trials,)
        Root mean square of the error of each trial.
    weights : ndarray, shape (n_trials + 1, n_features)
        Before the first trial and after each.
    time, reference : ndarray, shape (n_steps,)
        Seconds; where the output should be.
    outputs, feedforward, commands : ndarray, shape (n_trials, n_steps)
        Of each trial; see `ControlTrial`.
    seconds : float
        What the training took.
    """

    rule: str
    trace_delay: float
    learning_rate: float
    online: bool
    rms: NDArray[np.float64]
    weights: NDArray[np.float64]
    time: NDArray[np.float64]
    reference: NDArray[np.float64]
    outputs: NDArray[np.float64]
    feedforward: NDArray[np.float64]
    commands: NDArray[np.float64]
    seconds: float

    @property
    def errors(self) -> NDArray[np.float64]:
        """Reference − output, (n_trials, n_steps)."""
        return self.reference - self.outputs

    @property
    def simulated_seconds(self) -> float:
        """How long the trials would have taken in the world."""
        dt = self.time[1] - self.time[0] if self.time.size > 1 else 0.0
        return float(self.outputs.size * dt)

    @property
    def real_time_ratio(self) -> float:
        """Simulated time per time taken."""
        return self.simulated_seconds / self.seconds

    def trial(self, number: int) -> ControlTrial:
        """One trial; negative numbers count from the end.

        Raises
        ------
        IndexError
            If there is no such trial.
        """
        return ControlTrial(
            self.time, self.reference, self.outputs[number], self.feedforward[number], self.commands[number]
        )

    def plot(self, **options: Any) -> Figure:
        """Draw a first and a last trial and the course of the error; see `fastigial.plot.anticipation`."""
        from fastigial.plot import anticipation

        return anticipation(self, **options)

    def __repr__(self) -> str:
        ends = f"rms {self.rms[0]:.4g} → {self.rms[-1]:.4g}" if self.rms.size else "no trial"
        return f"LearningCourse({self.rule}, {len(self.rms)} trials, {ends})"
