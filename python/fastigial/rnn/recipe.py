"""A description of how to train, and what it has come to hold for each network that it trained.

Rules and optimisers are given as a few frozen numbers, and learn: feedback matrices, moments. What they learn belongs
to them and to a network together, so one object can serve many networks, and goes on where it stopped with each of
them.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from fastigial.rnn.network import RNN

__all__ = ["Recipe"]

Core = TypeVar("Core")


class Recipe(Generic[Core]):
    """Base of rules and optimisers: frozen dataclasses that hold one object of the core for each network."""

    def _of(self, net: RNN, make: Callable[[], Core]) -> Core:
        held: weakref.WeakKeyDictionary[RNN, Core] | None = vars(self).get("_held")
        if held is None:
            held = weakref.WeakKeyDictionary()
            # Frozen for the user: arguments do not change. What was learned is not an argument.
            object.__setattr__(self, "_held", held)
        if net not in held:
            held[net] = make()
        object.__setattr__(self, "_latest", weakref.ref(net))
        return held[net]

    def _hold(self, net: RNN, core: Core) -> None:
        """Put another object in the place of the one held for a network."""
        vars(self)["_held"][net] = core

    def _latest_net(self) -> RNN:
        if "_latest" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} has not been used with a network yet")
        net: RNN | None = vars(self)["_latest"]()
        if net is None:
            raise AttributeError(f"the network that this {type(self).__name__} was used with is gone")
        return net

    def arguments(self) -> dict[str, Any]:
        """What it was made with, by name."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: getattr(self, field.name) for field in fields}

    def __getstate__(self) -> dict[str, Any]:
        # Networks are held weakly: copies and pickles take the arguments alone.
        return self.arguments()

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
