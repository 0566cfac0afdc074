"""Every task of the package in several settings, and environments with the interface of NeuroGym's."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from fastigial import tasks


class Space(SimpleNamespace):
    """What is read of a gymnasium space."""


class TwoSides:
    """A trial-based environment with the interface of NeuroGym's: fixation, a stimulus on one side, a choice."""

    dt = 20
    observation_space = Space(shape=(3,), name={"fixation": 0, "stimulus": [1, 2]})
    action_space = Space(n=3, name={"fixation": 0, "choice": [1, 2]})

    def __init__(self, longest: int = 8) -> None:
        self.longest, self.n_done = longest, 0
        self.seed(None)

    def seed(self, seed: int | None) -> None:
        self.rng = np.random.RandomState(seed)

    def new_trial(self) -> dict[str, Any]:
        n_shown, side = self.rng.randint(3, self.longest + 1), int(self.rng.randint(2))
        self.start_t = {"fixation": 0, "stimulus": 40, "decision": 40 + 20 * n_shown}
        self.ob = np.zeros((n_shown + 4, 3), dtype=np.float32)
        self.ob[: n_shown + 2, 0] = 1
        self.ob[2 : n_shown + 2, 1 + side] = 0.5
        self.gt = np.zeros(n_shown + 4, dtype=np.int64)
        self.gt[n_shown + 2 :] = 1 + side
        # A block structure: what comes next depends on how many trials there were.
        self.n_done += 1
        return {"side": side, "number": self.n_done, "rng": self.rng}


class Reaching(TwoSides):
    """An environment whose ground truth are two numbers at each step, and that names nothing."""

    observation_space = Space(shape=(3,))
    action_space = Space(shape=(2,))

    def new_trial(self) -> dict[str, Any]:  # type: ignore[override]
        super().new_trial()
        del self.start_t
        self.gt = np.cumsum(self.ob[:, 1:], axis=0)
        return None  # type: ignore[return-value]


EVERY_TASK: dict[str, Callable[[], tasks.Task]] = {
    "sine": tasks.Sine,
    "sine, levels": lambda: tasks.Sine(frequency=(1, 4), n_frequencies=3, harmonics={1: 1, 2: 0.5, 4: 0.25}),
    "flip-flop": tasks.FlipFlop,
    "flip-flop, grace": lambda: tasks.FlipFlop(n_bits=2, grace=0.1, pulse_rate=10, dtype="float32"),
    "match": lambda: tasks.DelayedMatchToSample(n_stimuli=4),
    "evidence": lambda: tasks.EvidenceAccumulation(stimulus=(0.3, 0.9), delay=(0.0, 0.2)),
    "pulses": tasks.PulseAccumulation,
    "pulses, spikes": lambda: tasks.PulseAccumulation(coding="spikes", delay=(0.2, 0.5), dt=0.005),
    "context": tasks.ContextDecision,
    "ready set go": tasks.ReadySetGo,
    "ready set go, noise": lambda: tasks.ReadySetGo(weber=0.1, gain=1.5, n_intervals=5),
    "reach": lambda: tasks.DelayedReach(catch_fraction=0.3),
    "reach, position": lambda: tasks.DelayedReach(output="position", n_targets=None, target_duration=0.2),
    "recall": lambda: tasks.NStepMemory(kind="recall", n_back=3),
    "n-back": lambda: tasks.NStepMemory(kind="match"),
    "parity": lambda: tasks.NStepMemory(kind="parity", n_back=4, item_duration=0.03),
    "match at the end": lambda: tasks.SequenceMemory(n_back=3),
    "sum at the end": lambda: tasks.SequenceMemory(n_back=4, kind="sum", modulus=3, dtype="float32"),
    "digits": tasks.SequentialDigits,
    "digits, pixels": lambda: tasks.SequentialDigits(by="pixel", label_at="all", split="test"),
    "digits, 28 rows": lambda: tasks.SequentialDigits(n_rows=28, dtype="float32"),
    "lines": tasks.LineDrawing,
    "lines, noise": lambda: tasks.LineDrawing(noise=0.1, n_points=7, teacher_every=3),
    "lines, online": tasks.OnlineLineDrawing,
    "templates": lambda: tasks.OnlineDigitDrawing(n_rows=20, teacher_every=3),
    "captions of scenes": tasks.SceneCaptions,
    "captions of scenes, long": lambda: tasks.SceneCaptions(n_features=20, min_words=12, split="test"),
    "tracking": lambda: tasks.Tracking(rotation=30, smoothing_time=0.0, dtype="float32"),
    "neurogym": lambda: tasks.NeuroGym(TwoSides()),
    "neurogym, numbers": lambda: tasks.NeuroGym(Reaching()),
    "function": lambda: tasks.from_function(lambda n, rng: (rng.normal(size=(n, 4, 2)), np.ones((n, 4, 1)))),
}
