"""What the cerebellum of a cortico-cerebellar network predicts, what it is taught, and what it should predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FeedbackSignals"]

Signal = Literal["predicted", "target", "exact"]


@dataclass(frozen=True, eq=False)
class FeedbackSignals:
    r"""Gradients of the loss with respect to cortical states at the start of every window.

    .. math:: \hat\delta_t = C(s_t), \qquad
              \bar\delta_t = \sum_{\tau \in \text{window}} \frac{\partial L_\tau}{\partial s_t}
              + \gamma\, C(s_{t+K})^\top \frac{\partial s_{t+K}}{\partial s_t}, \qquad
              \delta_t = \sum_{\tau \geq t} \frac{\partial L_\tau}{\partial s_t}

    Attributes
    ----------
    states, predicted, target, exact : ndarray, shape (n_trials, n_windows, n_variables)
        s, and the three gradients; an LSTM's variables are h and then c. `exact` is backpropagation through the
        whole trial.
    """

    states: NDArray[Any]
    predicted: NDArray[Any]
    target: NDArray[Any]
    exact: NDArray[Any]

    def cosine(self, of: Signal = "predicted", to: Signal = "exact") -> NDArray[np.float64]:
        """Cosine of the angle between two of the gradients.

        Parameters
        ----------
        of, to : {"predicted", "target", "exact"}

        Returns
        -------
        ndarray, shape (n_trials, n_windows)
            NaN where one of them is zero: nothing is predicted before learning, and nothing comes after the last
            feedback.
        """
        a, b = (np.asarray(getattr(self, name), dtype=np.float64) for name in (of, to))
        lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
        cosines = np.full(lengths.shape, np.nan)
        np.divide((a * b).sum(axis=-1), lengths, out=cosines, where=lengths > 0.0)
        return cosines

    def __repr__(self) -> str:
        n_trials, n_windows, n_variables = self.states.shape
        return f"<FeedbackSignals: {n_trials} trials, {n_windows} windows, {n_variables} variables>"
