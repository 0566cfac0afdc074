"""The cerebellum: granule layers, modules with plasticity, adaptive filters, and the theory of expansion.

GranuleLayer, TemporalBasis
    Many cells with a few mossy inputs each, and filters in time.
granular_geometry, correlated_mossy_input
    Where fibres and cells lie, and what fibres do.
expansion, expansion_sweep
    What an expansion is good for: measures, what theory expects of them, and both against the number of inputs.
Cerebellum
    A module: granule layer, Purkinje cells, nuclei, and climbing fibres that teach.
LMS, Covariance
    How parallel-fibre synapses learn.
Instantaneous, Delayed, Exponential, Alpha
    What they remember until the climbing fibre comes.
couple
    A module in a loop with a recurrent network.
CerebellumTrajectory, CoupledTrajectory
    What runs return.
AdaptiveFilter, GaussianBasis, ExponentialBasis, AlphaBasis
    A weighted sum of courses in time, learned from errors.
"""

from __future__ import annotations

from fastigial.cerebellum import expansion
from fastigial.cerebellum.adaptive_filter import AdaptiveFilter
from fastigial.cerebellum.bases import AlphaBasis, Basis, ExponentialBasis, GaussianBasis
from fastigial.cerebellum.coupled import CoupledNetwork, couple
from fastigial.cerebellum.coupled_trajectory import CoupledTrajectory
from fastigial.cerebellum.eligibility import Alpha, Delayed, Exponential, Instantaneous
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.cerebellum.module import Cerebellum
from fastigial.cerebellum.mossy_input import GranularGeometry, correlated_mossy_input, granular_geometry
from fastigial.cerebellum.plasticity import LMS, Covariance
from fastigial.cerebellum.sweep import expansion_sweep
from fastigial.cerebellum.sweep_result import ExpansionSweep
from fastigial.cerebellum.temporal_basis import TemporalBasis
from fastigial.cerebellum.trajectory import CerebellumTrajectory

__all__ = [
    "LMS",
    "AdaptiveFilter",
    "Alpha",
    "AlphaBasis",
    "Basis",
    "Cerebellum",
    "CerebellumTrajectory",
    "CoupledNetwork",
    "CoupledTrajectory",
    "Covariance",
    "Delayed",
    "ExpansionSweep",
    "Exponential",
    "ExponentialBasis",
    "GaussianBasis",
    "GranularGeometry",
    "GranuleLayer",
    "Instantaneous",
    "TemporalBasis",
    "correlated_mossy_input",
    "couple",
    "expansion",
    "expansion_sweep",
    "granular_geometry",
]
