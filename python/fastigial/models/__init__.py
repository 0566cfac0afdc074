"""Published systems, one class each."""

from __future__ import annotations

from fastigial.models.counterfactual import CounterfactualPredictiveControl
from fastigial.models.counterfactual_history import ControlTrial, LearningCourse
from fastigial.models.counterfactual_rules import RuleStability
from fastigial.models.inverted_pendulum import InvertedPendulum

__all__ = [
    "ControlTrial",
    "CounterfactualPredictiveControl",
    "InvertedPendulum",
    "LearningCourse",
    "RuleStability",
]
