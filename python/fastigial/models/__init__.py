"""Published systems, one class each.

CorticoCerebellarRNN, fit_together
    A recurrent cortex, and a cerebellum that predicts the feedback that has not arrived yet.
ForwardInterface
    A perceptron whose layers are unlocked, forwards and backwards, by predictions.
DelayedPathway, delay_sweep
    Two areas with a conduction delay between them, and a forward interface beside it.
CounterfactualPredictiveControl
    Anticipatory control of a plant by an adaptive filter that tells its feedback loop of errors to come.
TwoStateModel, CascadeModel, SingleStateModel, Schedule
    Adaptation as fast and slow states: simulated in a schedule of blocks, and fitted to people.
CerebellarBiasRNN, grow_memory, memory_scaling
    A recurrent cortex that a cerebellum biases at every step, and how far its memory grows.
CerebelloCorticalNetwork, Block, DelayedReach, AdaptationSession
    A fast cerebellum that teaches a slow cortex: reaching in force fields, trial after trial.
ReachingPolicy, Reaches
    A network that reaches by moving a mass or an arm, trained through body, delays and feedback.
LowDimensionalFeedbackRNN
    A random network whose low-dimensional feedback shapes dimensionality and generalisation.
"""

from __future__ import annotations

from fastigial.models.adaptation import AdaptationSession
from fastigial.models.adaptation_schedule import Phase, Schedule
from fastigial.models.cerebellar_bias import BiasRun, CerebellarBiasRNN
from fastigial.models.cerebello_cortical import CerebelloCorticalNetwork
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
from fastigial.models.learning_states import CascadeModel, SingleStateModel, StateCourse, TwoStateModel
from fastigial.models.learning_states_fit import StateFits
from fastigial.models.low_dimensional_feedback import LowDimensionalFeedbackRNN
from fastigial.models.low_dimensional_feedback_results import FeedbackRun, FeedbackSweep
from fastigial.models.memory_curriculum import MemoryCurriculum, grow_memory
from fastigial.models.memory_scaling import MemoryScaling, memory_scaling
from fastigial.models.pathway_results import PathwayHistory, PathwayRun
from fastigial.models.reaching import Block, DelayedReach
from fastigial.models.reaching_policy import ReachingPolicy
from fastigial.models.reaching_policy_results import PolicyHistory, Reaches
from fastigial.models.reaching_trials import ReachingTrials

__all__ = [
    "AdaptationSession",
    "BiasRun",
    "Block",
    "CascadeModel",
    "CerebellarBiasRNN",
    "CerebelloCorticalNetwork",
    "ControlTrial",
    "CorticoCerebellarRNN",
    "CounterfactualPredictiveControl",
    "DelaySweep",
    "DelayedPathway",
    "DelayedReach",
    "FeedbackRun",
    "FeedbackSignals",
    "FeedbackSweep",
    "ForwardInterface",
    "InterfaceHistory",
    "InvertedPendulum",
    "LearningCourse",
    "LowDimensionalFeedbackRNN",
    "MemoryCurriculum",
    "MemoryScaling",
    "PathwayHistory",
    "PathwayRun",
    "Phase",
    "PolicyHistory",
    "Reaches",
    "ReachingPolicy",
    "ReachingTrials",
    "RuleStability",
    "Schedule",
    "SingleStateModel",
    "StateCourse",
    "StateFits",
    "TwoStateModel",
    "delay_sweep",
    "fit_together",
    "grow_memory",
    "memory_scaling",
]
