"""Accumulation of pulses ("towers"): say on which side there were more cues.

On each trial one side has probability p for every cue, p = `side_fraction` or 1 - `side_fraction`; after a delay, a
recall cue asks for the side with more. Cue k occupies the last `cue_duration` seconds of the k-th period of
`cue_period` seconds.

Morcos & Harvey (Nature Neuroscience 19:1672, 2016), as Bellec et al. (Nature Communications 11:3625, 2020) gave it to
spiking networks: 7 cues of 100 ms every 150 ms, four populations of ten neurons (left, right, recall at 40 Hz while
their cue is on, background at 10 Hz). Departure: the step is 10 ms unless asked otherwise, theirs 1 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.classes import chosen_right, one_hot
from fastigial.tasks.timing import Seconds, choice, draw_steps, number, step_range, steps, whole, within
from fastigial.tasks.trials import Trials

__all__ = ["PulseAccumulation"]


@dataclass(kw_only=True, repr=False)
class PulseAccumulation(Task):
    """On which side were there more cues? Answer when the recall cue comes, after a delay.

    With ``coding="rate"`` there are three inputs, "left", "right" and "recall", which are 1 while their cue is on. With
    ``coding="spikes"`` each of them is a population of Poisson neurons (1 in a step with a spike, or with several), and
    a fourth fires all the time. Classes: "left", "right", during the recall cue; nothing else counts.

    Parameters
    ----------
    n_cues : int
        Odd, so that one side has more.
    side_fraction : float
        Probability that a cue is on the trial's likelier side, from 0.5 to 1; the likelier side is drawn. What counts
        as right is the side that had more cues.
    cue_period, cue_duration : float
        From one cue to the next, and how long each lasts, in seconds.
    delay : float or (float, float)
        From the last cue to the recall cue, in seconds: fixed, or the shortest and longest.
    recall : float
        Duration of the recall cue and time to answer, in seconds.
    coding : {"rate", "spikes"}
    n_per_population : int
        Neurons of each population (spikes).
    firing_rate, background_rate : float
        Of a population while its cue is on, and of the background population, in Hz (spikes).
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
    >>> fg.tasks.PulseAccumulation(coding="spikes", dt=0.001)
    <PulseAccumulation(coding='spikes', dt=0.001): 40 inputs, 2 outputs, 2250 steps of 1 ms, loss "cross_entropy">
    >>> trials = fg.tasks.PulseAccumulation().sample(5, seed=0)
    >>> trials.info["cues"].shape
    (5, 7)
    """

    loss = "cross_entropy"

    n_cues: int = 7
    side_fraction: float = 0.7
    cue_period: float = 0.15
    cue_duration: float = 0.1
    delay: Seconds = 1.05
    recall: float = 0.15
    coding: str = "rate"
    n_per_population: int = 10
    firing_rate: float = 40.0
    background_rate: float = 10.0
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        if whole("n_cues", self.n_cues, 1) % 2 == 0:
            raise ValueError(f"n_cues must be odd, so that one side has more; got {self.n_cues}")
        number("side_fraction", self.side_fraction, low=0.5, high=1.0)
        choice("coding", self.coding, ("rate", "spikes"))
        whole("n_per_population", self.n_per_population, 1)
        number("firing_rate", self.firing_rate, low=0.0)
        number("background_rate", self.background_rate, low=0.0)
        _ = self.n_steps

    def _cue_steps(self) -> tuple[int, int]:
        period = steps("cue_period", self.cue_period, self.dt)
        duration = steps("cue_duration", self.cue_duration, self.dt)
        if duration > period:
            raise ValueError(
                f"cue_duration must not be longer than cue_period={self.cue_period:g} s, got {self.cue_duration:g} s"
            )
        return period, duration

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that with the longest delay."""
        longest = step_range("delay", self.delay, self.dt, least=0)[1]
        return self.n_cues * self._cue_steps()[0] + longest + steps("recall", self.recall, self.dt)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The cues, or the neurons of each population."""
        if self.coding == "rate":
            return ("left", "right", "recall")
        populations = ("left", "right", "recall", "background")
        return tuple(f"{name} {neuron}" for name in populations for neuron in range(self.n_per_population))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The sides."""
        return ("left", "right")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: cues (n_trials, n_cues) of 0 (left) and 1 (right), side, evidence, label.

        The evidence is the number of cues on the right less that on the left.
        """
        period, duration = self._cue_steps()
        n_steps = self.n_steps
        likelier = rng.integers(2, size=n_trials)
        cues = np.where(
            rng.random((n_trials, self.n_cues)) < self.side_fraction, likelier[:, None], 1 - likelier[:, None]
        )
        evidence = (2 * cues - 1).sum(axis=1)
        side = (evidence > 0).astype(np.intp)
        recall_on = self.n_cues * period + draw_steps("delay", self.delay, self.dt, n_trials, rng, least=0)
        stop = recall_on + steps("recall", self.recall, self.dt)
        on = np.zeros((n_trials, n_steps, 3))
        for cue in range(self.n_cues):
            start = (cue + 1) * period - duration
            on[:, start : start + duration, :2] = one_hot(cues[:, cue], 2)[:, None]
        asked = within(n_steps, recall_on, stop)
        on[:, :, 2] = asked
        labels = np.where(asked, side[:, None], -1)
        return self.trials(
            on if self.coding == "rate" else self._spikes(on, rng),
            one_hot(labels, 2),
            mask=asked,
            info={"cues": cues, "side": side, "evidence": evidence, "label": labels},
            events={
                "delay": np.full(n_trials, self.n_cues * period * self.dt),
                "recall": recall_on * self.dt,
            },
        )

    def _spikes(self, on: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        background = np.full((*on.shape[:2], 1), self.background_rate)
        rates = np.concatenate([self.firing_rate * on, background], axis=2)
        # Probability of at least one spike of a Poisson process within a step.
        probability = -np.expm1(-rates * self.dt).repeat(self.n_per_population, axis=2)
        spikes: NDArray[np.float64] = (rng.random(probability.shape) < probability).astype(np.float64)
        return spikes

    def accuracy(self, outputs: ArrayLike, trials: Trials) -> NDArray[np.float64]:
        """Return 1 for each trial whose larger output, summed over the recall cue, is the side with more cues, else 0.

        Parameters
        ----------
        outputs : array_like, shape (n_trials, n_steps, 2)
            Logits.
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
        return chosen_right(self._outputs(outputs, trials), trials.info["label"], first=0)
