"""One question at the end of a sequence of bits: does the last match that n - 1 before; what do the last n add up to.

    match   whether s_L equals s_{L-n+1}
    sum     (s_L + s_{L-1} + … + s_{L-n+1}) mod m         m = 2: parity

Bits s are 0 or 1, and the number L of bits of a trial is drawn from n + 2 … 4 n + 1: it is not known
before the end.
Sequences of that length for n bits: Voce, Giannakakis and Clopath (arXiv 2605.10356, 2026).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastigial.tasks.base import Task
from fastigial.tasks.classes import one_hot
from fastigial.tasks.timing import choice, whole
from fastigial.tasks.trials import Trials

__all__ = ["SequenceMemory"]


@dataclass(kw_only=True, repr=False)
class SequenceMemory(Task):
    """Match or add up the last n of a sequence of bits whose length is not known before.

    One input, "bit": +1 for a 1 and -1 for a 0, and 0 after the end. One step of each trial counts, that of its last
    bit. Classes: "different" and "same" ("match"), or the sums "0", "1", … ("sum"). `NStepMemory` asks at every step.

    Parameters
    ----------
    n_back : int
        n, at least 2: bits that the answer is about, with all between them.
    kind : {"match", "sum"}
        "sum" with ``modulus=2`` is n-bit parity.
    modulus : int
        Of the sum, at least 2.
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
    >>> task = fg.tasks.SequenceMemory(n_back=3, kind="sum")
    >>> trials = task.sample(100, seed=0)
    >>> int(trials.info["length"].min()), int(trials.info["length"].max()), task.n_steps
    (5, 13, 13)
    """

    loss = "cross_entropy"

    n_back: int = 2
    kind: str = "match"
    modulus: int = 2
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("kind", self.kind, ("match", "sum"))
        whole("n_back", self.n_back, 2)
        whole("modulus", self.modulus, 2)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: that of the longest."""
        return 4 * self.n_back + 1

    @property
    def input_names(self) -> tuple[str, ...]:
        """The bit."""
        return ("bit",)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The classes."""
        return ("different", "same") if self.kind == "match" else tuple(map(str, range(self.modulus)))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: bits (n_trials, n_steps), -1 after the end; length; label (n_trials, n_steps)."""
        length = rng.integers(self.n_back + 2, self.n_steps + 1, size=n_trials)
        bits = rng.integers(2, size=(n_trials, self.n_steps))
        step = np.arange(self.n_steps)
        bits[step >= length[:, None]] = -1
        asked = (step > length[:, None] - 1 - self.n_back) & (step < length[:, None])
        if self.kind == "match":
            trial = np.arange(n_trials)
            answer = (bits[trial, length - 1] == bits[trial, length - self.n_back]).astype(np.int64)
        else:
            answer = np.where(asked, bits, 0).sum(axis=1) % self.modulus
        labels = np.where(step == length[:, None] - 1, answer[:, None], -1)
        inputs = np.where(bits < 0, 0.0, 2.0 * bits - 1.0)[:, :, None]
        return self.trials(
            inputs,
            one_hot(labels, self.n_outputs),
            mask=labels >= 0,
            info={"bits": bits, "length": length, "label": labels},
        )
