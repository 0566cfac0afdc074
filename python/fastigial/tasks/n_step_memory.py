"""N-step memory: recall, compare or add up what came in the last n items of a stream.

    recall   class of item i - n                           after n items
    match    whether item i equals item i - n  (n-back)    after n items
    parity   (s_i + s_{i-1} + … + s_{i-n+1}) mod 2         after n - 1 items, s in {0, 1}

n-back: Kirchner (Journal of Experimental Psychology 55:352, 1958); parity of the last n as a benchmark of recurrent
networks' memory that is not linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.base import Task
from fastigial.tasks.classes import one_hot
from fastigial.tasks.timing import choice, number, steps, whole
from fastigial.tasks.trials import Trials

__all__ = ["NStepMemory"]


@dataclass(kw_only=True, repr=False)
class NStepMemory(Task):
    """Recall, compare or add up what came in the last n items of a stream.

    Inputs: one per symbol, 1 while an item is that symbol; for "parity" one, "bit", +1 for a 1 and -1 for a 0. Classes,
    at every step of every item for which the past is long enough: the symbols ("recall"), "different" and "same"
    ("match"), or "even" and "odd" ("parity").

    Parameters
    ----------
    n_back : int
        How many items back; for "parity", how many items are added up, the present one among them.
    kind : {"recall", "match", "parity"}
    n_symbols : int
        At least 2; parity has two.
    match_fraction : float, optional
        "match": probability that an item is the one n back. None: symbols are independent, and it is 1 / n_symbols.
    n_items : int
        More than n_back.
    item_duration : float, optional
        In seconds. None: one step.
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
    >>> trials = fg.tasks.NStepMemory(kind="parity", n_back=3, n_items=6).sample(1, seed=0)
    >>> trials.inputs[0, :, 0].tolist(), trials.info["label"][0].tolist()
    ([1.0, 1.0, 1.0, -1.0, -1.0, -1.0], [-1, -1, 1, 0, 1, 0])
    """

    loss = "cross_entropy"

    n_back: int = 2
    kind: str = "match"
    n_symbols: int = 4
    match_fraction: float | None = 0.5
    n_items: int = 20
    item_duration: float | None = None
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("kind", self.kind, ("recall", "match", "parity"))
        whole("n_back", self.n_back, 1)
        whole("n_symbols", self.n_symbols, 2)
        whole("n_items", self.n_items, self.n_back + 1)
        if self.match_fraction is not None:
            number("match_fraction", self.match_fraction, low=0.0, high=1.0)
        _ = self._item_steps()

    def _item_steps(self) -> int:
        return 1 if self.item_duration is None else steps("item_duration", self.item_duration, self.dt)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial."""
        return self.n_items * self._item_steps()

    @property
    def input_names(self) -> tuple[str, ...]:
        """The symbols, or the bit."""
        return ("bit",) if self.kind == "parity" else tuple(f"symbol {symbol}" for symbol in range(self.n_symbols))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The classes."""
        if self.kind == "recall":
            return tuple(f"symbol {symbol}" for symbol in range(self.n_symbols))
        return ("different", "same") if self.kind == "match" else ("even", "odd")

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: items (n_trials, n_items), label."""
        n_symbols = 2 if self.kind == "parity" else self.n_symbols
        items = rng.integers(n_symbols, size=(n_trials, self.n_items))
        if self.kind == "match" and self.match_fraction is not None:
            same = rng.random(items.shape) < self.match_fraction
            step = rng.integers(1, n_symbols, size=items.shape)
            for item in range(self.n_back, self.n_items):
                past = items[:, item - self.n_back]
                items[:, item] = np.where(same[:, item], past, (past + step[:, item]) % n_symbols)
        labels = self._labels(items).repeat(self._item_steps(), axis=1)
        shown = items.repeat(self._item_steps(), axis=1)
        inputs = 2.0 * shown[:, :, None] - 1 if self.kind == "parity" else one_hot(shown, n_symbols)
        return self.trials(
            inputs, one_hot(labels, self.n_outputs), mask=labels >= 0, info={"items": items, "label": labels}
        )

    def _labels(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the class of each item, (n_trials, n_items), -1 where the past is too short."""
        labels = np.full_like(items, -1)
        n = self.n_back
        if self.kind == "recall":
            labels[:, n:] = items[:, :-n]
        elif self.kind == "match":
            labels[:, n:] = items[:, n:] == items[:, :-n]
        else:
            total = np.cumsum(np.pad(items, ((0, 0), (1, 0))), axis=1)
            labels[:, n - 1 :] = (total[:, n:] - total[:, :-n]) % 2
        return labels
