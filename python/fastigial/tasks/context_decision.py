"""Context-dependent decision: judge one of two noisy streams, as the context says, and ignore the other.

    x_s(t) = c_s + noise · ξ_s(t)/√dt        s: motion, colour, during the stimulus
    answer = sign of c_s for the s that the context names

c_s: signed coherence, drawn independently for the two streams, so that half of the trials are incongruent. Mante,
Sussillo, Shenoy & Newsome (Nature 503:78, 2013). Departures: three classes instead of one output of ±1, and a fixation
input whose end is the go cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastigial.tasks.classes import Decision, one_hot
from fastigial.tasks.evidence import check_coherences, signed_coherence
from fastigial.tasks.timing import Seconds, draw_steps, number, step_range, white_noise, within
from fastigial.tasks.trials import Trials

__all__ = ["ContextDecision"]


@dataclass(kw_only=True, repr=False)
class ContextDecision(Decision):
    """Judge one of two noisy streams, as the context says, and ignore the other.

    Fixation, stimulus, delay, response. Inputs: "fixation" is 1 until the response begins (its end is the go cue);
    "motion" and "colour" have the mean of their signed coherence during the stimulus, with noise all through the trial;
    "attend motion" or "attend colour" is 1 all through. Classes: "fixate", "left" (negative), "right" (positive).

    Parameters
    ----------
    coherences : sequence of float
        Sizes of coherence, from 0 to 1; sides are drawn, independently for the two streams. At 0, the answer that
        counts as right is drawn.
    fixation, stimulus, delay : float or (float, float)
        Durations in seconds: fixed, or the shortest and longest. Trials that take less time end earlier.
    response : float
        In seconds.
    grace : float
        Time after the go cue that does not count, in seconds.
    noise : float
        Standard deviation of a stream's noise integrated over one second. A step has noise / √dt. An ideal observer
        of a stimulus of T seconds is right with probability Φ(c √T / noise).
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
    >>> trials = fg.tasks.ContextDecision().sample(100, seed=0)
    >>> sorted(trials.info)
    ['colour', 'congruent', 'context', 'label', 'motion', 'side']
    >>> trials[trials.info["context"] == "motion"].plot(2).get_suptitle()
    'ContextDecision: 2 of ... trials'
    """

    choices: ClassVar[tuple[str, ...]] = ("left", "right")

    coherences: Sequence[float] = (0.05, 0.15, 0.5)
    fixation: Seconds = 0.1
    stimulus: Seconds = 0.75
    delay: Seconds = (0.1, 0.3)
    response: float = 0.3
    grace: float = 0.05
    noise: float = 0.1
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_coherences("coherences", self.coherences)
        number("noise", self.noise, low=0.0)
        _ = self.n_steps

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that which takes longest."""
        return (
            step_range("fixation", self.fixation, self.dt, least=0)[1]
            + step_range("stimulus", self.stimulus, self.dt)[1]
            + step_range("delay", self.delay, self.dt, least=0)[1]
            + self._answer_steps()[0]
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """Fixation, the two streams, the context."""
        return ("fixation", "motion", "colour", "attend motion", "attend colour")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials.

        ``info``: context ("motion" or "colour"), motion and colour (signed coherence), side (0: left, 1: right),
        congruent (whether both streams have the same side), label.
        """
        on = draw_steps("fixation", self.fixation, self.dt, n_trials, rng, least=0)
        shown = draw_steps("stimulus", self.stimulus, self.dt, n_trials, rng)
        go = on + shown + draw_steps("delay", self.delay, self.dt, n_trials, rng, least=0)
        motion, motion_side = signed_coherence(self.coherences, n_trials, rng)
        colour, colour_side = signed_coherence(self.coherences, n_trials, rng)
        context = rng.integers(2, size=n_trials)
        side = np.where(context == 0, motion_side, colour_side)
        n_steps = self.n_steps
        streams = np.stack([motion, colour], axis=1)[:, None] * within(n_steps, on, on + shown)[:, :, None]
        streams = streams + white_noise((n_trials, n_steps, 2), self.noise, self.dt, rng)
        before_go = within(n_steps, np.zeros_like(go), go)[:, :, None]
        attended = np.tile(one_hot(context, 2)[:, None], (1, n_steps, 1))
        labels = self._labels(go, side)
        return self.trials(
            np.concatenate([before_go, streams, attended], axis=2),
            one_hot(labels, 3),
            mask=labels >= 0,
            info={
                "context": np.array(["motion", "colour"])[context],
                "motion": motion,
                "colour": colour,
                "side": side,
                "congruent": motion_side == colour_side,
                "label": labels,
            },
            events={"stimulus": on * self.dt, "go": go * self.dt},
        )
