"""Published systems, one class each.

CorticoCerebellarRNN, fit_together
    A recurrent cortex, and a cerebellum that predicts the feedback that has not arrived yet.
ForwardInterface
    A perceptron whose layers are unlocked, forwards and backwards, by predictions.
DelayedPathway, delay_sweep
    Two areas with a conduction delay between them, and a forward interface beside it.
CounterfactualPredictiveControl
    Anticipatory control of a plant by an adaptive filter that tells its feedback loop of errors to come.
LowDimensionalFeedbackRNN
    A random network whose low-dimensional feedback shapes dimensionality and generalisation.
"""

from __future__ import annotations

from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN
from fastigial.models.cortico_cerebellar_training import fit_together
from fastigial.models.counterfactual import CounterfactualPredictiveControl
from fastigial.models.counterfactual_history import ControlTrial, LearningCourse
from fastigial.models.counterfactual_rules import RuleStability
from fastigial.models.delay_sweep import DelaySweep, delay_sweep
from fastigial.models.delayed_pathway import DelayedPathway
from fastigial.models.feedback_signals import FeedbackSignals
from fastigial.models.forward_interface import ForwardInterface, InterfaceHistory
from fastigial.models.inverted_pendulum import InvertedPendulum
from fastigial.models.low_dimensional_feedback import LowDimensionalFeedbackRNN
from fastigial.models.low_dimensional_feedback_results import FeedbackRun, FeedbackSweep
from fastigial.models.pathway_results import PathwayHistory, PathwayRun

__all__ = [
    "ControlTrial",
    "CorticoCerebellarRNN",
    "CounterfactualPredictiveControl",
    "DelaySweep",
    "DelayedPathway",
    "FeedbackRun",
    "FeedbackSignals",
    "FeedbackSweep",
    "ForwardInterface",
    "InterfaceHistory",
    "InvertedPendulum",
    "LearningCourse",
    "LowDimensionalFeedbackRNN",
    "PathwayHistory",
    "PathwayRun",
    "RuleStability",
    "delay_sweep",
    "fit_together",
]
