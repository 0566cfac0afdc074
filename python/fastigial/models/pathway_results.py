"""What two areas with a delay between them did, and how they came to do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PathwayHistory", "PathwayRun"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class PathwayRun:
    """What the two areas did.

    Attributes
    ----------
    outputs : ndarray, shape (n_trials, n_steps, n_outputs)
        y: by way of the interface, if there is one.
    late_outputs : ndarray, shape (n_trials, n_steps, n_outputs)
        What the motor area itself comes to when messages arrive.
    states : ndarray, shape (n_trials, n_steps, n_sensory + n_motor)
        h_s and h_m side by side.
    predictions : ndarray, shape (n_trials, n_steps, n_motor), or None
        ĥ_m.
    """

    outputs: Array
    late_outputs: Array
    states: Array
    predictions: Array | None


@dataclass(frozen=True, eq=False)
class PathwayHistory:
    """Means over the batches of each epoch.

    Attributes
    ----------
    loss : ndarray, shape (n_epochs,)
        Mean squared error of the cortex, by its own outputs (late ones, where there is an interface).
    interface_loss : ndarray, shape (n_epochs,)
        Mean squared error of the predicted motor activity; NaN without an interface, or while it is frozen.
    """

    loss: NDArray[np.float64]
    interface_loss: NDArray[np.float64]
