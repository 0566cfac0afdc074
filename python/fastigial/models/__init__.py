"""Published systems, one class each."""

from __future__ import annotations

__all__: list[str] = []
