"""Learning rules: what `fastigial.train` and `RNN.gradient` follow.

BPTT, RTRL
    The gradient, backwards or forwards in time.
SyntheticGradient, BPLambda
    A learned prediction of the gradient from what comes later, in windows or online.
RFLO, EProp
    Traces at each synapse, and errors brought by a feedback matrix.
FeedbackAlignment, KolenPollack
    Backwards in time, with random feedback from the outputs, fixed or learning.
NodePerturbation, Reinforce, Miconi
    Noise, and the loss of the trial.
FORCE, FullFORCE
    Recursive least squares while the network runs.
"""

from __future__ import annotations

from fastigial.rnn.rules.base import Rule
from fastigial.rnn.rules.gradients import BPTT, RTRL, BPLambda, SyntheticGradient
from fastigial.rnn.rules.least_squares import FORCE, FullFORCE
from fastigial.rnn.rules.local import RFLO, EProp, FeedbackAlignment, KolenPollack
from fastigial.rnn.rules.perturbation import Miconi, NodePerturbation, Reinforce

__all__ = [
    "BPTT",
    "FORCE",
    "RFLO",
    "RTRL",
    "BPLambda",
    "EProp",
    "FeedbackAlignment",
    "FullFORCE",
    "KolenPollack",
    "Miconi",
    "NodePerturbation",
    "Reinforce",
    "Rule",
    "SyntheticGradient",
]
