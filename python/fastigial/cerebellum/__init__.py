"""The cerebellum: granule layers, modules with plasticity, adaptive filters, and the theory of expansion."""

from __future__ import annotations

__all__: list[str] = []
