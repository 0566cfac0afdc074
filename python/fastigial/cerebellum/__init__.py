"""The cerebellum: granule layers, modules with plasticity, adaptive filters, and the theory of expansion.

GranuleLayer, TemporalBasis
    Many cells with a few mossy inputs each, and filters in time.
granular_geometry, correlated_mossy_input
    Where fibres and cells lie, and what fibres do.
expansion, expansion_sweep
    What an expansion is good for: measures, what theory expects of them, and both against the number of inputs.
"""

from __future__ import annotations

from fastigial.cerebellum import expansion
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.cerebellum.mossy_input import GranularGeometry, correlated_mossy_input, granular_geometry
from fastigial.cerebellum.sweep import expansion_sweep
from fastigial.cerebellum.sweep_result import ExpansionSweep
from fastigial.cerebellum.temporal_basis import TemporalBasis

__all__ = [
    "ExpansionSweep",
    "GranularGeometry",
    "GranuleLayer",
    "TemporalBasis",
    "correlated_mossy_input",
    "expansion",
    "expansion_sweep",
    "granular_geometry",
]
