"""Choosing and trusting a decomposition: `RankSearch` and `Ensemble`."""

from __future__ import annotations

from fastigial.selection.ensemble import Ensemble
from fastigial.selection.rank_search import RankSearch

__all__ = ["Ensemble", "RankSearch"]
