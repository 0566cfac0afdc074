"""Accumulation of evidence: say which of two noisy streams is stronger.

    x_left(t) = (1 - c)/2 + noise · ξ_left(t)/√dt        x_right(t) = (1 + c)/2 + noise · ξ_right(t)/√dt

during the stimulus; c: signed coherence, positive for right; ξ: independent standard normal. The integral of the
difference over a stimulus of duration T is normal with mean c T and standard deviation noise √(2T): an ideal observer
is right with probability Φ(c √T / (noise √2)), whatever dt. Random-dot motion in the sense of Shadlen & Newsome (J
Neurophysiol 86:1916, 2001), as recurrent networks are trained on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.classes import Decision, one_hot
from fastigial.tasks.timing import Seconds, draw_steps, number, step_range, white_noise, within
from fastigial.tasks.trials import Trials

__all__ = ["EvidenceAccumulation"]

COHERENCES = (0.032, 0.064, 0.128, 0.256, 0.512)


def signed_coherence(
    sizes: Sequence[float], n_trials: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Draw one of the sizes and a side for each trial; the side is what is right at a coherence of 0 too.

    Returns
    -------
    coherence : ndarray, shape (n_trials,)
        Negative for left.
    side : ndarray, shape (n_trials,)
        0: left, 1: right.
    """
    size = np.asarray(sizes, dtype=np.float64)[rng.integers(len(sizes), size=n_trials)]
    side = rng.integers(2, size=n_trials)
    return np.where(side == 1, size, -size), side


def check_coherences(name: str, sizes: Any) -> None:
    """Raise an error unless `sizes` are numbers from 0 to 1, at least one."""
    if (
        isinstance(sizes, str)
        or not isinstance(sizes, Sequence | np.ndarray)
        or np.size(sizes) == 0
        or np.ndim(sizes) == 0
    ):
        raise TypeError(f"{name} must be a sequence of numbers from 0 to 1, got {sizes!r}")
    for size in sizes:
        number(name, size, low=0.0, high=1.0)


@dataclass(kw_only=True, repr=False)
class EvidenceAccumulation(Decision):
    """Which of two noisy streams is stronger? Answer after the go cue.

    Fixation, stimulus, delay, response. Inputs: "fixation" is 1 until the response begins; during the stimulus "left"
    has mean (1 - c)/2 and "right" (1 + c)/2, for the signed coherence c. All but fixation carry noise all through the
    trial. Classes: "fixate", "left", "right".

    Parameters
    ----------
    coherences : sequence of float
        Sizes of coherence, from 0 to 1; the side is drawn. At 0, the answer that counts as right is drawn.
    fixation, stimulus, delay : float or (float, float)
        Durations in seconds: fixed, or the shortest and longest. Trials that take less time end earlier.
    response : float
        In seconds.
    grace : float
        Time after the go cue that does not count, in seconds.
    noise : float
        Standard deviation of a channel's noise integrated over one second. A step has noise / √dt. An ideal observer of
        a stimulus of T seconds is right with probability Φ(c √T / (noise √2)).
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
    >>> task = fg.tasks.EvidenceAccumulation(stimulus=(0.4, 1.0), noise=0.1)
    >>> task.output_names
    ('fixate', 'left', 'right')
    """

    choices: ClassVar[tuple[str, ...]] = ("left", "right")

    coherences: Sequence[float] = COHERENCES
    fixation: Seconds = 0.1
    stimulus: Seconds = 0.8
    delay: Seconds = 0.0
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
        """Fixation and the two streams."""
        return ("fixation", "left", "right")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: coherence (signed), side (0: left, 1: right), stimulus in seconds, label."""
        on = draw_steps("fixation", self.fixation, self.dt, n_trials, rng, least=0)
        shown = draw_steps("stimulus", self.stimulus, self.dt, n_trials, rng)
        go = on + shown + draw_steps("delay", self.delay, self.dt, n_trials, rng, least=0)
        coherence, side = signed_coherence(self.coherences, n_trials, rng)
        n_steps = self.n_steps
        streams = np.stack([1 - coherence, 1 + coherence], axis=1)[:, None] / 2
        streams = streams * within(n_steps, on, on + shown)[:, :, None]
        streams = streams + white_noise((n_trials, n_steps, 2), self.noise, self.dt, rng)
        before_go = within(n_steps, np.zeros_like(go), go)
        labels = self._labels(go, side)
        return self.trials(
            np.concatenate([before_go[:, :, None], streams], axis=2),
            one_hot(labels, 3),
            mask=labels >= 0,
            info={"coherence": coherence, "side": side, "stimulus": shown * self.dt, "label": labels},
            events={"stimulus": on * self.dt, "go": go * self.dt},
        )
