"""Delayed match to sample: say whether the second stimulus was the first one again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastigial.tasks.classes import Decision, one_hot
from fastigial.tasks.timing import Seconds, draw_steps, number, step_range, steps, white_noise, whole, within
from fastigial.tasks.trials import Trials

__all__ = ["DelayedMatchToSample"]


@dataclass(kw_only=True, repr=False)
class DelayedMatchToSample(Decision):
    """Delayed match to sample: a sample, a delay, a test, and then say whether they were the same.

    Fixation, sample, delay, test, response. Inputs: "fixation" is 1 until the response begins (its end is the go cue);
    "stimulus i" is 1 while stimulus i is shown, with noise. Classes: "fixate" until then, "non-match" or "match" after.

    Parameters
    ----------
    n_stimuli : int
        At least 2.
    match_fraction : float
        Probability that the test is the sample.
    fixation, sample_duration, test_duration, response : float
        Durations in seconds.
    delay : float or (float, float)
        Seconds: fixed, or the shortest and longest. Trials with a shorter delay end earlier.
    grace : float
        Time after the go cue that does not count, in seconds.
    noise : float
        Of each stimulus channel, all through the trial: the standard deviation of its integral over one second. A step
        has noise / √dt.
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
    >>> task = fg.tasks.DelayedMatchToSample(n_stimuli=4, delay=(0.2, 1.0))
    >>> trials = task.sample(32, seed=0)
    >>> same = trials.info["sample"] == trials.info["test"]
    >>> bool((same == trials.info["match"]).all())
    True
    """

    choices: ClassVar[tuple[str, ...]] = ("non-match", "match")

    n_stimuli: int = 2
    match_fraction: float = 0.5
    fixation: float = 0.1
    sample_duration: float = 0.3
    delay: Seconds = (0.3, 0.7)
    test_duration: float = 0.3
    response: float = 0.3
    grace: float = 0.05
    noise: float = 0.02
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_stimuli", self.n_stimuli, 2)
        number("match_fraction", self.match_fraction, low=0.0, high=1.0)
        number("noise", self.noise, low=0.0)
        _ = self.n_steps

    def _durations(self) -> tuple[int, int, int]:
        """Return the fixed durations in steps: fixation, sample and test."""
        return (
            steps("fixation", self.fixation, self.dt, least=0),
            steps("sample_duration", self.sample_duration, self.dt),
            steps("test_duration", self.test_duration, self.dt),
        )

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that with the longest delay."""
        return sum(self._durations()) + step_range("delay", self.delay, self.dt)[1] + self._answer_steps()[0]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Fixation and the stimuli."""
        return ("fixation", *(f"stimulus {i}" for i in range(self.n_stimuli)))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: sample, test, match, delay in seconds, label."""
        fixation, shown, tested = self._durations()
        delay = draw_steps("delay", self.delay, self.dt, n_trials, rng)
        sample = rng.integers(self.n_stimuli, size=n_trials)
        match = rng.random(n_trials) < self.match_fraction
        # One of the other stimuli: a step of 1 to n - 1 around the ring.
        other = (sample + rng.integers(1, self.n_stimuli, size=n_trials)) % self.n_stimuli
        test = np.where(match, sample, other)
        on = np.full(n_trials, fixation)
        test_on = on + shown + delay
        go = test_on + tested
        shape = (n_trials, self.n_steps, self.n_stimuli)
        stimuli = one_hot(sample, self.n_stimuli)[:, None] * within(self.n_steps, on, on + shown)[:, :, None]
        stimuli += one_hot(test, self.n_stimuli)[:, None] * within(self.n_steps, test_on, go)[:, :, None]
        stimuli += white_noise(shape, self.noise, self.dt, rng)
        before_go = within(self.n_steps, np.zeros_like(go), go)
        labels = self._labels(go, match.astype(np.intp))
        return self.trials(
            np.concatenate([before_go[:, :, None], stimuli], axis=2),
            one_hot(labels, 3),
            mask=labels >= 0,
            info={"sample": sample, "test": test, "match": match, "delay": delay * self.dt, "label": labels},
            events={"sample": on * self.dt, "test": test_on * self.dt, "go": go * self.dt},
        )
