"""The cerebellum: granule layers, modules with plasticity, adaptive filters, and the theory of expansion."""

from __future__ import annotations

from fastigial.cerebellum.adaptive_filter import AdaptiveFilter
from fastigial.cerebellum.bases import AlphaBasis, Basis, ExponentialBasis, GaussianBasis

__all__ = ["AdaptiveFilter", "AlphaBasis", "Basis", "ExponentialBasis", "GaussianBasis"]
