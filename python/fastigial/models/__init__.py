"""Published systems, one class each.

CorticoCerebellarRNN
    A recurrent cortex, and a cerebellum that predicts the feedback that has not arrived yet.
"""

from __future__ import annotations

from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN
from fastigial.models.cortico_cerebellar_training import fit_together
from fastigial.models.feedback_signals import FeedbackSignals

__all__ = ["CorticoCerebellarRNN", "FeedbackSignals", "fit_together"]
