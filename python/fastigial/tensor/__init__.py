"""Decompositions of recordings: `TCA` and `SliceTCA`."""

from __future__ import annotations

from fastigial.tensor.slicetca import NewTrials, SliceTCA
from fastigial.tensor.tca import TCA

__all__ = ["TCA", "NewTrials", "SliceTCA"]
