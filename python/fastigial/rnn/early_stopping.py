"""When to stop before the last epoch: when the loss no longer falls, or when it is low enough.

What is followed is the validation loss if there is one, else the training loss (whose trials, if they are a fixed set,
tell nothing of others: patience asks for a validation then). Whether to stop is a function of the
losses so far and of nothing else, so a training that was interrupted stops where it would have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive
from fastigial.tensor.checks import as_count

__all__ = ["EarlyStopping", "as_early_stopping"]


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the loss has not fallen for a while.

    Parameters
    ----------
    patience : int, optional
        Epochs without a new best loss that are waited for, at least 1; None waits for ever.
    min_delta : float
        A new best must be lower than the last by more than this.
    target : float, optional
        Stop as soon as the loss is at most this.
    restore_best : bool
        Give the network the parameters of the best epoch when the training ends.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> stopping = fg.rnn.EarlyStopping(patience=2)
    >>> [stopping.should_stop(np.array([3.0, 1.0, 2.0, 2.0])[:n]) for n in range(1, 5)]
    [False, False, False, True]
    """

    patience: int | None = 10
    min_delta: float = 0.0
    target: float | None = None
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.patience is not None and as_count("patience", self.patience) == 0:
            raise ValueError("patience is 0, expected at least 1 epoch")
        as_positive("min_delta", self.min_delta, zero=True)

    def best(self, losses: NDArray[np.float64]) -> int | None:
        """Number of the best epoch so far: the last that was a new best; None if there is none (all NaN)."""
        best, lowest = None, np.inf
        for epoch, loss in enumerate(losses.tolist()):
            if loss < lowest - (self.min_delta if best is not None else 0.0):
                best, lowest = epoch, loss
        return best

    def should_stop(self, losses: NDArray[np.float64]) -> bool:
        """Whether to stop after the epochs with these losses."""
        if not len(losses):
            return False
        if self.target is not None and losses[-1] <= self.target:
            return True
        if self.patience is None:
            return False
        best = self.best(losses)
        return len(losses) - 1 - (-1 if best is None else best) >= self.patience


def as_early_stopping(given: Any, *, held_out: bool) -> EarlyStopping | None:
    """Early stopping from a patience, or as it is.

    Parameters
    ----------
    given : None, int or EarlyStopping
        What the user asked for.
    held_out : bool
        Whether the loss that is followed is that of other trials than those trained on.
    """
    if given is None:
        return None
    stopping = given if isinstance(given, EarlyStopping) else EarlyStopping(as_count("early_stopping", given))
    if stopping.patience is not None and not held_out:
        raise ValueError("early_stopping with patience needs a validation, since the task is a fixed set of trials")
    return stopping
