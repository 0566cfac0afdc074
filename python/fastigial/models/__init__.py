"""Published systems, one class each.

ForwardInterface
    A perceptron whose layers are unlocked, forwards and backwards, by predictions.
DelayedPathway, delay_sweep
    Two areas with a conduction delay between them, and a forward interface beside it.
"""

from __future__ import annotations

from fastigial.models.delay_sweep import DelaySweep, delay_sweep
from fastigial.models.delayed_pathway import DelayedPathway
from fastigial.models.forward_interface import ForwardInterface, InterfaceHistory
from fastigial.models.pathway_results import PathwayHistory, PathwayRun

__all__ = [
    "DelaySweep",
    "DelayedPathway",
    "ForwardInterface",
    "InterfaceHistory",
    "PathwayHistory",
    "PathwayRun",
    "delay_sweep",
]
