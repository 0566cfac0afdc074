"""Figures of fitted decompositions, of networks, their tasks and their activity, ready for a notebook or a page.

Every function returns a :class:`matplotlib.figure.Figure`, draws into existing axes when ``axes=`` is given,
and leaves matplotlib's global settings as it found them. Importing this room does not import matplotlib: the
first figure does.

Functions
---------
tca
    One row per component, one column per mode of a CP model.
slicetca
    Loading vectors beside their slices, grouped by slice type.
loss
    Loss against iteration, for one model or several.
rank_search
    Training and held-out loss against rank, with the rank that was chosen.
ensemble
    Loss and similarity of replicates against rank.
reconstruction
    Data, reconstruction and residual of a few neurons.
trial_factors
    What each component does over the session, or along a behavioural variable.
variance
    What each component explains: alone, beyond the others, added in order.
core_consistency
    Whether the data hold products of factors of different components.
degeneracy
    Which components hold parts that cancel.
influence
    Leverage against residual of trials, neurons and time steps.
bands
    Factors with bands from resampled trials.
replicability
    How alike each component is in two halves of the recording.
permutation
    How large an association with a label is beside those of permuted labels.
similarity
    Matched components of two models, beside one another.
trials
    Inputs and targets of a few trials of a task, and when they count.
paths
    Trials of a task with two outputs, as paths in a plane.
hand_paths
    Paths of the hand in the plane, and the places it should reach.
scenes
    Images with their captions, and with what a network said of them.
trajectory
    Inputs, units and outputs of one trial of a network.
history
    Loss and gradient of a training, for one network or several.
decoding
    How well labels of trials are read from activity, over time.
demixed
    Shares of variance of time, conditions and interactions, of one system or two.
fixed_points
    Where a network stays, among the states it goes through.
spectrum
    Eigenvalues of Jacobians in the complex plane.
gradient_alignment
    Angles between learning rules' updates and the gradient.
anticipation
    What a control loop did before and after it learned, and the error of each trial.
rule_stability
    Where rules of anticipatory control lead, and their eigenvalues.
expansion
    Dimension, errors and speed of granule layers against their number of inputs.
delay_sweep
    Errors against a conduction delay, with a forward interface, without, and after freezing it.
reaiming
    Where activity's direction points in two conditions, and by which angle it turned.
matched
    A measure in two conditions with equal numbers of trials, with its intervals.
timescales
    Errors of a block of trials with one exponential and two.
adaptation
    What people did in a schedule of perturbations, and what models with fast and slow states do.
memory_scaling
    How far memory grows, and how fast, against the size of the cerebellum, its pathways or the cortex.
feedback_sweep
    Dimensionality and generalisation against the strength of low-dimensional feedback.
"""

from __future__ import annotations

from fastigial.plot.adaptation import adaptation
from fastigial.plot.anticipation import anticipation, rule_stability
from fastigial.plot.bands import bands
from fastigial.plot.co_emergence import co_emergence
from fastigial.plot.convergence import loss
from fastigial.plot.core_consistency import core_consistency
from fastigial.plot.decoding import decoding
from fastigial.plot.degeneracy import degeneracy
from fastigial.plot.delay_sweep import delay_sweep
from fastigial.plot.demixed import demixed
from fastigial.plot.ensemble import ensemble
from fastigial.plot.expansion import expansion
from fastigial.plot.factors import tca
from fastigial.plot.feedback_sweep import feedback_sweep
from fastigial.plot.fixed_points import fixed_points
from fastigial.plot.gradient_alignment import gradient_alignment
from fastigial.plot.hand_paths import hand_paths
from fastigial.plot.history import history
from fastigial.plot.influence import influence
from fastigial.plot.learning import trial_factors
from fastigial.plot.learning_curves import learning_curves
from fastigial.plot.matched import matched
from fastigial.plot.memory_scaling import memory_scaling
from fastigial.plot.paths import paths
from fastigial.plot.permutation import permutation
from fastigial.plot.rank_search import rank_search
from fastigial.plot.reaiming import reaiming
from fastigial.plot.replicability import replicability
from fastigial.plot.residuals import reconstruction
from fastigial.plot.scenes import scenes
from fastigial.plot.similarity import similarity
from fastigial.plot.slices import slicetca
from fastigial.plot.spectrum import spectrum
from fastigial.plot.timescales import timescales
from fastigial.plot.trajectory import trajectory
from fastigial.plot.trials import trials
from fastigial.plot.variance import variance

__all__ = [
    "adaptation",
    "anticipation",
    "bands",
    "co_emergence",
    "core_consistency",
    "decoding",
    "degeneracy",
    "delay_sweep",
    "demixed",
    "ensemble",
    "expansion",
    "feedback_sweep",
    "fixed_points",
    "gradient_alignment",
    "hand_paths",
    "history",
    "influence",
    "learning_curves",
    "loss",
    "matched",
    "memory_scaling",
    "paths",
    "permutation",
    "rank_search",
    "reaiming",
    "reconstruction",
    "replicability",
    "rule_stability",
    "scenes",
    "similarity",
    "slicetca",
    "spectrum",
    "tca",
    "timescales",
    "trajectory",
    "trial_factors",
    "trials",
    "variance",
]
