"""Published systems, one class each.

CorticoCerebellarRNN
    A recurrent cortex, and a cerebellum that predicts the feedback that has not arrived yet.
"""

from __future__ import annotations

from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN
from fastigial.models.cortico_cerebellar_training import fit_together
from fastigial.models.counterfactual import CounterfactualPredictiveControl
from fastigial.models.counterfactual_history import ControlTrial, LearningCourse
from fastigial.models.counterfactual_rules import RuleStability
from fastigial.models.feedback_signals import FeedbackSignals
from fastigial.models.inverted_pendulum import InvertedPendulum

__all__ = [
    "ControlTrial",
    "CorticoCerebellarRNN",
    "CounterfactualPredictiveControl",
    "FeedbackSignals",
    "InvertedPendulum",
    "LearningCourse",
    "RuleStability",
    "fit_together",
]
