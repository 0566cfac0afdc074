"""Choosing and trusting a decomposition: `RankSearch`."""

from __future__ import annotations

from fastigial.selection.rank_search import RankSearch

__all__ = ["RankSearch"]
