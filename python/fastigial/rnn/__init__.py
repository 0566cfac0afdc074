"""Recurrent networks: build, run, perturb and train them.

RNN
    A network of rate, gated or spiking units.
Trajectory
    What a run returns: every unit at every step of every trial, with labels.
Stepper
    A network one step at a time, for closed loops.
train, History, Snapshot, EarlyStopping, Checkpoint
    Training of one network or several side by side.
rules, optim, losses, initialisers
    What to follow, how, what to lower, and where to start.
"""

from __future__ import annotations

from fastigial.rnn import initialisers, losses, optim, rules
from fastigial.rnn.checkpoints import Checkpoint
from fastigial.rnn.early_stopping import EarlyStopping
from fastigial.rnn.history import History
from fastigial.rnn.network import RNN
from fastigial.rnn.snapshots import Snapshot
from fastigial.rnn.stepper import Stepper
from fastigial.rnn.training import train
from fastigial.rnn.trajectory import Trajectory

__all__ = [
    "RNN",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "Snapshot",
    "Stepper",
    "Trajectory",
    "initialisers",
    "losses",
    "optim",
    "rules",
    "train",
]
