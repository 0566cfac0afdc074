"""What all learning rules share: a name and numbers for the core, a seed, and what they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.recipe import Recipe
from fastigial.rnn.seeds import as_seed

if TYPE_CHECKING:
    from fastigial.rnn.network import RNN

__all__ = ["Rule"]


class Rule(Recipe["_core.Rule"]):
    """Base of the learning rules: frozen arguments, and what was learned for each network.

    A rule keeps its matrices for each network that it was used with. Attributes that end in an underscore show those of
    the network that it was used with last.
    """

    kind: ClassVar[str]
    seed: int

    def __post_init__(self) -> None:
        as_seed("seed", self.seed)
        self._check()

    def _check(self) -> None:
        """Raise an error that names an argument out of range."""

    def options(self) -> dict[str, Any]:
        """Numbers for the core, but the seed."""
        return {}

    def of(self, net: RNN) -> _core.Rule:
        """The core's rule of one network, made when it is first asked for."""
        options = {**self.options(), "seed": int(self.seed)}
        return self._of(net, lambda: _core.Rule(self.kind, options))

    def state(self, net: RNN | None = None) -> dict[str, NDArray[Any]]:
        """What was learned, by name: of a network, or of the one that the rule was used with last."""
        return self.of(self._latest_net() if net is None else net).state()

    def _learned(self, name: str) -> NDArray[Any]:
        held = self.state()
        if name not in held:
            raise AttributeError(
                f"this {type(self).__name__} has learned nothing yet; it holds {', '.join(held) or '—'}"
            )
        return np.asarray(held[name])
